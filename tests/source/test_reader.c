#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "source/mounts.h"
#include "source/reader.h"
#include "source/stat_entry.h"
#include "tests/source/reader_rig.h"
#include "tests/support/prng.h"

/* Everything the reader yields with buffers of cap bytes, as one file. */
static void read_all(struct reader_rig *rig, size_t cap, struct buf *out,
                     struct reader_hole *hole, size_t hole_max, size_t *hole_n)
{
    uint8_t *block = malloc(cap);
    struct reader_run run;

    assert_non_null(block);
    buf_reset(out);
    *hole_n = 0;
    do {
        assert_int_equal(reader_next(rig->reader, block, cap, &run), 0);
        assert_int_equal(run.off, out->n);
        if (run.kind == READER_DATA) {
            assert_in_range(run.n, 1, cap);
            buf_add(out, block, (size_t)run.n);
            for (size_t i = 0; i < run.hole_n; i++)
                assert_in_range(run.hole[i].off, run.off,
                                run.off + run.n - run.hole[i].n);
        } else if (run.kind == READER_HOLE) {
            assert_true(run.n >= READER_HOLE_MIN);
            buf_add_zeros(out, (size_t)run.n);
            if (*hole_n < hole_max)
                hole[(*hole_n)++] = (struct reader_hole){run.off, run.n};
        }
    } while (run.kind != READER_END);
    assert_int_equal(buf_status(out), 0);
    free(block);
}

static void test_reader__reads_files_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 3000001};
    struct reader_rig rig;
    struct prng rng;
    uint8_t *content = malloc(3000001);
    struct buf out;

    (void)state;
    assert_non_null(content);
    reader_rig_open(&rig);
    buf_init(&out, 1 << 24);
    prng_init(&rng, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t cap = 1000; cap < (1 << 22); cap *= 10) {
            struct reader_hole hole;
            struct entry e;
            size_t hole_n;
            bool changed;

            prng_fill(&rng, content, sizes[i]);
            scratch_file(rig.dir, "f", content, sizes[i]);
            e = reader_rig_file(&rig, "f");
            assert_int_equal(e.size, sizes[i]);
            read_all(&rig, cap, &out, &hole, 1, &hole_n);
            assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
            assert_false(changed);
            assert_int_equal(e.size, sizes[i]);
            assert_int_equal(hole_n, 0);
            assert_int_equal(out.n, sizes[i]);
            assert_memory_equal(out.p, content, sizes[i]);
        }
    }
    buf_release(&out);
    free(content);
    reader_rig_close(&rig);
}

static void test_reader__tells_holes_from_zeros(void **state)
{
    enum { K = 1024, SIZE = 4096 * K };
    /* where data is; everything else is a hole */
    static const struct {
        size_t off;
        size_t n;
    } data[] = {{512 * K, 64 * K},
                {640 * K, 4 * K}, /* behind a short hole of 64 KiB */
                {900 * K, 4 * K}, /* behind one of 256 KiB and no less */
                {1152 * K, 100}}; /* behind one of 248 KiB */
    static const struct reader_hole long_holes[] = {
        {0, 512 * K}, {644 * K, 256 * K}, {1156 * K, SIZE - 1156 * K}};
    uint8_t *content = calloc(1, SIZE);
    struct reader_hole hole[8];
    struct prng rng;
    struct reader_rig rig;
    struct entry e;
    struct buf out;
    size_t hole_n;
    bool changed;
    int fd;

    (void)state;
    assert_non_null(content);
    reader_rig_open(&rig);
    buf_init(&out, 1 << 24);
    prng_init(&rng, 2);
    fd = reader_rig_fd(&rig, "f", O_RDWR | O_CREAT);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        prng_fill(&rng, content + data[i].off, data[i].n);
        assert_int_equal(
            pwrite(fd, content + data[i].off, data[i].n, (off_t)data[i].off),
            data[i].n);
    }
    if (lseek(fd, 0, SEEK_DATA) != 512 * K) {
        print_message("skipped: the file system has no holes to find\n");
        skip();
    }
    for (size_t cap = 1000; cap < (1 << 22); cap *= 7) {
        e = reader_rig_file(&rig, "f");
        read_all(&rig, cap, &out, hole, 8, &hole_n);
        assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
        assert_int_equal(out.n, SIZE);
        assert_memory_equal(out.p, content, SIZE);
        assert_int_equal(hole_n, sizeof long_holes / sizeof long_holes[0]);
        for (size_t i = 0; i < hole_n; i++) {
            assert_int_equal(hole[i].off, long_holes[i].off);
            assert_int_equal(hole[i].n, long_holes[i].n);
        }
    }
    (void)close(fd);
    buf_release(&out);
    free(content);
    reader_rig_close(&rig);
}

