#include "repo/job/parent.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "repo/dir_reader.h"

/* One directory on the way from the root. Readers stay for the next use. */
struct parent_level {
    struct dir_reader *reader;
    bool open;                   /* has more entries to give */
    const struct tree_entry *te; /* read ahead; NULL: none */
};

struct parent {
    struct fetch_lane *lane;
    struct parent_level *level;
    size_t depth; /* levels we stand in */
    size_t made;  /* levels that have a reader */
    uint64_t damaged;
};

struct parent *parent_new(struct fetch_lane *lane)
{
    struct parent *p = mem_alloc(sizeof *p);

    if (p)
        p->lane = lane;
    return p;
}

void parent_free(struct parent *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->made; i++)
        dir_reader_free(p->level[i].reader);
    free(p->level);
    free(p);
}

/* A damaged directory is one that is not there, and so is a closed one. */
static int parent_forgive(struct parent *p, struct parent_level *l, int rc)
{
    if (rc != E_CORRUPT && rc != E_ROLE)
        return rc;
    p->damaged += rc == E_CORRUPT;
    if (rc == E_ROLE)
        log_debug("a directory of the parent stays closed: %s", err_text());
    l->open = false;
    l->te = NULL;
    return 0;
}

static int parent_push(struct parent *p, struct parent_level **out)
{
    struct node_source source = fetch_node_source(p->lane);
    struct parent_level *l;

    if (p->depth == p->made) {
        l = mem_resize(p->level, (p->made + 1) * sizeof *p->level);
        if (!l)
            return err_set(E_NOMEM, "out of memory");
        p->level = l;
        l += p->made;
        *l = (struct parent_level){.reader = dir_reader_new(&source)};
        if (!l->reader)
            return err_set(E_NOMEM, "out of memory");
        p->made++;
    }
    l = &p->level[p->depth++];
    l->open = false;
    l->te = NULL;
    *out = l;
    return 0;
}

int parent_enter(struct parent *p, const struct tree_entry *te)
{
    struct parent_level *l = NULL;
    struct chunk_id root = {{0}};
    int rc;

    if (te)
        root = te->dir.root;
    rc = parent_push(p, &l);
    if (!l || !te || te->e.type != ENTRY_DIR)
        return rc;
    rc = dir_reader_open(l->reader, &root);
    l->open = rc == 0;
    if (rc == 0)
        rc = dir_reader_next(l->reader, &l->te);
    return parent_forgive(p, l, rc);
}

int parent_enter_root(struct parent *p, const struct tree_entry *root)
{
    p->depth = 0;
    return parent_enter(p, root);
}

int parent_find(struct parent *p, struct bytes name,
                const struct tree_entry **te)
{
    struct parent_level *l = &p->level[p->depth - 1];
    int rc = 0;

    ASSERT(p->depth > 0);
    while (rc == 0 && l->open && l->te && bytes_cmp(l->te->e.name, name) < 0)
        rc = dir_reader_next(l->reader, &l->te);
    rc = parent_forgive(p, l, rc);
    *te = NULL;
    if (rc == 0 && l->te && bytes_equal(l->te->e.name, name))
        *te = l->te;
    return rc;
}

void parent_leave(struct parent *p)
{
    ASSERT(p->depth > 0);
    p->depth--;
}

uint64_t parent_damaged(const struct parent *p)
{
    return p->damaged;
}
