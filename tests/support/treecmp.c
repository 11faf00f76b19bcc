/*
 * treecmp [--ignore=WHAT,...] [--hole-min=BYTES] [--part] A B
 *
 * Compares two trees in everything a backup must bring back: names, type,
 * content, mode, owner, mtime, extended attributes, hard-link groups, holes,
 * device numbers, symlink targets, inode flags, project. A and B themselves
 * are compared too. Prints one line for each difference, names escaped, long
 * paths cut at the front.
 *
 * --part: B may lack what A has, but not the reverse.
 * WHAT: owner mode mtime xattr links holes flags project dirtime (the mtime of
 * directories only). Holes shorter than --hole-min (1) do not count.
 *
 * Exit: 0 the same, 1 different, 2 could not compare.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    CMP_BLOCK = 1 << 20,
    CMP_DEPTH_MAX = 5000,
    CMP_SHOWN = 200 /* bytes of a path: its end */
};

enum cmp_what {
    CMP_OWNER,
    CMP_MODE,
    CMP_MTIME,
    CMP_XATTR,
    CMP_LINKS,
    CMP_HOLES,
    CMP_FLAGS,
    CMP_PROJECT,
    CMP_DIRTIME,
    CMP_WHATS
};

static const char *const what_names[CMP_WHATS] = {
    "owner", "mode",  "mtime",   "xattr",  "links",
    "holes", "flags", "project", "dirtime"};

/* A hard-linked inode of A, and what stood for it in B. */
struct pair {
    dev_t dev[2];
    ino_t ino[2];
};

static struct {
    bool ignore[CMP_WHATS];
    bool part;
    off_t hole_min;
    size_t differences;
    char path[1 << 21]; /* of the object at hand, below the roots */
    size_t path_n;
    struct pair *pair;
    size_t pair_n;
    size_t pair_cap;
    char *block[2];
} cmp = {.hole_min = 1};

/* One of the two objects: its directory, its name there, its stat. */
struct side {
    int dir;
    const char *name;
    struct stat st;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "treecmp: %s: %s: %s\n", cmp.path, what,
                  strerror(errno));
    exit(2);
}

static void print_escaped(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c > 32 && c < 127 && c != '\\')
            (void)putchar(c);
        else
            (void)printf("\\x%02x", c);
    }
}

__attribute__((format(printf, 1, 2))) static void differ(const char *fmt, ...)
{
    va_list ap;

    size_t skip = cmp.path_n > CMP_SHOWN ? cmp.path_n - CMP_SHOWN : 0;

    cmp.differences++;
    (void)printf("%s", skip ? "..." : "");
    print_escaped(cmp.path_n ? cmp.path + skip : "/");
    (void)printf(": ");
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

/* ---- one property each ------------------------------------------------ */

static void cmp_stat(const struct side *s)
{
    const struct stat *a = &s[0].st;
    const struct stat *b = &s[1].st;
    bool is_dir = S_ISDIR(a->st_mode);

    if (!cmp.ignore[CMP_MODE] && !S_ISLNK(a->st_mode) &&
        a->st_mode != b->st_mode)
        differ("mode %o, %o", a->st_mode & 07777U, b->st_mode & 07777U);
    if (!cmp.ignore[CMP_OWNER] &&
        (a->st_uid != b->st_uid || a->st_gid != b->st_gid))
        differ("owner %u:%u, %u:%u", a->st_uid, a->st_gid, b->st_uid,
               b->st_gid);
    if (!cmp.ignore[CMP_MTIME] && !(is_dir && cmp.ignore[CMP_DIRTIME]) &&
        (a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
         a->st_mtim.tv_nsec != b->st_mtim.tv_nsec))
        differ("mtime %lld.%09ld, %lld.%09ld", (long long)a->st_mtim.tv_sec,
               a->st_mtim.tv_nsec, (long long)b->st_mtim.tv_sec,
               b->st_mtim.tv_nsec);
    if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) &&
        a->st_rdev != b->st_rdev)
        differ("device %llx, %llx", (unsigned long long)a->st_rdev,
               (unsigned long long)b->st_rdev);
}

