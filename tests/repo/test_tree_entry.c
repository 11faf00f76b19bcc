#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repo/tree_entry.h"

/* One entry of every type, with everything an entry can have. */
static struct tree_entry sample(enum entry_type type)
{
    static uint8_t hole[] = {0xfd, 0x3f}; /* 2047 bytes of hole */
    struct tree_entry te = {.e = {.type = type}};
    struct tree_attr a = {.name = bytes_of_str("security.x"),
                          .value = bytes_of("\0\1", 2)};
    struct tree_attr big = {.name = bytes_of_str("user.big"),
                            .is_chunk = true,
                            .length = 65536,
                            .id = {{7}}};

    te.e.name = bytes_of_str("n\n\xff\x1b");
    te.e.mode = 07644;
    te.e.uid = UINT32_MAX;
    te.e.gid = 5;
    te.e.user = bytes_of_str("root");
    te.e.group = bytes_of_str("staff");
    te.e.mtime = (struct entry_time){-62135596800, 999999999};
    te.e.ctime = (struct entry_time){INT64_MAX / 4, 1};
    te.e.btime = (struct entry_time){3, 4};
    te.e.atime = (struct entry_time){5, 6};
    te.e.has_btime = te.e.has_atime = te.e.has_inode_flags = true;
    te.e.inode_flags = 0x10;
    te.e.inode = UINT64_MAX;
    te.e.nlink = 3;
    te.e.project = 4711;
    te.e.unsettled = true;
    if (type == ENTRY_FILE) {
        te.e.size = 2047;
        te.content.extents = bytes_of(hole, sizeof hole);
        te.content.extent_n = 1;
        te.holes = bytes_of("\x02\x05\x03\x01\xf6\x0f", 6);
    } else if (type == ENTRY_DIR) {
        te.dir = (struct tree_dir){.root = {{1}}, .entries = 3, .below = 70};
        te.e.starts_fs = true;
    } else if (type == ENTRY_SYMLINK) {
        te.e.target = bytes_of_str("../\xfe/x");
    } else if (type == ENTRY_CHAR || type == ENTRY_BLOCK) {
        te.e.rdev_major = 8;
        te.e.rdev_minor = 1048575;
    }
    assert_int_equal(tree_entry_add_attr(&te, &a), 0);
    assert_int_equal(tree_entry_add_attr(&te, &big), 0);
    return te;
}

static int get(struct bytes in, struct tree_entry *te, bool is_root)
{
    struct codec c;
    int rc;

    codec_init(&c, in);
    rc = tree_entry_get(&c, te, is_root);
    return rc < 0 ? rc : codec_end(&c, "entry");
}

static void assert_same(const struct tree_entry *x, const struct tree_entry *y)
{
    assert_int_equal(x->e.type, y->e.type);
    assert_true(bytes_equal(x->e.name, y->e.name));
    assert_true(bytes_equal(x->e.user, y->e.user));
    assert_true(bytes_equal(x->e.group, y->e.group));
    assert_true(bytes_equal(x->e.target, y->e.target));
    assert_int_equal(x->e.mode, y->e.mode);
    assert_int_equal(x->e.uid, y->e.uid);
    assert_int_equal(x->e.gid, y->e.gid);
    assert_int_equal(entry_time_cmp(x->e.mtime, y->e.mtime), 0);
    assert_int_equal(entry_time_cmp(x->e.ctime, y->e.ctime), 0);
    assert_int_equal(entry_time_cmp(x->e.btime, y->e.btime), 0);
    assert_int_equal(entry_time_cmp(x->e.atime, y->e.atime), 0);
    assert_int_equal(x->e.inode, y->e.inode);
    assert_int_equal(x->e.nlink, y->e.nlink);
    assert_int_equal(x->e.size, y->e.size);
    assert_int_equal(x->e.rdev_major, y->e.rdev_major);
    assert_int_equal(x->e.rdev_minor, y->e.rdev_minor);
    assert_int_equal(x->e.inode_flags, y->e.inode_flags);
    assert_int_equal(x->e.project, y->e.project);
    assert_int_equal(x->e.starts_fs, y->e.starts_fs);
    assert_int_equal(x->e.unsettled, y->e.unsettled);
    assert_int_equal(x->e.changing, y->e.changing);
    assert_true(bytes_equal(x->holes, y->holes));
    assert_int_equal(x->dir.entries, y->dir.entries);
    assert_int_equal(x->dir.below, y->dir.below);
    assert_memory_equal(x->dir.root.b, y->dir.root.b, ID_BYTES);
    assert_int_equal(x->attr_n, y->attr_n);
    for (size_t i = 0; i < x->attr_n; i++) {
        assert_true(bytes_equal(x->attr[i].name, y->attr[i].name));
        assert_true(bytes_equal(x->attr[i].value, y->attr[i].value));
        assert_int_equal(x->attr[i].length, y->attr[i].length);
    }
}

