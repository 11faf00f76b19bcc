#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "repo/dir_writer.h"
#include "repo/tree_walk.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{4}};

/* A tree: / with a (a/x, a/y, a/d (empty)), b, c (c/e (c/e/z)). */
struct world {
    struct node_store store;
    struct node_source source;
    struct dir_writer *w;
    struct tree_dir a, e, c, root;
    struct tree_entry top;
};

static void put(struct dir_writer *w, const char *name,
                const struct tree_dir *dir)
{
    struct tree_entry te = {.e = {.name = bytes_of_str(name),
                                  .type = dir ? ENTRY_DIR : ENTRY_FIFO}};

    if (dir)
        te.dir = *dir;
    assert_int_equal(dir_writer_add(w, &te), 0);
}

static void world_init(struct world *w)
{
    struct node_sink sink = node_store_sink(&w->store);
    struct tree_dir empty;

    *w = (struct world){.store = {.n = 0}};
    w->source = node_store_source(&w->store);
    w->w = dir_writer_new(&key, &sink);
    assert_int_equal(dir_writer_finish(w->w, &empty), 0);
    put(w->w, "d", &empty);
    put(w->w, "x", NULL);
    put(w->w, "y", NULL);
    assert_int_equal(dir_writer_finish(w->w, &w->a), 0);
    put(w->w, "z", NULL);
    assert_int_equal(dir_writer_finish(w->w, &w->e), 0);
    put(w->w, "e", &w->e);
    assert_int_equal(dir_writer_finish(w->w, &w->c), 0);
    put(w->w, "a", &w->a);
    put(w->w, "b", NULL);
    put(w->w, "c", &w->c);
    assert_int_equal(dir_writer_finish(w->w, &w->root), 0);
    w->top = (struct tree_entry){.e = {.type = ENTRY_DIR}, .dir = w->root};
}

static void world_release(struct world *w)
{
    dir_writer_free(w->w);
    node_store_release(&w->store);
}

/* Writes a walk down as "(", names, ")", "!" for damage; skips what is named
 * skip. */
static void walk(struct world *w, const char *skip, char *out, size_t n)
{
    struct tree_walk *tw = tree_walk_new(&w->source);
    struct tree_walk_item it = {.kind = TREE_WALK_ENTER};
    size_t at = 0;

    assert_int_equal(tree_walk_start(tw, &w->top), 0);
    while (it.kind != TREE_WALK_END) {
        static const char *const sign[] = {"(", "", ")", "!", "."};

        assert_int_equal(tree_walk_next(tw, &it), 0);
        at += (size_t)snprintf(out + at, n - at, "%s%.*s", sign[it.kind],
                               it.te ? (int)it.path.n : 0,
                               (const char *)it.path.p);
        if (it.kind == TREE_WALK_ENTRY)
            at += (size_t)snprintf(out + at, n - at, ",");
        if (skip && it.kind == TREE_WALK_ENTER &&
            bytes_equal(it.path, bytes_of_str(skip)))
            tree_walk_skip(tw);
    }
    tree_walk_free(tw);
}

static void test_tree_walk__goes_depth_first(void **state)
{
    struct world w;
    char got[200];

    (void)state;
    world_init(&w);
    walk(&w, NULL, got, sizeof got);
    assert_string_equal(got, "((a(a/d)a/x,a/y,)b,(c(c/ec/e/z,))).");
    walk(&w, "a", got, sizeof got);
    assert_string_equal(got, "((a)b,(c(c/ec/e/z,))).");
    walk(&w, "", got, sizeof got);
    assert_string_equal(got, "().");
    world_release(&w);
}

static void test_tree_walk__damage_costs_one_directory(void **state)
{
    struct world w;
    char got[200];

    (void)state;
    world_init(&w);
    node_store_find(&w.store, &w.e.root)->p[0] ^= 1;
    walk(&w, NULL, got, sizeof got);
    assert_string_equal(got, "((a(a/d)a/x,a/y,)b,(c(c/e!))).");
    node_store_find(&w.store, &w.a.root)->n--;
    walk(&w, NULL, got, sizeof got);
    assert_string_equal(got, "((a(a/d)a/x,!)b,(c(c/e!))).");
    world_release(&w);
}

static void test_tree_walk__finds_by_path(void **state)
{
    static const struct {
        const char *path;
        const char *name; /* NULL: not there */
    } table[] = {
        {"", ""},        {"/", ""},       {"a", "a"},      {"/a/", "a"},
        {"a//x", "x"},   {"c/e/z", "z"},  {"c/e/y", NULL}, {"b/x", NULL},
        {"aa", NULL},    {"a/d/q", NULL}, {"c/e", "e"},    {"a/x/", "x"},
        {"a/x/u", NULL}, {"..", NULL},
    };
    struct world w;
    struct tree_entry te = {.attr = NULL};
    struct buf raw;

    (void)state;
    world_init(&w);
    buf_init(&raw, 1 << 20);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool found;

        assert_int_equal(tree_walk_find(&w.source, &w.top,
                                        bytes_of_str(table[i].path), &raw, &te,
                                        &found),
                         0);
        assert_int_equal(found, table[i].name != NULL);
        if (found)
            assert_true(bytes_equal(te.e.name, bytes_of_str(table[i].name)));
    }
    buf_release(&raw);
    tree_entry_release(&te);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_walk__goes_depth_first),
        cmocka_unit_test(test_tree_walk__damage_costs_one_directory),
        cmocka_unit_test(test_tree_walk__finds_by_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
