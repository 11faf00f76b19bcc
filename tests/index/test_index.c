/* Opening: whose cache it is, whether it can be believed, who else has it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "index/index_lmdb.h"
#include "index/index_record.h"
#include "tests/index/index_kit.h"

static const struct index_options create = {.create = true, .wait_ms = 1000};
static const struct index_options only_open = {.wait_ms = 1000};

static int setup(void **state)
{
    static struct index_kit kit;

    index_kit_begin(&kit);
    *state = &kit;
    return 0;
}

static int teardown(void **state)
{
    index_kit_end(*state);
    return 0;
}

/* Packs, n chunks in each, and a mark, in one update. */
static void fill(struct index *ix, uint64_t packs, uint64_t n, uint64_t mark)
{
    struct index_update *u;
    struct index_chunk *c = mem_array(n, sizeof *c);

    assert_non_null(c);
    index_kit_ok(index_update_begin(ix, 1000, &u));
    for (uint64_t p = 0; p < packs; p++) {
        struct index_pack pack = index_kit_pack(p);
        uint32_t no;

        index_kit_ok(index_update_put_pack(u, &pack, &no));
        for (uint64_t i = 0; i < n; i++)
            c[i] = index_kit_chunk(p * n + i, no, 0);
        index_kit_ok(index_update_put_chunks(u, c, n));
    }
    index_kit_ok(index_update_put_mark(u, bytes_of_str("log"),
                                       bytes_of(&mark, sizeof mark)));
    index_kit_ok(index_update_commit(u));
    free(c);
}

/* The mark that fill wrote; 0 when there is none. */
static uint64_t mark_of(struct index *ix)
{
    struct index_reader *r;
    struct buf value;
    uint64_t mark = 0;
    bool found;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    index_kit_ok(index_reader_new(ix, &r));
    index_kit_ok(index_reader_mark(r, bytes_of_str("log"), &value, &found));
    if (found)
        memcpy(&mark, value.p, sizeof mark);
    index_reader_free(r);
    buf_release(&value);
    return mark;
}

static void in(char *out, const struct index_kit *kit, const char *name)
{
    (void)snprintf(out, 160, "%s%s", kit->path, name);
}

static void test_index__keeps_what_was_committed(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);

    assert_int_equal(mark_of(ix), 0);
    fill(ix, 3, 100, 77);
    index_close(ix);
    ix = index_kit_open(kit, INDEX_OPENED);
    assert_int_equal(mark_of(ix), 77);
    index_close(ix);
    index_close(NULL);
}

static void test_index__without_create_leaves_things_alone(void **state)
{
    struct index_kit *kit = *state;
    struct repo_id other = {{9}};
    enum index_fate fate;
    struct index *ix;
    char name[160];

    index_kit_ok(index_open(kit->path, &kit->repo, &only_open, &ix, &fate));
    assert_null(ix);
    assert_int_equal(fate, INDEX_CREATED);
    assert_int_equal(access(kit->path, F_OK), -1);
    ix = index_kit_open(kit, INDEX_CREATED);
    fill(ix, 1, 10, 5);
    index_close(ix);
    index_kit_ok(index_open(kit->path, &other, &only_open, &ix, &fate));
    assert_null(ix);
    assert_int_equal(fate, INDEX_FOREIGN);
    in(name, kit, ".bad");
    assert_int_equal(access(name, F_OK), -1);
    ix = index_kit_open(kit, INDEX_OPENED);
    assert_int_equal(mark_of(ix), 5);
    index_close(ix);
}

static void test_index__of_another_repository_is_set_aside(void **state)
{
    struct index_kit *kit = *state;
    struct index_kit other = *kit;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);

    other.repo.b[0]++;
    fill(ix, 1, 10, 5);
    index_close(ix);
    ix = index_kit_open(&other, INDEX_FOREIGN);
    assert_int_equal(mark_of(ix), 0);
    fill(ix, 1, 10, 6);
    index_close(ix);
    ix = index_kit_open(&other, INDEX_OPENED);
    index_close(ix);
    /* once more, over an earlier ".bad" */
    ix = index_kit_open(kit, INDEX_FOREIGN);
    assert_int_equal(mark_of(ix), 0);
    index_close(ix);
}

