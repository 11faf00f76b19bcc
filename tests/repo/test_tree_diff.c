/* What differs between two trees, and what is read for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo/dir_writer.h"
#include "repo/tree_diff.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{4}};

struct world {
    struct node_store store;
    struct node_source of;
    struct node_source source; /* counts what is read */
    size_t gets;
    struct dir_writer *w;
};

static int world_get(void *ctx, const struct chunk_id *id, struct buf *node)
{
    struct world *w = ctx;

    w->gets++;
    return w->of.get(w->of.ctx, id, node);
}

static void world_init(struct world *w)
{
    struct node_sink sink = node_store_sink(&w->store);

    *w = (struct world){.store = {.n = 0}};
    w->of = node_store_source(&w->store);
    w->source = (struct node_source){world_get, w};
    w->w = dir_writer_new(&key, &sink);
}

static void world_release(struct world *w)
{
    dir_writer_free(w->w);
    node_store_release(&w->store);
}

/* A fifo (mode 0), a link to a target, or a directory. */
static void put(struct world *w, const char *name, unsigned mode,
                const char *target, const struct tree_dir *dir)
{
    struct tree_entry te = {.e = {.name = bytes_of_str(name),
                                  .type = dir      ? ENTRY_DIR
                                          : target ? ENTRY_SYMLINK
                                                   : ENTRY_FIFO,
                                  .mode = mode}};

    if (dir)
        te.dir = *dir;
    if (target)
        te.e.target = bytes_of_str(target);
    assert_int_equal(dir_writer_add(w->w, &te), 0);
}

static struct tree_dir done(struct world *w)
{
    struct tree_dir dir;

    assert_int_equal(dir_writer_finish(w->w, &dir), 0);
    dir_writer_reset(w->w);
    return dir;
}

static struct tree_entry top(const struct tree_dir *dir)
{
    return (struct tree_entry){.e = {.type = ENTRY_DIR}, .dir = *dir};
}

/* "+" added, "-" removed, "M" changed, "m" metadata, "!" damaged. */
static const char *tell(struct world *w, const struct tree_entry *a,
                        const struct tree_entry *b, bool search)
{
    static const char sign[] = "+-Mm!";
    static char text[1024];
    struct tree_diff *d = tree_diff_new(&w->source);
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    size_t at = 0;

    text[0] = 0;
    if (search)
        tree_diff_search(d);
    tree_diff_start(d, a, b);
    for (;;) {
        assert_int_equal(tree_diff_next(d, &it), 0);
        if (it.kind == TREE_DIFF_END)
            break;
        assert_int_equal(it.a != NULL, it.kind != TREE_DIFF_ADDED &&
                                           it.kind != TREE_DIFF_DAMAGED);
        assert_int_equal(it.b != NULL, it.kind != TREE_DIFF_REMOVED &&
                                           it.kind != TREE_DIFF_DAMAGED);
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%.*s ",
                               sign[it.kind], (int)it.path.n,
                               it.path.n ? (const char *)it.path.p : "");
    }
    tree_diff_free(d);
    return text;
}

static const char *diff(struct world *w, const struct tree_entry *a,
                        const struct tree_entry *b)
{
    return tell(w, a, b, false);
}

static const char *search(struct world *w, const struct tree_entry *a,
                          const struct tree_entry *b)
{
    return tell(w, a, b, true);
}

