/* Trees that say of themselves what is not so, or point to what is not there,
 * as only a broken or hostile writer makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/dir_writer.h"
#include "repo/intake.h"
#include "repo/writer.h"
#include "tests/repo/check_kit.h"

/* A run that puts nodes and chunks as it likes. */
struct craft {
    struct check_kit *k;
    struct repo *r;
    struct writer *w;
    struct intake *in;
    struct intake_lane *data;
    struct intake_lane *meta;
};

static struct craft c;

static const struct check_options structure = {.threads = 1};

static int publish(void *ctx, struct pack_info *pack, size_t n, bool *indexed)
{
    (void)ctx;
    return writer_publish(c.w, pack, n, indexed);
}

static int begin(void **state)
{
    const struct intake_options intake = {
        .level = 1, .publish_bytes = UINT64_MAX, .publish_ns = INT64_MAX};
    struct repo_open_options opt;

    (void)state;
    c.k = check_kit_bare();
    opt = (struct repo_open_options){.secret = &c.k->secret,
                                     .cache_root = c.k->cache};
    assert_int_equal(repo_open(c.k->store, &opt, &c.r), 0);
    assert_int_equal(writer_open(c.r, bytes_of_str("kit@tree"), &c.w), 0);
    assert_int_equal(intake_open(c.k->store, c.r->keys, c.r->index, &intake,
                                 publish, NULL, &c.in),
                     0);
    assert_int_equal(intake_lane_new(c.in, PACK_DATA, &c.data), 0);
    assert_int_equal(intake_lane_new(c.in, PACK_META, &c.meta), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    intake_lane_free(c.data);
    intake_lane_free(c.meta);
    intake_free(c.in);
    writer_free(c.w);
    repo_close(c.r);
    check_kit_close(c.k);
    return 0;
}

/* --- making things --- */

/* A chunk of n bytes x; put: it is really there. */
static struct chunk_id chunk(uint8_t x, size_t n, bool put)
{
    struct chunk_id id;
    uint8_t *p = malloc(n);

    assert_non_null(p);
    memset(p, x, n);
    keyring_chunk_id(c.r->keys, PACK_DATA, bytes_of(p, n), &id);
    if (put)
        assert_int_equal(intake_put(c.data, bytes_of(p, n), &id, NULL), 0);
    free(p);
    return id;
}

static struct chunk_id node(const struct buf *b)
{
    struct node_sink sink = intake_node_sink(c.meta);
    struct chunk_id id;

    assert_int_equal(buf_status(b), 0);
    assert_int_equal(sink.put(sink.ctx, buf_bytes(b), &id), 0);
    return id;
}

static struct tree_entry file_entry(const char *name)
{
    return (struct tree_entry){.e = {.name = bytes_of_str(name),
                                     .type = ENTRY_FILE,
                                     .mode = 0644,
                                     .nlink = 1}};
}

static struct tree_entry dir_entry(const char *name, struct tree_dir d)
{
    return (struct tree_entry){.e = {.name = bytes_of_str(name),
                                     .type = ENTRY_DIR,
                                     .mode = 0755,
                                     .nlink = 2},
                               .dir = d};
}

/* A leaf page of n entries, whatever they are. */
static struct chunk_id leaf(const struct tree_entry *te, size_t n)
{
    struct node_head head = {.count = n};
    struct chunk_id id;
    struct buf b;

    buf_init(&b, NODE_BYTES_MAX);
    node_put_head(&b, NODE_PAGE, &head);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(tree_entry_put(&b, &te[i]), 0);
    id = node(&b);
    buf_release(&b);
    return id;
}

static struct chunk_id inner(enum node_kind kind, unsigned level,
                             const struct node_child *child, size_t n)
{
    struct node_head head = {.level = level, .count = n};
    struct chunk_id id;
    struct buf b;

    buf_init(&b, NODE_BYTES_MAX);
    node_put_head(&b, kind, &head);
    for (size_t i = 0; i < n; i++)
        node_put_child(&b, kind, &child[i]);
    id = node(&b);
    buf_release(&b);
    return id;
}

static struct chunk_id list_leaf(const struct extent *e, size_t n)
{
    struct node_head head = {.count = n};
    struct chunk_id id;
    struct buf b;

    buf_init(&b, NODE_BYTES_MAX);
    node_put_head(&b, NODE_LIST, &head);
    for (size_t i = 0; i < n; i++)
        extent_put(&b, &e[i]);
    id = node(&b);
    buf_release(&b);
    return id;
}

/* What an honest entry says of a directory with these entries. */
static struct tree_dir dir_of(const struct tree_entry *te, size_t n)
{
    struct tree_dir d = {.root = leaf(te, n), .entries = n};

    for (size_t i = 0; i < n; i++) {
        bool is_dir = te[i].e.type == ENTRY_DIR;

        d.below += 1 + (is_dir ? te[i].dir.below : 0);
        d.bytes += is_dir ? te[i].dir.bytes : te[i].e.size;
    }
    return d;
}

/* Commits a snapshot of a root directory, and checks. */
static int commit(struct tree_dir root)
{
    struct tree_entry te = dir_entry("", root);
    struct manifest m = {
        .series = bytes_of_str("kit@tree"), .number = 1, .complete = true};
    struct buf b;

    buf_init(&b, TREE_ENTRY_BYTES_MAX);
    assert_int_equal(tree_entry_put(&b, &te), 0);
    m.root = buf_bytes(&b);
    assert_int_equal(intake_lane_flush(c.data), 0);
    assert_int_equal(intake_lane_flush(c.meta), 0);
    assert_int_equal(intake_finish(c.in), 0);
    writer_log_tip(c.w, &m.log_number, &m.log_id);
    assert_int_equal(writer_commit(c.w, &m, &c.k->snapshot[0]), 0);
    buf_release(&b);
    return check_kit_run(c.k, c.k->r, &structure);
}

/* Exactly these paths are hurt, in this order; text is part of the first. */
static void expect_paths(const char *const *path, size_t n, const char *text)
{
    if (c.k->hit_n != n)
        for (size_t i = 0; i < c.k->hit_n; i++)
            print_message("%s: %s\n", c.k->hit[i].path, c.k->hit[i].text);
    assert_int_equal(c.k->hit_n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c.k->hit[i].kind, CHECK_PATH);
        assert_int_equal(c.k->hit[i].snapshot, 0);
        assert_string_equal(c.k->hit[i].path, path[i]);
    }
    if (n > 0 && !strstr(c.k->hit[0].text, text))
        fail_msg("'%s' is not in '%s'", text, c.k->hit[0].text);
}