static void test_reader__notes_short_holes(void **state)
{
    enum { BLOCK = 4096, BLOCKS = 1000 };
    static uint8_t buf[1 << 22];
    static uint8_t x[BLOCK];
    struct reader_rig rig;
    struct reader_run run;
    uint64_t holes = 0;
    uint64_t runs = 0;
    struct stat st;
    int fd;

    (void)state;
    reader_rig_open(&rig);
    memset(x, 'x', sizeof x);
    fd = reader_rig_fd(&rig, "f", O_RDWR | O_CREAT);
    /* more of them than one run reports */
    for (off_t i = 0; i < BLOCKS; i += 2)
        assert_int_equal(pwrite(fd, x, BLOCK, i * BLOCK), BLOCK);
    assert_int_equal(ftruncate(fd, BLOCKS * BLOCK), 0);
    assert_int_equal(fstat(fd, &st), 0);
    if (st.st_blocks * 512 >= st.st_size) {
        /* XFS makes room ahead; a file without a gain has no holes for us */
        print_message("skipped: the file system fills short holes\n");
        skip();
    }
    (void)reader_rig_file(&rig, "f");
    for (;;) {
        assert_int_equal(reader_next(rig.reader, buf, sizeof buf, &run), 0);
        if (run.kind == READER_END)
            break;
        assert_int_equal(run.kind, READER_DATA);
        for (size_t i = 0; i < run.hole_n; i++) {
            assert_int_equal(run.hole[i].n, BLOCK);
            assert_int_equal(run.hole[i].off / BLOCK % 2, 1);
            assert_int_equal(buf[run.hole[i].off - run.off], 0);
        }
        holes += run.hole_n;
        runs++;
    }
    assert_int_equal(holes, BLOCKS / 2);
    assert_int_equal(runs, 2);
    (void)close(fd);
    reader_rig_close(&rig);
}

/* A file with as many blocks as bytes is looked at when it is opened and when
 * it is finished, and never searched for holes. */
static void test_reader__no_holes_cost_nothing(void **state)
{
    static uint8_t buf[100000];
    struct reader_run run = {.kind = READER_DATA};
    struct reader_rig rig;
    struct entry e;
    bool changed;

    (void)state;
    reader_rig_open(&rig);
    assert_true(scratch_run("head -c 3000000 /dev/urandom > %s/f && sync %s/f",
                            rig.dir, rig.dir));
    assert_int_equal(fileop_fault_set("count,class=stat,domain=source"), 0);
    e = reader_rig_file(&rig, "f");
    while (run.kind != READER_END)
        assert_int_equal(reader_next(rig.reader, buf, sizeof buf, &run), 0);
    assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
    assert_int_equal(fileop_fault_count(), 2);
    assert_int_equal(fileop_fault_set(NULL), 0);
    reader_rig_close(&rig);
}

static void test_reader__huge_holes_cost_nothing(void **state)
{
    struct reader_rig rig;
    struct reader_run run;
    uint8_t byte;
    int fd;

    (void)state;
    reader_rig_open(&rig);
    fd = reader_rig_fd(&rig, "f", O_RDWR | O_CREAT);
    assert_int_equal(ftruncate(fd, (off_t)100 << 30), 0);
    assert_int_equal(fileop_fault_set("count,domain=source"), 0);
    (void)reader_rig_file(&rig, "f");
    assert_int_equal(reader_next(rig.reader, &byte, 1, &run), 0);
    assert_int_equal(run.kind, READER_HOLE);
    assert_int_equal(run.n, (uint64_t)100 << 30);
    assert_int_equal(reader_next(rig.reader, &byte, 1, &run), 0);
    assert_int_equal(run.kind, READER_END);
    assert_in_range(fileop_fault_count(), 1, 10);
    assert_int_equal(fileop_fault_set(NULL), 0);
    (void)close(fd);
    reader_rig_close(&rig);
}

