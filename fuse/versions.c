#include "fuse/versions.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/idmap.h"
#include "repo/tree_diff.h"

/* ---- snapshots ------------------------------------------------------------
 */

int versions_snaps_add(struct versions_snaps *s,
                       const struct versions_snap *snap)
{
    if (!MEM_GROW(s->snap, s->n, s->cap))
        return err_set(E_NOMEM, "out of memory");
    s->snap[s->n++] = *snap;
    return 0;
}

int versions_snap_cmp(const struct versions_snap *a,
                      const struct versions_snap *b)
{
    int order = entry_time_cmp(a->begin, b->begin);

    return order ? order : (a->no > b->no) - (a->no < b->no);
}

static int snaps_order(const void *a, const void *b)
{
    return versions_snap_cmp(a, b);
}

void versions_snaps_sort(struct versions_snaps *s)
{
    if (s->n > 1)
        qsort(s->snap, s->n, sizeof *s->snap, snaps_order);
}

void versions_snaps_release(struct versions_snaps *s)
{
    free(s->snap);
    *s = (struct versions_snaps){.snap = NULL};
}

/* ---- one directory --------------------------------------------------------
 */

/* Something could not be read: tells whoever asked, and goes on without a
 * directory that is damaged, or deleted. */
static int dir_lost(const struct versions_reader *r,
                    const struct versions_dirs *d, size_t i, int rc, bool *lost)
{
    if (rc != E_CORRUPT)
        return rc;
    *lost = true;
    for (size_t s = d->dir[i].newest + (size_t)1; s-- > 0;) {
        if (d->of[s] == i && r->unreadable(r->ctx, d->in->snap[s].no))
            break;
    }
    return 0;
}

/* The entry of that name in directory i, into r->te, which borrows from *node:
 * to be given back. NULL: there is none. */
static int dir_find(const struct versions_reader *r,
                    const struct versions_dirs *d, size_t i, struct bytes name,
                    struct node_kept **node, bool *lost)
{
    struct node_leaf leaf = {.node = NULL};
    size_t at = 0;
    bool found;
    int rc =
        node_cache_by_name(r->nodes, r->source, &d->dir[i].pages, name, &leaf);

    *lost = false;
    found = rc == 0 && node_kept_named(leaf.node, name, &at);
    if (found)
        rc = node_kept_entry(leaf.node, at, r->te);
    if (rc < 0 || !found) {
        node_cache_release(r->nodes, leaf.node);
        leaf.node = NULL;
    }
    *node = leaf.node;
    return rc < 0 ? dir_lost(r, d, i, rc, lost) : 0;
}

int versions_any(const struct versions_reader *r, const struct versions_dirs *d,
                 struct bytes name, bool *found)
{
    int rc = 0;

    *found = false;
    for (size_t i = 0; i < d->n && rc == 0 && !*found; i++) {
        struct node_kept *node;
        bool lost;

        rc = dir_find(r, d, i, name, &node, &lost);
        *found = node != NULL;
        node_cache_release(r->nodes, node);
    }
    return rc;
}

/* ---- directories by their path --------------------------------------------
 */

/* Directories that are told apart while they are gathered. */
struct dirs_made {
    struct versions_dirs *d;
    struct idmap number; /* pages -> place in d->dir */
    size_t cap;
};

/* The place of those pages, which are first met in snapshot `newest`. */
static int dirs_number(struct dirs_made *x, const struct chunk_id *pages,
                       uint32_t newest, uint32_t *no)
{
    struct versions_dirs *d = x->d;
    uint64_t is;
    int rc;

    if (idmap_get(&x->number, pages->b, &is)) {
        *no = (uint32_t)is;
        return 0;
    }
    if (!MEM_GROW(d->dir, d->n, x->cap))
        return err_set(E_NOMEM, "out of memory");
    rc = idmap_put(&x->number, pages->b, d->n);
    if (rc < 0)
        return rc;
    *no = (uint32_t)d->n;
    d->dir[d->n++] = (struct versions_dir){*pages, newest};
    return 0;
}

static int dirs_init(struct versions_dirs *d, const struct versions_snaps *in)
{
    *d = (struct versions_dirs){.in = in};
    d->of = mem_array(in->n, sizeof *d->of);
    return d->of ? 0 : err_set(E_NOMEM, "out of memory");
}

void versions_dirs_release(struct versions_dirs *d)
{
    free(d->of);
    free(d->dir);
    *d = (struct versions_dirs){.in = NULL};
}