static void test_tree_diff__tells_each_kind(void **state)
{
    struct tree_dir inner, other, deep, a, b;
    struct tree_entry ta, tb;
    struct world w;

    (void)state;
    world_init(&w);
    put(&w, "x", 0600, NULL, NULL);
    inner = done(&w);
    put(&w, "x", 0600, NULL, NULL);
    put(&w, "y", 0600, NULL, NULL);
    other = done(&w);
    put(&w, "n", 0, NULL, &other);
    deep = done(&w);

    put(&w, "became-dir", 0, "there", NULL);
    put(&w, "gone", 0, NULL, &deep);
    put(&w, "link", 0, "old", NULL);
    put(&w, "mode", 0600, NULL, NULL);
    put(&w, "moded-dir", 0700, NULL, &inner);
    put(&w, "same", 0, NULL, &deep);
    put(&w, "sub", 0, NULL, &inner);
    a = done(&w);
    put(&w, "became-dir", 0, NULL, &inner);
    put(&w, "link", 0, "new", NULL);
    put(&w, "mode", 0644, NULL, NULL);
    put(&w, "moded-dir", 0755, NULL, &other);
    put(&w, "new", 0, NULL, &deep);
    put(&w, "same", 0, NULL, &deep);
    put(&w, "sub", 0, NULL, &other);
    b = done(&w);
    ta = top(&a);
    tb = top(&b);
    assert_string_equal(
        diff(&w, &ta, &tb),
        "-became-dir +became-dir +became-dir/x "
        "-gone -gone/n -gone/n/x -gone/n/y Mlink mmode "
        "mmoded-dir +moded-dir/y +new +new/n +new/n/x +new/n/y +sub/y ");
    assert_string_equal(diff(&w, &ta, &ta), "");
    assert_string_equal(diff(&w, &ta, NULL),
                        "- -became-dir -gone -gone/n -gone/n/x -gone/n/y "
                        "-link -mode -moded-dir -moded-dir/x -same -same/n "
                        "-same/n/x -same/n/y -sub -sub/x ");
    assert_string_equal(diff(&w, NULL, NULL), "");
    tb.e.type = ENTRY_FIFO;
    assert_string_equal(diff(&w, &tb, &tb), "");
    ta = top(&inner);
    assert_string_equal(diff(&w, &ta, &tb), "- -x + ");
    world_release(&w);
}

/* Equal directories are passed over, however large. */
static void test_tree_diff__reads_no_equal_directory(void **state)
{
    enum { DIRS = 300 };
    struct tree_dir big, a, b, sub;
    struct tree_entry ta, tb;
    struct world w;
    char name[32];

    (void)state;
    world_init(&w);
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "f%05u", i);
        put(&w, name, 0600, NULL, NULL);
    }
    big = done(&w);
    put(&w, "one", 0600, NULL, NULL);
    sub = done(&w);
    for (unsigned i = 0; i < DIRS; i++) {
        (void)snprintf(name, sizeof name, "d%03u", i);
        put(&w, name, 0700, NULL, &big);
    }
    a = done(&w);
    for (unsigned i = 0; i < DIRS; i++) {
        (void)snprintf(name, sizeof name, "d%03u", i);
        put(&w, name, 0700, NULL, i == 123 ? &sub : &big);
    }
    b = done(&w);
    ta = top(&a);
    tb = top(&b);
    w.gets = 0;
    assert_string_equal(diff(&w, &ta, &ta), "");
    assert_int_equal(w.gets, 0);
    {
        struct tree_diff *d = tree_diff_new(&w.source);
        struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
        size_t n = 0;

        tree_diff_start(d, &ta, &tb);
        for (; it.kind != TREE_DIFF_END; n++)
            assert_int_equal(tree_diff_next(d, &it), 0);
        tree_diff_free(d);
        assert_int_equal(n, 3000 + 1 + 1);
    }
    /* the pages of both tops, and once those of the large directory */
    assert_true(w.gets < 100);
    world_release(&w);
}

static void test_tree_diff__skips_what_is_in_a_directory(void **state)
{
    struct tree_dir inner, outer, a, b;
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    struct tree_entry ta, tb;
    struct tree_diff *d;
    struct world w;
    size_t n = 0;

    (void)state;
    world_init(&w);
    put(&w, "x", 0600, NULL, NULL);
    inner = done(&w);
    put(&w, "in", 0700, NULL, &inner);
    outer = done(&w);
    put(&w, "kept", 0700, NULL, &outer);
    put(&w, "past", 0700, NULL, &outer);
    put(&w, "z", 0600, NULL, NULL);
    a = done(&w);
    put(&w, "kept", 0755, NULL, &inner);
    put(&w, "mine", 0700, NULL, &outer);
    b = done(&w);
    ta = top(&a);
    tb = top(&b);
    d = tree_diff_new(&w.source);
    tree_diff_start(d, &ta, &tb);
    w.gets = 0;
    for (; it.kind != TREE_DIFF_END; n++) {
        assert_int_equal(tree_diff_next(d, &it), 0);
        tree_diff_skip(d);
        if (n == 3)
            assert_memory_equal(it.path.p, "z", 1);
    }
    assert_int_equal(n, 5); /* kept, mine, past, z, the end */
    assert_int_equal(w.gets, 2);
    tree_diff_free(d);
    world_release(&w);
}

