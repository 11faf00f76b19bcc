#include "repo/job/snap_previous.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "repo/catchup_packs.h"
#include "repo/trust.h"

void snap_previous_release(struct snap_previous *p)
{
    for (size_t i = 0; i < PARENT_MAX; i++) {
        tree_entry_release(&p->parent[i].root);
        snapshot_list_drop(&p->parent[i].snapshot);
    }
    snapshot_list_release(&p->list);
    *p = (struct snap_previous){.item = NULL};
}

static int snap_previous_read(struct repo *r, const struct object_id *id,
                              struct snap_parent *s, bool *readable)
{
    struct codec c;
    int rc = snapshot_list_read(r->store, r->keys, id, &s->snapshot);

    if (rc == 0) {
        codec_init(&c, s->snapshot.manifest.m.root);
        rc = tree_entry_get(&c, &s->root, true);
    }
    *readable = rc == 0;
    if (rc == E_CORRUPT || rc == E_ROLE) {
        log_debug("no parent: %s", err_text());
        rc = 0;
    }
    return rc;
}

/* I6 takes for granted that journals list whatever a snapshot needs. After
 * damage nothing is taken on trust: what is missing is read again and so comes
 * back. */
static int snap_previous_doubt(struct repo *r, bool *doubt)
{
    struct index_reader *reader = NULL;
    int rc;

    *doubt = r->index_rebuilt || r->hurt || r->state.suspect_n > 0;
    if (*doubt)
        return 0;
    /* nor when packs are there that nobody lists: a journal may have gone; nor
     * when some are known to be gone or damaged */
    rc = index_reader_new(r->index, &reader);
    if (rc == 0)
        rc = catchup_packs_doubted(reader, doubt);
    index_reader_free(reader);
    return rc;
}

/* A checkpoint that a snapshot supersedes that we cannot read is no root for
 * those who can. */
static int snap_previous_add(struct repo *r, struct snap_previous *p,
                             const struct snapshot_item *item, bool doubt)
{
    struct snap_parent *s = &p->parent[p->parent_n];
    bool readable = false;
    int rc = snap_previous_read(r, &item->id, s, &readable);

    if (!readable) {
        tree_entry_release(&s->root);
        snapshot_list_drop(&s->snapshot);
        *s = (struct snap_parent){.checkpoint = false};
        return rc;
    }
    s->id = item->id;
    s->checkpoint = !item->manifest.m.complete;
    /* what was stored when trust was another may reach what it now forbids */
    s->must_check = doubt || !state_trusts_tree(&r->state, &item->id) ||
                    item->manifest.m.log_number < r->state.members.trust_at ||
                    (s->checkpoint && snapshot_list_damaged(&p->list) > 0);
    p->parent_n++;
    if (!s->must_check)
        p->trusted[p->trusted_n++] = item->id;
    return 0;
}

/* Those of the list whose trees we may rely on, by who signed them; the items
 * are shared with it. */
static int snap_previous_trusted(const struct repo *r,
                                 const struct snapshot_list *l,
                                 struct snapshot_list *out)
{
    out->item = mem_array(l->n, sizeof *out->item);
    if (!out->item)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        if (trust_member(&r->state, &r->keys->member, &l->item[i].signer))
            out->item[out->n++] = l->item[i];
    }
    return 0;
}

/* Parents of a series out of a list, each once; NULL: none. */
static void snap_previous_pick(const struct snapshot_list *l,
                               struct bytes series,
                               const struct snapshot_item *from[PARENT_MAX])
{
    from[0] = snapshot_list_checkpoint(l, series, false);
    from[1] = snapshot_list_checkpoint(l, series, true);
    from[2] = snapshot_list_newest(l, series);
    /* the newest one may be that which reaches farthest */
    if (from[1] == from[0])
        from[1] = NULL;
}

static bool snap_previous_same(const struct snapshot_item *a,
                               const struct snapshot_item *b)
{
    return a == b || (a && b && object_id_equal(&a->id, &b->id));
}

int snap_previous_find(struct repo *r, struct bytes series, bool force,
                       struct snap_previous *p)
{
    const struct snapshot_item *all[PARENT_MAX];
    const struct snapshot_item *from[PARENT_MAX];
    struct snapshot_list trusted = {.item = NULL};
    bool doubt = false;
    int rc = snapshot_list_load(r->index, &r->state, &p->list);

    if (rc < 0)
        return rc;
    p->item = snapshot_list_newest(&p->list, series);
    if (force)
        return 0;
    rc = snap_previous_trusted(r, &p->list, &trusted);
    if (rc == 0) {
        snap_previous_pick(&p->list, series, all);
        snap_previous_pick(&trusted, series, from);
        rc = snap_previous_doubt(r, &doubt);
    }
    for (size_t i = 0; i < PARENT_MAX && rc == 0; i++) {
        p->foreign |= !snap_previous_same(all[i], from[i]);
        if (from[i])
            rc = snap_previous_add(r, p, from[i], doubt);
    }
    free(trusted.item);
    return rc;
}
