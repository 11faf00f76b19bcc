#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "source/stream.h"
#include "tests/support/scratch.h"

/* An input that gives these parts; "" is a moment without anything. */
struct parts {
    const char *const *part; /* ends with NULL */
    int fails;               /* what comes instead of the end; 0: the end */
};

static int parts_read(void *ctx, uint8_t *to, size_t cap, size_t *n, bool *end)
{
    struct parts *p = ctx;

    if (!*p->part && p->fails)
        return err_set(p->fails, "it broke");
    *end = !*p->part;
    if (*end)
        return 0;
    *n = strlen(*p->part);
    assert_true(*n <= cap);
    memcpy(to, *p->part++, *n);
    return 0;
}

static struct stream *open_stream(const char *path, struct parts *p)
{
    struct stream_input input = {.read = parts_read, .ctx = p};
    struct stream *s;

    assert_int_equal(stream_new(bytes_of_str(path), &input, NULL, &s), 0);
    return s;
}

static struct walk_item step(struct stream *s, enum walk_kind kind,
                             const char *name)
{
    struct walk_item item;

    assert_int_equal(stream_next(s, &item), 0);
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.entry.name.n, strlen(name));
    if (item.entry.name.n > 0)
        assert_memory_equal(item.entry.name.p, name, strlen(name));
    return item;
}

static void test_stream__takes_names_that_a_file_can_have(void **state)
{
    static const struct {
        const char *name, *path; /* NULL: refused */
    } row[] = {{"a", "/a"},     {"/a", "/a"},      {"a/b.c", "/a/b.c"},
               {"...", "/..."}, {"\xff", "/\xff"}, {"", NULL},
               {"/", NULL},     {"//", NULL},      {"a/", NULL},
               {"a//b", NULL},  {"./a", NULL},     {"a/..", NULL},
               {"..", NULL},    {"a/./b", NULL},   {"//a", NULL}};
    char longest[STREAM_PATH_MAX + 2];
    struct buf b;

    (void)state;
    buf_init(&b, 4 * sizeof longest);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf_truncate(&b, 0);
        assert_int_equal(stream_path(row[i].name, &b),
                         row[i].path ? 0 : E_USAGE);
        if (row[i].path)
            assert_true(bytes_equal(buf_bytes(&b), bytes_of_str(row[i].path)));
    }
    memset(longest, 'x', sizeof longest);
    for (size_t i = 0; i < sizeof longest; i += 200)
        longest[i] = '/';
    longest[STREAM_PATH_MAX] = 0;
    buf_truncate(&b, 0);
    assert_int_equal(stream_path(longest, &b), 0);
    longest[STREAM_PATH_MAX] = 'x';
    longest[STREAM_PATH_MAX + 1] = 0;
    assert_int_equal(stream_path(longest, &b), E_USAGE);
    longest[300] = 0;
    longest[200] = 'x'; /* one part of 299 bytes */
    assert_int_equal(stream_path(longest, &b), E_USAGE);
    buf_release(&b);
}

/* What a link leads to stands in the path, as above a root of a walk: a
 * restore would put a directory in the link's place. */
static void test_stream__resolves_the_links_that_lead_to_it(void **state)
{
    static const struct {
        const char *name, *path; /* below the directory */
    } row[] = {{"link/f", "dir/f"},
               {"link/none/f", "dir/none/f"},
               {"dir/up/dir/f", "dir/f"},
               {"leaf", "leaf"},
               {"none/link/f", "none/link/f"},
               {"nowhere/f", "nowhere/f"},
               {"leaf/f", "leaf/f"}};
    char dir[SCRATCH_PATH], text[SCRATCH_PATH + 32];
    static char longest[STREAM_PATH_MAX + 1];
    struct buf b;
    size_t n;

    (void)state;
    scratch_make(dir);
    scratch_dir(dir, "dir");
    assert_true(scratch_run("cd %s && ln -s dir link && ln -s .. dir/up && "
                            "ln -s none nowhere && ln -s dir/g leaf",
                            dir));
    buf_init(&b, 2 * sizeof longest);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        buf_reset(&b);
        (void)snprintf(text, sizeof text, "%s/%s", dir, row[i].name);
        assert_int_equal(stream_path(text, &b), 0);
        (void)snprintf(text, sizeof text, "%s/%s", dir, row[i].path);
        assert_true(bytes_equal(buf_bytes(&b), bytes_of_str(text)));
    }
    /* too long by that alone */
    assert_true(scratch_run("cd %s && ln -s $(seq -s - 60) far && "
                            "mkdir $(seq -s - 60)",
                            dir));
    n = (size_t)snprintf(longest, sizeof longest, "%s/far", dir);
    for (; n < STREAM_PATH_MAX; n++)
        longest[n] = n % 200 == 199 && n + 1 < STREAM_PATH_MAX ? '/' : 'x';
    longest[strlen(dir) + 4] = '/';
    longest[n] = 0;
    buf_reset(&b);
    assert_int_equal(stream_path(longest, &b), E_USAGE);
    assert_true(scratch_run("rm %s/far", dir));
    buf_reset(&b);
    assert_int_equal(stream_path(longest, &b), 0);
    buf_release(&b);
    scratch_remove(dir);
}