static void expect_path(const char *path, const char *text)
{
    expect_paths(&path, 1, text);
}

/* A directory "d" with two files, and beside it a file "e". */
static struct tree_dir small_dir(void)
{
    struct tree_entry te[] = {file_entry("a"), file_entry("b")};

    return dir_of(te, 2);
}

static int commit_with(struct tree_dir d)
{
    struct tree_entry te[] = {dir_entry("d", d), file_entry("e")};

    return commit(dir_of(te, 2));
}

/* --- directories --- */

static void test_check_tree__honest_trees_are_sound(void **state)
{
    (void)state;
    assert_int_equal(commit_with(small_dir()), 0);
    assert_int_equal(c.k->hit_n, 0);
    assert_int_equal(c.k->sum.entries, 4);
}

static void test_check_tree__wrong_sums_are_found(void **state)
{
    struct tree_dir d[3];
    struct tree_entry te[4];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        d[i] = small_dir();
    d[0].entries++;
    d[1].below--;
    d[2].bytes += 7;
    /* one page, found sound at first, and three that lie about it */
    te[0] = dir_entry("a-true-one", small_dir());
    te[1] = dir_entry("count", d[0]);
    te[2] = dir_entry("number", d[1]);
    te[3] = dir_entry("size", d[2]);
    assert_int_equal(commit(dir_of(te, 4)), E_CORRUPT);
    expect_paths((const char *const[]){"count", "number", "size"}, 3,
                 "holds 2 entries, not the 3");
    assert_true(c.k->hit[0].is_dir);
}

