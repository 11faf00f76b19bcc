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

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "source/walk.h"
#include "source/walk_ahead.h"
#include "source/walk_impl.h"
#include "tests/source/transcript.h"
#include "tests/support/scratch.h"

enum { WIDE = WALK_LOOK_SEEN_MAX + 200, EACH = 6, LEVELS = 3 };

/* Directories in directories, each with a few files. */
static void fill(const char *dir, unsigned levels)
{
    char name[SCRATCH_PATH + 8];

    scratch_text(dir, "c", "in the midst of them");
    scratch_text(dir, "zz", "behind them");
    for (unsigned i = 0; levels > 0 && i < EACH; i++) {
        assert_true(snprintf(name, sizeof name, "%u", i) > 0);
        scratch_dir(dir, name);
        assert_true(snprintf(name, sizeof name, "%s/%u", dir, i) > 0);
        fill(name, levels - 1);
    }
}

static int big_tree(void **state)
{
    char *dir = calloc(1, SCRATCH_PATH);
    char name[32];

    assert_non_null(dir);
    scratch_make(dir);
    *state = dir;
    fill(dir, LEVELS);
    scratch_dir(dir, "w");
    for (unsigned i = 0; i < WIDE; i++) {
        assert_true(snprintf(name, sizeof name, "w/%u", i) > 0);
        scratch_text(dir, name, "");
    }
    scratch_dir(dir, "w/x");
    scratch_text(dir, "w/x/behind", "what nobody had a look at");
    scratch_text(dir, "1/.dedupignore", "2\n!/2/3\nzz\n");
    scratch_text(dir, "2/1/.dedupignore", "/4/\n");
    scratch_text(dir, "3/CACHEDIR.TAG", "marked");
    scratch_text(dir, "4/2/CACHEDIR.TAG", "not marked");
    return 0;
}

static int gone(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static void compare(const char *dir, const char *roots,
                    const struct walk_options *options)
{
    struct transcript *want = calloc(1, sizeof *want);
    struct transcript *t = calloc(1, sizeof *t);
    struct walk_options o = *options;

    assert_true(want && t);
    transcript_words(dir, roots, &o, want);
    assert_int_equal(want->rc, 0);
    o.ahead = true;
    for (int i = 0; i < 10; i++) {
        transcript_words(dir, roots, &o, t);
        assert_int_equal(t->rc, 0);
        assert_string_equal(t->text, want->text);
    }
    for (unsigned nap_us = 0; nap_us < 30000; nap_us = 2 * nap_us + 100) {
        transcript_primed(dir, roots, &o, nap_us, t);
        assert_int_equal(t->rc, 0);
        assert_string_equal(t->text, want->text);
    }
    free(want);
    free(t);
}

static void test_walk_ahead__the_steps_are_the_same(void **state)
{
    const char *dir = *state;
    struct walk_options o = {.max_open = DIRFD_OPEN_MIN};
    const struct walk_marker tag = {bytes_of_str("CACHEDIR.TAG"),
                                    bytes_of_str("marked")};
    char path[SCRATCH_PATH + 8];
    struct walk_skip_dir skip;
    struct stat st;

    compare(dir, ".", &o);
    compare(dir, "1 4/2/3 2/0", &o);
    assert_true(snprintf(path, sizeof path, "%s/5/1", dir) > 0);
    assert_int_equal(stat(path, &st), 0);
    skip = (struct walk_skip_dir){st.st_dev, st.st_ino};
    o = (struct walk_options){.ignore_files = true,
                              .marker = &tag,
                              .marker_n = 1,
                              .skip = &skip,
                              .skip_n = 1,
                              .one_fs = true};
    compare(dir, ".", &o);
    compare(dir, "1/2 3 2", &o);
}

/* What waits, and what the thread is busy with, is let go of. */
static void test_walk_ahead__ends_anywhere(void **state)
{
    struct bytes root = bytes_of_str(*state);
    const struct walk_options o = {.ahead = true};
    struct walk_item item;
    struct walk *w;

    for (unsigned steps = 0; steps < 200; steps += 7) {
        assert_int_equal(walk_new(&root, 1, &o, &w), 0);
        for (unsigned i = 0; i < steps; i++)
            assert_int_equal(walk_next(w, &item), 0);
        walk_free(w);
    }
}

/* While the walk rests, the thread looks at what comes next; and when the walk
 * goes on, at more. */
static void test_walk_ahead__the_thread_works(void **state)
{
    struct bytes root = bytes_of_str(*state);
    const struct walk_options o = {.ahead = true};
    struct walk_item item = {.kind = WALK_PROBLEM};
    size_t entered = 0;
    size_t done = 0;
    struct walk *w;

    assert_int_equal(walk_new(&root, 1, &o, &w), 0);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(walk_next(w, &item), 0);
        entered += item.kind == WALK_ENTER;
        for (unsigned k = 0; k < 200 && entered > 3; k++) {
            done = walk_ahead_done_n(w->foresee.ahead);
            if (done >= entered + EACH)
                break;
            (void)usleep(10000);
        }
    }
    assert_true(done >= entered + EACH);
    walk_free(w);
}

