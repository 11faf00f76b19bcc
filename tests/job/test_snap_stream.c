#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/snapshot_list.h"
#include "tests/job/job_fixture.h"
#include "tests/support/prng.h"

enum { STREAM_BYTES = 5000000, LAST_PART = 30000 };

/* Bytes that follow from seeds, in parts of any size, with pauses. */
struct flow {
    uint8_t *data;
    size_t n;
    size_t at;
    size_t fails_at; /* 0: never */
    struct prng parts;
};

static struct flow flow_new(uint64_t seed, size_t n)
{
    struct flow f = {.data = mem_alloc(n ? n : 1), .n = n};
    struct prng r;

    assert_non_null(f.data);
    prng_init(&r, seed);
    prng_fill(&r, f.data, n);
    prng_init(&f.parts, 99);
    return f;
}

static int flow_read(void *ctx, uint8_t *to, size_t cap, size_t *n, bool *end)
{
    struct flow *f = ctx;
    uint16_t part;

    if (f->fails_at && f->at >= f->fails_at)
        return err_set(E_SOURCE, "the flow broke");
    prng_fill(&f->parts, (uint8_t *)&part, sizeof part);
    if (part % 5 == 0)
        return 0;
    *n = part < cap ? part : cap;
    if (*n > f->n - f->at)
        *n = f->n - f->at;
    *end = f->at == f->n;
    memcpy(to, f->data + f->at, *n);
    f->at += *n;
    return 0;
}

/* The file's name stands below the source, where job_fixture_find() looks. */
static struct job_snap run(struct job_fixture *f, struct flow *flow,
                           unsigned threads, const char *name)
{
    struct snapshot_job_options o = job_fixture_options(f);
    struct stream_input input = {.read = flow_read, .ctx = flow};
    char path[2 * JOB_PATH];
    struct bytes root;

    (void)snprintf(path, sizeof path, "%s/%s", f->src, name);
    root = bytes_of_str(path);
    o.root = &root;
    o.stream = &input;
    o.threads = threads;
    flow->at = 0;
    return job_fixture_run(f, &o);
}

static void returns(struct job_fixture *f, const struct job_snap *s,
                    const struct flow *flow, const char *name)
{
    uint8_t *got = mem_alloc(flow->n + 1);
    char path[2 * JOB_PATH];
    FILE *in;

    assert_int_equal(s->rc, 0);
    assert_int_equal(s->result.stats.files, 1);
    assert_int_equal(s->result.stats.bytes, flow->n);
    assert_false(s->result.has_parent);
    assert_int_equal(job_fixture_restore(f, &s->result.id, f->out, NULL).rc, 0);
    (void)snprintf(path, sizeof path, "%s/%s", f->out, name);
    in = fopen(path, "rb");
    assert_non_null(in);
    assert_non_null(got);
    assert_int_equal(fread(got, 1, flow->n + 1, in), flow->n);
    assert_memory_equal(got, flow->data, flow->n);
    (void)fclose(in);
    free(got);
    assert_true(scratch_run("rm -rf %s", f->out));
}

static void test_snap_stream__returns_whatever_the_threads(void **state)
{
    static const size_t size[] = {0, 1, 70000, STREAM_BYTES};
    struct job_fixture f;

    (void)state;
    job_fixture_open(&f);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct flow flow = flow_new(size[i], size[i]);
            struct job_snap s = run(&f, &flow, threads, "a/b/file");

            returns(&f, &s, &flow, "a/b/file");
            if (threads > 1)
                assert_in_range(s.result.stats.new_bytes, 0, LAST_PART);
            free(flow.data);
        }
    }
    job_fixture_close(&f);
}

static void test_snap_stream__stores_only_what_changed(void **state)
{
    struct job_fixture f;
    struct flow flow = flow_new(7, STREAM_BYTES);
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    s = run(&f, &flow, 2, "file");
    assert_true(s.result.stats.new_bytes >= STREAM_BYTES);
    flow.data[STREAM_BYTES / 2] ^= 1;
    s = run(&f, &flow, 2, "file");
    assert_in_range(s.result.stats.new_bytes, 1, 600000);
    returns(&f, &s, &flow, "file");
    /* the same once more: it is read, and nothing of it is new */
    s = run(&f, &flow, 2, "file");
    assert_int_equal(s.result.kept_files, 0);
    assert_in_range(s.result.stats.new_bytes, 0, LAST_PART);
    free(flow.data);
    job_fixture_close(&f);
}

