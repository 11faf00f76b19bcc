/* W5: the snapshot object, what it relies on, the record that makes it exist.
 */
#include "base/blake3.h"
#include "repo/envelope.h"
#include "repo/repo_role.h"
#include "repo/settle.h"
#include "repo/snapshot_list.h"
#include "repo/writer_journal.h"

static int writer_put_snapshot(struct writer *w, const struct manifest *m,
                               struct object_id *id)
{
    char name[SNAPSHOT_LIST_NAME_MAX];
    enum store_outcome outcome;
    struct manifest_copy back;
    struct buf content;
    struct buf file;
    int rc;

    buf_init(&content, envelope_content_max(ENVELOPE_SNAPSHOT));
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    manifest_put(m, &content);
    rc = buf_status(&content);
    /* once committed it is too late to find that no reader takes it */
    if (rc == 0)
        rc = manifest_get(buf_bytes(&content), &back);
    if (rc == 0)
        manifest_release(&back);
    else if (rc == E_CORRUPT)
        rc = err_set(E_LIMIT, "the snapshot's description is too long: fewer "
                              "roots or tags are needed");
    if (rc == 0)
        rc = envelope_seal(w->r->keys, ENVELOPE_SNAPSHOT, bytes_of(NULL, 0),
                           buf_bytes(&content), &file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), id->b);
        snapshot_list_name(id, name);
        rc = store_put(w->r->store, name, buf_bytes(&file), &outcome);
    }
    buf_release(&content);
    buf_release(&file);
    return rc;
}

/* M7: nobody is told "done" by a key that is leaving: whether the record came
 * before the journals were read for the cut, nobody knows. */
static int writer_commit_look(struct writer *w, const struct object_id *id)
{
    char hex[2 * ID_BYTES + 1];
    int rc = writer_journal_look(w);

    (void)id_hex(id->b, sizeof id->b, hex);
    if (rc == E_ROLE)
        return err_set(E_ROLE,
                       "%s: this key is being removed; the snapshot %.16s may "
                       "not last: back up again with another key ('dedup key "
                       "add')",
                       store_place(w->r->store), hex);
    return rc < 0 ? err_add(rc,
                            "the snapshot %.16s was written; whether it may "
                            "last could not be seen",
                            hex)
                  : 0;
}

int writer_commit(struct writer *w, const struct manifest *m,
                  struct object_id *id)
{
    enum keyring_role role = w->r->keys->role;
    struct record_journal j = {.generation = 0};
    int rc = 0;

    if (!members_role_may_journal(role, RECORD_COMMIT))
        rc = err_set(E_ROLE, "%s: a key whose role is '%s' makes no snapshots",
                     store_place(w->r->store), repo_role_name(role));
    if (rc == 0)
        rc = writer_put_snapshot(w, m, id);
    if (rc == 0)
        rc = settle_journals(w->r);
    if (rc == 0)
        rc = settle_tip(w->r);
    if (rc < 0)
        return rc;
    j.id = *id;
    j.series = m->series;
    j.in_series = m->number;
    j.complete = m->complete;
    rc = writer_journal_put(w, RECORD_COMMIT, &j);
    if (rc < 0)
        return rc;
    rc = writer_commit_look(w, id);
    if (rc == 0)
        writer_journal_tell(w, id, m);
    else
        w->behind = true; /* whoever reads the journal looks, too */
    return rc;
}