/* What happens to the file after its first 1000 bytes were read. */
static const struct {
    const char *command; /* on $F */
    bool changed;
    uint64_t size; /* that the entry has then */
} changes[] = {
    {"true", false, 5000},
    {"printf x >>$F", true, 5000},
    {"truncate -s 2000 $F", true, 2000},
    {"truncate -s 2000 $F; truncate -s 5000 $F", true, 5000},
    {"touch $F", true, 5000},
    {"printf y | dd of=$F conv=notrunc bs=1 seek=4000 2>/dev/null", true, 5000},
    {"chmod 600 $F", true, 5000}, /* the entry's mode is old then */
    {"mv $F $F.old; printf new >$F", false, 5000},
};

static void test_reader__notices_changes(void **state)
{
    static uint8_t content[5000];
    static uint8_t buf[10000];
    struct reader_rig rig;

    (void)state;
    reader_rig_open(&rig);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct reader_run run;
        struct entry e;
        bool changed;

        scratch_file(rig.dir, "f", content, sizeof content);
        e = reader_rig_file(&rig, "f");
        assert_int_equal(reader_next(rig.reader, buf, 1000, &run), 0);
        /* the kernel's clock must tick */
        assert_true(
            scratch_run("sleep 0.02; F=%s/f; %s", rig.dir, changes[i].command));
        while (run.kind != READER_END)
            assert_int_equal(reader_next(rig.reader, buf, 10000, &run), 0);
        assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
        /* a rename changes the ctime, no more than that */
        if (strncmp(changes[i].command, "mv", 2) != 0)
            assert_int_equal(changed, changes[i].changed);
        assert_int_equal(e.size, changes[i].size);
    }
    reader_rig_close(&rig);
}

static void test_reader__recent_changes_are_unsettled(void **state)
{
    struct reader_rig rig;
    struct entry e;
    int64_t ctime_ns;
    bool changed;
    static const struct {
        int64_t after_ns; /* reading begins so long after the last change */
        bool unsettled;
    } rows[] = {{0, true},
                {STAT_ENTRY_SETTLE_NS, true},
                {STAT_ENTRY_SETTLE_NS + 1, false},
                {CLOCK_SECOND_NS, false},
                {-1, true}, /* the file is from the future */
                {-INT64_C(86400) * CLOCK_SECOND_NS, true}};

    (void)state;
    reader_rig_open(&rig);
    do {
        scratch_text(rig.dir, "f", "x");
        e = reader_rig_file(&rig, "f");
    } while (e.ctime.ns == 0);
    ctime_ns = e.ctime.s * CLOCK_SECOND_NS + e.ctime.ns;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        clock_fake_set(ctime_ns + rows[i].after_ns, 0);
        e = reader_rig_file(&rig, "f");
        assert_int_equal(reader_finish(rig.reader, &e, &changed), 0);
        assert_int_equal(e.unsettled, rows[i].unsettled);
    }
    clock_fake_end();
    reader_rig_close(&rig);
}

static void test_reader__takes_only_files(void **state)
{
    static const char *const commands[] = {
        "true",          "mkfifo f", "mkdir f", "ln -s /etc/passwd f",
        "mknod f c 1 3", "ln -s f f"};
    struct reader_rig rig;

    (void)state;
    reader_rig_open(&rig);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct entry e = {.type = ENTRY_FILE, .name = bytes_of_str("f")};
        bool vanished = false;

        if (!scratch_run("cd %s; rm -rf f; %s 2>/dev/null", rig.dir,
                         commands[i]))
            continue; /* no device for a common user */
        assert_int_equal(reader_open(rig.reader, rig.at, e.name, &e, &vanished),
                         0);
        assert_true(vanished);
    }
    reader_rig_close(&rig);
}