/* The head as another version of the program would have left it. */
static void put_head(const char *path, struct bytes head)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = index_lmdb_val(bytes_of_str("head"));
    MDB_val value = index_lmdb_val(head);

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 6), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "head", MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_index__judges_the_head(void **state)
{
    struct index_kit *kit = *state;
    struct buf head;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);

    index_close(ix);
    buf_init(&head, 100);
    index_record_put_head(&head, &kit->repo);
    head.p[8] = INDEX_RECORD_VERSION + 1;
    put_head(kit->path, buf_bytes(&head));
    index_close(index_kit_open(kit, INDEX_OLD));
    /* longer, in a version to come */
    buf_add(&head, "more", 4);
    put_head(kit->path, buf_bytes(&head));
    index_close(index_kit_open(kit, INDEX_OLD));
    head.p[8] = INDEX_RECORD_VERSION;
    put_head(kit->path, buf_bytes(&head));
    index_close(index_kit_open(kit, INDEX_DAMAGED));
    put_head(kit->path, bytes_of("", 0));
    index_close(index_kit_open(kit, INDEX_DAMAGED));
    /* each flipped byte is seen: as version, or as damage */
    for (size_t i = 0; i < INDEX_RECORD_HEAD_BYTES; i++) {
        struct index_options opt = create;
        enum index_fate fate;

        buf_reset(&head);
        index_record_put_head(&head, &kit->repo);
        head.p[i] ^= 0x40;
        put_head(kit->path, buf_bytes(&head));
        index_kit_ok(index_open(kit->path, &kit->repo, &opt, &ix, &fate));
        assert_int_equal(fate, i >= 8 && i < 12 ? INDEX_OLD : INDEX_DAMAGED);
        index_close(ix);
    }
    buf_release(&head);
}

/* Cut at many lengths: opened empty, or not at all shorter than it needs. */
static void test_index__truncated_files_are_set_aside(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    char data[160];
    char copy[160];
    uint64_t size;

    fill(ix, 5, 500, 5);
    index_close(ix);
    in(data, kit, "/data.mdb");
    in(copy, kit, ".copy");
    size = index_kit_size(data);
    index_kit_copy(data, copy);
    for (uint64_t at = 0; at < size; at += at < 9000 ? 331 : 4096) {
        index_kit_copy(copy, data);
        index_kit_truncate(data, at);
        ix = index_kit_open(kit, at == 0 ? INDEX_CREATED : INDEX_DAMAGED);
        assert_int_equal(mark_of(ix), 0);
        fill(ix, 1, 10, 6);
        index_close(ix);
    }
    index_kit_copy(copy, data);
    ix = index_kit_open(kit, INDEX_OPENED);
    assert_int_equal(mark_of(ix), 5);
    index_close(ix);
}

/* In a child, for LMDB may end the process: what it says of a spoilt file. */
static int judge(const struct index_kit *kit)
{
    struct index_options opt = only_open;
    struct index_reader *r = NULL;
    struct index *ix;
    enum index_fate fate;
    int rc = index_open(kit->path, &kit->repo, &opt, &ix, &fate);

    if (rc < 0)
        return 3;
    if (!ix)
        return 1;
    rc = index_reader_new(ix, &r);
    if (rc == 0)
        rc = index_check(r);
    index_reader_free(r);
    index_close(ix);
    return rc == 0 ? 0 : rc == E_CORRUPT ? 2 : 3;
}

static int judge_in_child(const struct index_kit *kit)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(9);
        _exit(judge(kit));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* Zeroed, one page after the other, and all of them. A page that holds data
 * must not go unnoticed; the process must not be killed by a signal other than
 * LMDB's own assertion. */
