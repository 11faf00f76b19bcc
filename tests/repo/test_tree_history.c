/* What became of a path: of a directory, and where damage hides it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/dir_writer.h"
#include "repo/tree_history.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{4}};

struct world {
    struct node_store store;
    struct dir_writer *w;
    struct tree_history *history;
};

/* path: whose history it is */
static void world_init(struct world *w, const char *path)
{
    struct node_sink sink = node_store_sink(&w->store);
    struct node_source source = node_store_source(&w->store);

    *w = (struct world){.store = {.n = 0}};
    w->w = dir_writer_new(&key, &sink);
    w->history = tree_history_new(&source, bytes_of_str(path));
    assert_non_null(w->w);
    assert_non_null(w->history);
}

static void world_release(struct world *w)
{
    tree_history_free(w->history);
    dir_writer_free(w->w);
    node_store_release(&w->store);
}

/* A fifo, or a directory. */
static void put(struct world *w, const char *name, unsigned mode,
                const struct tree_dir *dir)
{
    struct tree_entry te = {.e = {.name = bytes_of_str(name),
                                  .type = dir ? ENTRY_DIR : ENTRY_FIFO,
                                  .mode = mode}};

    if (dir)
        te.dir = *dir;
    assert_int_equal(dir_writer_add(w->w, &te), 0);
}

static struct tree_dir done(struct world *w)
{
    struct tree_dir dir;

    assert_int_equal(dir_writer_finish(w->w, &dir), 0);
    dir_writer_reset(w->w);
    return dir;
}

/* "/d" of a mode, which holds "sub", which holds one thing of that name; and
 * where the pages of sub are. */
static struct tree_dir tree(struct world *w, unsigned mode, const char *name,
                            struct tree_dir *sub)
{
    struct tree_dir d;

    put(w, name, 0600, NULL);
    *sub = done(w);
    put(w, "sub", 0700, sub);
    d = done(w);
    put(w, "d", mode, &d);
    return done(w);
}

static void hurt(struct world *w, const struct tree_dir *dir)
{
    node_store_find(&w->store, &dir->root)->p[0] ^= 1;
}

/* The event in the next snapshot; TREE_HISTORY_WENT + 1: it is damaged. */
static int next(struct world *w, const struct tree_dir *root)
{
    struct tree_entry top = {.e = {.type = ENTRY_DIR}, .dir = *root};
    enum tree_history_event event;
    const struct tree_entry *te;
    struct buf b;
    int rc;

    buf_init(&b, TREE_ENTRY_BYTES_MAX);
    assert_int_equal(tree_entry_put(&b, &top), 0);
    rc = tree_history_next(w->history, bytes_of_str("s"), buf_bytes(&b), &event,
                           &te);
    buf_release(&b);
    if (rc == E_CORRUPT)
        return TREE_HISTORY_WENT + 1;
    assert_int_equal(rc, 0);
    assert_int_equal(te != NULL, event != TREE_HISTORY_NOTHING);
    return (int)event;
}

enum { DAMAGED = TREE_HISTORY_WENT + 1 };

static void test_tree_history__tells_what_became_of_a_directory(void **state)
{
    struct tree_dir sub, one, two, moded, none;
    struct world w;

    (void)state;
    world_init(&w, "/d");
    none = done(&w);
    one = tree(&w, 0700, "x", &sub);
    two = tree(&w, 0700, "y", &sub);
    moded = tree(&w, 0755, "y", &sub);
    assert_int_equal(next(&w, &none), TREE_HISTORY_NOTHING);
    assert_int_equal(next(&w, &one), TREE_HISTORY_CAME);
    assert_int_equal(next(&w, &one), TREE_HISTORY_NOTHING);
    assert_int_equal(next(&w, &two), TREE_HISTORY_CHANGED);
    assert_int_equal(next(&w, &moded), TREE_HISTORY_META);
    assert_int_equal(next(&w, &none), TREE_HISTORY_WENT);
    world_release(&w);
}

/* Damage below a directory is neither a change nor none. */
static void test_tree_history__damage_is_no_change(void **state)
{
    struct tree_dir sub, lost, one, hidden, moded, two;
    struct world w;

    (void)state;
    world_init(&w, "/d");
    one = tree(&w, 0700, "x", &sub);
    hidden = tree(&w, 0700, "h", &lost);
    moded = tree(&w, 0755, "h", &lost);
    two = tree(&w, 0700, "y", &sub);
    hurt(&w, &lost);
    assert_int_equal(next(&w, &one), TREE_HISTORY_CAME);
    assert_int_equal(next(&w, &hidden), DAMAGED);
    /* its mode is known, what it holds is not */
    assert_int_equal(next(&w, &moded), DAMAGED);
    /* all is as it was before */
    assert_int_equal(next(&w, &one), TREE_HISTORY_NOTHING);
    assert_int_equal(next(&w, &hidden), DAMAGED);
    assert_int_equal(next(&w, &two), TREE_HISTORY_CHANGED);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_history__tells_what_became_of_a_directory),
        cmocka_unit_test(test_tree_history__damage_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
