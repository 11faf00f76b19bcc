/*
 * What a user types, or a hostile source holds, must not make a snapshot that
 * is reported as done and that nobody can read afterwards, nor stop the run.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/snapshot_list.h"
#include "tests/job/job_fixture.h"

enum { NAME = 255 };

/* The snapshot can be read, by this cache and by a fresh one. */
static void check_readable(struct job_fixture *f, const struct object_id *id)
{
    for (int fresh = 0; fresh < 2; fresh++) {
        struct snapshot_list l = {.n = 0};
        struct snapshot s;

        job_fixture_reopen(f, fresh != 0);
        if (snapshot_list_read(f->store, f->r->keys, id, &s) < 0)
            fail_msg("%s", err_text());
        snapshot_list_drop(&s);
        assert_int_equal(snapshot_list_load(f->r->index, &f->r->state, &l), 0);
        assert_int_equal(l.n, 1);
        assert_false(l.item[0].damaged);
        snapshot_list_release(&l);
    }
}

static void test_attack_manifest__many_options(void **state)
{
    const size_t n = 200000;
    struct job_fixture f;
    struct snapshot_job_options o;
    struct job_snap s;
    char *text = mem_alloc(n);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', n);
    job_fixture_open(&f);
    scratch_text(f.src, "file", "content");
    o = job_fixture_options(&f);
    o.options = bytes_of(text, n);
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    check_readable(&f, &s.result.id);
    job_fixture_close(&f);
    free(text);
}

/* More tags than the cache has room for: the snapshot is there, and the
 * repository opens. */
static void test_attack_manifest__many_tags(void **state)
{
    enum { TAGS = 3000 };
    static char text[TAGS][33];
    struct bytes *tag = mem_array(TAGS, sizeof *tag);
    struct job_fixture f;
    struct snapshot_job_options o;
    struct job_snap s;

    (void)state;
    assert_non_null(tag);
    for (size_t i = 0; i < TAGS; i++) {
        (void)snprintf(text[i], sizeof text[i], "%032zu", i);
        tag[i] = bytes_of_str(text[i]);
    }
    job_fixture_open(&f);
    scratch_text(f.src, "file", "content");
    o = job_fixture_options(&f);
    o.tag = tag;
    o.tag_n = TAGS;
    s = job_fixture_run(&f, &o);
    assert_int_equal(s.rc, 0);
    check_readable(&f, &s.result.id);
    job_fixture_close(&f);
    free(tag);
}

/* Directories in directories, `depth` of them. */
static void make_deep(const char *src, size_t depth)
{
    char name[NAME + 1];
    int at = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    memset(name, 'd', NAME);
    name[NAME] = 0;
    for (size_t i = 0; i < depth; i++) {
        int next;

        assert_true(at >= 0);
        assert_int_equal(mkdirat(at, name, 0700), 0);
        next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(at);
        at = next;
    }
    assert_true(at >= 0);
    (void)close(at);
}

/* What lies deeper than the walk goes is a problem that names it. */
static void test_attack_manifest__problems_far_down(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "file", "content");
    make_deep(f.src, 4200);
    s = job_fixture_run(&f, NULL);
    if (s.rc < 0)
        fail_msg("%s", err_text());
    assert_true(s.problem[MANIFEST_UNREADABLE] > 0);
    check_readable(&f, &s.result.id);
    assert_true(scratch_run("rm -rf %s/ddd*", f.src));
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_manifest__many_options),
        cmocka_unit_test(test_attack_manifest__many_tags),
        cmocka_unit_test(test_attack_manifest__problems_far_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