static void test_tree_diff__damage_costs_one_directory(void **state)
{
    struct tree_dir lost, fine, a, b;
    struct tree_entry ta, tb;
    struct world w;

    (void)state;
    world_init(&w);
    put(&w, "x", 0600, NULL, NULL);
    lost = done(&w);
    put(&w, "y", 0600, NULL, NULL);
    fine = done(&w);
    put(&w, "a", 0, NULL, &lost);
    put(&w, "b", 0, NULL, &fine);
    a = done(&w);
    put(&w, "a", 0, NULL, &fine);
    put(&w, "b", 0, NULL, &fine);
    put(&w, "c", 0, NULL, NULL);
    b = done(&w);
    node_store_find(&w.store, &lost.root)->p[0] ^= 1;
    ta = top(&a);
    tb = top(&b);
    assert_string_equal(diff(&w, &ta, &tb), "!a +c ");
    node_store_find(&w.store, &a.root)->p[0] ^= 1;
    assert_string_equal(diff(&w, &ta, &tb), "! ");
    world_release(&w);
}

static void test_tree_diff__a_search_finds_all_that_b_has(void **state)
{
    struct tree_dir lost, fine, a, b;
    struct tree_entry ta, tb;
    struct world w;

    (void)state;
    world_init(&w);
    put(&w, "x", 0600, NULL, NULL);
    lost = done(&w);
    put(&w, "x", 0600, NULL, NULL);
    put(&w, "y", 0600, NULL, NULL);
    fine = done(&w);
    put(&w, "a", 0, NULL, &lost);
    put(&w, "b", 0, NULL, &fine);
    put(&w, "gone", 0, NULL, &lost);
    put(&w, "type", 0, NULL, &lost);
    a = done(&w);
    put(&w, "a", 0, NULL, &fine);
    put(&w, "b", 0, NULL, &fine);
    put(&w, "c", 0, NULL, NULL);
    put(&w, "type", 0, NULL, NULL);
    b = done(&w);
    ta = top(&a);
    tb = top(&b);
    assert_string_equal(search(&w, &ta, &tb), "+a/y +c +type ");
    assert_string_equal(search(&w, &ta, &ta), "");
    assert_string_equal(search(&w, &ta, NULL), "");
    node_store_find(&w.store, &lost.root)->p[0] ^= 1;
    assert_string_equal(search(&w, &ta, &tb), "+a/x +a/y +c +type ");
    /* of b it is damage */
    assert_string_equal(search(&w, &tb, &ta), "!a +gone !gone +type !type ");
    node_store_find(&w.store, &a.root)->p[0] ^= 1;
    assert_string_equal(search(&w, &ta, &tb),
                        "+a +a/x +a/y +b +b/x +b/y +c +type ");
    assert_string_equal(search(&w, &tb, &ta), "! ");
    tb.e.type = ENTRY_FIFO;
    assert_string_equal(search(&w, &ta, &tb), "+ ");
    world_release(&w);
}

/* Damage behind a first part that can be read. */
static void test_tree_diff__a_search_goes_on_where_a_ends(void **state)
{
    enum { FILES = 3000 };
    struct tree_dir a, b;
    struct tree_entry ta, tb;
    struct tree_diff_item it = {.kind = TREE_DIFF_META};
    struct tree_diff *d;
    struct world w;
    char name[32];
    size_t n = 0;

    (void)state;
    world_init(&w);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "f%05u", i);
        put(&w, name, 0600, NULL, NULL);
    }
    a = done(&w);
    for (size_t i = w.store.n / 2; i < w.store.n; i++) {
        if (memcmp(&w.store.item[i].id, &a.root, sizeof a.root) != 0)
            w.store.item[i].p[0] ^= 1;
    }
    put(&w, "f", 0600, NULL, NULL);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "f%05u", i);
        put(&w, name, i == 0 ? 0600 : 0644, NULL, NULL);
    }
    b = done(&w);
    ta = top(&a);
    tb = top(&b);
    d = tree_diff_new(&w.source);
    tree_diff_search(d);
    tree_diff_start(d, &ta, &tb);
    assert_int_equal(tree_diff_next(d, &it), 0);
    assert_int_equal(it.kind, TREE_DIFF_ADDED);
    for (;; n++) {
        assert_int_equal(tree_diff_next(d, &it), 0);
        if (n == 0)
            assert_int_equal(it.kind, TREE_DIFF_META);
        if (it.kind == TREE_DIFF_END)
            break;
        if (n == FILES - 2)
            assert_int_equal(it.kind, TREE_DIFF_ADDED);
    }
    assert_int_equal(n, FILES - 1);
    tree_diff_free(d);
    world_release(&w);
}

