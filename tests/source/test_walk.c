#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "source/stat_entry.h"
#include "source/walk.h"
#include "source/walk_names.h"
#include "source/walk_roots.h"
#include "tests/source/transcript.h"
#include "tests/support/open_fds.h"
#include "tests/support/scratch.h"

static const struct walk_options plain = {0};

static int small_tree(void **state)
{
    char *dir = calloc(1, SCRATCH_PATH);
    char path[SCRATCH_PATH + 8];

    assert_non_null(dir);
    scratch_make(dir);
    *state = dir;
    scratch_dir(dir, "b");
    scratch_text(dir, "b/2", "two");
    scratch_text(dir, "b/10", "ten");
    scratch_dir(dir, "b/sub");
    scratch_text(dir, "b/sub/x.o", "x");
    scratch_text(dir, "b/sub/y.c", "y");
    scratch_text(dir, "b-", "before b/ would be wrong");
    scratch_dir(dir, "a");
    assert_true(snprintf(path, sizeof path, "%s/l", dir) > 0);
    assert_int_equal(symlink("b/../no where", path), 0);
    return 0;
}

static int gone(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static void test_walk__goes_depth_first_by_bytes(void **state)
{
    const char *dir = *state;

    transcript_expect(
        dir, ".", &plain,
        "> \n> a\n< a\n> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\nb/sub/y.c\n"
        "< b/sub\n< b\nb-\nl -> b/../no where\n< \n");
}

static void test_walk__merges_roots(void **state)
{
    const char *dir = *state;

    transcript_expect(dir, "b/sub a", &plain,
                      ">p \n> a\n< a\n>p b\n> b/sub\nb/sub/x.o\nb/sub/y.c\n"
                      "< b/sub\n< b\n< \n");
    /* inside each other, named twice, single files, a symlink */
    transcript_expect(
        dir, "b/sub b b/sub b/2 l b-", &plain,
        ">p \n> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\nb/sub/y.c\n< b/sub\n"
        "< b\nb-\nl -> b/../no where\n< \n");
    transcript_expect(
        dir, "b/sub/y.c b/2", &plain,
        ">p \n>p b\nb/2\n>p b/sub\nb/sub/y.c\n< b/sub\n< b\n< \n");
}

static void test_walk__names_every_missing_root(void **state)
{
    const char *dir = *state;

    transcript_expect(
        dir, "none/x none/y none b/2/below l/x a/no b/2", &plain,
        ">p \n>p a\n?root a/no\n< a\n>p b\nb/2\n?root b/2/below\n< b\n"
        "?root l/x\n?root none\n?root none/x\n?root none/y\n< \n");
    transcript_expect(
        dir, ". zz/y", &plain,
        "> \n> a\n< a\n> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\nb/sub/y.c\n"
        "< b/sub\n< b\nb-\nl -> b/../no where\n?root zz/y\n< \n");
}

static void test_walk__patterns_never_exclude_a_root(void **state)
{
    const char *dir = *state;
    char line[SCRATCH_PATH + 16];
    struct walk_options options = {0};
    struct pattern_set *set = NULL;

    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("*.o")), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("sub/")), 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str("2/")), 0);
    assert_true(snprintf(line, sizeof line, "%s/b-", dir) > 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str(line)), 0);
    options.patterns = set;
    transcript_expect(
        dir, ".", &options,
        "> \n> a\n< a\n> b\nb/10\nb/2\n< b\nl -> b/../no where\n< \n");
    transcript_expect(
        dir, ". b/sub", &options,
        "> \n> a\n< a\n> b\nb/10\nb/2\n> b/sub\nb/sub/y.c\n< b/sub\n"
        "< b\nl -> b/../no where\n< \n");
    /* excluded, but on the way to a root: only that way */
    transcript_expect(
        dir, ". b/sub/x.o", &options,
        "> \n> a\n< a\n> b\nb/10\nb/2\n>p b/sub\nb/sub/x.o\n< b/sub\n"
        "< b\nl -> b/../no where\n< \n");
    pattern_set_free(set);
}

