#include "repo/job/parent.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "repo/dir_reader.h"

/* One directory of one tree. Readers stay for the next use. */
struct parent_dir {
    struct dir_reader *reader;
    bool open;                   /* has more entries to give */
    const struct tree_entry *te; /* read ahead; NULL: none */
    bool asked;                  /* for te */
};

/* One directory on the way from the root, in each of the trees. */
struct parent_level {
    struct parent_dir dir[PARENT_MAX];
};

struct parent {
    struct fetch_lane *lane;
    const struct tree_entry *root[PARENT_MAX];
    size_t n; /* trees */
    struct parent_level *level;
    size_t depth; /* levels we stand in */
    size_t made;  /* levels that have readers */
    uint64_t damaged;
    parent_gone_fn *gone; /* NULL: nobody wants to know */
    void *gone_ctx;
    size_t gone_tree;
};

struct parent *parent_new(struct fetch_lane *lane)
{
    struct parent *p = mem_alloc(sizeof *p);

    if (p)
        p->lane = lane;
    return p;
}

static void parent_level_release(struct parent_level *l)
{
    for (size_t i = 0; i < PARENT_MAX; i++)
        dir_reader_free(l->dir[i].reader);
}

void parent_free(struct parent *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->made; i++)
        parent_level_release(&p->level[i]);
    free(p->level);
    free(p);
}

void parent_add(struct parent *p, const struct tree_entry *root)
{
    ASSERT(p->n < PARENT_MAX && p->made == 0);
    p->root[p->n++] = root;
}

void parent_on_gone(struct parent *p, size_t tree, parent_gone_fn *fn,
                    void *ctx)
{
    p->gone = fn;
    p->gone_ctx = ctx;
    p->gone_tree = tree;
}

/* A damaged directory is one that is not there, and so is a closed one. */
static int parent_forgive(struct parent *p, struct parent_dir *d, int rc)
{
    if (rc != E_CORRUPT && rc != E_ROLE)
        return rc;
    p->damaged += rc == E_CORRUPT;
    if (rc == E_ROLE)
        log_debug("a directory of a parent stays closed: %s", err_text());
    d->open = false;
    d->te = NULL;
    return 0;
}

static int parent_grow(struct parent *p)
{
    struct node_source source = fetch_node_source(p->lane);
    struct parent_level *l =
        mem_resize(p->level, (p->made + 1) * sizeof *p->level);

    if (!l)
        return err_set(E_NOMEM, "out of memory");
    p->level = l;
    l += p->made;
    *l = (struct parent_level){.dir = {{.reader = NULL}}};
    p->made++;
    for (size_t i = 0; i < p->n; i++) {
        l->dir[i].reader = dir_reader_new(&source);
        if (!l->dir[i].reader)
            return err_set(E_NOMEM, "out of memory");
    }
    return 0;
}

static int parent_open(struct parent *p, struct parent_dir *d,
                       const struct tree_entry *te)
{
    struct chunk_id root;
    int rc;

    d->open = false;
    d->te = NULL;
    d->asked = false;
    if (!te || te->e.type != ENTRY_DIR)
        return 0;
    root = te->dir.root;
    rc = dir_reader_open(d->reader, &root);
    d->open = rc == 0;
    if (rc == 0)
        rc = dir_reader_next(d->reader, &d->te);
    return parent_forgive(p, d, rc);
}

int parent_enter(struct parent *p, const struct parent_found *found)
{
    struct parent_level *l;
    int rc = p->depth == p->made ? parent_grow(p) : 0;

    if (rc < 0)
        return rc;
    l = &p->level[p->depth++];
    for (size_t i = 0; i < p->n && rc == 0; i++)
        rc = parent_open(p, &l->dir[i], found->te[i]);
    return rc;
}

int parent_enter_root(struct parent *p, struct parent_found *found)
{
    *found = (struct parent_found){{NULL}};
    for (size_t i = 0; i < p->n; i++)
        found->te[i] = p->root[i];
    p->depth = 0;
    return parent_enter(p, found);
}

/* Past all entries before name; NULL: past all of them. */
static int parent_dir_pass(struct parent *p, size_t tree, struct parent_dir *d,
                           const struct bytes *name)
{
    parent_gone_fn *gone = tree == p->gone_tree ? p->gone : NULL;
    int rc = 0;

    while (rc == 0 && d->open && d->te &&
           (!name || bytes_cmp(d->te->e.name, *name) < 0)) {
        if (gone && !d->asked)
            rc = gone(p->gone_ctx, d->te);
        if (rc < 0)
            return rc;
        d->asked = false;
        rc = parent_forgive(p, d, dir_reader_next(d->reader, &d->te));
    }
    return rc;
}

static int parent_dir_find(struct parent *p, size_t tree, struct parent_dir *d,
                           struct bytes name, const struct tree_entry **te)
{
    int rc = parent_dir_pass(p, tree, d, &name);

    *te = NULL;
    if (rc == 0 && d->te && bytes_equal(d->te->e.name, name)) {
        *te = d->te;
        d->asked = true;
    }
    return rc;
}

int parent_find(struct parent *p, struct bytes name, struct parent_found *found)
{
    struct parent_level *l = &p->level[p->depth - 1];
    int rc = 0;

    ASSERT(p->depth > 0);
    *found = (struct parent_found){{NULL}};
    for (size_t i = 0; i < p->n && rc == 0; i++)
        rc = parent_dir_find(p, i, &l->dir[i], name, &found->te[i]);
    return rc;
}

int parent_rest(struct parent *p)
{
    ASSERT(p->depth > 0);
    if (!p->gone)
        return 0;
    return parent_dir_pass(p, p->gone_tree,
                           &p->level[p->depth - 1].dir[p->gone_tree], NULL);
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
