#include "repo/job/snap_previous.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "repo/catchup_packs.h"
#include "repo/keepsake_file.h"
#include "repo/trust.h"

static void snap_previous_drop(struct snap_parent *s)
{
    tree_entry_release(&s->root);
    snapshot_list_drop(&s->snapshot);
    keepsake_release(&s->keepsake);
    *s = (struct snap_parent){.checkpoint = false};
}

void snap_previous_release(struct snap_previous *p)
{
    for (size_t i = 0; i < PARENT_MAX; i++)
        snap_previous_drop(&p->parent[i]);
    kept_frames_free(p->kept);
    snapshot_list_release(&p->list);
    *p = (struct snap_previous){.item = NULL};
}

/* m, the manifest of snapshot id, describes a parent, if its root can be read.
 */
static int snap_previous_root(struct snap_parent *s, const struct object_id *id,
                              const struct manifest *m)
{
    struct codec c;

    codec_init(&c, m->root);
    s->id = *id;
    s->manifest = m;
    s->checkpoint = !m->complete;
    return tree_entry_get(&c, &s->root, true);
}

static int snap_previous_read(struct repo *r, const struct object_id *id,
                              struct snap_parent *s, bool *readable)
{
    int rc = snapshot_list_read(r->store, r->keys, id, &s->snapshot);

    if (rc == 0)
        rc = snap_previous_root(s, id, &s->snapshot.manifest.m);
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

/* The parent that was read is the next one. */
static void snap_previous_trust(struct repo *r, struct snap_previous *p,
                                const struct manifest *m,
                                const struct member_id *signer, bool doubt)
{
    struct snap_parent *s = &p->parent[p->parent_n++];

    /* what was stored when trust was another may reach what it now forbids */
    s->must_check = doubt || snap_previous_leaves(r, signer) ||
                    !state_trusts_tree(&r->state, &s->id) ||
                    m->log_number < r->state.members.trust_at;
    if (!s->must_check)
        p->trusted[p->trusted_n++] = s->id;
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
        snap_previous_drop(s);
        return rc;
    }
    snap_previous_trust(
        r, p, &s->snapshot.manifest.m, &s->snapshot.signer,
        doubt || (s->checkpoint && snapshot_list_damaged(&p->list) > 0));
    return 0;
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

/* What was kept of a checkpoint serves until the run that it is of, or a later
 * one, has come to its end. Which of a run's checkpoints is a root only those
 * know who can read them. */
static int snap_previous_kept(struct repo *r, struct snap_previous *p,
                              bool doubt)
{
    struct snap_parent *s = &p->parent[p->parent_n];
    const struct manifest *m = &s->keepsake.manifest.m;
    bool over =
        !m->complete && p->item && p->item->manifest.m.number >= m->number;
    int rc = over ? 0 : snap_previous_root(s, &s->keepsake.id, m);

    if (rc < 0 || over) {
        snap_previous_drop(s);
        if (rc == E_CORRUPT)
            log_debug("no parent: %s", err_text());
        return rc == E_CORRUPT ? 0 : rc;
    }
    snap_previous_trust(r, p, m, &r->keys->member,
                        doubt || s->checkpoint ||
                            !snap_previous_lists(p, &s->id));
    return 0;
}

/* The key may not read trees: what this host has kept of its own. Also without
 * a parent (force) it says which nodes can be read back. */
static int snap_previous_recall(struct repo *r, struct bytes series, bool force,
                                struct snap_previous *p)
{
    bool doubt = false;
    int rc = snap_previous_doubt(r, &doubt);

    p->kept = kept_frames_new();
    if (!p->kept)
        return err_set(E_NOMEM, "out of memory");
    for (int complete = 0; complete < 2 && rc == 0; complete++) {
        struct snap_parent *s = &p->parent[p->parent_n];

        if (!keepsake_file_read(r, series, complete != 0, p->kept,
                                &s->keepsake))
            continue;
        if (force)
            snap_previous_drop(s);
        else
            rc = snap_previous_kept(r, p, doubt);
    }
    return rc;
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
    if (!keyring_can_open(r->keys, PACK_META))
        return snap_previous_recall(r, series, force, p);
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
