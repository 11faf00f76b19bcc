#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/restore_left.h"
#include "tests/job/job_fixture.h"

enum { FULL = 1000 }; /* entries: more than lead to roots */

/* What is known of path after every directory above it was entered. */
static void enter(struct restore_left *l, const char *path, bool starts_fs,
                  uint64_t entries, struct restore_left_dir *out)
{
    struct tree_entry te = {.e = {.type = ENTRY_DIR}, .dir = {.entries = FULL}};
    struct restore_left_dir above;
    size_t n = strlen(path);
    size_t at = 0;

    assert_int_equal(restore_left_enter(l, NULL, bytes_of(path, 0), &te, out),
                     0);
    while (at < n) {
        at += at > 0;
        at += strcspn(path + at, "/");
        above = *out;
        if (at == n) {
            te.e.starts_fs = starts_fs;
            te.dir.entries = entries;
        }
        assert_int_equal(
            restore_left_enter(l, &above, bytes_of(path, at), &te, out), 0);
        restore_left_release(&above);
    }
}

static const struct {
    const char *path;
    bool starts_fs;
    uint64_t entries;
    bool mirrors;
} mirror_row[] = {
    {"", false, FULL, false},
    {"var", false, FULL, false},
    {"srv", false, FULL, true},
    {"srv2", false, FULL, false},
    {"srv/www/a", false, FULL, true},
    {"srv/www/empty", false, 0, true},
    /* excluded, and what leads to a root below that */
    {"srv/www/skip", false, FULL, false},
    {"srv/x", false, FULL, false},
    {"srv/x/z", false, FULL, false},
    {"srv/x/y", false, FULL, true},
    {"srv/x/y/a", false, FULL, true},
    {"srv/skip", false, FULL, true},
    /* could not be read */
    {"etc", false, FULL, true},
    {"etc/u", false, FULL, false},
    {"etc/u/below", false, FULL, false},
    {"etc/u2", false, FULL, true},
    {"etc/v", false, FULL, false},
    /* file systems: one that was not entered, one on whose way a root is */
    {"etc/mnt", true, 0, false},
    {"etc/mnt", true, 1, true},
    {"srv/disk", true, 1, false},
    {"srv/disk", true, 2, true},
    {"srv/disk/in", false, FULL, true},
};

static void test_restore_left__what_was_backed_up_mirrors(void **state)
{
    const struct bytes root[] = {bytes_of_str("/srv"), bytes_of_str("/srv/x/y"),
                                 bytes_of_str("/srv/disk/in"),
                                 bytes_of_str("/etc"),
                                 bytes_of_str("/srv/skip")};
    const struct bytes unread[] = {bytes_of_str("/etc/u"),
                                   bytes_of_str("etc/v")};
    struct restore_delete d = {
        .root = root, .root_n = 5, .unread = unread, .unread_n = 2};
    struct pattern_set *patterns;
    struct restore_left *l;
    struct restore_left_dir dir;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct job_fixture f;

    (void)state;
    job_fixture_open(&f);
    assert_int_equal(
        fetch_open(f.r->store, f.r->keys, f.r->index, 1 << 20, &fetch), 0);
    assert_int_equal(fetch_lane_new(fetch, &lane), 0);
    assert_int_equal(pattern_set_new(false, &patterns), 0);
    assert_int_equal(pattern_set_add(patterns, bytes_of_str("/srv/x")), 0);
    assert_int_equal(pattern_set_add(patterns, bytes_of_str("skip")), 0);
    d.rules.patterns = patterns;
    assert_int_equal(restore_left_new(&d, lane, bytes_of(NULL, 0), &l), 0);
    assert_null(restore_left_above(l));
    for (size_t i = 0; i < sizeof mirror_row / sizeof mirror_row[0]; i++) {
        enter(l, mirror_row[i].path, mirror_row[i].starts_fs,
              mirror_row[i].entries, &dir);
        if (dir.mirrors != mirror_row[i].mirrors)
            fail_msg("row %zu: /%s", i, mirror_row[i].path);
        restore_left_release(&dir);
    }
    restore_left_free(l);
    /* a restore that begins below: the same of what is above */
    assert_int_equal(
        restore_left_new(&d, lane, bytes_of_str("srv/x/z/begin"), &l), 0);
    assert_true(restore_left_above(l)->path_only);
    restore_left_free(l);
    assert_int_equal(restore_left_new(&d, lane, bytes_of_str("srv/www/a"), &l),
                     0);
    assert_false(restore_left_above(l)->path_only);
    restore_left_free(l);
    pattern_set_free(patterns);
    fetch_lane_free(lane);
    fetch_free(fetch);
    job_fixture_close(&f);
}

