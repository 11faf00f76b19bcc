#include "tests/support/oddtree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/support/prng.h"

/* Where things are made; each part works in its own directory below it. */
struct odd {
    int at; /* the directory at hand */
    FILE *skips;
    bool failed;
    struct prng rng;
};

static void fail(struct odd *o, const char *what)
{
    if (!o->failed)
        (void)fprintf(stderr, "oddtree: %s: %s\n", what, strerror(errno));
    o->failed = true;
}

static void must(struct odd *o, bool ok, const char *what)
{
    if (!ok)
        fail(o, what);
}

static void try_it(struct odd *o, bool ok, const char *what)
{
    if (!ok)
        (void)fprintf(o->skips, "%s: %s\n", what, strerror(errno));
}

/* Goes into a new directory of the one at hand; returns the latter. */
static int enter(struct odd *o, const char *name)
{
    int above = o->at;

    must(o, mkdirat(above, name, 0755) == 0, name);
    o->at = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(o, o->at >= 0, name);
    return above;
}

static void leave(struct odd *o, int above)
{
    if (o->at >= 0)
        (void)close(o->at);
    o->at = above;
}

static int open_new(struct odd *o, const char *name)
{
    int fd = openat(o->at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    must(o, fd >= 0, name);
    return fd;
}

static void put(struct odd *o, int fd, const void *p, size_t n, off_t off)
{
    must(o, pwrite(fd, p, n, off) == (ssize_t)n, "write");
}

/* A file of n random bytes. */
static void file(struct odd *o, const char *name, size_t n)
{
    uint8_t *p = malloc(n + 1);
    int fd = open_new(o, name);

    if (p) {
        prng_fill(&o->rng, p, n);
        put(o, fd, p, n, 0);
    }
    must(o, p != NULL, name);
    free(p);
    (void)close(fd);
}

static void make_names(struct odd *o)
{
    static const char *const names[] = {
        "new\nline",   "esc\x1b[31mred", "\xff\xfe not utf-8",
        "-rf",         " space ",        "bidi\xe2\x80\xae",
        "*",           "a'b\"c`d$(e)",   "...",
        ".hidden",     "tab\t",          "back\\slash",
        "\x7f",        "\xc2\x9b c1",    "r\rcarriage",
        "caf\xc3\xa9", "cafe\xcc\x81",   "nul-less\x01",
    };
    char longest[256];
    int above = enter(o, "names");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        file(o, names[i], 10 + i);
    memset(longest, 'x', 255);
    longest[255] = 0;
    file(o, longest, 255);
    longest[0] = 'd';
    must(o, mkdirat(o->at, longest, 0755) == 0, "long directory");
    must(o, symlinkat("no\nwhere\x1b[0m\xff", o->at, "odd target") == 0,
         "symlink");
    leave(o, above);
}

static void make_sizes(struct odd *o)
{
    static const size_t sizes[] = {0,     1,     4095,   4096,   4097,
                                   65536, 70001, 262144, 1048579};
    int above = enter(o, "sizes");

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "%zu", sizes[i]);
        file(o, name, sizes[i]);
    }
    must(o, mkdirat(o->at, "empty", 0755) == 0, "empty");
    leave(o, above);
    above = enter(o, "wide");
    for (int i = 0; i < 3000; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "%d", i);
        (void)close(open_new(o, name));
    }
    leave(o, above);
}

static void make_links(struct odd *o)
{
    char target[4096];
    int above = enter(o, "links");
    int first = o->at;

    file(o, "one", 5000);
    must(o, linkat(o->at, "one", o->at, "two", 0) == 0, "link");
    file(o, "single", 10);
    must(o, symlinkat("one", o->at, "symlink") == 0, "symlink");
    must(o, linkat(o->at, "symlink", o->at, "symlink-too", 0) == 0, "link");
    must(o, mkfifoat(o->at, "fifo", 0600) == 0, "fifo");
    must(o, linkat(o->at, "fifo", o->at, "fifo-too", 0) == 0, "link");
    must(o, symlinkat("/", o->at, "root") == 0, "symlink");
    must(o, symlinkat("..", o->at, "up") == 0, "symlink");
    memset(target, 't', sizeof target);
    target[4095] = 0;
    try_it(o, symlinkat(target, o->at, "longest") == 0, "longest target");
    (void)enter(o, "below");
    must(o, linkat(first, "one", o->at, "three", 0) == 0, "link");
    leave(o, first);
    leave(o, above);
}

/* A file of `size` with 64 KiB of data at each of n offsets. */
static void sparse(struct odd *o, const char *name, off_t size,
                   const off_t *data, size_t n)
{
    static uint8_t block[65536];
    int fd = open_new(o, name);

    for (size_t i = 0; i < n; i++) {
        prng_fill(&o->rng, block, sizeof block);
        put(o, fd, block, sizeof block, data[i]);
    }
    must(o, ftruncate(fd, size) == 0, name);
    (void)close(fd);
}