static void test_check_tree__missing_pages_are_found(void **state)
{
    struct tree_dir d = small_dir();

    (void)state;
    d.root.b[5] ^= 1;
    assert_int_equal(commit_with(d), E_CORRUPT);
    expect_path("d", "in no pack");
    assert_true(c.k->hit[0].is_dir);
}

/* Two pages below an inner one; n of the second's entries is counted too. */
struct two {
    const char *name[4]; /* entries: two in each page */
    const char *first[2];
    uint64_t weight[2];
    unsigned level;
    const char *text; /* what is wrong */
};

static void test_check_tree__inner_pages_are_held_to_their_word(void **state)
{
    static const struct two t[] = {
        {{"a", "b", "c", "d"}, {"a", "c"}, {2, 2}, 1, NULL},
        {{"a", "b", "c", "d"}, {"a", "c"}, {1, 3}, 1, "holds 2 entries"},
        {{"a", "b", "c", "d"}, {"a", "bb"}, {2, 2}, 1, "another name"},
        {{"a", "b", "c", "d"}, {"a", "c"}, {2, 2}, 2, "wrong level"},
        {{"a", "c", "b", "d"}, {"a", "b"}, {2, 2}, 1, "out of order"},
        {{"b", "a", "c", "d"}, {"b", "c"}, {2, 2}, 1, "out of order"},
        {{"a", "b", "b", "d"}, {"a", "b"}, {2, 2}, 1, "out of order"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct node_child child[2];
        struct tree_dir d = {.entries = 4, .below = 4};

        begin(NULL);
        for (size_t j = 0; j < 2; j++) {
            struct tree_entry te[] = {file_entry(t[i].name[2 * j]),
                                      file_entry(t[i].name[2 * j + 1])};

            child[j] =
                (struct node_child){.id = leaf(te, 2),
                                    .weight = t[i].weight[j],
                                    .first = bytes_of_str(t[i].first[j])};
        }
        d.root = inner(NODE_PAGE, t[i].level, child, 2);
        assert_int_equal(commit_with(d), t[i].text ? E_CORRUPT : 0);
        if (t[i].text)
            assert_non_null(strstr(c.k->hit[0].text, t[i].text));
        for (size_t j = 0; j < c.k->hit_n; j++)
            assert_string_equal(c.k->hit[j].path, "d");
        end(NULL);
    }
}

/* A page that cannot be read hides its own entries and no others. */
static void test_check_tree__the_walk_goes_on_behind_damage(void **state)
{
    struct tree_entry bad = file_entry("z");
    struct tree_entry te[] = {file_entry("a"), file_entry("b")};
    struct node_child child[2] = {{.weight = 2, .first = bytes_of_str("a")},
                                  {.weight = 1, .first = bytes_of_str("z")}};
    struct tree_dir d = {.entries = 3, .below = 3};

    (void)state;
    child[0].id = leaf(te, 2);
    child[0].id.b[0] ^= 1;
    bad.e.size = 100;
    bad.content.extents = bytes_of(NULL, 0);
    {
        struct extent e = {
            .kind = EXTENT_CHUNK, .length = 100, .id = chunk(1, 100, false)};
        struct buf b;

        buf_init(&b, 100);
        extent_put(&b, &e);
        bad.content = (struct content){.extents = buf_bytes(&b), .extent_n = 1};
        child[1].id = leaf(&bad, 1);
        buf_release(&b);
    }
    d.bytes = 100;
    d.root = inner(NODE_PAGE, 1, child, 2);
    assert_int_equal(commit_with(d), E_CORRUPT);
    expect_paths((const char *const[]){"d", "d/z"}, 2, "in no pack");
}

/* --- content --- */

/* A snapshot with one file of that content. */
static int commit_file(const struct extent *e, size_t n, uint64_t size,
                       bool list)
{
    struct tree_entry te = file_entry("f");
    struct buf b;
    int rc;

    buf_init(&b, 4096);
    te.e.size = size;
    if (list) {
        te.content = (struct content){.is_list = true, .root = list_leaf(e, n)};
    } else {
        for (size_t i = 0; i < n; i++)
            extent_put(&b, &e[i]);
        te.content = (struct content){.extents = buf_bytes(&b), .extent_n = n};
    }
    rc = commit(dir_of(&te, 1));
    buf_release(&b);
    return rc;
}

static void test_check_tree__content_is_held_to_its_word(void **state)
{
    static const struct {
        uint64_t length;
        uint64_t offset;
        uint64_t size;
        enum extent_kind kind;
        bool there;
        bool list;
        const char *text; /* NULL: nothing is wrong */
    } t[] = {
        {100, 0, 100, EXTENT_CHUNK, true, false, NULL},
        {100, 0, 100, EXTENT_CHUNK, true, true, NULL},
        {100, 0, 100, EXTENT_CHUNK, false, false, "in no pack"},
        {100, 0, 100, EXTENT_CHUNK, false, true, "in no pack"},
        {99, 0, 99, EXTENT_CHUNK, true, false, "has 100 bytes, not 99"},
        {101, 0, 101, EXTENT_CHUNK, true, true, "has 100 bytes, not 101"},
        {40, 60, 40, EXTENT_SLICE, true, false, NULL},
        {41, 60, 41, EXTENT_SLICE, true, false, "has 100 bytes, not 101"},
        {300000, 0, 300000, EXTENT_HOLE, false, false, NULL},
        {100, 0, 99, EXTENT_CHUNK, true, true, "holds 100 bytes, not the 99"},
        {100, 0, 101, EXTENT_CHUNK, true, true, "holds 100 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct extent e = {
            .kind = t[i].kind, .length = t[i].length, .offset = t[i].offset};
        int rc;

        begin(NULL);
        if (t[i].kind != EXTENT_HOLE)
            e.id = chunk(9, 100, t[i].there);
        rc = commit_file(&e, 1, t[i].size, t[i].list);
        assert_int_equal(rc, t[i].text ? E_CORRUPT : 0);
        if (t[i].text)
            expect_path("f", t[i].text);
        end(NULL);
    }
}

/* Lists below lists: of the second one leaf is lost, one is said to be of
 * another length; the first shares its leaves and is sound. */
static void test_check_tree__lists_are_walked_to_their_ends(void **state)
{
    struct node_child child[3];
    struct tree_entry te[2] = {file_entry("e"), file_entry("f")};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct extent e = {.kind = EXTENT_CHUNK,
                           .length = 100 + i,
                           .id = chunk((uint8_t)i, 100 + i, true)};

        child[i] =
            (struct node_child){.id = list_leaf(&e, 1), .weight = 100 + i};
    }
    te[0].e.size = 303;
    te[0].content = (struct content){.is_list = true,
                                     .root = inner(NODE_LIST, 1, child, 3)};
    child[0].id.b[9] ^= 1;
    child[1].weight = 50;
    te[1].e.size = 100 + 50 + 102;
    te[1].content = (struct content){.is_list = true,
                                     .root = inner(NODE_LIST, 1, child, 3)};
    assert_int_equal(commit(dir_of(te, 2)), E_CORRUPT);
    expect_path("f", "(and 1 more)");
}