static void test_restore_left__what_a_rule_omits_stays(void **state)
{
    const struct bytes unread[] = {bytes_of_str("/a/gone")};
    static const struct {
        const char *path;
        bool is_dir;
        uint64_t bytes;
        bool stays;
    } row[] = {
        {"a/b", false, 5, false},
        {"a/b.o", false, 5, true},
        {"a/b", false, 11, true},
        {"a/keep.x", false, 11, false},
        {"a/b", true, 0, false},
        {"a/gone", false, 0, true},
        {"a/gone/b", true, 0, true},
        /* what a/.dedupignore says */
        {"a/c", false, 5, true},
        {"b/c", false, 5, false},
    };
    struct restore_delete d = {.unread = unread, .unread_n = 1};
    struct pattern_set *patterns;
    struct ignore *in_a;

    (void)state;
    assert_int_equal(pattern_set_new(false, &patterns), 0);
    assert_int_equal(pattern_set_add(patterns, bytes_of_str("*.o")), 0);
    assert_int_equal(pattern_set_add(patterns, bytes_of_str("!keep.*")), 0);
    d.rules = (struct ignore_rules){.patterns = patterns, .larger = 10};
    assert_int_equal(
        ignore_new(NULL, bytes_of_str("a"), bytes_of_str("/c\n!*.o\n"), &in_a),
        0);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (restore_left_stays(&d, row[i].path[0] == 'a' ? in_a : NULL,
                               bytes_of_str(row[i].path), row[i].is_dir,
                               row[i].bytes) != row[i].stays)
            fail_msg("row %zu: %s", i, row[i].path);
    ignore_unref(in_a);
    pattern_set_free(patterns);
}

/* Told of a directory; how often. */
static void doubt(void *ctx, struct bytes path, const char *why)
{
    unsigned *n = ctx;

    (void)path;
    assert_true(strncmp(why, ".dedupignore: ", 14) == 0);
    ++*n;
}

/* In a restore: rules that cannot be read any more leave all out. */
static void test_restore_left__damaged_rules_delete_nothing(void **state)
{
    struct restore_delete d = {.root_n = 1, .doubt = doubt};
    struct restore_job_options o = {.threads = 2, .mirror = &d};
    struct bytes root;
    struct job_fixture f;
    struct job_restore r;
    struct job_snap s;
    unsigned told = 0;

    (void)state;
    job_fixture_open(&f);
    root = bytes_of_str(f.src);
    d.root = &root;
    d.ctx = &told;
    assert_true(scratch_run("cd %s && mkdir -p in/deep out && "
                            "seq 900 >in/.dedupignore && echo x >in/f && "
                            "echo x >out/f",
                            f.src));
    s = job_fixture_snap(&f);
    r = job_fixture_restore(&f, &s.result.id, f.out, NULL);
    assert_int_equal(r.rc, 0);
    for (int heeds = 0; heeds < 2; heeds++) {
        d.ignore_files = heeds == 1;
        assert_true(scratch_run("cd %s && touch in/mine in/deep/mine out/mine "
                                "in/deep/123",
                                f.out));
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        assert_int_equal(r.rc, 0);
        assert_true(scratch_run("cd %s && ! test -e out/mine", f.out));
        assert_true(scratch_run("cd %s && ! test -e in/mine", f.out));
        assert_int_equal(told, 0);
    }
    assert_true(scratch_run("cd %s && test -e in/deep/123 && "
                            "touch in/mine in/deep/mine out/mine",
                            f.out));
    job_fixture_damage(&f, PACK_DATA);
    job_fixture_reopen(&f, true);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    assert_int_equal(told, 1);
    assert_true(scratch_run("cd %s && test -e in/mine && "
                            "test -e in/deep/mine && ! test -e out/mine",
                            f.out));
    job_fixture_close(&f);
}

/* Out of memory: that is said, and nothing is taken for gone. */
static void test_restore_left__every_allocation(void **state)
{
    struct restore_delete d = {.root_n = 1, .ignore_files = true};
    struct restore_job_options o = {.threads = 1, .mirror = &d};
    unsigned starved = 0;
    struct bytes root;
    struct job_fixture f;
    struct job_restore r;
    struct job_entry e;
    struct job_snap s;
    uint64_t before;
    uint64_t used = UINT64_MAX;

    (void)state;
    job_fixture_open(&f);
    root = bytes_of_str(f.src);
    d.root = &root;
    assert_true(scratch_run("cd %s && mkdir -p in/deep && "
                            "echo '*.o' >.dedupignore && "
                            "echo '!y.o' >in/.dedupignore",
                            f.src));
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "", &e));
    o.start = &e.te;
    o.start_path = bytes_of_str(f.src + 1);
    r = job_fixture_restore(&f, &s.result.id, f.out, &o);
    assert_int_equal(r.rc, 0);
    scratch_text(f.out, "in/deep/x.o", "left out");
    /* the first is restore_job_new()'s, which the fixture checks */
    for (uint64_t n = 2; used >= n - 1; n++) {
        scratch_text(f.out, "in/deep/y.o", "mine");
        before = mem_count();
        mem_fail_after(n, 0);
        r = job_fixture_restore(&f, &s.result.id, f.out, &o);
        mem_fail_after(0, 0);
        used = mem_count() - before;
        assert_true(r.rc == 0 || r.rc == E_NOMEM);
        starved += r.rc == E_NOMEM;
        assert_true(scratch_run("cd %s/in/deep && test -e x.o", f.out));
        assert_true(r.rc != 0 ||
                    scratch_run("! test -e %s/in/deep/y.o", f.out));
    }
    assert_true(starved > 20);
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_left__what_was_backed_up_mirrors),
        cmocka_unit_test(test_restore_left__what_a_rule_omits_stays),
        cmocka_unit_test(test_restore_left__damaged_rules_delete_nothing),
        cmocka_unit_test(test_restore_left__every_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