static void make_holes(struct odd *o)
{
    const off_t mib = 1 << 20;
    int above = enter(o, "holes");

    sparse(o, "start", mib + 65536, &mib, 1);
    sparse(o, "end", 2 * mib, &(off_t){0}, 1);
    sparse(o, "odd-end", 2 * mib + 12345, &(off_t){0}, 1);
    sparse(o, "middle", mib + 65536, (off_t[]){0, mib}, 2);
    sparse(o, "small", 4 * 65536, (off_t[]){0, 3 * 65536}, 2);
    sparse(o, "exactly", 65536 * 6, (off_t[]){0, 65536 * 5}, 2);
    sparse(o, "nothing", mib, NULL, 0);
    sparse(o, "100GiB", (off_t)100 << 30, (off_t[]){(off_t)50 << 30}, 1);
    sparse(o, "many", 8 * mib,
           (off_t[]){0, mib, 2 * mib, 3 * mib, 5 * mib, 7 * mib}, 6);
    leave(o, above);
}

static void make_special(struct odd *o)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int above = enter(o, "special");
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(o, mkfifoat(o->at, "fifo", 0640) == 0, "fifo");
    (void)snprintf(address.sun_path, sizeof address.sun_path,
                   "/proc/self/fd/%d/socket", o->at);
    try_it(o,
           s >= 0 && bind(s, (struct sockaddr *)&address, sizeof address) == 0,
           "socket");
    if (s >= 0)
        (void)close(s);
    try_it(o, mknodat(o->at, "char", S_IFCHR | 0666, makedev(1, 3)) == 0,
           "character device");
    try_it(o, mknodat(o->at, "block", S_IFBLK | 0660, makedev(250, 70000)) == 0,
           "block device");
    leave(o, above);
}

static void set_xattr(struct odd *o, const char *file_name, const char *name,
                      const void *value, size_t n, const char *what)
{
    char path[512];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", o->at, file_name);
    try_it(o, lsetxattr(path, name, value, n, 0) == 0, what);
}

static void make_large_xattr(struct odd *o)
{
    static const size_t sizes[] = {65536, 16384, 3800, 1000};
    static uint8_t value[65536];
    char path[64];

    prng_fill(&o->rng, value, sizeof value);
    file(o, "large", 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/large", o->at);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (setxattr(path, "user.large", value, sizes[i], 0) == 0)
            return;
        (void)fprintf(o->skips, "attribute of %zu bytes: %s\n", sizes[i],
                      strerror(errno));
    }
}

static void make_xattrs(struct odd *o)
{
    int above = enter(o, "xattrs");

    file(o, "many", 1);
    for (int i = 0; i < 40; i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "user.number %d\n\xff", i);
        set_xattr(o, "many", name, &i, sizeof i, "attribute");
    }
    file(o, "empty", 1);
    set_xattr(o, "empty", "user.empty", "", 0, "empty attribute");
    make_large_xattr(o);
    must(o, mkdirat(o->at, "dir", 0755) == 0, "dir");
    set_xattr(o, "dir", "user.on dir", "\0\xff", 2, "attribute of a directory");
    set_xattr(o, "dir", "trusted.t", "t", 1, "trusted attribute");
    must(o, symlinkat("x", o->at, "symlink") == 0, "symlink");
    set_xattr(o, "symlink", "trusted.s", "on a symlink", 12,
              "attribute of a symlink");
    must(o, mkfifoat(o->at, "fifo", 0600) == 0, "fifo");
    set_xattr(o, "fifo", "trusted.f", "on a fifo", 9, "attribute of a fifo");
    leave(o, above);
}

/* An ACL as the kernel takes it: version 2, then tag, permissions, id. */
static const uint8_t acl[] = {
    2,  0, 0, 0,                         /* version */
    1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* user::rwx */
    2,  0, 4, 0, 0x39, 0x30, 0,    0,    /* user:12345:r-- */
    4,  0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* group::r-x */
    16, 0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* mask::r-x */
    32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* other::--- */
};

/* cap_net_bind_service=ep, version 2 */
static const uint8_t capability[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void make_rights(struct odd *o)
{
    static const mode_t modes[] = {0,    0400,  0200,  0111,  0644, 0755,
                                   0777, 04755, 02755, 06711, 01644};
    int above = enter(o, "rights");

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%04o", (unsigned)modes[i]);
        file(o, name, 20);
        must(o, fchmodat(o->at, name, modes[i], 0) == 0, name);
    }
    file(o, "owned", 5);
    try_it(o, fchownat(o->at, "owned", 12345, 23456, 0) == 0, "owner");
    must(o, symlinkat("x", o->at, "owned-link") == 0, "symlink");
    try_it(o,
           fchownat(o->at, "owned-link", 12345, 23456, AT_SYMLINK_NOFOLLOW) ==
               0,
           "owner of a symlink");
    file(o, "owned-setuid", 5);
    try_it(o, fchownat(o->at, "owned-setuid", 12345, 23456, 0) == 0, "owner");
    must(o, fchmodat(o->at, "owned-setuid", 06755, 0) == 0, "setuid");
    file(o, "acl", 5);
    set_xattr(o, "acl", "system.posix_acl_access", acl, sizeof acl, "ACL");
    file(o, "capability", 5);
    set_xattr(o, "capability", "security.capability", capability,
              sizeof capability, "capability");
    leave(o, above);
}

