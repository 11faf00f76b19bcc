#include "repo/job/snap_previous.h"

#include "base/log.h"
#include "repo/catchup_packs.h"

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

int snap_previous_find(struct repo *r, struct bytes series, bool force,
                       struct snap_previous *p)
{
    int rc = snapshot_list_load(r->index, &r->state, &p->list);

    if (rc < 0)
        return rc;
    p->item = snapshot_list_newest(&p->list, series);
    if (!p->item || force)
        return 0;
    rc = snap_previous_read(r, p);
    if (rc < 0 || !p->is_parent)
        return rc;
    rc = snap_previous_doubt(r, &p->must_check);
    p->must_check |= !state_trusts_tree(&r->state, &p->item->id);
    return rc;
}