static void cmp_target(const struct side *s)
{
    static char target[2][8192];
    ssize_t n[2];

    for (int i = 0; i < 2; i++) {
        n[i] = readlinkat(s[i].dir, s[i].name, target[i], sizeof target[i]);
        if (n[i] < 0)
            die("readlink");
    }
    if (n[0] != n[1] || memcmp(target[0], target[1], (size_t)n[0]) != 0)
        differ("symlink target");
}

static void cmp_links(const struct side *s)
{
    const struct stat *a = &s[0].st;
    const struct stat *b = &s[1].st;

    if (cmp.ignore[CMP_LINKS] || S_ISDIR(a->st_mode))
        return;
    if (a->st_nlink == 1 && b->st_nlink == 1)
        return;
    for (size_t i = 0; i < cmp.pair_n; i++) {
        const struct pair *p = &cmp.pair[i];
        bool in_a = p->dev[0] == a->st_dev && p->ino[0] == a->st_ino;
        bool in_b = p->dev[1] == b->st_dev && p->ino[1] == b->st_ino;

        if (in_a != in_b)
            differ("hard-link group");
        if (in_a || in_b)
            return;
    }
    if (cmp.pair_n == cmp.pair_cap) {
        cmp.pair_cap = cmp.pair_cap ? cmp.pair_cap * 2 : 64;
        cmp.pair = realloc(cmp.pair, cmp.pair_cap * sizeof *cmp.pair);
        if (!cmp.pair)
            die("memory");
    }
    cmp.pair[cmp.pair_n++] =
        (struct pair){{a->st_dev, b->st_dev}, {a->st_ino, b->st_ino}};
}

static void side_path(const struct side *s, char path[512])
{
    (void)snprintf(path, 512, "/proc/self/fd/%d/%s", s->dir, s->name);
}

static ssize_t list_xattrs(const struct side *s, char *names, size_t n)
{
    char path[512];
    ssize_t r;

    side_path(s, path);
    r = llistxattr(path, names, n);
    if (r < 0 && errno != ENOTSUP)
        die("listxattr");
    return r < 0 ? 0 : r;
}

/* Every attribute of s[0] against s[1]; both ways, values only once. */
static void cmp_xattrs_of(const struct side *s, const struct side *other,
                          bool values)
{
    static char names[65536];
    static char value[2][65536];
    char path[2][512];
    ssize_t n = list_xattrs(s, names, sizeof names);

    side_path(s, path[0]);
    side_path(other, path[1]);
    for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t x = lgetxattr(path[0], names + at, value[0], sizeof value[0]);
        ssize_t y = lgetxattr(path[1], names + at, value[1], sizeof value[1]);

        if (x < 0)
            continue; /* listed, and not for us to see */
        if (y < 0) {
            differ("attribute %s is only in %s", names + at,
                   values ? "A" : "B");
            continue;
        }
        if (values && (x != y || memcmp(value[0], value[1], (size_t)x) != 0))
            differ("attribute %s", names + at);
    }
}

/* Whether both sides told it; that one alone did is a difference. */
static bool told(int a, int b, const char *what)
{
    if ((a < 0) != (b < 0))
        differ("%s: only %s can be asked", what, a < 0 ? "B" : "A");
    return a >= 0 && b >= 0;
}

static void cmp_flags(int a, int b)
{
    const unsigned kept = FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL |
                          FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL |
                          FS_PROJINHERIT_FL | FS_NOCOW_FL | FS_COMPR_FL;
    unsigned flags[2] = {0, 0};
    struct fsxattr x[2] = {0};

    if (!cmp.ignore[CMP_FLAGS] &&
        told(ioctl(a, FS_IOC_GETFLAGS, &flags[0]),
             ioctl(b, FS_IOC_GETFLAGS, &flags[1]), "inode flags") &&
        ((flags[0] ^ flags[1]) & kept))
        differ("inode flags %x, %x", flags[0] & kept, flags[1] & kept);
    if (!cmp.ignore[CMP_PROJECT] &&
        told(ioctl(a, FS_IOC_FSGETXATTR, &x[0]),
             ioctl(b, FS_IOC_FSGETXATTR, &x[1]), "project") &&
        x[0].fsx_projid != x[1].fsx_projid)
        differ("project %u, %u", x[0].fsx_projid, x[1].fsx_projid);
}