static void test_walk__skips_the_repository(void **state)
{
    const char *dir = *state;
    char path[SCRATCH_PATH + 16];
    struct walk_options options = {0};
    struct walk_skip_dir skip;
    struct statx st;

    assert_true(snprintf(path, sizeof path, "%s/b", dir) > 0);
    assert_int_equal(statx(AT_FDCWD, path, 0, STAT_ENTRY_MASK, &st), 0);
    skip = (struct walk_skip_dir){stat_entry_dev(&st), st.stx_ino};
    options.skip = &skip;
    options.skip_n = 1;
    transcript_expect(dir, ".", &options,
                      "> \n> a\n< a\nb-\nl -> b/../no where\n< \n");
    transcript_expect(
        dir, ". b/2", &options,
        "> \n> a\n< a\n>p b\nb/2\n< b\nb-\nl -> b/../no where\n< \n");
    transcript_expect(
        dir, "b/sub b", &options,
        ">p \n> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\nb/sub/y.c\n< b/sub\n"
        "< b\n< \n");
}

static void test_walk__keeps_to_its_file_systems(void **state)
{
    const char *dir = *state;
    char path[SCRATCH_PATH + 16];
    struct walk_options options = {.one_fs = true};

    assert_true(snprintf(path, sizeof path, "%s/a", dir) > 0);
    if (!scratch_alone() || mount("none", path, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: no right to mount: %s\n", strerror(errno));
        skip();
    }
    scratch_text(dir, "a/in", "x");
    scratch_dir(dir, "a/proc");
    assert_true(snprintf(path, sizeof path, "%s/a/proc", dir) > 0);
    assert_int_equal(mount("none", path, "proc", 0, NULL), 0);
    transcript_expect(
        dir, "a b/2", &plain,
        ">p \n> a\na/in\n>k a/proc\n< a/proc\n< a\n>p b\nb/2\n< b\n"
        "< \n");
    transcript_expect(dir, ".", &options,
                      "> \n>o a\n< a\n> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\n"
                      "b/sub/y.c\n< b/sub\n< b\nb-\nl -> b/../no where\n< \n");
    transcript_expect(
        dir, "b/sub a", &options,
        ">p \n> a\na/in\n>k a/proc\n< a/proc\n< a\n>p b\n> b/sub\n"
        "b/sub/x.o\nb/sub/y.c\n< b/sub\n< b\n< \n");
    transcript_expect(
        dir, ". a/in a/proc/version", &options,
        "> \n>p a\na/in\n>p a/proc\na/proc/version\n< a/proc\n< a\n"
        "> b\nb/10\nb/2\n> b/sub\nb/sub/x.o\nb/sub/y.c\n< b/sub\n< b\n"
        "b-\nl -> b/../no where\n< \n");
    assert_int_equal(umount(path), 0);
    assert_true(snprintf(path, sizeof path, "%s/a", dir) > 0);
    assert_int_equal(umount(path), 0);
}

/* b of the small tree, by other names: those of its place do not count. */
static void test_walk__a_root_can_stand_elsewhere(void **state)
{
    const char *dir = *state;
    char from[SCRATCH_PATH + 8], line[SCRATCH_PATH + 16];
    struct walk_options options = {.from = from, .one_fs = true};
    struct pattern_set *set = NULL;
    struct transcript *t = calloc(1, sizeof *t);

    assert_non_null(t);
    assert_true(snprintf(from, sizeof from, "%s/b", dir) > 0);
    transcript_expect(dir, "a/n", &options,
                      ">p \n>p a\n> a/n\na/n/10\na/n/2\n> a/n/sub\n"
                      "a/n/sub/x.o\na/n/sub/y.c\n< a/n/sub\n< a/n\n< a\n< \n");
    /* above it nothing need be there; what is below a link, or has the same
     * name further up, is not it */
    transcript_expect(
        dir, "l/a", &options,
        ">p \n>p l\n> l/a\nl/a/10\nl/a/2\n> l/a/sub\nl/a/sub/x.o\n"
        "l/a/sub/y.c\n< l/a/sub\n< l/a\n< l\n< \n");
    assert_int_equal(pattern_set_new(false, &set), 0);
    assert_true(snprintf(line, sizeof line, "%s/none/b/sub/*.o", dir) > 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str(line)), 0);
    assert_true(snprintf(line, sizeof line, "%s/b/2", dir) > 0);
    assert_int_equal(pattern_set_add(set, bytes_of_str(line)), 0);
    options.patterns = set;
    transcript_expect(
        dir, "none/b", &options,
        ">p \n>p none\n> none/b\nnone/b/10\nnone/b/2\n> none/b/sub\n"
        "none/b/sub/y.c\n< none/b/sub\n< none/b\n< none\n< \n");
    pattern_set_free(set);
    options.patterns = NULL;
    assert_true(snprintf(from, sizeof from, "%s/gone", dir) > 0);
    transcript_expect(dir, "a/n", &options, ">p \n>p a\n?root a/n\n< a\n< \n");
    transcript_words(dir, "a b", &options, t);
    assert_int_equal(t->rc, E_USAGE);
    free(t);
}

