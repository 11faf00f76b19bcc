#include "repo/job/snap_previous.h"

#include "base/log.h"
#include "repo/catchup_packs.h"

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

/* M7: nobody begins to count on what a member put who is leaving. */
static bool snap_previous_leaves(const struct repo *r,
                                 const struct member_id *signer)
{
    const struct members_one *one = members_find(&r->state.members, signer);

    return !one || one->standing == RECORD_LEAVING;
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
    s->must_check = doubt || snap_previous_leaves(r, &s->snapshot.signer) ||
                    !state_trusts_tree(&r->state, &item->id) ||
                    (s->checkpoint && snapshot_list_damaged(&p->list) > 0);
    p->parent_n++;
    if (!s->must_check)
        p->trusted[p->trusted_n++] = item->id;
    return 0;
}

int snap_previous_find(struct repo *r, struct bytes series, bool force,
                       struct snap_previous *p)
{
    const struct snapshot_item *from[PARENT_MAX];
    bool doubt = false;
    int rc = snapshot_list_load(r->index, &r->state, &p->list);

    if (rc < 0)
        return rc;
    p->item = snapshot_list_newest(&p->list, series);
    if (force)
        return 0;
    from[0] = snapshot_list_checkpoint(&p->list, series, false);
    from[1] = snapshot_list_checkpoint(&p->list, series, true);
    from[2] = p->item;
    /* the newest one may be that which reaches farthest */
    if (from[1] == from[0])
        from[1] = NULL;
    rc = snap_previous_doubt(r, &doubt);
    for (size_t i = 0; i < PARENT_MAX && rc == 0; i++)
        if (from[i])
            rc = snap_previous_add(r, p, from[i], doubt);
    return rc;
}