/* The next hole of at least hole_min at or behind *off; false: none. */
static bool next_hole(int fd, off_t size, off_t *off, off_t *n)
{
    while (*off < size) {
        off_t hole = lseek(fd, *off, SEEK_HOLE);
        off_t data;

        if (hole < 0 || hole >= size)
            return false;
        data = lseek(fd, hole, SEEK_DATA);
        if (data < 0)
            data = size;
        *off = hole;
        *n = data - hole;
        if (*n >= cmp.hole_min)
            return true;
        *off = data;
    }
    return false;
}

static void cmp_holes(int a, int b, off_t size)
{
    off_t off[2] = {0, 0};
    off_t n[2];

    for (;;) {
        bool has_a = next_hole(a, size, &off[0], &n[0]);
        bool has_b = next_hole(b, size, &off[1], &n[1]);

        if (!has_a && !has_b)
            return;
        if (has_a != has_b || off[0] != off[1] || n[0] != n[1]) {
            differ("holes at %lld", (long long)(has_a ? off[0] : off[1]));
            return;
        }
        off[0] += n[0];
        off[1] += n[1];
    }
}

static size_t read_full(int fd, char *to, size_t n, off_t off)
{
    size_t got = 0;
    ssize_t k = 1;

    while (got < n && k > 0) {
        k = pread(fd, to + got, n - got, off + (off_t)got);
        if (k < 0)
            die("read");
        got += (size_t)k;
    }
    return got;
}

/* Where data may be at or behind off in either file. */
static off_t skip_common_hole(int a, int b, off_t off, off_t size)
{
    off_t x = lseek(a, off, SEEK_DATA);
    off_t y = lseek(b, off, SEEK_DATA);

    if (x < 0)
        x = size;
    if (y < 0)
        y = size;
    return x < y ? x : y;
}

static void cmp_content(int a, int b, off_t size)
{
    off_t off = 0;

    while ((off = skip_common_hole(a, b, off, size)) < size) {
        size_t n = read_full(a, cmp.block[0], CMP_BLOCK, off);
        size_t m = read_full(b, cmp.block[1], CMP_BLOCK, off);

        if (n != m || memcmp(cmp.block[0], cmp.block[1], n) != 0) {
            differ("content in the MiB at %lld", (long long)off);
            return;
        }
        if (n == 0)
            return;
        off += (off_t)n;
    }
}

static void cmp_file(const struct side *s)
{
    int a;
    int b;

    if (s[0].st.st_size != s[1].st.st_size) {
        differ("size %lld, %lld", (long long)s[0].st.st_size,
               (long long)s[1].st.st_size);
        return;
    }
    a = openat(s[0].dir, s[0].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    b = openat(s[1].dir, s[1].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (a < 0 || b < 0)
        die("open");
    cmp_content(a, b, s[0].st.st_size);
    if (!cmp.ignore[CMP_HOLES])
        cmp_holes(a, b, s[0].st.st_size);
    cmp_flags(a, b);
    (void)close(a);
    (void)close(b);
}

/* ---- trees ------------------------------------------------------------ */

struct names {
    char **name;
    size_t n;
    size_t cap;
};

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_read(int fd, struct names *names)
{
    DIR *dir = fdopendir(dup(fd));
    const struct dirent *d;

    if (!dir)
        die("opendir");
    *names = (struct names){0};
    while ((d = readdir(dir))) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (names->n == names->cap) {
            names->cap = names->cap ? names->cap * 2 : 64;
            names->name =
                realloc(names->name, names->cap * sizeof *names->name);
        }
        if (!names->name)
            die("memory");
        names->name[names->n++] = strdup(d->d_name);
    }
    (void)closedir(dir);
    if (names->n)
        qsort(names->name, names->n, sizeof *names->name, name_order);
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->name[i]);
    free(names->name);
}

static void path_push(const char *name)
{
    size_t n = strlen(name);

    if (cmp.path_n + n + 2 > sizeof cmp.path)
        die("path");
    cmp.path[cmp.path_n] = '/';
    memcpy(cmp.path + cmp.path_n + 1, name, n + 1);
    cmp.path_n += n + 1;
}