/* What was seen long ago is looked at again. */
static void test_walk_ahead__sees_what_changes_later(void **state)
{
    static const char grown[] = "it has grown since it was seen";
    const char *dir = *state;
    struct bytes root = bytes_of_str(dir);
    const struct walk_options o = {.ahead = true};
    struct walk_item item = {.kind = WALK_PROBLEM};
    struct walk *w;
    bool found = false;
    uint64_t size = 0;

    clock_fake_set(CLOCK_SECOND_NS, 0);
    assert_int_equal(walk_new(&root, 1, &o, &w), 0);
    while (item.kind != WALK_ENTRY)
        assert_int_equal(walk_next(w, &item), 0);
    /* the walk is below 0; all names of the root have been seen */
    scratch_text(dir, "zz", grown);
    scratch_text(dir, "5/new", "nor was this there");
    clock_fake_advance(60 * CLOCK_SECOND_NS);
    while (item.kind != WALK_END) {
        assert_int_equal(walk_next(w, &item), 0);
        if (item.kind != WALK_ENTRY)
            continue;
        found |= bytes_equal(item.entry.name, bytes_of_str("new"));
        if (bytes_equal(item.entry.name, bytes_of_str("zz")))
            size = item.entry.size; /* the root's comes last */
    }
    assert_true(found);
    assert_int_equal(size, strlen(grown));
    walk_free(w);
    clock_fake_end();
}

/* What looks hold has a bound, and those that are used again, by small and by
 * large directories, do not all grow to the size of the largest. */
static void test_walk_ahead__what_it_holds_has_a_bound(void **state)
{
    int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct walk_look **look = calloc(WALK_AHEAD_MAX, sizeof *look);
    struct dirfd_pool *pool;
    struct walk_ahead *a;
    struct dirfd *dir;
    struct statx st;
    size_t n = 0;
    size_t bytes = 0;

    assert_non_null(look);
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &st), 0);
    assert_int_equal(dirfd_pool_new(O_RDONLY, DIRFD_OPEN_MIN, &pool), 0);
    assert_int_equal(dirfd_root(pool, fd, &st, bytes_of_str(*state), &dir), 0);
    assert_int_equal(walk_ahead_new(NULL, 0, &a), 0);
    for (; walk_ahead_has_room(a); n++) {
        assert_int_equal(
            walk_ahead_now(a, dir, bytes_of_str("w"), dirfd_dev(dir), &look[n]),
            0);
        bytes += walk_look_bytes(look[n]);
    }
    assert_in_range(bytes, WALK_AHEAD_HELD_MAX, WALK_AHEAD_HELD_MAX + 600000);
    while (n > 0) {
        walk_ahead_drop(a, look[--n]);
        look[n] = NULL;
    }
    assert_true(walk_ahead_has_room(a));
    /* in turn: each place has had a large one, and has a small one in the end
     */
    for (size_t i = 0; i < (size_t)3 * WALK_AHEAD_MAX; i++) {
        const char *name =
            i < (size_t)2 * WALK_AHEAD_MAX && i % 8 == 0 ? "w" : "0";
        struct walk_look **at = &look[i % WALK_AHEAD_MAX];

        walk_ahead_drop(a, *at);
        assert_int_equal(
            walk_ahead_now(a, dir, bytes_of_str(name), dirfd_dev(dir), at), 0);
    }
    for (size_t i = 0; i < WALK_AHEAD_MAX; i++) {
        bytes = walk_look_bytes(look[i]);
        assert_true(bytes < 8000 || i < (size_t)2 * WALK_AHEAD_SPARE);
        walk_ahead_drop(a, look[i]);
    }
    walk_ahead_free(a);
    dirfd_unref(dir);
    dirfd_pool_free(pool);
    free(look);
}