static void test_snap_stream__is_never_taken_for_unchanged(void **state)
{
    struct job_fixture f;
    struct flow flow = flow_new(8, 1000);
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    s = run(&f, &flow, 1, "file");
    assert_true(job_fixture_find(&f, &s.result.id, "file", &e));
    assert_true(e.te.e.unsettled);
    assert_int_equal(e.te.e.inode, 0);
    assert_int_equal(e.te.e.mode, 0600);
    assert_int_equal(e.te.e.size, 1000);
    job_fixture_drop(&e);
    /* a walk that follows in the series reads the file that is there */
    job_fixture_write(&f, "file", 9, 1000);
    s = job_fixture_snap(&f);
    assert_int_equal(s.result.kept_files, 0);
    job_fixture_returns(&f, &s.result.id);
    free(flow.data);
    job_fixture_close(&f);
}

/* Of a directory above it the attributes were not read: a walk that follows in
 * the series does so, whatever else has not changed. */
static void test_snap_stream__leaves_attributes_to_a_walk(void **state)
{
    struct job_fixture f;
    struct flow flow = flow_new(12, 1000);
    char path[2 * JOB_PATH];
    struct job_entry e;
    struct job_snap s;
    bool can;

    (void)state;
    job_fixture_open(&f);
    scratch_dir(f.src, "with");
    (void)snprintf(path, sizeof path, "%s/with", f.src);
    can = setxattr(path, "user.a", "1", 1, 0) == 0;
    /* whoever has filled the cache itself looks at everything anyway */
    job_fixture_reopen(&f, false);
    s = run(&f, &flow, 1, "with/file");
    assert_int_equal(s.rc, 0);
    s = job_fixture_snap(&f);
    assert_true(s.result.has_parent);
    assert_true(job_fixture_find(&f, &s.result.id, "with", &e));
    assert_int_equal(e.te.attr_n, can ? 1 : 0);
    job_fixture_drop(&e);
    free(flow.data);
    job_fixture_close(&f);
    if (!can)
        skip();
}

static void test_snap_stream__commits_nothing_of_a_broken_one(void **state)
{
    static const size_t at[] = {1, 100000, 3000000, STREAM_BYTES};
    struct snapshot_list l = {.n = 0};
    struct job_fixture f;
    struct flow flow = flow_new(10, STREAM_BYTES);
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        flow.fails_at = at[i];
        s = run(&f, &flow, 1 + (unsigned)i % 3, "file");
        assert_int_equal(s.rc, E_SOURCE);
    }
    job_fixture_reopen(&f, true);
    assert_int_equal(snapshot_list_load(f.r->index, &f.r->state, &l), 0);
    assert_int_equal(l.n, 0);
    snapshot_list_release(&l);
    /* what they have stored serves the next, but for frames being filled */
    flow.fails_at = 0;
    s = run(&f, &flow, 2, "file");
    assert_in_range(s.result.stats.new_bytes, 0, STREAM_BYTES / 2);
    returns(&f, &s, &flow, "file");
    free(flow.data);
    job_fixture_close(&f);
}

static void test_snap_stream__steps_through_more_directories_than_a_unit_holds(
    void **state)
{
    char name[2 * SNAP_UNIT_ITEMS + 10];
    struct flow flow = flow_new(11, 100);
    struct snapshot_job_options o;
    struct stream_input input = {.read = flow_read, .ctx = &flow};
    struct job_fixture f;
    struct job_snap s;
    struct bytes root;
    size_t n = 0;

    (void)state;
    job_fixture_open(&f);
    while (n < 2 * SNAP_UNIT_ITEMS + 8) {
        name[n++] = '/';
        name[n++] = 'd';
    }
    root = bytes_of(name, n);
    o = job_fixture_options(&f);
    o.root = &root;
    o.stream = &input;
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.result.stats.directories, n / 2);
    free(flow.data);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap_stream__returns_whatever_the_threads),
        cmocka_unit_test(test_snap_stream__stores_only_what_changed),
        cmocka_unit_test(test_snap_stream__is_never_taken_for_unchanged),
        cmocka_unit_test(test_snap_stream__leaves_attributes_to_a_walk),
        cmocka_unit_test(test_snap_stream__commits_nothing_of_a_broken_one),
        cmocka_unit_test(
            test_snap_stream__steps_through_more_directories_than_a_unit_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