/* What is told of those above it. */
static void test_walk__what_is_not_there_has_plain_metadata(void **state)
{
    const char *dir = *state;
    char from[SCRATCH_PATH + 8], as[SCRATCH_PATH + 16];
    struct walk_options options = {.from = from};
    struct walk_item item;
    struct walk *w;
    struct bytes root;
    size_t seen = 0;

    assert_true(scratch_run("chown 7:8 %s/a && chmod 700 %s/a", dir, dir) ||
                geteuid() != 0);
    assert_true(snprintf(from, sizeof from, "%s/b", dir) > 0);
    assert_true(snprintf(as, sizeof as, "%s/a/x/b", dir) > 0);
    root = bytes_of_str(as);
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    do {
        const struct entry *e = &item.entry;

        assert_int_equal(walk_next(w, &item), 0);
        if (item.kind != WALK_ENTER)
            continue;
        assert_int_equal(item.bare, bytes_equal(e->name, bytes_of_str("x")));
        if (bytes_equal(e->name, bytes_of_str("a"))) {
            assert_int_equal(e->mode, geteuid() ? e->mode : 0700);
            assert_int_equal(e->uid, geteuid() ? e->uid : 7);
            assert_true(e->inode != 0);
            seen++;
        } else if (item.bare) {
            assert_int_equal(e->mode, 0755);
            assert_int_equal(e->uid, 0);
            assert_int_equal(e->gid, 0);
            assert_false(e->has_btime);
            assert_false(e->starts_fs);
            seen++;
        }
    } while (item.kind != WALK_END);
    assert_int_equal(seen, 2);
    walk_free(w);
    /* below what is not there nothing is, whatever has that name further up */
    assert_true(snprintf(as, sizeof as, "%s/l/a/b", dir) > 0);
    root = bytes_of_str(as);
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    do {
        assert_int_equal(walk_next(w, &item), 0);
        if (item.kind != WALK_ENTER || !item.bare)
            continue;
        assert_int_equal(item.entry.mode, 0755);
        assert_int_equal(item.entry.inode, 0);
        seen++;
    } while (item.kind != WALK_END);
    assert_int_equal(seen, 4);
    walk_free(w);
    /* "/" itself */
    root = bytes_of_str("/");
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    assert_int_equal(walk_next(w, &item), 0);
    assert_int_equal(item.kind, WALK_ENTER);
    assert_false(item.path_only);
    assert_int_equal(walk_next(w, &item), 0);
    assert_true(bytes_equal(item.entry.name, bytes_of_str("10")));
    walk_free(w);
}