static void test_reader__names_what_it_cannot_open(void **state)
{
    struct reader_rig rig;
    struct entry e = {.type = ENTRY_FILE, .name = bytes_of_str("f")};
    bool vanished;

    (void)state;
    reader_rig_open(&rig);
    scratch_text(rig.dir, "f", "x");
    assert_true(scratch_run("chmod 0 %s/f; chmod 755 %s", rig.dir, rig.dir));
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(reader_open(rig.reader, rig.at, e.name, &e, &vanished),
                     E_SOURCE);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_non_null(strstr(err_text(), rig.dir));
    assert_non_null(strstr(err_text(), "/f: cannot be opened"));
    reader_rig_close(&rig);
}

static void test_reader__ranges_share_a_file(void **state)
{
    static uint8_t content[100000];
    static uint8_t buf[100000];
    struct reader_run run;
    struct prng rng;
    struct reader_rig rig;

    (void)state;
    reader_rig_open(&rig);
    prng_init(&rng, 3);
    prng_fill(&rng, content, sizeof content);
    scratch_file(rig.dir, "f", content, sizeof content);
    (void)reader_rig_file(&rig, "f");
    reader_range(rig.reader, 70000, UINT64_MAX);
    assert_int_equal(reader_next(rig.reader, buf, sizeof buf, &run), 0);
    assert_int_equal(run.n, 30000);
    assert_memory_equal(buf, content + 70000, 30000);
    reader_range(rig.reader, 10, 20);
    assert_int_equal(reader_next(rig.reader, buf, sizeof buf, &run), 0);
    assert_int_equal(run.off, 10);
    assert_int_equal(run.n, 10);
    assert_memory_equal(buf, content + 10, 10);
    assert_int_equal(reader_next(rig.reader, buf, sizeof buf, &run), 0);
    assert_int_equal(run.kind, READER_END);
    reader_rig_close(&rig);
}

static void test_reader__breaks_leases(void **state)
{
    struct reader_rig rig;
    struct entry e;
    int fd;
    pid_t child;
    int ready[2];
    char byte;

    (void)state;
    reader_rig_open(&rig);
    scratch_text(rig.dir, "f", "leased");
    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sigset_t set;
        int sig;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGIO);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        fd = reader_rig_fd(&rig, "f", O_RDWR);
        byte = fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1 && byte == 'y')
            (void)sigwait(&set, &sig);
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    if (byte == 'y') {
        e = reader_rig_file(&rig, "f");
        assert_int_equal(e.size, 6);
    } else {
        print_message("no leases here\n");
    }
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    reader_rig_close(&rig);
}

/* ---- attributes ------------------------------------------------------- */

static void test_attrs__sorts_what_it_reads(void **state)
{
    static char large[3000];
    struct reader_rig rig;
    struct entry e;
    int fd;

    (void)state;
    reader_rig_open(&rig);
    fd = reader_rig_fd(&rig, "f", O_RDWR | O_CREAT);
    if (fsetxattr(fd, "user.b", "", 0, 0) != 0) {
        print_message("skipped: no attributes here\n");
        skip();
    }
    assert_int_equal(fsetxattr(fd, "user.a\n", "1", 1, 0), 0);
    assert_int_equal(fsetxattr(fd, "user.large", large, sizeof large, 0), 0);
    e = reader_rig_file(&rig, "f");
    assert_int_equal(reader_attrs(rig.reader, &e, &rig.arena), 0);
    assert_int_equal(entry_check(&e), 0);
    assert_int_equal(e.xattr_n, 3);
    assert_true(bytes_equal(e.xattr[0].name, bytes_of_str("user.a\n")));
    assert_true(bytes_equal(e.xattr[0].value, bytes_of_str("1")));
    assert_int_equal(e.xattr[1].value.n, 0);
    assert_int_equal(e.xattr[2].value.n, sizeof large);
    (void)close(fd);
    reader_rig_close(&rig);
}

static void test_attrs__asks_a_file_system_only_once(void **state)
{
    struct reader_rig rig;
    struct entry e;

    (void)state;
    reader_rig_open(&rig);
    scratch_text(rig.dir, "f", "x");
    e = reader_rig_file(&rig, "f");
    assert_int_equal(fileop_fault_set("fail-from:1:EOPNOTSUPP,class=meta"), 0);
    assert_int_equal(reader_attrs(rig.reader, &e, &rig.arena), 0);
    assert_int_equal(fileop_fault_count(), 3);
    assert_int_equal(reader_attrs(rig.reader, &e, &rig.arena), 0);
    assert_int_equal(fileop_fault_count(), 3);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_false(e.has_inode_flags);
    reader_rig_close(&rig);
}

