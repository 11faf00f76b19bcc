#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/stream.h"

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
    static const char *const part[] = {"abc", "", "de", "f", NULL};
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
    read_is(s, READER_END, 6, "");
    stream_finish(s, &e);
    assert_int_equal(e.size, 6);
    assert_int_equal(e.mtime.s, 1005);
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
        cmocka_unit_test(test_stream__yields_the_steps_of_a_walk),
        cmocka_unit_test(test_stream__pauses_and_ends_with_its_input),
        cmocka_unit_test(test_stream__hands_on_why_it_is_not_whole),
        cmocka_unit_test(test_stream__survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