static void test_walk__entries_tell_what_stat_tells(void **state)
{
    char dir[SCRATCH_PATH];
    char path[SCRATCH_PATH + 16];
    struct walk_options options = {.with_atime = true};
    struct bytes root;
    struct walk_item item = {0};
    struct walk *w;
    struct stat st;

    (void)state;
    scratch_make(dir);
    scratch_text(dir, "f", "four");
    assert_true(snprintf(path, sizeof path, "%s/f", dir) > 0);
    assert_int_equal(chmod(path, 04751), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(owner_cache_new(&options.owners), 0);
    root = bytes_of_str(path);
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    while (item.kind != WALK_ENTRY) {
        assert_int_equal(walk_next(w, &item), 0);
        if (item.kind == WALK_ENTER && item.entry.name.n == 0)
            assert_true(item.entry.starts_fs);
        assert_int_not_equal(item.kind, WALK_END);
    }
    assert_int_equal(entry_check(&item.entry), 0);
    assert_int_equal(item.entry.type, ENTRY_FILE);
    assert_int_equal(item.entry.mode, 04751);
    assert_int_equal(item.entry.size, 4);
    assert_int_equal(item.entry.inode, st.st_ino);
    assert_int_equal(item.entry.nlink, 1);
    assert_int_equal(item.entry.mtime.s, st.st_mtim.tv_sec);
    assert_int_equal(item.entry.mtime.ns, st.st_mtim.tv_nsec);
    assert_int_equal(item.entry.ctime.ns, st.st_ctim.tv_nsec);
    assert_true(item.entry.has_atime);
    assert_int_equal(item.entry.atime.ns, st.st_atim.tv_nsec);
    if (geteuid() == 0)
        assert_true(bytes_equal(item.entry.user, bytes_of_str("root")));
    walk_free(w);
    owner_cache_free(options.owners);
    scratch_remove(dir);
}

/* Whether a walk that begins so long after the object's last change calls it
 * unsettled. */
static bool walk_finds_unsettled(const char *path, int64_t after_ns)
{
    struct bytes root = bytes_of_str(path);
    struct walk_item item = {.kind = WALK_LEAVE};
    struct walk *w;
    struct stat st;
    bool unsettled = false;

    assert_int_equal(lstat(path, &st), 0);
    clock_fake_set(
        st.st_ctim.tv_sec * CLOCK_SECOND_NS + st.st_ctim.tv_nsec + after_ns, 0);
    assert_int_equal(walk_new(&root, 1, &plain, &w), 0);
    while (item.kind != WALK_END) {
        assert_int_equal(walk_next(w, &item), 0);
        if ((item.kind == WALK_ENTER || item.kind == WALK_ENTRY) &&
            item.entry.inode == st.st_ino)
            unsettled = item.entry.unsettled;
    }
    walk_free(w);
    clock_fake_end();
    return unsettled;
}

static void test_walk__recent_changes_of_any_type_are_unsettled(void **state)
{
    static const char *const make[] = {"echo > f", "mkdir d",
                                       "ln -s somewhere l", "mkfifo p",
                                       "mknod c c 1 3"};
    static const char *const name[] = {"f", "d", "l", "p", "c"};
    static const struct {
        int64_t after_ns; /* the walk begins so long after the change */
        bool unsettled;
    } rows[] = {{0, true},
                {STAT_ENTRY_SETTLE_NS, true},
                {STAT_ENTRY_SETTLE_NS + 1, false},
                {CLOCK_SECOND_NS, false},
                {-1, true}}; /* from the future */
    char dir[SCRATCH_PATH];
    char path[SCRATCH_PATH + 16];

    (void)state;
    scratch_make(dir);
    for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
        if (!scratch_run("cd %s && %s 2>/dev/null", dir, make[i]))
            continue; /* no device for a common user */
        assert_true(snprintf(path, sizeof path, "%s/%s", dir, name[i]) > 0);
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
            assert_int_equal(walk_finds_unsettled(path, rows[k].after_ns),
                             rows[k].unsettled);
    }
    scratch_remove(dir);
}