int versions_top(const struct versions_snaps *in, struct versions_dirs *out)
{
    struct dirs_made x = {.d = out};
    int rc = dirs_init(out, in);

    for (size_t s = in->n; s-- > 0 && rc == 0;)
        rc = dirs_number(&x, &in->snap[s].pages, (uint32_t)s, &out->of[s]);
    idmap_release(&x.number);
    return rc;
}

int versions_below(const struct versions_reader *r,
                   const struct versions_dirs *d, struct bytes name,
                   struct versions_dirs *out)
{
    struct dirs_made x = {.d = out};
    uint32_t *leads = mem_array(d->n, sizeof *leads); /* where each of d does */
    int rc = dirs_init(out, d->in);

    if (!leads)
        rc = err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < d->n && rc == 0; i++) {
        struct node_kept *node;
        bool lost;

        rc = dir_find(r, d, i, name, &node, &lost);
        leads[i] = lost ? VERSIONS_LOST : VERSIONS_ABSENT;
        if (node && r->te->e.type == ENTRY_DIR)
            rc = dirs_number(&x, &r->te->dir.root, d->dir[i].newest, &leads[i]);
        node_cache_release(r->nodes, node);
    }
    for (size_t s = 0; s < d->in->n && rc == 0; s++)
        out->of[s] = d->of[s] < d->n ? leads[d->of[s]] : d->of[s];
    free(leads);
    idmap_release(&x.number);
    return rc;
}

/* ---- versions -------------------------------------------------------------
 */

/* What a name is in a directory. */
struct version_state {
    enum { STATE_ABSENT, STATE_THERE, STATE_LOST } is;
    uint8_t digest[ID_BYTES];
};

/* What it was last in a series. */
struct version_line {
    const struct version_state *last; /* NULL: no snapshot yet */
    uint64_t taken;                   /* its last version's number; 0: none */
};

struct version_merge {
    struct version_state *state; /* of each directory */
    struct version_line *line;   /* of each series */
    struct idmap taken;          /* digest -> number of the last such version */
    uint64_t n;                  /* that were taken */
};

static int merge_look(const struct versions_reader *r,
                      const struct versions_dirs *d, struct bytes name,
                      struct version_merge *x)
{
    int rc = 0;

    for (size_t i = 0; i < d->n && rc == 0; i++) {
        struct node_kept *node;
        bool lost;

        rc = dir_find(r, d, i, name, &node, &lost);
        x->state[i].is = lost ? STATE_LOST : STATE_ABSENT;
        if (node && r->te->e.type != ENTRY_DIR) {
            x->state[i].is = STATE_THERE;
            tree_diff_digest(r->te, x->state[i].digest);
        }
        node_cache_release(r->nodes, node);
    }
    return rc;
}

/* The next snapshot of a series, and what the name is there. */
static int merge_next(struct version_merge *x, uint32_t series,
                      const struct version_state *now, bool *take)
{
    struct version_line *l = &x->line[series];
    const struct version_state *before = l->last;
    uint64_t same = 0;

    *take = false;
    l->last = now;
    if (now->is != STATE_THERE ||
        (before && before->is == STATE_THERE &&
         memcmp(before->digest, now->digest, ID_BYTES) == 0))
        return 0;
    if (idmap_get(&x->taken, now->digest, &same) && same > l->taken)
        return 0;
    *take = true;
    l->taken = ++x->n;
    return idmap_put(&x->taken, now->digest, x->n);
}

int versions_of(const struct versions_reader *r, const struct versions_dirs *d,
                struct bytes name, versions_take *take, void *ctx)
{
    static const struct version_state absent = {.is = STATE_ABSENT};
    struct version_merge x = {.n = 0};
    size_t series_n = 0;
    int rc;

    for (size_t s = 0; s < d->in->n; s++) {
        if (d->in->snap[s].series >= series_n)
            series_n = d->in->snap[s].series + (size_t)1;
    }
    x.state = mem_array(d->n, sizeof *x.state);
    x.line = mem_array(series_n, sizeof *x.line);
    rc = x.state && x.line ? merge_look(r, d, name, &x)
                           : err_set(E_NOMEM, "out of memory");
    for (size_t s = 0; s < d->in->n && rc == 0; s++) {
        const struct versions_snap *snap = &d->in->snap[s];
        const uint32_t of = d->of[s];
        bool is_new = false;

        /* what cannot be read may have been anything: as if it was not */
        if (of == VERSIONS_LOST || (of < d->n && x.state[of].is == STATE_LOST))
            continue;
        rc = merge_next(&x, snap->series, of < d->n ? &x.state[of] : &absent,
                        &is_new);
        if (rc == 0 && is_new)
            rc = take(ctx, snap);
    }
    free(x.state);
    free(x.line);
    idmap_release(&x.taken);
    return rc;
}

