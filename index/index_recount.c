/* All references anew: gathered in any order, joined in memory as far as there
 * is room, sorted through index_runs, appended in order. */
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/random.h"
#include "index/index_refs_load.h"
#include "index/index_runs.h"

enum {
    /* of the table in which they are joined: at first, and at most */
    INDEX_RECOUNT_FIRST = 1 << 10,
    INDEX_RECOUNT_SLOTS = 1 << 18,
    INDEX_RECOUNT_TURN = 100000 /* chunks per transaction */
};

struct index_recount_slot {
    struct chunk_id id;
    uint32_t n; /* 0: free */
    uint32_t nodes;
};

struct index_recount {
    struct index *ix;
    struct index_runs *runs;
    struct index_recount_slot *slot; /* open addressing */
    size_t slot_n;
    struct siphash_key key; /* of the places; random */
    size_t used;
};

int index_recount_begin(struct index *ix, struct index_recount **out)
{
    struct index_recount *c = mem_alloc(sizeof *c);
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int rc = 0;

    *out = NULL;
    if (c) {
        c->ix = ix;
        c->slot_n = INDEX_RECOUNT_FIRST;
        c->slot = mem_array(c->slot_n, sizeof *c->slot);
    }
    if (c && c->slot)
        rc = random_bytes(&c->key, sizeof c->key);
    if (!c || !c->slot)
        rc = err_set(E_NOMEM, "index cache %s: references", ix->path);
    else if (rc == 0)
        rc = index_runs_new(ix->path, INDEX_RUNS_CHUNKS / 2, &c->runs);
    (void)fileop_enter(was);
    if (rc < 0)
        index_recount_free(c);
    else
        *out = c;
    return rc;
}

void index_recount_free(struct index_recount *c)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);

    if (c) {
        index_runs_free(c->runs);
        free(c->slot);
        free(c);
    }
    (void)fileop_enter(was);
}

/* Where the id is, or is to be. Who forges a tree chooses ids: they must not
 * all fall into one place. */
static struct index_recount_slot *index_recount_at(
    const struct index_recount *c, const struct chunk_id *id)
{
    size_t at = (size_t)siphash(&c->key, bytes_of(id->b, sizeof id->b)) &
                (c->slot_n - 1);

    while (c->slot[at].n > 0 && !chunk_id_equal(&c->slot[at].id, id))
        at = (at + 1) & (c->slot_n - 1);
    return &c->slot[at];
}

static int index_recount_grow(struct index_recount *c)
{
    struct index_recount_slot *old = c->slot;
    size_t n = c->slot_n;

    c->slot = mem_array(2 * n, sizeof *c->slot);
    if (!c->slot) {
        c->slot = old;
        return err_set(E_NOMEM, "index cache %s: references", c->ix->path);
    }
    c->slot_n = 2 * n;
    for (size_t i = 0; i < n; i++) {
        if (old[i].n > 0)
            *index_recount_at(c, &old[i].id) = old[i];
    }
    free(old);
    return 0;
}

/* What is in the table becomes part of a run: the counts take the place of a
 * location. */
static int index_recount_spill(struct index_recount *c)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int rc = 0;

    for (size_t i = 0; i < c->slot_n && rc == 0; i++) {
        struct index_chunk chunk = {
            .id = c->slot[i].id,
            .loc = {.pack = c->slot[i].n, .off = c->slot[i].nodes}};

        if (c->slot[i].n > 0)
            rc = index_runs_add(c->runs, &chunk);
    }
    (void)fileop_enter(was);
    memset(c->slot, 0, c->slot_n * sizeof *c->slot);
    c->used = 0;
    return rc;
}

int index_recount_add(struct index_recount *c, const struct chunk_id *id,
                      bool node)
{
    struct index_recount_slot *s;

    if (c->used >= c->slot_n / 4 * 3) {
        int rc = c->slot_n < INDEX_RECOUNT_SLOTS ? index_recount_grow(c)
                                                 : index_recount_spill(c);

        if (rc < 0)
            return rc;
    }
    s = index_recount_at(c, id);
    if (s->n == INDEX_REFS_MAX)
        return err_set(E_REFUSED, "index cache %s: too many references",
                       c->ix->path);
    c->used += s->n == 0;
    s->id = *id;
    s->n++;
    s->nodes += node;
    return 0;
}

/* ---- loading ------------------------------------------------------------- */

struct index_recount_load {
    struct index_recount *c;
    struct index_update *u;
    struct index_refs_uses uses;
    struct index_chunk next; /* of the runs */
    bool more;
};

/* All counts of the chunk that comes next, added up. */
static int index_recount_take(struct index_recount_load *l, struct chunk_id *id,
                              struct index_ref *counts)
{
    uint64_t n = 0;
    uint64_t nodes = 0;
    int rc = 0;

    *id = l->next.id;
    while (rc == 0 && l->more && chunk_id_equal(id, &l->next.id)) {
        n += l->next.loc.pack;
        nodes += l->next.loc.off;
        rc = index_runs_next(l->c->runs, &l->next, &l->more);
    }
    if (rc == 0 && n > INDEX_REFS_MAX)
        rc = err_set(E_REFUSED, "index cache %s: too many references",
                     l->c->ix->path);
    *counts =
        (struct index_ref){.count = (uint32_t)n, .nodes = (uint32_t)nodes};
    return rc;
}

static int index_recount_turn(struct index_recount_load *l)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(l->u->txn, l->u->ix->refs, &cursor);

    if (rc != 0)
        return index_lmdb_error(l->u->ix, rc, "append");
    for (int i = 0; i < INDEX_RECOUNT_TURN && l->more && rc == 0; i++) {
        struct chunk_id id;
        struct index_ref counts;

        rc = index_recount_take(l, &id, &counts);
        if (rc == 0)
            rc = index_refs_append(l->u, cursor, &id, &counts, &l->uses);
    }
    mdb_cursor_close(cursor);
    return rc == 0 && l->more ? index_update_turn(l->u) : rc;
}

static int index_recount_all(struct index_recount_load *l)
{
    int rc = index_recount_spill(l->c);

    l->uses.n = l->u->next_no;
    l->uses.use = mem_array(l->uses.n, sizeof *l->uses.use);
    if (!l->uses.use)
        return err_set(E_NOMEM, "index cache %s: references", l->c->ix->path);
    if (rc == 0)
        rc = index_runs_merge(l->c->runs);
    if (rc == 0)
        rc = index_runs_next(l->c->runs, &l->next, &l->more);
    while (rc == 0 && l->more)
        rc = index_recount_turn(l);
    return rc < 0 ? rc : index_refs_put_uses(l->u, &l->uses);
}

int index_recount_load(struct index_recount *c, struct index_update *u)
{
    struct index_recount_load l = {.c = c, .u = u};
    enum fileop_domain was;
    int rc = index_refs_clear(u);

    if (rc < 0)
        return rc;
    was = fileop_enter(FILEOP_CACHE);
    rc = index_recount_all(&l);
    (void)fileop_enter(was);
    free(l.uses.use);
    return index_update_fail(u, rc);
}