/* Makes `depth` directories of `length` bytes below one another. */
static void make_deep(const char *dir, size_t depth, size_t length)
{
    char name[256];
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    memset(name, 'd', length);
    name[length] = 0;
    for (size_t i = 0; i < depth; i++) {
        int next;

        assert_int_equal(mkdirat(fd, name, 0755), 0);
        next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(fd);
        fd = next;
        /* behind the directory, so that it must be found again */
        assert_int_equal(mknodat(fd, "z", S_IFREG | 0644, 0), 0);
    }
    (void)close(fd);
}

static void test_walk__deep_trees_need_few_descriptors(void **state)
{
    char dir[SCRATCH_PATH];
    struct walk_options options = {.max_open = DIRFD_OPEN_MIN};
    struct bytes root;
    struct walk_item item = {0};
    struct walk *w;
    size_t before = open_fds();
    size_t most = 0;
    size_t files = 0;
    size_t leaves = 0;

    (void)state;
    scratch_make(dir);
    make_deep(dir, 300, 200); /* paths of 60,000 bytes */
    root = bytes_of_str(dir);
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    do {
        assert_int_equal(walk_next(w, &item), 0);
        assert_int_not_equal(item.kind, WALK_PROBLEM);
        files += item.kind == WALK_ENTRY;
        leaves += item.kind == WALK_LEAVE;
        if (open_fds() > most)
            most = open_fds();
    } while (item.kind != WALK_END);
    assert_int_equal(files, 300);
    assert_true(leaves > 300);
    assert_in_range(most, before + 1, before + DIRFD_OPEN_MIN + 2);
    walk_free(w);
    assert_int_equal(open_fds(), before);
    scratch_remove(dir);
}

static void test_walk__a_moved_directory_is_not_looked_for(void **state)
{
    char dir[SCRATCH_PATH];
    char from[SCRATCH_PATH + 16];
    char to[SCRATCH_PATH + 16];
    struct walk_options options = {.max_open = DIRFD_OPEN_MIN};
    struct bytes root;
    struct walk_item item = {0};
    struct walk *w;
    size_t deepest = 0;
    size_t depth = 0;
    size_t files = 0;
    size_t gone = 0;

    (void)state;
    scratch_make(dir);
    make_deep(dir, 30, 1);
    root = bytes_of_str(dir);
    assert_true(snprintf(from, sizeof from, "%s/d", dir) > 0);
    assert_true(snprintf(to, sizeof to, "%s/e", dir) > 0);
    assert_int_equal(walk_new(&root, 1, &options, &w), 0);
    do {
        assert_int_equal(walk_next(w, &item), 0);
        depth += item.kind == WALK_ENTER;
        files += item.kind == WALK_ENTRY;
        if (item.kind == WALK_PROBLEM) {
            assert_int_equal(item.problem, WALK_VANISHED);
            gone++;
        }
        if (depth == 30 && deepest == 0) {
            /* another one, with the same names, takes its place */
            assert_int_equal(rename(from, to), 0);
            make_deep(dir, 30, 1);
            deepest = depth;
        }
    } while (item.kind != WALK_END);
    /* those that were closed could not be opened again, and it was said */
    assert_true(gone > 10);
    assert_true(files + gone >= 30);
    walk_free(w);
    scratch_remove(dir);
}

/* nap_us: NULL: the walk is not begun with */
static void each_failure_walk(const char *dir, const char *root,
                              const struct walk_options *options,
                              const unsigned *nap_us, struct transcript *t)
{
    if (nap_us)
        transcript_primed(dir, root, options, *nap_us, t);
    else
        transcript_words(dir, root, options, t);
}

