/* W5: the snapshot object, what it relies on, the record that makes it exist.
 */
#include "base/blake3.h"
#include "repo/catchup_marks.h"
#include "repo/envelope.h"
#include "repo/journal_list.h"
#include "repo/repo_role.h"
#include "repo/snapshot_list.h"
#include "repo/writer_journal.h"

/*
 * I10: what others published may be visible and not yet durable, and our
 * snapshot may rely on it. Of a writer that is still at it, that can be true of
 * its last record only: each of its puts had returned before the next began.
 * Of one that has ended, of nothing that we rely on.
 */
static int writer_settle_journal(struct writer *w, struct index_reader *r,
                                 const struct journal_list_item *it)
{
    char name[RECORD_NAME_MAX];
    bool closed = false;

    if (r && catchup_marks_closed(r, &it->writer, &closed) == 0 && closed)
        return 0;
    record_journal_name(&it->writer, it->last, name);
    return store_make_durable(w->r->store, name, NULL);
}

static int writer_settle(struct writer *w)
{
    struct journal_list list = {.item = NULL};
    struct index_reader *r = NULL;
    int rc;

    /* without the index we do not know which have ended: all are settled */
    if (index_reader_new(w->r->index, &r) < 0)
        r = NULL;
    rc = journal_list_load(w->r->store, &list);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = writer_settle_journal(w, r, &list.item[i]);
    index_reader_free(r);
    journal_list_release(&list);
    if (rc < 0)
        return rc;
    return writer_journal_settle_tip(w->r);
}

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
        rc = writer_settle(w);
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
