#include "repo/job/snap_previous.h"

#include "base/log.h"
#include "repo/catchup_packs.h"
#include "repo/keepsake_file.h"

void snap_previous_release(struct snap_previous *p)
{
    tree_entry_release(&p->root);
    snapshot_list_drop(&p->snapshot);
    keepsake_release(&p->keepsake);
    kept_frames_free(p->kept);
    snapshot_list_release(&p->list);
    *p = (struct snap_previous){.item = NULL};
}

/* m, the manifest of snapshot id, describes the parent. */
static int snap_previous_take(struct snap_previous *p,
                              const struct object_id *id,
                              const struct manifest *m)
{
    struct codec c;
    int rc;

    codec_init(&c, m->root);
    rc = tree_entry_get(&c, &p->root, true);
    p->parent = *id;
    p->manifest = m;
    p->is_parent = rc == 0;
    return rc;
}

static int snap_previous_read(struct repo *r, struct snap_previous *p)
{
    int rc = snapshot_list_read(r->store, r->keys, &p->item->id, &p->snapshot);

    if (rc == 0)
        rc = snap_previous_take(p, &p->item->id, &p->snapshot.manifest.m);
    if (rc == E_CORRUPT) {
        log_debug("no parent: %s", err_text());
        return 0;
    }
    return rc;
}

/* Whether the snapshot is committed and not forgotten. */
static bool snap_previous_lists(const struct snap_previous *p,
                                const struct object_id *id)
{
    for (size_t i = 0; i < p->list.n; i++)
        if (object_id_equal(&p->list.item[i].id, id))
            return true;
    return false;
}

/* The key may not read trees: what this host has kept of its own last one. Also
 * without a parent (force) it says which nodes can be read back. */
static int snap_previous_recall(struct repo *r, struct bytes series, bool force,
                                struct snap_previous *p)
{
    int rc;

    p->kept = kept_frames_new();
    if (!p->kept)
        return err_set(E_NOMEM, "out of memory");
    if (!keepsake_file_read(r, series, p->kept, &p->keepsake) || force)
        return 0;
    rc = snap_previous_take(p, &p->keepsake.id, &p->keepsake.manifest.m);
    if (rc == E_CORRUPT) {
        log_debug("no parent: %s", err_text());
        return 0;
    }
    p->must_check = !snap_previous_lists(p, &p->parent);
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
    bool doubt = false;
    int rc = snapshot_list_load(r->index, &r->state, &p->list);

    if (rc < 0)
        return rc;
    p->item = snapshot_list_newest(&p->list, series, true);
    if (!keyring_can_open(r->keys, PACK_META))
        rc = snap_previous_recall(r, series, force, p);
    else if (p->item && !force)
        rc = snap_previous_read(r, p);
    if (rc < 0 || !p->is_parent)
        return rc;
    rc = snap_previous_doubt(r, &doubt);
    p->must_check |= doubt || !state_trusts_tree(&r->state, &p->parent);
    return rc;
}