static void each_failure(const char *dir, const char *root,
                         const struct walk_options *options,
                         const unsigned *nap_us)
{
    char plan[64];
    struct transcript *good = calloc(1, sizeof *good);
    struct transcript *t = calloc(1, sizeof *t);
    uint64_t count;
    size_t before = open_fds();

    assert_true(good && t);
    assert_int_equal(fileop_fault_set("count,domain=source"), 0);
    each_failure_walk(dir, root, options, nap_us, good);
    count = fileop_fault_count();
    assert_true(count > 20);
    for (uint64_t n = 1; n <= count; n++) {
        assert_true(snprintf(plan, sizeof plan, "fail:%llu:EIO,domain=source",
                             (unsigned long long)n) > 0);
        assert_int_equal(fileop_fault_set(plan), 0);
        each_failure_walk(dir, root, options, nap_us, t);
        assert_int_equal(fileop_fault_set(NULL), 0);
        /* Nothing is lost in silence: a line is missing only where another
         * says so. A close that fails loses nothing. */
        if (t->rc == 0 && strcmp(t->text, good->text) != 0)
            assert_true(strstr(t->text, "?bad") || t->n == 0);
        assert_true(t->rc == 0 || t->rc == E_SOURCE);
        assert_int_equal(open_fds(), before);
    }
    for (uint64_t n = 1; n < 400; n++) {
        mem_fail_after(n, 0);
        each_failure_walk(dir, root, options, nap_us, t);
        mem_fail_after(0, 0);
        assert_true(t->rc == E_NOMEM ||
                    (t->rc == 0 && strcmp(t->text, good->text) == 0));
        assert_int_equal(open_fds(), before);
    }
    free(good);
    free(t);
}

static void test_walk__failures_are_problems_or_errors(void **state)
{
    const char *dir = *state;
    char from[SCRATCH_PATH + 8];
    struct walk_options elsewhere = {.from = from};
    const struct walk_options ahead = {.ahead = true};
    const unsigned nap_us = 1000;

    each_failure(dir, ".", &plain, NULL);
    each_failure(dir, ".", &ahead, NULL);
    each_failure(dir, ".", &ahead, &nap_us);
    assert_true(snprintf(from, sizeof from, "%s/b", dir) > 0);
    each_failure(dir, "a/x/b", &elsewhere, NULL);
}

static void test_walk__an_unreadable_directory_is_kept_empty(void **state)
{
    const char *dir = *state;

    assert_true(scratch_run("chmod 0 %s/b/sub", dir));
    if (geteuid() == 0) {
        assert_true(scratch_run("chown 65534 %s %s/b %s/b/sub", dir, dir, dir));
        assert_int_equal(seteuid(65534), 0);
    }
    transcript_expect(dir, ".", &plain,
                      "> \n> a\n< a\n> b\nb/10\nb/2\n>f b/sub\n?bad b/sub\n"
                      "<! b/sub\n< b\nb-\nl -> b/../no where\n< \n");
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static void test_walk__roots_must_be_canonical(void **state)
{
    static const char *const bad[] = {"",       "a",   "/a/", "/a//b",
                                      "/a/./b", "/..", "//"};
    struct walk *w;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bytes root = bytes_of_str(bad[i]);

        assert_int_equal(walk_new(&root, 1, &plain, &w), E_USAGE);
    }
    assert_int_equal(walk_new(NULL, 0, &plain, &w), E_USAGE);
}

static void check_resolves(const char *path, const char *dir, const char *rest)
{
    struct buf out;
    char expected[SCRATCH_PATH + 16];

    buf_init(&out, 1 << 16);
    assert_int_equal(walk_roots_resolve(path, &out), 0);
    buf_add(&out, "", 1);
    assert_true(snprintf(expected, sizeof expected, "%s%s", dir, rest) > 0);
    assert_string_equal((const char *)out.p, expected);
    buf_release(&out);
}