/* A directory with a file, a default ACL perhaps, and a mode. */
static void make_dir(struct odd *o, const char *name, mode_t mode)
{
    int above = enter(o, name);

    file(o, "inside", 7);
    (void)fchmod(o->at, mode);
    leave(o, above);
}

static void make_dirs(struct odd *o)
{
    int above = enter(o, "dirs");
    int dirs;

    make_dir(o, "sticky", 01777);
    make_dir(o, "setgid", 02775);
    make_dir(o, "read-only", 0555);
    make_dir(o, "closed", 0);
    must(o, mkdirat(o->at, "acl", 0755) == 0, "dir");
    set_xattr(o, "acl", "system.posix_acl_default", acl, sizeof acl,
              "default ACL");
    /* what is made in it now inherits, and then has an ACL of its own */
    dirs = enter(o, "acl-with-content");
    file(o, "without", 3);
    must(o, mkdirat(o->at, "dir without", 0755) == 0, "dir");
    leave(o, dirs);
    set_xattr(o, "acl-with-content", "system.posix_acl_default", acl,
              sizeof acl, "default ACL");
    set_xattr(o, "acl-with-content", "system.posix_acl_access", acl, sizeof acl,
              "ACL of a directory");
    leave(o, above);
}

static void make_deep(struct odd *o)
{
    int above = enter(o, "deep");

    for (int i = 0; i < ODDTREE_DEPTH; i++) {
        int parent = enter(o, "twenty-bytes-of-name");

        if (i % 50 == 0)
            file(o, "file", 9);
        if (parent != above)
            (void)close(parent);
    }
    file(o, "at the end", 9);
    leave(o, above);
}

static void make_flags(struct odd *o)
{
    static const struct {
        const char *name;
        int flag;
    } flags[] = {{"nodump", FS_NODUMP_FL},
                 {"noatime", FS_NOATIME_FL},
                 {"append", FS_APPEND_FL},
                 {"immutable", FS_IMMUTABLE_FL}};
    int above = enter(o, "flags");

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        int now = 0;
        int fd;

        file(o, flags[i].name, 30);
        fd = openat(o->at, flags[i].name, O_RDONLY | O_CLOEXEC);
        if (flags[i].flag == FS_IMMUTABLE_FL)
            must(o, linkat(o->at, "immutable", o->at, "immutable-too", 0) == 0,
                 "link");
        (void)ioctl(fd, FS_IOC_GETFLAGS, &now);
        now |= flags[i].flag;
        try_it(o, ioctl(fd, FS_IOC_SETFLAGS, &now) == 0, flags[i].name);
        (void)close(fd);
    }
    leave(o, above);
}

static void set_time(struct odd *o, const char *name, time_t s, long ns)
{
    struct timespec t[2] = {{s, ns}, {s, ns}};

    must(o, utimensat(o->at, name, t, AT_SYMLINK_NOFOLLOW) == 0, name);
}

static void make_times(struct odd *o)
{
    int above = enter(o, "times");

    file(o, "before 1970", 3);
    set_time(o, "before 1970", -1234567890, 987654321);
    file(o, "just before 1970", 3);
    set_time(o, "just before 1970", -1, 999999999);
    file(o, "1970", 3);
    set_time(o, "1970", 0, 0);
    file(o, "1970 and a bit", 3);
    set_time(o, "1970 and a bit", 0, 1);
    file(o, "2200", 3);
    set_time(o, "2200", 7258118400, 123456789);
    must(o, symlinkat("x", o->at, "symlink") == 0, "symlink");
    set_time(o, "symlink", 1000000000, 5);
    must(o, mkdirat(o->at, "dir", 0700) == 0, "dir");
    set_time(o, "dir", 1111111111, 6);
    must(o, mkfifoat(o->at, "fifo", 0600) == 0, "fifo");
    set_time(o, "fifo", 1222222222, 7);
    leave(o, above);
    set_time(o, "times", 1333333333, 333333333);
}

bool oddtree_make(const char *dir, FILE *skips)
{
    struct odd o = {.skips = skips};
    mode_t mask = umask(0);

    prng_init(&o.rng, 20240229);
    o.at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(&o, o.at >= 0, dir);
    if (!o.failed) {
        make_names(&o);
        make_sizes(&o);
        make_links(&o);
        make_holes(&o);
        make_special(&o);
        make_xattrs(&o);
        make_rights(&o);
        make_dirs(&o);
        make_deep(&o);
        make_flags(&o);
        make_times(&o);
        (void)close(o.at);
    }
    (void)umask(mask);
    return !o.failed;
}
