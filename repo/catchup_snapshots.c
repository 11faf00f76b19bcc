#include "repo/catchup_snapshots.h"

#include "base/log.h"
#include "repo/snapshot_list.h"

static int catchup_snapshots_note(struct catchup_update *up,
                                  const struct object_id *id,
                                  const struct manifest *m)
{
    int rc = catchup_update_breathe(up);

    return rc < 0 ? rc : snapshot_list_note(up->u, id, m);
}

static int catchup_snapshots_sealed(struct catchup_update *up,
                                    const struct record *r,
                                    const struct record_journal *says)
{
    int rc = catchup_update_breathe(up);

    return rc < 0 ? rc
                  : snapshot_list_note_sealed(up->u, &says->id, &says->commit,
                                              r->time);
}

/* Behind a gap records are met at each start: what the index knows is not read
 * again. */
int catchup_snapshots_commit(struct catchup_update *up, const struct record *r,
                             const struct record_journal *says)
{
    const struct object_id *id = &says->id;
    struct snapshot s;
    bool noted;
    bool sound;
    int rc = snapshot_list_has(up->r, id, &noted, &sound);

    if (rc < 0 || sound)
        return rc;
    if (!keyring_can_open(up->c->keys, PACK_META))
        return noted ? 0 : catchup_snapshots_sealed(up, r, says);
    rc = snapshot_list_read(up->c->store, up->c->keys, id, &s);
    if (rc == 0)
        rc = catchup_snapshots_note(up, id, &s.manifest.m);
    else if (rc == E_CORRUPT)
        rc = noted ? 0 : catchup_snapshots_note(up, id, NULL);
    snapshot_list_drop(&s);
    return rc;
}

/* stop: out: the store fails: it is not asked for more. */
static int catchup_snapshots_again_one(struct catchup_update *up,
                                       const struct object_id *id, bool *stop)
{
    struct snapshot s;
    int rc = snapshot_list_read(up->c->store, up->c->keys, id, &s);

    *stop = rc == E_STORE || rc == E_IO;
    if (rc == 0) {
        rc = catchup_snapshots_note(up, id, &s.manifest.m);
    } else if (*stop || rc == E_CORRUPT) {
        log_debug("snapshot still damaged: %s", err_text());
        rc = 0;
    }
    snapshot_list_drop(&s);
    return rc;
}

int catchup_snapshots_again(struct catchup_update *up)
{
    struct object_id id;
    struct buf key;
    bool found = true;
    bool stop = false;
    int rc = 0;

    if (!keyring_can_open(up->c->keys, PACK_META))
        return 0;
    buf_init(&key, INDEX_MARK_KEY_MAX);
    while (rc == 0 && !stop) {
        rc = snapshot_list_next_damaged(up->r, &key, &id, &found);
        if (rc < 0 || !found)
            break;
        if (!state_is_forgotten(up->c->state, &id))
            rc = catchup_snapshots_again_one(up, &id, &stop);
    }
    buf_release(&key);
    return rc;
}