static void test_index__zeroed_pages_are_noticed(void **state)
{
    static const uint8_t zero[4096];
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    char data[160];
    char copy[160];
    uint64_t pages;
    uint64_t noticed = 0;
    uint64_t aborted = 0;

    fill(ix, 5, 500, 5);
    index_close(ix);
    in(data, kit, "/data.mdb");
    in(copy, kit, ".copy");
    pages = index_kit_size(data) / sizeof zero;
    index_kit_copy(data, copy);
    for (uint64_t i = 0; i < pages; i++) {
        int how;

        index_kit_copy(copy, data);
        index_kit_write(data, i * sizeof zero, zero, sizeof zero);
        how = judge_in_child(kit);
        assert_true(how == 0 || how == 1 || how == 2 || how == 100 + SIGABRT);
        noticed += how != 0;
        if (how == 100 + SIGABRT) {
            /* the next run needs no human */
            aborted++;
            ix = index_kit_open(kit, INDEX_DAMAGED);
            fill(ix, 1, 10, 6);
            index_close(ix);
        }
    }
    print_message("%llu pages, %llu noticed, %llu of them by LMDB's abort\n",
                  (unsigned long long)pages, (unsigned long long)noticed,
                  (unsigned long long)aborted);
    assert_true(noticed >= pages / 2);
    index_kit_copy(copy, data);
    for (uint64_t i = 0; i < pages; i++)
        index_kit_write(data, i * sizeof zero, zero, sizeof zero);
    index_close(index_kit_open(kit, INDEX_DAMAGED));
}

/* Every flipped byte in a record's value is seen by its checksum. */
static void test_index__decayed_records_are_noticed(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    struct index_pack pack = index_kit_pack(0);
    struct index_chunk c = index_kit_chunk(0, 0, 0);
    struct index_pack got_pack;
    struct index_loc got;
    struct siphash_key key = siphash_key_load(kit->repo.b);
    struct buf b;

    index_close(ix);
    buf_init(&b, 4096);
    index_record_put_loc(&b, &key, &c.id, &c.loc);
    assert_int_equal(b.n, INDEX_RECORD_LOC_BYTES);
    index_kit_ok(index_record_get_loc(buf_bytes(&b), &key, &c.id, &got));
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] ^= 1;
        assert_int_equal(index_record_get_loc(buf_bytes(&b), &key, &c.id, &got),
                         E_CORRUPT);
        b.p[i] ^= 1;
        assert_int_equal(
            index_record_get_loc(bytes_of(b.p, i), &key, &c.id, &got),
            E_CORRUPT);
    }
    c.id.b[31] ^= 1;
    assert_int_equal(index_record_get_loc(buf_bytes(&b), &key, &c.id, &got),
                     E_CORRUPT);
    buf_reset(&b);
    pack.no = 3;
    index_record_put_pack(&b, &key, &pack);
    assert_int_equal(b.n, INDEX_RECORD_PACK_BYTES);
    index_kit_ok(index_record_get_pack(buf_bytes(&b), &key, 3, &got_pack));
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] ^= 1;
        assert_int_equal(
            index_record_get_pack(buf_bytes(&b), &key, 3, &got_pack),
            E_CORRUPT);
        b.p[i] ^= 1;
        assert_int_equal(
            index_record_get_pack(bytes_of(b.p, i), &key, 3, &got_pack),
            E_CORRUPT);
    }
    assert_int_equal(index_record_get_pack(buf_bytes(&b), &key, 2, &got_pack),
                     E_CORRUPT);
    buf_release(&b);
}

/* borg#9748: a cache from before (restored, copied back) says so by its mark,
 * and says all of that state. */