static void test_attrs__says_what_it_could_not_read(void **state)
{
    struct reader_rig rig;
    struct entry e;
    int fd;

    (void)state;
    reader_rig_open(&rig);
    fd = reader_rig_fd(&rig, "f", O_RDWR | O_CREAT);
    if (fsetxattr(fd, "user.a", "1", 1, 0) != 0 ||
        fsetxattr(fd, "user.b", "2", 1, 0) != 0) {
        print_message("skipped: no attributes here\n");
        skip();
    }
    e = reader_rig_file(&rig, "f");
    assert_int_equal(fileop_fault_set("fail:2:EIO,class=meta"), 0);
    assert_int_equal(reader_attrs(rig.reader, &e, &rig.arena), E_SOURCE);
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(e.xattr_n, 1);
    assert_non_null(strstr(err_text(), "/f: extended attributes"));
    (void)close(fd);
    reader_rig_close(&rig);
}

static void test_attrs__completes_what_is_no_file(void **state)
{
    struct reader_rig rig;
    struct entry e = {.type = ENTRY_DIR};
    bool vanished;

    (void)state;
    reader_rig_open(&rig);
    assert_true(
        scratch_run("cd %s; ln -s x l; setfattr -n user.d -v 1 .", rig.dir));
    assert_int_equal(attrs_complete(rig.attrs, rig.at, (struct bytes){0}, &e,
                                    &rig.arena, &vanished),
                     0);
    assert_int_equal(e.xattr_n, 1);
    e = (struct entry){.type = ENTRY_SYMLINK};
    assert_int_equal(attrs_complete(rig.attrs, rig.at, bytes_of_str("l"), &e,
                                    &rig.arena, &vanished),
                     0);
    assert_false(vanished);
    assert_int_equal(e.xattr_n, 0);
    assert_int_equal(attrs_complete(rig.attrs, rig.at, bytes_of_str("none"), &e,
                                    &rig.arena, &vanished),
                     0);
    assert_true(vanished);
    reader_rig_close(&rig);
}

/* Every operation and allocation of one file fails once. */
static void test_reader__failures_are_errors(void **state)
{
    static uint8_t buf[4096];
    struct reader_rig rig;
    char plan[64];

    (void)state;
    reader_rig_open(&rig);
    assert_true(scratch_run("cd %s; truncate -s 1M f; printf x >>f; "
                            "setfattr -n user.x -v y f",
                            rig.dir));
    for (int kind = 0; kind < 2; kind++) {
        for (int n = 1; n < 40; n++) {
            struct entry e = {.type = ENTRY_FILE, .name = bytes_of_str("f")};
            struct reader_run run = {0};
            uint64_t total = 0;
            bool vanished = false;
            bool changed = false;
            int rc;
            int attrs = 0;

            assert_true(snprintf(plan, sizeof plan, "fail:%d:EIO", n) > 0);
            if (kind == 0)
                assert_int_equal(fileop_fault_set(plan), 0);
            else
                mem_fail_after((uint64_t)n, 0);
            rc = reader_open(rig.reader, rig.at, e.name, &e, &vanished);
            if (rc == 0)
                attrs = reader_attrs(rig.reader, &e, &rig.arena);
            while (rc == 0 && run.kind != READER_END) {
                rc = reader_next(rig.reader, buf, sizeof buf, &run);
                total += run.n;
            }
            if (rc == 0)
                rc = reader_finish(rig.reader, &e, &changed);
            reader_close(rig.reader);
            assert_int_equal(fileop_fault_set(NULL), 0);
            mem_fail_after(0, 0);
            assert_false(vanished);
            assert_false(changed);
            assert_true(rc == 0 || rc == (kind ? E_NOMEM : E_SOURCE));
            assert_true(attrs == 0 || attrs == (kind ? E_NOMEM : E_SOURCE));
            if (rc == 0)
                assert_int_equal(total, (1 << 20) + 1);
            if (rc == 0 && attrs == 0)
                assert_int_equal(e.xattr_n, 1);
        }
    }
    reader_rig_close(&rig);
}