static void test_tree_entry__keeps_everything_of_every_type(void **state)
{
    (void)state;
    for (int type = ENTRY_FILE; type <= ENTRY_SOCKET; type++) {
        struct tree_entry te = sample((enum entry_type)type);
        struct tree_entry back = {.attr = NULL};
        struct buf b;

        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false), 0);
        assert_same(&te, &back);
        assert_true(bytes_equal(back.raw, buf_bytes(&b)));
        for (size_t n = 0; n < b.n; n++)
            assert_int_equal(get(bytes_of(b.p, n), &back, false), E_CORRUPT);
        for (size_t n = 0; n < b.n; n++) {
            int rc;

            b.p[n] ^= 0xff;
            rc = get(buf_bytes(&b), &back, false);
            assert_true(rc == 0 || rc == E_CORRUPT);
            b.p[n] ^= 0xff;
        }
        buf_release(&b);
        tree_entry_release(&back);
        tree_entry_release(&te);
    }
}

/* What a listing shows is what the whole entry says, and only that is read. */
static void test_tree_entry__shows_what_a_listing_needs(void **state)
{
    static const struct {
        uint64_t inode, nlink;
    } links[] = {{7, 1}, {7, 2}, {UINT64_MAX, UINT64_MAX}, {0, 2}};

    (void)state;
    for (int type = ENTRY_FILE; type <= ENTRY_SOCKET; type++) {
        for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
            struct tree_entry te = sample((enum entry_type)type);
            struct tree_shown s;
            struct codec c;
            struct buf b;

            te.e.inode = links[i].inode;
            te.e.nlink = links[i].nlink;
            buf_init(&b, TREE_ENTRY_BYTES_MAX);
            assert_int_equal(tree_entry_put(&b, &te), 0);
            codec_init(&c, buf_bytes(&b));
            s = tree_entry_shown(&c);
            assert_false(c.failed);
            assert_int_equal(s.type, type);
            assert_true(bytes_equal(s.name, te.e.name));
            assert_int_equal(s.linked, tree_entry_linked(&te.e));
            assert_int_equal(s.linked, type != ENTRY_DIR && (i == 1 || i == 2));
            buf_release(&b);
            tree_entry_release(&te);
        }
    }
}

static void test_tree_entry__refuses_bad_names(void **state)
{
    static const struct bytes names[] = {
        {(const uint8_t *)"", 0},     {(const uint8_t *)".", 1},
        {(const uint8_t *)"..", 2},   {(const uint8_t *)"a/b", 3},
        {(const uint8_t *)"a\0b", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tree_entry te = sample(ENTRY_FIFO);
        struct tree_entry back = {.attr = NULL};
        struct buf b;

        te.e.name = names[i];
        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false), E_CORRUPT);
        buf_release(&b);
        tree_entry_release(&back);
        tree_entry_release(&te);
    }
}

static void test_tree_entry__only_a_root_has_no_name(void **state)
{
    struct tree_entry te = sample(ENTRY_DIR);
    struct tree_entry back = {.attr = NULL};
    struct buf b;

    (void)state;
    te.e.name = bytes_of("", 0);
    buf_init(&b, TREE_ENTRY_BYTES_MAX);
    assert_int_equal(tree_entry_put(&b, &te), 0);
    assert_int_equal(get(buf_bytes(&b), &back, true), 0);
    assert_int_equal(get(buf_bytes(&b), &back, false), E_CORRUPT);
    buf_release(&b);
    tree_entry_release(&back);
    tree_entry_release(&te);
}

static void test_tree_entry__refuses_sizes_that_do_not_add_up(void **state)
{
    struct tree_entry te = sample(ENTRY_FILE);
    struct tree_entry back = {.attr = NULL};

    (void)state;
    for (uint64_t size = 2046; size <= 2048; size++) {
        struct buf b;

        te.e.size = size;
        te.holes = bytes_of(NULL, 0);
        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false),
                         size == 2047 ? 0 : E_CORRUPT);
        buf_release(&b);
    }
    tree_entry_release(&back);
    tree_entry_release(&te);
}

