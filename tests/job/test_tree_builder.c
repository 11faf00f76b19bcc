/* A tree that is not finished: what it is so far, at each of its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "repo/job/tree_builder.h"
#include "tests/repo/node_store.h"

static const struct node_key key = {{7}};

enum { MANY = 700 }; /* more than one page */

/* 'd' enters a directory, '.' leaves it, 'f' adds an entry, 'F' adds many. */
static const char steps[] = "dfdf.dFdfdFf.f.f.Fdd.f..";

static void step(struct tree_builder *b, char what, unsigned *name,
                 struct buf *root)
{
    struct tree_entry te = {.e = {.mode = 0755, .nlink = 1}};
    char text[32] = "";

    if (what == '.') {
        assert_int_equal(tree_builder_leave(b, root), 0);
        return;
    }
    for (unsigned i = 0; i < (what == 'F' ? MANY : 1); i++) {
        if (tree_builder_depth(b) > 0)
            (void)snprintf(text, sizeof text, "%06u", ++*name);
        te.e.name = bytes_of_str(text);
        te.e.type = what == 'd' ? ENTRY_DIR : ENTRY_FIFO;
        te.e.mtime.s = *name;
        assert_int_equal(what == 'd' ? tree_builder_enter(b, &te)
                                     : tree_builder_add(b, &te),
                         0);
    }
}

/* The first n steps, and all that is open left then. */
static void ended_after(struct node_store *store, size_t n, struct buf *root)
{
    struct node_sink sink = node_store_sink(store);
    struct tree_builder *b = tree_builder_new(&key, &sink);
    unsigned name = 0;

    assert_non_null(b);
    for (size_t i = 0; i < n; i++)
        step(b, steps[i], &name, root);
    while (tree_builder_depth(b) > 0)
        step(b, '.', &name, root);
    tree_builder_free(b);
}

static void test_tree_builder__so_far_is_what_leaving_now_would_give(
    void **state)
{
    struct node_store store = {.n = 0};
    struct node_store other = {.n = 0};
    struct node_sink sink = node_store_sink(&store);
    struct tree_builder *b = tree_builder_new(&key, &sink);
    struct buf whole;
    unsigned name = 0;

    (void)state;
    assert_non_null(b);
    buf_init(&whole, TREE_ENTRY_BYTES_MAX);
    for (size_t i = 0; i < strlen(steps); i++) {
        struct buf so_far;
        struct buf want;

        step(b, steps[i], &name, &whole);
        buf_init(&so_far, TREE_ENTRY_BYTES_MAX);
        buf_init(&want, TREE_ENTRY_BYTES_MAX);
        ended_after(&other, i + 1, &want);
        if (tree_builder_depth(b) > 0)
            assert_int_equal(tree_builder_so_far(b, &so_far), 0);
        else
            buf_add_bytes(&so_far, buf_bytes(&whole));
        /* the root's pages are named by what is in them, and so on down */
        assert_true(bytes_equal(buf_bytes(&so_far), buf_bytes(&want)));
        buf_release(&so_far);
        buf_release(&want);
    }
    /* each node of each of these trees was put */
    for (size_t i = 0; i < other.n; i++)
        assert_non_null(node_store_find(&store, &other.item[i].id));
    buf_release(&whole);
    tree_builder_free(b);
    node_store_release(&store);
    node_store_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_tree_builder__so_far_is_what_leaving_now_would_give),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