static void path_pop(const char *name)
{
    cmp.path_n -= strlen(name) + 1;
    cmp.path[cmp.path_n] = 0;
}

static void cmp_object(struct side s[2], int depth);

static void cmp_child(int a, int b, const char *name, int depth)
{
    struct side s[2] = {{.dir = a, .name = name}, {.dir = b, .name = name}};

    path_push(name);
    cmp_object(s, depth + 1);
    path_pop(name);
}

static void cmp_only(const char *name, const char *where)
{
    if (cmp.part && where[0] == 'A')
        return;
    path_push(name);
    differ("only in %s", where);
    path_pop(name);
}

static void cmp_dir(const struct side *s, int depth)
{
    struct names names[2];
    int fd[2];
    size_t i = 0;
    size_t j = 0;

    for (int k = 0; k < 2; k++) {
        fd[k] = openat(s[k].dir, s[k].name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd[k] < 0)
            die("open");
        names_read(fd[k], &names[k]);
    }
    cmp_flags(fd[0], fd[1]);
    while (i < names[0].n || j < names[1].n) {
        int order = i == names[0].n ? 1
                    : j == names[1].n
                        ? -1
                        : strcmp(names[0].name[i], names[1].name[j]);

        if (order < 0)
            cmp_only(names[0].name[i], "A");
        else if (order > 0)
            cmp_only(names[1].name[j], "B");
        else
            cmp_child(fd[0], fd[1], names[0].name[i], depth);
        i += order <= 0;
        j += order >= 0;
    }
    names_free(&names[0]);
    names_free(&names[1]);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static void cmp_object(struct side s[2], int depth)
{
    if (depth > CMP_DEPTH_MAX)
        die("too deep");
    for (int i = 0; i < 2; i++) {
        if (fstatat(s[i].dir, s[i].name, &s[i].st, AT_SYMLINK_NOFOLLOW) < 0)
            die("stat");
    }
    if ((s[0].st.st_mode ^ s[1].st.st_mode) & S_IFMT) {
        differ("type %o, %o", s[0].st.st_mode & S_IFMT,
               s[1].st.st_mode & S_IFMT);
        return;
    }
    cmp_stat(s);
    cmp_links(s);
    if (!cmp.ignore[CMP_XATTR]) {
        cmp_xattrs_of(&s[0], &s[1], true);
        cmp_xattrs_of(&s[1], &s[0], false);
    }
    if (S_ISLNK(s[0].st.st_mode))
        cmp_target(s);
    if (S_ISREG(s[0].st.st_mode))
        cmp_file(s);
    if (S_ISDIR(s[0].st.st_mode))
        cmp_dir(s, depth);
}

/* ---- the command line ------------------------------------------------- */

static bool parse_ignore(char *list)
{
    char *rest = NULL;

    for (char *word = strtok_r(list, ",", &rest); word;
         word = strtok_r(NULL, ",", &rest)) {
        int i = 0;

        while (i < CMP_WHATS && strcmp(word, what_names[i]) != 0)
            i++;
        if (i == CMP_WHATS)
            return false;
        cmp.ignore[i] = true;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct side s[2] = {{.name = "."}, {.name = "."}};
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strncmp(argv[i], "--ignore=", 9) == 0 && parse_ignore(argv[i] + 9))
            continue;
        if (sscanf(argv[i], "--hole-min=%ld", &cmp.hole_min) == 1)
            continue;
        cmp.part = strcmp(argv[i], "--part") == 0;
        if (!cmp.part)
            i = argc;
    }
    if (argc - i != 2) {
        (void)fprintf(stderr, "usage: treecmp [--ignore=WHAT,...] "
                              "[--hole-min=BYTES] [--part] A B\n");
        return 2;
    }
    cmp.block[0] = malloc(CMP_BLOCK);
    cmp.block[1] = malloc(CMP_BLOCK);
    if (!cmp.block[0] || !cmp.block[1])
        die("memory");
    for (int k = 0; k < 2; k++) {
        s[k].dir = open(argv[i + k], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s[k].dir < 0) {
            (void)fprintf(stderr, "treecmp: %s: %s\n", argv[i + k],
                          strerror(errno));
            return 2;
        }
    }
    cmp_object(s, 0);
    return cmp.differences ? 1 : 0;
}