static void test_check_tree__large_attributes_are_looked_up(void **state)
{
    struct tree_attr attr[2] = {
        {.name = bytes_of_str("user.a"), .is_chunk = true, .length = 2000},
        {.name = bytes_of_str("user.b"), .is_chunk = true, .length = 3000}};
    struct tree_entry te[3] = {
        file_entry("good"),
        file_entry("lost"),
        {.e = {.name = bytes_of_str("pipe"), .type = ENTRY_FIFO, .nlink = 1}}};

    (void)state;
    attr[0].id = chunk(1, 2000, true);
    attr[1].id = chunk(2, 3000, false);
    te[0].attr = attr;
    te[0].attr_n = 1;
    te[1].attr = attr;
    te[1].attr_n = 2;
    te[2].attr = attr + 1;
    te[2].attr_n = 1;
    assert_int_equal(commit(dir_of(te, 3)), E_CORRUPT);
    expect_paths((const char *const[]){"lost", "pipe"}, 2, "in no pack");
}

/* Deeper than any walk goes: said once, and the rest is checked. */
static void test_check_tree__depth_is_bounded(void **state)
{
    struct tree_dir d = small_dir();

    (void)state;
    for (int i = 0; i < 4200; i++) {
        struct tree_entry te = dir_entry("d", d);

        d = dir_of(&te, 1);
    }
    assert_int_equal(commit(d), E_CORRUPT);
    assert_int_equal(c.k->sum.paths_hurt, 1);
    assert_non_null(strstr(c.k->hit[0].text, "nested too deeply"));
}