/* ---- names ----------------------------------------------------------------
 */

/* Where a name stands among those that are there, or would. */
static size_t names_place(const struct versions_names *l, struct bytes name,
                          bool *is_there)
{
    size_t low = 0, high = l->n;

    *is_there = false;
    while (low < high && !*is_there) {
        size_t mid = low + (high - low) / 2;
        const struct versions_name *x = &l->name[l->order[mid]];
        int order = bytes_cmp(bytes_of(x->name, x->n), name);

        if (order < 0)
            low = mid + 1;
        else
            high = mid;
        *is_there = order == 0;
    }
    return high;
}

/* Adds a name, if it is not there; when they are too many, the last one goes.
 * False: it is behind all, and there is no room. */
static bool names_add(struct versions_names *l, struct bytes name, uint32_t no,
                      uint32_t at)
{
    bool is_there;
    size_t place = names_place(l, name, &is_there);
    uint16_t room = (uint16_t)l->n;
    struct versions_name *x;

    if (is_there)
        return true;
    if (place == VERSIONS_NAMES_MAX)
        return false;
    if (l->n == VERSIONS_NAMES_MAX)
        room = l->order[--l->n];
    memmove(&l->order[place + 1], &l->order[place],
            (l->n - place) * sizeof *l->order);
    l->order[place] = room;
    l->n++;
    x = &l->name[room];
    x->no = no;
    x->at = at;
    x->n = (uint8_t)name.n;
    memcpy(x->name, name.p, name.n);
    return true;
}

/* From a leaf those behind `after`; false: what follows is behind all. */
static bool names_leaf(struct versions_names *l, const struct node_leaf *leaf,
                       struct bytes after, uint32_t no)
{
    const struct node_kept *k = leaf->node;
    size_t i = k->n > 0 && after.n > 0 ? node_kept_near(k, after) : 0;

    for (; i < k->n && leaf->before + i < UINT32_MAX; i++) {
        struct bytes name = node_kept_name(k, i);

        if (after.n > 0 && bytes_cmp(name, after) <= 0)
            continue;
        if (!names_add(l, name, no, (uint32_t)(leaf->before + i)))
            return false;
    }
    return leaf->before + i < UINT32_MAX;
}

/*
 * One directory. *first: the leaf in which the one before began; it is kept
 * until the next one: what begins with the same one has nothing new in it.
 */
static int names_dir(const struct versions_reader *r,
                     const struct versions_dirs *d, size_t i,
                     struct bytes after, struct node_leaf *first,
                     struct versions_names *l)
{
    const struct chunk_id *pages = &d->dir[i].pages;
    const uint32_t no = d->in->snap[d->dir[i].newest].no;
    struct node_leaf leaf = {.node = NULL};
    bool more = true, begin = true;
    int rc = node_cache_by_name(r->nodes, r->source, pages, after, &leaf);

    while (rc == 0 && leaf.node && more) {
        uint64_t next = leaf.before + leaf.node->n;

        if (!begin || leaf.node != first->node)
            more = names_leaf(l, &leaf, after, no);
        if (begin) {
            struct node_leaf last = *first;

            *first = leaf;
            leaf = last;
        }
        node_cache_release(r->nodes, leaf.node);
        leaf.node = NULL;
        begin = false;
        if (more)
            rc = node_cache_by_weight(r->nodes, r->source, NODE_PAGE, pages,
                                      next, &leaf);
    }
    node_cache_release(r->nodes, leaf.node);
    return rc;
}

int versions_names(const struct versions_reader *r,
                   const struct versions_dirs *d, struct bytes after,
                   struct versions_names *out)
{
    struct node_leaf first = {.node = NULL};
    int rc = 0;

    out->n = 0;
    for (size_t i = 0; i < d->n && rc == 0; i++) {
        bool lost;

        rc = names_dir(r, d, i, after, &first, out);
        if (rc < 0)
            rc = dir_lost(r, d, i, rc, &lost);
    }
    node_cache_release(r->nodes, first.node);
    return rc;
}