static void test_index__an_old_copy_stands_for_its_old_mark(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    struct index_reader *r;
    struct index_stats stats;
    char data[160];
    char copy[160];

    fill(ix, 2, 50, 10);
    index_close(ix);
    in(data, kit, "/data.mdb");
    in(copy, kit, ".copy");
    index_kit_copy(data, copy);
    ix = index_kit_open(kit, INDEX_OPENED);
    fill(ix, 4, 50, 20);
    assert_int_equal(mark_of(ix), 20);
    index_close(ix);
    index_kit_copy(copy, data);
    ix = index_kit_open(kit, INDEX_OPENED);
    assert_int_equal(mark_of(ix), 10);
    index_kit_ok(index_reader_new(ix, &r));
    index_kit_ok(index_reader_stats(r, &stats));
    assert_int_equal(stats.pack_n, 2);
    index_kit_ok(index_check(r));
    index_reader_free(r);
    index_close(ix);
}

static void test_index__once_per_process(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    struct index *second;
    enum index_fate fate;

    assert_int_equal(index_open(kit->path, &kit->repo, &create, &second, &fate),
                     E_BUSY);
    assert_null(second);
    index_close(ix);
    index_close(index_kit_open(kit, INDEX_OPENED));
}

static void test_index__discarded_is_empty_and_says_so(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    struct index_update *u;

    fill(ix, 1, 10, 5);
    index_kit_ok(index_discard(kit->path, 1000));
    /* it is still there for who has it, but not to be written to */
    assert_int_equal(mark_of(ix), 5);
    assert_int_equal(index_update_begin(ix, 1000, &u), E_LATER);
    index_close(ix);
    ix = index_kit_open(kit, INDEX_CREATED);
    assert_int_equal(mark_of(ix), 0);
    index_close(ix);
    index_kit_ok(index_discard(kit->path, 1000));
    index_kit_ok(index_discard(kit->path, 1000));
}

static void test_index__knows_file_systems_it_cannot_live_on(void **state)
{
    struct index_kit kit;
    struct index *ix;
    enum index_fate fate;

    (void)state;
    assert_false(index_lmdb_local(0x6969));
    assert_false(index_lmdb_local(0xff534d42));
    assert_false(index_lmdb_local(0xffffffffff534d42)); /* sign-extended */
    assert_false(index_lmdb_local(0x65735546));
    assert_true(index_lmdb_local(0xef53));     /* ext4 */
    assert_true(index_lmdb_local(0x9123683e)); /* btrfs */
    assert_true(index_lmdb_local(0x01021994)); /* tmpfs */
    memset(&kit.repo, 1, sizeof kit.repo);
    assert_int_equal(
        index_open("/nowhere/cache", &kit.repo, &create, &ix, &fate), E_IO);
    assert_null(ix);
}

/* A child program must not inherit the cache. */
static void test_index__descriptors_close_on_exec(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix = index_kit_open(kit, INDEX_CREATED);
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *e;
    int seen = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char link[64];
        char to[256];
        ssize_t n;
        int fd = (int)strtol(e->d_name, NULL, 10);

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, to, sizeof to - 1);
        if (n < 0)
            continue;
        to[n] = 0;
        if (strstr(to, kit->dir) != to)
            continue;
        seen++;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    (void)closedir(d);
    assert_true(seen >= 3);
    index_close(ix);
}

/* Every operation of our own fails once; what is left can always be opened. */
static void test_index__every_file_operation_may_fail(void **state)
{
    struct index_kit *kit = *state;
    enum index_fate fate;
    char plan[80];
    char name[160];
    int rc = -1;

    for (int n = 1; rc < 0; n++) {
        struct index_kit other = *kit;
        struct index *ix;

        index_close(index_kit_open(kit, INDEX_CREATED));
        other.repo.b[3] = 1;
        (void)snprintf(plan, sizeof plan, "fail:%d:EIO,domain=cache", n);
        index_kit_ok(fileop_fault_set(plan));
        /* foreign: sets aside and makes anew, the longest way */
        rc = index_open(other.path, &other.repo, &create, &ix, &fate);
        if (rc == 0 && fileop_fault_fired() > 0)
            rc = 1; /* closing: of no consequence */
        index_kit_ok(fileop_fault_set(NULL));
        index_close(rc >= 0 ? ix : NULL);
        if (rc == 1)
            rc = -1;
        index_kit_ok(index_open(other.path, &other.repo, &create, &ix, &fate));
        assert_non_null(ix);
        index_close(ix);
        index_kit_ok(index_discard(kit->path, 1000));
        in(name, kit, ".bad");
        assert_true(n < 100);
    }
}