/* A list that is hurt is not sound for the next file that has it. */
static void test_check_tree__shared_damage_is_found_again(void **state)
{
    struct extent e[2] = {{.kind = EXTENT_CHUNK, .length = 100},
                          {.kind = EXTENT_CHUNK, .length = 100}};
    struct tree_entry te[3] = {file_entry("e"), file_entry("f"),
                               file_entry("g")};
    struct node_child child[2];
    struct tree_dir d[2];
    struct tree_entry top[5];

    (void)state;
    e[0].id = chunk(1, 100, true);
    e[1].id = chunk(2, 100, false);
    for (size_t i = 0; i < 2; i++)
        child[i] =
            (struct node_child){.id = list_leaf(&e[i], 1), .weight = 100};
    for (size_t i = 0; i < 3; i++) {
        te[i].e.size = 200;
        te[i].content = (struct content){.is_list = true,
                                         .root = inner(NODE_LIST, 1, child, 2)};
    }
    d[0] = dir_of(te, 2);
    d[1] = dir_of(te + 2, 1);
    top[0] = dir_entry("one", d[0]);
    top[1] = dir_entry("same", d[0]);
    top[2] = dir_entry("two", d[1]);
    top[3] = dir_entry("up", dir_of(top + 2, 1));
    top[4] = dir_entry("up-again", top[3].dir);
    assert_int_equal(commit(dir_of(top, 5)), E_CORRUPT);
    expect_paths((const char *const[]){"one/e", "one/f", "same/e", "same/f",
                                       "two/g", "up/two/g", "up-again/two/g"},
                 7, "in no pack");
}

/* What two snapshots share is looked at once. */
static void test_check_tree__shared_directories_are_walked_once(void **state)
{
    struct tree_entry te[3] = {dir_entry("d", small_dir()),
                               dir_entry("e", small_dir()), file_entry("f")};

    (void)state;
    assert_int_equal(commit(dir_of(te, 2)), 0);
    assert_int_equal(c.k->sum.entries, 4);
    assert_int_equal(commit(dir_of(te, 3)), 0);
    /* the new root's three entries, nothing below them */
    assert_int_equal(c.k->sum.entries, 7);
    assert_int_equal(c.k->sum.snapshots, 2);
}

int main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TREE_TEST(test_check_tree__honest_trees_are_sound),
        TREE_TEST(test_check_tree__wrong_sums_are_found),
        TREE_TEST(test_check_tree__missing_pages_are_found),
        cmocka_unit_test(test_check_tree__inner_pages_are_held_to_their_word),
        TREE_TEST(test_check_tree__the_walk_goes_on_behind_damage),
        cmocka_unit_test(test_check_tree__content_is_held_to_its_word),
        TREE_TEST(test_check_tree__lists_are_walked_to_their_ends),
        TREE_TEST(test_check_tree__large_attributes_are_looked_up),
        TREE_TEST(test_check_tree__depth_is_bounded),
        TREE_TEST(test_check_tree__shared_damage_is_found_again),
        TREE_TEST(test_check_tree__shared_directories_are_walked_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