/* A walk of dir that was begun with, and found all. */
static struct walk *primed_with(const struct bytes *root, size_t n,
                                const struct walk_options *o)
{
    struct walk *w;
    uint64_t done = 0;

    assert_int_equal(walk_new(root, n, o, &w), 0);
    assert_int_equal(fileop_fault_set("count,domain=source"), 0);
    assert_int_equal(walk_prime_begin(w), 0);
    do {
        done = fileop_fault_count();
        (void)usleep(50000);
    } while (done == 0 || fileop_fault_count() > done);
    walk_prime_end(w, o);
    assert_int_equal(fileop_fault_set(NULL), 0);
    return w;
}

static struct walk *primed_roots(const struct bytes *root, size_t n)
{
    const struct walk_options o = {.ahead = true, .max_open = DIRFD_OPEN_MIN};

    return primed_with(root, n, &o);
}

static struct walk *primed(const char *dir)
{
    struct bytes root = bytes_of_str(dir);

    return primed_roots(&root, 1);
}

/* The size of the last zz, which is that of the root, in what w still tells. */
static uint64_t size_of_zz(struct walk *w)
{
    struct walk_item item;
    uint64_t size = 0;

    do {
        assert_int_equal(walk_next(w, &item), 0);
        if (item.kind == WALK_ENTRY &&
            bytes_equal(item.entry.name, bytes_of_str("zz")))
            size = item.entry.size;
    } while (item.kind != WALK_END);
    walk_free(w);
    return size;
}

/* What was found before the first step is what the steps tell, as long as it is
 * not old. */
static void test_walk_prime__what_was_found_is_used(void **state)
{
    const char *dir = *state;
    struct walk *w;
    uint64_t size;

    clock_fake_set(CLOCK_SECOND_NS, 0);
    w = primed(dir);
    scratch_text(dir, "zz", "one");
    size = size_of_zz(w);
    assert_int_equal(size, strlen("behind them"));
    w = primed(dir);
    scratch_text(dir, "zz", "another");
    clock_fake_advance(60 * CLOCK_SECOND_NS);
    size = size_of_zz(w);
    assert_int_equal(size, strlen("another"));
    clock_fake_end();
}

/* Directories that were closed since, and are gone, are told of as any that
 * went in time. */
static void test_walk_prime__what_went_meanwhile_is_gone(void **state)
{
    const char *dir = *state;
    struct transcript *t = calloc(1, sizeof *t);
    struct walk *w = primed(dir);

    assert_non_null(t);
    assert_true(
        scratch_run("mv %s/1/2 %s/0/moved && rm -r %s/3", dir, dir, dir));
    transcript_of(w, dir, t);
    walk_free(w);
    assert_int_equal(t->rc, 0);
    assert_non_null(strstr(t->text, "?gone 1/2\n"));
    assert_non_null(strstr(t->text, "?gone 3\n"));
    assert_null(strstr(t->text, "?bad"));
    assert_null(strstr(t->text, "<!"));
    free(t);
}

/* What was looked at, and closed since, is not opened again only to be told of:
 * but what others lie in, to see that these still stand. */
static void test_walk_prime__opens_what_is_read(void **state)
{
    struct walk *w = primed(*state);
    uint64_t opened;

    assert_int_equal(fileop_fault_set("count,class=open,domain=source"), 0);
    (void)size_of_zz(w);
    opened = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    /* of 261; "w" has more names than one looks at ahead, and x in it */
    assert_in_range(opened, 1, 60);
}