static void test_walk_roots__resolve_what_users_write(void **state)
{
    const char *dir = *state;
    char path[SCRATCH_PATH + 16];
    char before[SCRATCH_PATH];
    struct buf out;

    assert_true(snprintf(path, sizeof path, "%s/s", dir) > 0);
    assert_int_equal(symlink("b/sub", path), 0);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(dir), 0);
    check_resolves("b", dir, "/b");
    check_resolves(".", dir, "");
    check_resolves("./b/../b//sub", dir, "/b/sub");
    check_resolves("s", dir, "/s");
    check_resolves("s/", dir, "/b/sub");
    check_resolves("s/.", dir, "/b/sub");
    check_resolves("s/..", dir, "/b");
    check_resolves("s/x.o", dir, "/b/sub/x.o");
    check_resolves("none/../x", dir, "/x");
    check_resolves("none", dir, "/none");
    check_resolves("none/y/", dir, "/none/y");
    check_resolves("/", "/", "");
    check_resolves("/..", "/", "");
    check_resolves("//proc//", "/proc", "");
    buf_init(&out, 10);
    assert_int_equal(walk_roots_resolve("", &out), E_USAGE);
    assert_int_equal(chdir(before), 0);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* Bytes of this process's own memory; 0 where a sanitizer's is among it. */
static size_t rss_anon(void)
{
    char line[256];
    size_t kib = 0;
#ifndef SANITIZED
    FILE *f = fopen("/proc/self/status", "re");

    assert_non_null(f);
    while (fgets(line, sizeof line, f) &&
           sscanf(line, "RssAnon: %zu", &kib) != 1)
        ;
    (void)fclose(f);
#else
    (void)line;
#endif
    return kib << 10;
}

static void test_walk_names__a_million_names_need_little_memory(void **state)
{
    enum { N = 1000000 };
    struct walk_names names;
    struct walk_list list;
    size_t before = rss_anon();
    char name[64];

    (void)state;
    walk_names_init(&names);
    list = walk_names_begin(&names);
    for (size_t i = 0; i < N; i++) {
        /* each twice, in no order */
        int n = snprintf(name, sizeof name, "a-file-with-a-name-%06zu.data",
                         i * 7919 % (N / 2));

        assert_int_equal(
            walk_names_add(&names, &list, bytes_of(name, (size_t)n)), 0);
    }
    walk_names_sort(&names, &list);
    assert_int_equal(list.n, N / 2);
    assert_true(rss_anon() - before < (size_t)100 << 20);
    assert_true(names.text.cap + names.order.cap < (size_t)100 << 20);
    for (size_t i = 0; i < list.n; i++) {
        assert_true(snprintf(name, sizeof name, "a-file-with-a-name-%06zu.data",
                             i) > 0);
        assert_string_equal(walk_names_get(&names, &list, i), name);
    }
    assert_true(walk_names_has(&names, &list, bytes_of_str(name)));
    assert_false(walk_names_has(&names, &list, bytes_of_str("b")));
    walk_names_drop(&names, &list);
    /* what it took is given back, not kept for the next directory */
    assert_true(names.text.cap + names.order.cap < (size_t)16 << 20);
    walk_names_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk__goes_depth_first_by_bytes,
                                        small_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk__merges_roots, small_tree,
                                        gone),
        cmocka_unit_test_setup_teardown(test_walk__names_every_missing_root,
                                        small_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk__patterns_never_exclude_a_root, small_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk__skips_the_repository,
                                        small_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk__keeps_to_its_file_systems,
                                        small_tree, gone),
        cmocka_unit_test_setup_teardown(test_walk__a_root_can_stand_elsewhere,
                                        small_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk__what_is_not_there_has_plain_metadata, small_tree, gone),
        cmocka_unit_test(test_walk__entries_tell_what_stat_tells),
        cmocka_unit_test(test_walk__recent_changes_of_any_type_are_unsettled),
        cmocka_unit_test(test_walk__deep_trees_need_few_descriptors),
        cmocka_unit_test(test_walk__a_moved_directory_is_not_looked_for),
        cmocka_unit_test_setup_teardown(
            test_walk__failures_are_problems_or_errors, small_tree, gone),
        cmocka_unit_test_setup_teardown(
            test_walk__an_unreadable_directory_is_kept_empty, small_tree, gone),
        cmocka_unit_test(test_walk_names__a_million_names_need_little_memory),
        cmocka_unit_test(test_walk__roots_must_be_canonical),
        cmocka_unit_test_setup_teardown(
            test_walk_roots__resolve_what_users_write, small_tree, gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
