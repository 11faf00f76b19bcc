#include "repo/catchup_snapshots.h"

#include "base/log.h"
#include "repo/snapshot_list.h"

static int catchup_snapshots_note(struct catchup_update *up,
                                  const struct snapshot *s)
{
    int rc = catchup_update_breathe(up);

    up->counts = true;
    return rc < 0
               ? rc
               : snapshot_list_note(up->u, &s->id, &s->signer, &s->manifest.m);
}

static int catchup_snapshots_note_sealed(struct catchup_update *up,
                                         const struct writer_id *w,
                                         const struct record *r,
                                         const struct record_journal *says)
{
    struct manifest m = {.series = says->series,
                         .number = says->in_series,
                         .complete = says->complete,
                         .begin = r->time};
    int rc = catchup_update_breathe(up);

    return rc < 0 ? rc : snapshot_list_note_sealed(up->u, &says->id, w, &m);
}

static int catchup_snapshots_note_damaged(struct catchup_update *up,
                                          const struct object_id *id,
                                          const struct writer_id *w)
{
    int rc = catchup_update_breathe(up);

    return rc < 0 ? rc : snapshot_list_note_damaged(up->u, id, w);
}

static bool catchup_snapshots_signed(const struct snapshot *s,
                                     const struct members_one *owner)
{
    return owner && memcmp(s->signer.b, owner->id.b, sizeof s->signer.b) == 0;
}

/* Behind a gap records are met at each start: what the index knows is not read
 * again. */
int catchup_snapshots_commit(struct catchup_update *up,
                             const struct writer_id *w,
                             const struct members_one *owner,
                             const struct record *r,
                             const struct record_journal *says)
{
    const struct object_id *id = &says->id;
    struct snapshot s;
    bool noted;
    bool sound;
    int rc = snapshot_list_has(up->r, id, &noted, &sound);

    if (rc < 0 || sound)
        return rc;
    rc = snapshot_list_read(up->c->store, up->c->keys, id, &s);
    if ((rc == 0 || rc == E_ROLE) && !catchup_snapshots_signed(&s, owner))
        rc = 0; /* it is not this journal that can make it exist */
    else if (rc == 0)
        rc = catchup_snapshots_note(up, &s);
    else if (rc == E_ROLE)
        rc = noted ? 0 : catchup_snapshots_note_sealed(up, w, r, says);
    else if (rc == E_CORRUPT)
        rc = noted ? 0 : catchup_snapshots_note_damaged(up, id, w);
    snapshot_list_drop(&s);
    return rc;
}

/* stop: out: the store fails: it is not asked for more. */
static int catchup_snapshots_again_one(struct catchup_update *up,
                                       const struct snapshot_lacking *l,
                                       bool *stop, bool *stale)
{
    struct snapshot s;
    int rc = snapshot_list_read(up->c->store, up->c->keys, &l->id, &s);

    *stop = rc == E_STORE || rc == E_IO;
    if (rc == 0) {
        *stale |= !catchup_snapshots_signed(
            &s, members_owner(&up->c->state->members, &l->writer));
        rc = *stale ? 0 : catchup_snapshots_note(up, &s);
    } else if (rc == E_ROLE) {
        *stale = true; /* whole again: its commit record tells what to note */
        rc = 0;
    } else if (rc == E_CORRUPT && l->sealed) {
        rc = catchup_snapshots_note_damaged(up, &l->id, &l->writer);
    } else if (*stop || rc == E_CORRUPT) {
        log_debug("snapshot still damaged: %s", err_text());
        rc = 0;
    }
    snapshot_list_drop(&s);
    return rc;
}

int catchup_snapshots_again(struct catchup_update *up, bool *stale)
{
    bool opens = keyring_can_open(up->c->keys, PACK_META);
    struct snapshot_lacking l;
    struct buf key;
    bool found = true;
    bool stop = false;
    int rc = 0;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    while (rc == 0 && !stop && !*stale) {
        rc = snapshot_list_next_lacking(up->r, &key, &l, &found);
        if (rc < 0 || !found)
            break;
        if ((opens || !l.sealed) && !state_is_forgotten(up->c->state, &l.id))
            rc = catchup_snapshots_again_one(up, &l, &stop, stale);
    }
    buf_release(&key);
    return rc;
}