/* Descriptors may be short when what was closed is to be opened again: what is
 * left out for that is told of. */
static void test_walk_prime__what_cannot_be_opened_again(void **state)
{
    const char *dir = *state;
    const struct bytes root = bytes_of_str(dir);
    const struct walk_options o = {
        .ahead = true, .ignore_files = true, .max_open = DIRFD_OPEN_MIN};
    struct transcript *want = calloc(1, sizeof *want);
    struct transcript *t = calloc(1, sizeof *t);
    unsigned bad = 0;
    uint64_t fired;
    char plan[64];

    assert_true(want && t);
    scratch_text(dir, "2/0/0/.dedupignore", "c\n");
    assert_true(scratch_run("ln -s c %s/4/0/0/l", dir));
    transcript_words(dir, ".", &o, want);
    /* the first is "/", without which there is no walk */
    for (unsigned i = 2; i < 100; i += 3) {
        struct walk *w = primed_with(&root, 1, &o);

        assert_true(snprintf(plan, sizeof plan,
                             "fail:%u:EMFILE,class=open,domain=source", i) > 0);
        assert_int_equal(fileop_fault_set(plan), 0);
        transcript_of(w, dir, t);
        walk_free(w);
        fired = fileop_fault_fired();
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_int_equal(t->rc, 0);
        if (strcmp(t->text, want->text) == 0)
            continue;
        assert_int_equal(fired, 1);
        assert_non_null(strstr(t->text, "?bad"));
        bad++;
    }
    assert_in_range(bad, 1, 99);
    /* for good: nothing is gone for that */
    for (unsigned i = 2; i < 20; i += 2) {
        struct walk *w = primed_with(&root, 1, &o);

        assert_true(snprintf(plan, sizeof plan,
                             "fail-from:%u:EMFILE,class=open,domain=source",
                             i) > 0);
        assert_int_equal(fileop_fault_set(plan), 0);
        transcript_of(w, dir, t);
        walk_free(w);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_int_equal(t->rc, 0);
        /* nothing: it is told of what is above */
        assert_true(t->n == 0 || strcmp(t->text, want->text) == 0 ||
                    strstr(t->text, "?bad"));
        assert_null(strstr(t->text, "?gone"));
    }
    free(want);
    free(t);
}

/* A root that another one lies in is not looked at for nothing. */
static void test_walk_prime__roots_in_roots_hold_nothing(void **state)
{
    char path[2][SCRATCH_PATH + 8];
    struct bytes root[2];
    struct walk_item item;
    struct walk *w;

    assert_true(snprintf(path[0], sizeof path[0], "%s", (char *)*state) > 0);
    assert_true(snprintf(path[1], sizeof path[1], "%s/4", (char *)*state) > 0);
    root[0] = bytes_of_str(path[0]);
    root[1] = bytes_of_str(path[1]);
    w = primed_roots(root, 2);
    do {
        assert_int_equal(walk_next(w, &item), 0);
    } while (item.kind != WALK_END);
    assert_null(w->foresee.root);
    walk_free(w);
}

/* Whoever cannot go on, or never begins, lets go of all. */
static void test_walk_prime__ends_anywhere(void **state)
{
    struct bytes root = bytes_of_str(*state);
    const struct walk_options o = {.ahead = true};
    struct walk_item item;
    struct walk *w = primed(*state);

    walk_free(w);
    assert_int_equal(walk_new(&root, 1, &o, &w), 0);
    assert_int_equal(walk_prime_begin(w), 0);
    walk_free(w);
    w = primed(*state);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(walk_next(w, &item), 0);
    walk_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk_ahead__the_steps_are_the_same,
                                        big_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_ahead__the_thread_works,
                                        big_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_ahead__ends_anywhere,
                                        big_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_ahead__sees_what_changes_later, big_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_ahead__what_it_holds_has_a_bound, big_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_prime__what_was_found_is_used,
                                        big_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_prime__what_went_meanwhile_is_gone, big_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_prime__roots_in_roots_hold_nothing, big_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_prime__opens_what_is_read,
                                        big_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk_prime__what_cannot_be_opened_again, big_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk_prime__ends_anywhere,
                                        big_tree, gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