static void test_tree_diff__a_search_sees_when_directories_changed(void **state)
{
    struct tree_dir inner, other, a;
    struct tree_entry ta, tb;
    struct world w;

    (void)state;
    world_init(&w);
    put(&w, "x", 0600, NULL, NULL);
    inner = done(&w);
    other = done(&w);
    put(&w, "d", 0700, NULL, &inner);
    a = done(&w);
    ta = top(&a);
    tb = top(&a);
    tb.e.mtime.s = 1;
    assert_string_equal(diff(&w, &ta, &tb), "");
    assert_string_equal(search(&w, &ta, &tb), "m ");
    tb.dir = other;
    assert_string_equal(diff(&w, &ta, &tb), "-d -d/x ");
    assert_string_equal(search(&w, &ta, &tb), "m ");
    tb.e.mtime.s = 0;
    assert_string_equal(search(&w, &ta, &tb), "");
    world_release(&w);
}

/* Entries that differ in one thing each, or in nothing that counts. */
static size_t entries(struct tree_entry te[32], struct tree_attr *attr)
{
    const struct tree_entry file = {
        .e = {.name = bytes_of_str("f"),
              .type = ENTRY_FILE,
              .mode = 0600,
              .mtime = {5, 6},
              .size = 7},
        .content = {.extents = bytes_of_str("abc"), .extent_n = 1}};
    size_t n = 0;

    attr[0] = (struct tree_attr){.name = bytes_of_str("user.x"),
                                 .value = bytes_of_str("ab")};
    attr[1] = (struct tree_attr){.name = bytes_of_str("user.xa"),
                                 .value = bytes_of_str("b")};
    attr[2] =
        (struct tree_attr){.name = bytes_of_str("user.x"), .is_chunk = true};
    for (size_t i = 0; i < 32; i++)
        te[i] = file;
    n++;
    te[n++].e.ctime.s = 9; /* the same as the first one */
    te[n++].e.inode = 9;   /* likewise */
    te[n++].e.inode_flags = 9;
    te[n++].e.mode = 0644;
    te[n++].e.uid = 1;
    te[n++].e.gid = 1;
    te[n++].e.mtime.s = 6;
    te[n++].e.mtime.ns = 5;
    te[n++].e.size = 8;
    te[n++].e.project = 1;
    te[n++].e.has_inode_flags = true;
    te[n].e.has_inode_flags = true;
    te[n++].e.inode_flags = 1;
    te[n++].content.extents = bytes_of_str("abd");
    te[n++].content.is_list = true;
    te[n].content.is_list = true;
    te[n++].content.root.b[0] = 1;
    for (size_t i = 0; i < 3; i++) {
        te[n].attr = &attr[i];
        te[n++].attr_n = 1;
    }
    te[n].attr = attr;
    te[n++].attr_n = 2;
    te[n++].e.type = ENTRY_FIFO;
    te[n++].e.type = ENTRY_SOCKET;
    te[n++].e.type = ENTRY_SYMLINK;
    te[n].e.type = ENTRY_SYMLINK;
    te[n++].e.target = bytes_of_str("t");
    te[n++].e.type = ENTRY_CHAR;
    te[n].e.type = ENTRY_BLOCK;
    te[n++].e.rdev_major = 1;
    te[n].e.type = ENTRY_BLOCK;
    te[n++].e.rdev_minor = 1;
    return n;
}

static void test_tree_diff__digest_is_what_compare_says(void **state)
{
    static struct tree_entry te[32];
    static struct tree_attr attr[3];
    const size_t n = entries(te, attr);
    size_t same = 0;

    (void)state;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            uint8_t x[ID_BYTES], y[ID_BYTES];
            bool equal = tree_diff_compare(&te[a], &te[b]) == TREE_DIFF_SAME;

            tree_diff_digest(&te[a], x);
            tree_diff_digest(&te[b], y);
            assert_int_equal(memcmp(x, y, sizeof x) == 0, equal);
            same += equal;
        }
    }
    assert_int_equal(same, n + 12); /* four of them are one */
}

