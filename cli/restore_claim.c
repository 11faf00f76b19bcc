#include "cli/restore_claim.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/tree_walk.h"

enum { RESTORE_CLAIM_BYTES_MAX = 1 << 30 };

void restore_claim_init(struct restore_claim *c)
{
    *c = (struct restore_claim){.n = 0};
    buf_init(&c->text, RESTORE_CLAIM_BYTES_MAX);
}

void restore_claim_release(struct restore_claim *c)
{
    buf_release(&c->text);
    free(c->path);
    c->path = NULL;
}

int restore_claim_path(struct restore_claim *c, struct bytes path)
{
    buf_add_bytes(&c->text, path);
    buf_add(&c->text, "", 1);
    c->n++;
    return buf_status(&c->text);
}

static int restore_claim_entries(struct restore_claim *c, struct tree_walk *w)
{
    struct tree_walk_item item;
    int rc;

    do {
        rc = tree_walk_next(w, &item);
        if (rc < 0 || item.path.n == 0 || !item.te)
            continue;
        if (item.kind == TREE_WALK_ENTER)
            tree_walk_skip(w);
        rc = restore_claim_path(c, item.path);
    } while (rc == 0 && item.kind != TREE_WALK_END);
    return rc;
}

int restore_claim_pick(struct restore_claim *c, const struct snap_pick *pick)
{
    struct node_source source = fetch_node_source(pick->lane);
    struct tree_walk *w;
    int rc;

    if (pick->te.e.type != ENTRY_DIR)
        return restore_claim_path(c, pick->te.e.name);
    w = tree_walk_new(&source);
    if (!w)
        return err_set(E_NOMEM, "out of memory");
    rc = tree_walk_start(w, &pick->te);
    if (rc == 0)
        rc = restore_claim_entries(c, w);
    tree_walk_free(w);
    return rc;
}

/* By bytes, but a slash before all others: what lies below a path follows it.
 */
static int restore_claim_cmp(const void *a, const void *b)
{
    const char *p = *(const char *const *)a;
    const char *q = *(const char *const *)b;
    unsigned char x;
    unsigned char y;

    while (*p && *p == *q) {
        p++;
        q++;
    }
    x = (unsigned char)*p;
    y = (unsigned char)*q;
    if (x == y)
        return 0;
    if (x == 0 || y == 0)
        return x == 0 ? -1 : 1;
    if (x == '/' || y == '/')
        return x == '/' ? -1 : 1;
    return x < y ? -1 : 1;
}

static bool restore_claim_meet(const char *upper, const char *lower)
{
    size_t n = strlen(upper);

    return strncmp(upper, lower, n) == 0 &&
           (lower[n] == 0 || lower[n] == '/' || n == 0);
}

int restore_claim_check(struct restore_claim *c)
{
    size_t at = 0;

    if (c->n == 0)
        return 0;
    c->path = mem_alloc(c->n * sizeof *c->path);
    if (!c->path)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++) {
        c->path[i] = (const char *)c->text.p + at;
        at += strlen(c->path[i]) + 1;
    }
    qsort(c->path, c->n, sizeof *c->path, restore_claim_cmp);
    for (size_t i = 1; i < c->n; i++) {
        if (restore_claim_meet(c->path[i - 1], c->path[i]))
            return err_set(E_REFUSED,
                           "two of the arguments would write %.200s: nothing "
                           "was restored",
                           c->path[i]);
    }
    return 0;
}