/* ---- owners and mounts ------------------------------------------------ */

static void test_owner__finds_names_and_ids(void **state)
{
    struct owner_cache *cache;
    struct bytes name;
    uint32_t id;

    (void)state;
    assert_int_equal(owner_cache_new(&cache), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(owner_user(cache, 0, &name), 0);
        assert_true(bytes_equal(name, bytes_of_str("root")));
        assert_int_equal(owner_group(cache, 0, &name), 0);
        assert_true(bytes_equal(name, bytes_of_str("root")));
        assert_int_equal(owner_user(cache, 3999999999U, &name), 0);
        assert_int_equal(name.n, 0);
        assert_int_equal(owner_uid(cache, bytes_of_str("root"), 7, &id), 0);
        assert_int_equal(id, 0);
        assert_int_equal(owner_gid(cache, bytes_of_str("no such"), 7, &id), 0);
        assert_int_equal(id, 7);
        assert_int_equal(owner_uid(cache, bytes_of("root\0x", 6), 8, &id), 0);
        assert_int_equal(id, 8);
        assert_int_equal(owner_uid(cache, (struct bytes){0}, 9, &id), 0);
        assert_int_equal(id, 9);
    }
    /* more than the table begins with */
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(owner_user(cache, 3000000000U + i, &name), 0);
    assert_int_equal(owner_user(cache, 0, &name), 0);
    assert_true(bytes_equal(name, bytes_of_str("root")));
    owner_cache_free(cache);
}

static void test_mounts__finds_types(void **state)
{
    static const char text[] =
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "23 22 0:21 / /proc rw - proc proc rw\n"
        "24 22 0:50 / /mnt/a\\040b rw master:1 - fuse.dedup dedup ro\n"
        "25 22 0:5 broken\n"
        "26 22 0:51 / /x rw shared:3 propagate_from:2 - tmpfs tmpfs rw";
    static const struct {
        uint32_t major;
        uint32_t minor;
        const char *type;
    } rows[] = {{254, 0, "ext4"}, {0, 21, "proc"}, {0, 50, "fuse.dedup"},
                {0, 51, "tmpfs"}, {0, 5, ""},      {25, 22, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes type = mounts_find_type(
            bytes_of_str(text), (uint64_t)rows[i].major << 32 | rows[i].minor);

        assert_true(bytes_equal(type, bytes_of_str(rows[i].type)));
    }
    assert_true(mounts_type_is_pseudo(bytes_of_str("fuse.dedup")));
    assert_true(mounts_type_is_pseudo(bytes_of_str("cgroup2")));
    assert_false(mounts_type_is_pseudo(bytes_of_str("fuse.sshfs")));
    assert_false(mounts_type_is_pseudo(bytes_of_str("tmpfs")));
    assert_false(mounts_type_is_pseudo((struct bytes){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader__reads_files_of_all_sizes),
        cmocka_unit_test(test_reader__tells_holes_from_zeros),
        cmocka_unit_test(test_reader__notes_short_holes),
        cmocka_unit_test(test_reader__no_holes_cost_nothing),
        cmocka_unit_test(test_reader__huge_holes_cost_nothing),
        cmocka_unit_test(test_reader__notices_changes),
        cmocka_unit_test(test_reader__recent_changes_are_unsettled),
        cmocka_unit_test(test_reader__takes_only_files),
        cmocka_unit_test(test_reader__names_what_it_cannot_open),
        cmocka_unit_test(test_reader__ranges_share_a_file),
        cmocka_unit_test(test_reader__breaks_leases),
        cmocka_unit_test(test_reader__failures_are_errors),
        cmocka_unit_test(test_attrs__sorts_what_it_reads),
        cmocka_unit_test(test_attrs__asks_a_file_system_only_once),
        cmocka_unit_test(test_attrs__says_what_it_could_not_read),
        cmocka_unit_test(test_attrs__completes_what_is_no_file),
        cmocka_unit_test(test_owner__finds_names_and_ids),
        cmocka_unit_test(test_mounts__finds_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