/* ---- each field ---------------------------------------------------------- */

enum {
    FILE_INLINE = 1,
    FILE_LISTED = 2,
    DIR = 4,
    LINK = 8,
    CHAR = 16,
    BLOCK = 32,
    FIFO = 64,
    SOCKET = 128,
    FILES = FILE_INLINE | FILE_LISTED,
    DEVICES = CHAR | BLOCK,
    ALL = 255
};

/* An entry with all that it borrows. */
struct subject {
    struct tree_entry te;
    struct tree_attr attr[3]; /* a value, a long one, and one more */
    uint8_t extents[3];
    uint8_t target[3];
    uint8_t name[3][8];
    uint8_t value[3];
    uint8_t user[3];
    uint8_t group[3];
    uint8_t holes[3];
};

static void subject_make(struct subject *s, unsigned of)
{
    static const enum entry_type type[] = {
        [FILE_INLINE] = ENTRY_FILE, [FILE_LISTED] = ENTRY_FILE,
        [DIR] = ENTRY_DIR,          [LINK] = ENTRY_SYMLINK,
        [CHAR] = ENTRY_CHAR,        [BLOCK] = ENTRY_BLOCK,
        [FIFO] = ENTRY_FIFO,        [SOCKET] = ENTRY_SOCKET};
    struct tree_entry *te = &s->te;

    *s = (struct subject){
        .name = {"user.b", "user.d", "user.f"}, .extents = "e", .target = "t"};
    for (size_t i = 0; i < 3; i++)
        s->attr[i] = (struct tree_attr){
            .name = bytes_of(s->name[i], 6),
            .is_chunk = i == 1,
            .length = i == 1 ? 5000 : 0,
            .value = i == 1 ? bytes_of(NULL, 0) : bytes_of(s->value, 3)};
    te->e = (struct entry){.type = type[of],
                           .mode = 0644,
                           .uid = 10,
                           .gid = 20,
                           .user = bytes_of(s->user, 3),
                           .group = bytes_of(s->group, 3),
                           .mtime = {30, 40},
                           .has_inode_flags = true};
    te->content.is_list = of == FILE_LISTED;
    te->content.extents = bytes_of(s->extents, 3);
    te->content.extent_n = 1;
    te->e.target = bytes_of(s->target, 3);
    te->holes = bytes_of(s->holes, 3);
    te->attr = s->attr;
    te->attr_n = 2;
}

/* What two entries of one name are told as, in both directions. */
static void compares(struct world *w, const struct tree_entry *a,
                     const struct tree_entry *b, enum tree_diff_how how,
                     const char *what)
{
    uint8_t all[2][ID_BYTES], meta[2][ID_BYTES];
    const char *text = how == TREE_DIFF_SAME         ? ""
                       : how == TREE_DIFF_OTHER_META ? "m "
                                                     : "M ";

    if (tree_diff_compare(a, b) != how || tree_diff_compare(b, a) != how)
        fail_msg("%s of type %d: not %d", what, (int)a->e.type, (int)how);
    tree_diff_digest_meta(a, meta[0]);
    tree_diff_digest_meta(b, meta[1]);
    if ((memcmp(meta[0], meta[1], ID_BYTES) != 0) !=
        (how == TREE_DIFF_OTHER_META))
        fail_msg("%s of type %d: the digest", what, (int)a->e.type);
    if (a->e.type == ENTRY_DIR && how == TREE_DIFF_OTHER_CONTENT)
        return; /* what is in it would be told */
    assert_string_equal(diff(w, a, b), text);
    assert_string_equal(diff(w, b, a), text);
    if (a->e.type == ENTRY_DIR)
        return;
    tree_diff_digest(a, all[0]);
    tree_diff_digest(b, all[1]);
    assert_int_equal(memcmp(all[0], all[1], ID_BYTES) == 0,
                     how == TREE_DIFF_SAME);
}

/* A byte of a field is another one: no difference that counts is missed, and
 * nothing else is told. */
