#include "repo/job/snap_previous.h"

#include "base/log.h"

void snap_previous_release(struct snap_previous *p)
{
    tree_entry_release(&p->root);
    snapshot_list_drop(&p->snapshot);
    snapshot_list_release(&p->list);
    *p = (struct snap_previous){.item = NULL};
}

static int snap_previous_read(struct repo *r, struct snap_previous *p)
{
    struct codec c;
    int rc = snapshot_list_read(r->store, r->keys, &p->item->id, &p->snapshot);

    if (rc == 0) {
        codec_init(&c, p->snapshot.manifest.m.root);
        rc = tree_entry_get(&c, &p->root, true);
    }
    if (rc == E_CORRUPT || rc == E_ROLE) {
        log_debug("no parent: %s", err_text());
        return 0;
    }
    p->is_parent = rc == 0;
    return rc;
}

int snap_previous_find(struct repo *r, struct bytes series, bool force,
                       struct snap_previous *p)
{
    int rc = snapshot_list_load(r->index, &r->state, &p->list);

    if (rc < 0)
        return rc;
    p->item = snapshot_list_newest(&p->list, series, true);
    if (!p->item || force)
        return 0;
    rc = snap_previous_read(r, p);
    if (rc < 0 || !p->is_parent)
        return rc;
    /* after damage, too, nothing is taken on trust: what is missing is read
     * again and so comes back */
    p->must_check = !state_trusts_tree(&r->state, &p->item->id) ||
                    r->index_rebuilt || r->hurt || r->state.suspect_n > 0;
    return 0;
}