static void test_tree_entry__keeps_optional_fields_it_does_not_know(void **s)
{
    /* tag 2 (project) = 9, tag 8 = "xy"; then the same with odd tag 7 */
    static const struct {
        const char *fields;
        size_t n;
        int rc;
    } table[] = {
        {"\x02\x01\x09\x08\x02xy", 7, 0},
        {"\x02\x01\x09\x07\x02xy", 7, E_CORRUPT},
        {"\x08\x02xy\x02\x01\x09", 7, E_CORRUPT},
        {"\x08\x03xy", 4, E_CORRUPT},
    };

    (void)s;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct tree_entry te = sample(ENTRY_SOCKET);
        struct tree_entry back = {.attr = NULL};
        struct buf b;

        te.fields = bytes_of(table[i].fields, table[i].n);
        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false), table[i].rc);
        if (table[i].rc == 0) {
            assert_int_equal(back.e.project, 9);
            assert_true(bytes_equal(back.fields, te.fields));
        }
        buf_release(&b);
        tree_entry_release(&back);
        tree_entry_release(&te);
    }
}

/* Holes of 2047 bytes at most, and of files alone. */
static void test_tree_entry__refuses_holes_that_cannot_be(void **state)
{
    static const struct {
        enum entry_type type;
        const char *holes;
        size_t n;
        int rc;
    } table[] = {
        {ENTRY_FILE, "\x01\x00\xff\x0f", 4, 0},
        {ENTRY_FILE, "\x01\x01\xff\x0f", 4, E_CORRUPT}, /* to 2048 */
        {ENTRY_FILE, "\x01\x00\x01\x00", 4, E_CORRUPT}, /* a byte more */
        {ENTRY_DIR, "\x01\x00\x01", 3, E_CORRUPT},
        {ENTRY_SYMLINK, "\x01\x00\x01", 3, E_CORRUPT},
        {ENTRY_SYMLINK, "\x01\x00\x00", 3, E_CORRUPT},
        {ENTRY_SYMLINK, "\x00", 1, E_CORRUPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct tree_entry te = sample(table[i].type);
        struct tree_entry back = {.attr = NULL};
        uint8_t field[16] = {6, (uint8_t)table[i].n};
        struct buf b;

        memcpy(field + 2, table[i].holes, table[i].n);
        te.fields = bytes_of(field, table[i].n + 2);
        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false), table[i].rc);

        /* and never written: the entry is one without them */
        te.fields = bytes_of(NULL, 0);
        te.holes = bytes_of(table[i].holes, table[i].n);
        te.e.size += table[i].type == ENTRY_SYMLINK ? 2047 : 0;
        buf_reset(&b);
        assert_int_equal(tree_entry_put(&b, &te), 0);
        assert_int_equal(get(buf_bytes(&b), &back, false), 0);
        assert_int_equal(back.holes.n, table[i].rc == 0 ? table[i].n : 0);
        assert_int_equal(back.e.project, te.e.project);
        buf_release(&b);
        tree_entry_release(&back);
        tree_entry_release(&te);
    }
}

static void test_tree_entry__an_entry_too_long_leaves_the_buffer(void **state)
{
    struct tree_entry te = sample(ENTRY_SOCKET);
    struct tree_attr a = {
        .name = bytes_of_str("user.many"), .is_chunk = true, .length = 5};
    struct buf b;

    (void)state;
    for (int i = 0; i < 4000; i++)
        assert_int_equal(tree_entry_add_attr(&te, &a), 0);
    buf_init(&b, 1 << 20);
    buf_add(&b, "keep", 4);
    assert_int_equal(tree_entry_put(&b, &te), E_LIMIT);
    assert_int_equal(b.n, 4);
    assert_int_equal(buf_status(&b), 0);
    buf_release(&b);
    tree_entry_release(&te);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_entry__keeps_everything_of_every_type),
        cmocka_unit_test(test_tree_entry__shows_what_a_listing_needs),
        cmocka_unit_test(test_tree_entry__refuses_bad_names),
        cmocka_unit_test(test_tree_entry__only_a_root_has_no_name),
        cmocka_unit_test(test_tree_entry__refuses_sizes_that_do_not_add_up),
        cmocka_unit_test(
            test_tree_entry__keeps_optional_fields_it_does_not_know),
        cmocka_unit_test(test_tree_entry__refuses_holes_that_cannot_be),
        cmocka_unit_test(test_tree_entry__an_entry_too_long_leaves_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