static void test_tree_diff__each_field(void **state)
{
#define AT(field) #field, offsetof(struct subject, field)
    static const struct {
        const char *name;
        size_t at;
        unsigned of;
        enum tree_diff_how how;
    } row[] = {
        {AT(te.e.mode), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.uid), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.gid), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.mtime.s), ALL & ~DIR, TREE_DIFF_OTHER_META},
        {AT(te.e.mtime.ns), ALL & ~DIR, TREE_DIFF_OTHER_META},
        {AT(te.e.inode_flags), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.has_inode_flags), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.project), ALL, TREE_DIFF_OTHER_META},
        {AT(name[0]), ALL, TREE_DIFF_OTHER_META},
        {AT(value), ALL, TREE_DIFF_OTHER_META},
        {AT(attr[1].id), ALL, TREE_DIFF_OTHER_META},
        {AT(attr[1].length), ALL, TREE_DIFF_OTHER_META},
        {AT(attr[1].is_chunk), ALL, TREE_DIFF_OTHER_META},
        {AT(te.e.size), FILES, TREE_DIFF_OTHER_CONTENT},
        {AT(extents), FILE_INLINE, TREE_DIFF_OTHER_CONTENT},
        {AT(te.content.root), FILE_LISTED, TREE_DIFF_OTHER_CONTENT},
        {AT(te.content.is_list), FILES, TREE_DIFF_OTHER_CONTENT},
        {AT(te.dir.root), DIR, TREE_DIFF_OTHER_CONTENT},
        {AT(target), LINK, TREE_DIFF_OTHER_CONTENT},
        {AT(te.e.rdev_major), DEVICES, TREE_DIFF_OTHER_CONTENT},
        {AT(te.e.rdev_minor), DEVICES, TREE_DIFF_OTHER_CONTENT},
        {AT(te.e.mtime.s), DIR, TREE_DIFF_SAME},
        {AT(te.e.mtime.ns), DIR, TREE_DIFF_SAME},
        {AT(te.e.has_atime), ALL, TREE_DIFF_SAME},
        {AT(te.e.has_btime), ALL, TREE_DIFF_SAME},
        {AT(te.e.atime.s), ALL, TREE_DIFF_SAME},
        {AT(te.e.btime.s), ALL, TREE_DIFF_SAME},
        {AT(te.e.ctime.s), ALL, TREE_DIFF_SAME},
        {AT(te.e.ctime.ns), ALL, TREE_DIFF_SAME},
        {AT(te.e.inode), ALL, TREE_DIFF_SAME},
        {AT(te.e.nlink), ALL, TREE_DIFF_SAME},
        {AT(te.e.unsettled), ALL, TREE_DIFF_SAME},
        {AT(te.e.changing), ALL, TREE_DIFF_SAME},
        {AT(te.e.starts_fs), DIR, TREE_DIFF_SAME},
        {AT(user), ALL, TREE_DIFF_SAME},
        {AT(group), ALL, TREE_DIFF_SAME},
        {AT(holes), FILES, TREE_DIFF_SAME},
    };
#undef AT
    struct world w;

    (void)state;
    world_init(&w);
    for (unsigned of = 1; of < ALL; of <<= 1) {
        struct subject a, b;

        subject_make(&a, of);
        subject_make(&b, of);
        compares(&w, &a.te, &b.te, TREE_DIFF_SAME, "nothing");
        for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
            if (!(row[i].of & of))
                continue;
            subject_make(&b, of);
            ((uint8_t *)&b)[row[i].at] ^= 1;
            compares(&w, &a.te, &b.te, row[i].how, row[i].name);
        }
        subject_make(&b, of);
        b.te.attr_n = 3;
        compares(&w, &a.te, &b.te, TREE_DIFF_OTHER_META, "one attribute more");
        subject_make(&b, of);
        a.te.e.has_inode_flags = b.te.e.has_inode_flags = false;
        b.te.e.inode_flags = 1;
        compares(&w, &a.te, &b.te, TREE_DIFF_SAME, "flags that are not had");
    }
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_diff__tells_each_kind),
        cmocka_unit_test(test_tree_diff__reads_no_equal_directory),
        cmocka_unit_test(test_tree_diff__skips_what_is_in_a_directory),
        cmocka_unit_test(test_tree_diff__damage_costs_one_directory),
        cmocka_unit_test(test_tree_diff__a_search_finds_all_that_b_has),
        cmocka_unit_test(test_tree_diff__a_search_goes_on_where_a_ends),
        cmocka_unit_test(
            test_tree_diff__a_search_sees_when_directories_changed),
        cmocka_unit_test(test_tree_diff__digest_is_what_compare_says),
        cmocka_unit_test(test_tree_diff__each_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