static void test_stream__yields_the_steps_of_a_walk(void **state)
{
    static const char *const none[] = {NULL};
    struct parts p = {.part = none};
    struct stream *s = open_stream("/proc/no-such-dir/f", &p);
    struct walk_item item;

    (void)state;
    item = step(s, WALK_ENTER, "");
    assert_true(item.entry.starts_fs);
    assert_true(item.entry.inode > 0); /* "/" is really there */
    item = step(s, WALK_ENTER, "proc");
    assert_int_equal(item.entry.mode, 0555);
    item = step(s, WALK_ENTER, "no-such-dir");
    assert_int_equal(item.entry.mode, 0755);
    assert_int_equal(item.entry.uid, 0);
    assert_int_equal(item.entry.inode, 0);
    item = step(s, WALK_ENTRY, "f");
    assert_int_equal(item.entry.type, ENTRY_FILE);
    assert_int_equal(item.entry.mode, 0600);
    assert_int_equal(item.entry.uid, geteuid());
    assert_int_equal(item.entry.gid, getegid());
    assert_int_equal(item.entry.inode, 0);
    assert_true(item.entry.unsettled);
    for (int i = 0; i < 3; i++)
        (void)step(s, WALK_LEAVE, "");
    (void)step(s, WALK_END, "");
    (void)step(s, WALK_END, "");
    stream_free(s);
}

/* A look at directories is one at the source, and over when it is over. */
static void test_stream__names_owners_and_keeps_to_the_source(void **state)
{
    static const char *const none[] = {NULL};
    struct parts p = {.part = none};
    struct stream_input input = {.read = parts_read, .ctx = &p};
    struct owner_cache *owners;
    struct stream *s;
    struct walk_item item;

    (void)state;
    assert_int_equal(owner_cache_new(&owners), 0);
    assert_int_equal(stream_new(bytes_of_str("/none/f"), &input, owners, &s),
                     0);
    assert_int_equal(fileop_enter(FILEOP_REPO), FILEOP_OTHER);
    assert_int_equal(fileop_fault_set("fail-from:1:EIO,domain=source"), 0);
    item = step(s, WALK_ENTER, "");
    assert_int_equal(fileop_fault_fired(), 1);
    assert_int_equal(item.entry.inode, 0); /* nobody could look */
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(fileop_enter(FILEOP_OTHER), FILEOP_REPO);
    assert_true(bytes_equal(item.entry.user, bytes_of_str("root")));
    assert_true(bytes_equal(item.entry.group, bytes_of_str("root")));
    item = step(s, WALK_ENTER, "none");
    assert_true(bytes_equal(item.entry.user, bytes_of_str("root")));
    item = step(s, WALK_ENTRY, "f");
    assert_true(item.entry.user.n > 0);
    stream_free(s);
    owner_cache_free(owners);
}

static void read_is(struct stream *s, enum reader_kind kind, uint64_t off,
                    const char *data)
{
    struct reader_run run;
    uint8_t buf[16];

    assert_int_equal(stream_read(s, buf, sizeof buf, &run), 0);
    assert_int_equal(run.kind, kind);
    assert_int_equal(run.off, off);
    assert_int_equal(run.n, strlen(data));
    assert_memory_equal(buf, data, run.n);
}

static void test_stream__pauses_and_ends_with_its_input(void **state)
{
    static const char *const part[] = {"abc", "", "de", "f", "", "g", NULL};
    struct parts p = {.part = part};
    struct stream *s;
    struct entry e = {.type = ENTRY_FILE};

    (void)state;
    clock_fake_set(1000 * CLOCK_SECOND_NS + 7, 0);
    s = open_stream("/f", &p);
    read_is(s, READER_DATA, 0, "abc");
    read_is(s, READER_PAUSE, 3, "");
    read_is(s, READER_DATA, 3, "de");
    /* whatever flows */
    clock_fake_advance(5 * CLOCK_SECOND_NS);
    read_is(s, READER_PAUSE, 5, "");
    read_is(s, READER_DATA, 5, "f");
    /* but not so soon after one that came by itself */
    clock_fake_advance(4 * CLOCK_SECOND_NS);
    read_is(s, READER_PAUSE, 6, "");
    clock_fake_advance(4 * CLOCK_SECOND_NS);
    read_is(s, READER_DATA, 6, "g");
    read_is(s, READER_END, 7, "");
    stream_finish(s, &e);
    assert_int_equal(e.size, 7);
    assert_int_equal(e.mtime.s, 1013);
    assert_int_equal(e.mtime.ns, 7);
    stream_free(s);
    clock_fake_end();
}

static void test_stream__hands_on_why_it_is_not_whole(void **state)
{
    static const char *const part[] = {"abc", NULL};
    struct parts p = {.part = part, .fails = E_SOURCE};
    struct stream *s = open_stream("/f", &p);
    struct reader_run run;
    uint8_t buf[16];

    (void)state;
    read_is(s, READER_DATA, 0, "abc");
    assert_int_equal(stream_read(s, buf, sizeof buf, &run), E_SOURCE);
    stream_free(s);
}

static void test_stream__survives_want_of_memory(void **state)
{
    struct stream_input input = {.read = parts_read};
    struct stream *s;

    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_after(n, 0);
        assert_int_equal(stream_new(bytes_of_str("/f"), &input, NULL, &s),
                         E_NOMEM);
        assert_null(s);
    }
    mem_fail_after(0, 0);
    assert_int_equal(stream_new(bytes_of_str("f"), &input, NULL, &s), E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__takes_names_that_a_file_can_have),
        cmocka_unit_test(test_stream__resolves_the_links_that_lead_to_it),
        cmocka_unit_test(test_stream__yields_the_steps_of_a_walk),
        cmocka_unit_test(test_stream__names_owners_and_keeps_to_the_source),
        cmocka_unit_test(test_stream__pauses_and_ends_with_its_input),
        cmocka_unit_test(test_stream__hands_on_why_it_is_not_whole),
        cmocka_unit_test(test_stream__survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