/* LMDB maps its lock file: a hole in it is a SIGBUS on a full disk. */
static void test_index__lock_file_has_its_blocks(void **state)
{
    struct index_kit *kit = *state;
    struct stat st;
    char name[160];

    index_close(index_kit_open(kit, INDEX_CREATED));
    in(name, kit, "/lock.mdb");
    assert_int_equal(stat(name, &st), 0);
    assert_true(st.st_blocks * 512 >= st.st_size);
    /* one that came without them is given them */
    assert_int_equal(truncate(name, 0), 0);
    assert_int_equal(truncate(name, 65536), 0);
    index_close(index_kit_open(kit, INDEX_OPENED));
    assert_int_equal(stat(name, &st), 0);
    assert_true(st.st_blocks * 512 >= st.st_size);
}

static void test_index__every_allocation_may_fail(void **state)
{
    struct index_kit *kit = *state;
    struct index *ix;
    enum index_fate fate;
    uint64_t n = 0;
    int rc;

    do {
        mem_fail_after(++n, 0);
        rc = index_open(kit->path, &kit->repo, &create, &ix, &fate);
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
    } while (rc < 0);
    index_close(ix);
    assert_true(n > 2);
}

/* A map that is too small: says so, and a larger one goes on from there. */
static void test_index__grows_by_reopening(void **state)
{
    struct index_kit *kit = *state;
    const struct index_options small = {
        .create = true, .wait_ms = 1000, .map_bytes = 1 << 20};
    struct index_update *u;
    struct index_chunk c[50];
    struct index_pack pack = index_kit_pack(0);
    struct index *ix;
    enum index_fate fate;
    uint64_t done = 0;
    uint32_t no;
    int rc = 0;

    index_kit_ok(index_open(kit->path, &kit->repo, &small, &ix, &fate));
    while (rc == 0) {
        index_kit_ok(index_update_begin(ix, 1000, &u));
        index_kit_ok(index_update_put_pack(u, &pack, &no));
        for (uint64_t i = 0; i < 50; i++)
            c[i] = index_kit_chunk(done + i, no, 0);
        rc = index_update_put_chunks(u, c, 50);
        if (rc == 0)
            rc = index_update_commit(u);
        else
            index_update_abort(u);
        done += rc == 0 ? 50 : 0;
        assert_true(done < 100000);
    }
    assert_int_equal(rc, E_LIMIT);
    index_close(ix);
    ix = index_kit_open(kit, INDEX_OPENED);
    index_kit_ok(index_update_begin(ix, 1000, &u));
    index_kit_ok(index_update_put_chunks(u, c, 50));
    index_kit_ok(index_update_commit(u));
    index_close(ix);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KIT(test_index__keeps_what_was_committed),
        WITH_KIT(test_index__without_create_leaves_things_alone),
        WITH_KIT(test_index__of_another_repository_is_set_aside),
        WITH_KIT(test_index__judges_the_head),
        WITH_KIT(test_index__truncated_files_are_set_aside),
        WITH_KIT(test_index__zeroed_pages_are_noticed),
        WITH_KIT(test_index__decayed_records_are_noticed),
        WITH_KIT(test_index__an_old_copy_stands_for_its_old_mark),
        WITH_KIT(test_index__once_per_process),
        WITH_KIT(test_index__discarded_is_empty_and_says_so),
        WITH_KIT(test_index__knows_file_systems_it_cannot_live_on),
        WITH_KIT(test_index__descriptors_close_on_exec),
        WITH_KIT(test_index__every_file_operation_may_fail),
        WITH_KIT(test_index__lock_file_has_its_blocks),
        WITH_KIT(test_index__every_allocation_may_fail),
        WITH_KIT(test_index__grows_by_reopening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
