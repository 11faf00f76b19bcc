#include "repo/writer_journal.h"

#include "base/clock.h"
#include "repo/catchup_marks.h"
#include "repo/repo_role.h"
#include "repo/snapshot_list.h"

enum { WRITER_JOURNAL_LOOKS = 10 /* while the log grows */ };

bool writer_journal_needs(int rc)
{
    return rc == E_ROLLBACK || rc == E_NOMEM || rc == E_STORE;
}

/* With a key that was removed, starting over would tell no more. */
static int writer_journal_fenced(struct writer *w)
{
    w->closed = true;
    /* a cache that was lost, and could not be had anew, reads no log */
    if (w->r->index)
        err_ignore(repo_refresh_in_use(w->r), "the log alone matters here");
    if (repo_role_active(w->r) < 0)
        return E_ROLE;
    return err_set(E_FENCED,
                   "this run was silent for too long and was ended by a "
                   "collector; run it again");
}

int writer_journal_put(struct writer *w, enum record_journal_type type,
                       const struct record_journal *j)
{
    struct buf body;
    bool mine = false;
    int rc;

    if (w->closed)
        return err_set(E_FENCED, "this run was ended; run it again");
    buf_init(&body, 1 << 20);
    record_journal_put(type, j, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&w->chain, &w->tip, type, buf_bytes(&body), &mine);
    buf_release(&body);
    if (rc == 0 && !mine)
        return writer_journal_fenced(w);
    w->spoke_at = clock_monotonic_ns();
    return rc;
}

int writer_journal_put_generation(struct writer *w,
                                  enum record_journal_type type,
                                  const struct record_process *process)
{
    struct record_journal j = {.generation = w->generation.number,
                               .log_id = w->generation.id};

    if (process)
        j.process = *process;
    return writer_journal_put(w, type, &j);
}

int writer_journal_name_segment(struct writer *w,
                                struct segment_list_item *item,
                                const struct record_ids *replaced)
{
    struct record_journal j = {.id = item->id, .ids = *replaced};
    int rc = writer_journal_put(w, RECORD_SEGMENT, &j);

    item->writer = w->chain.writer;
    item->member = w->r->keys->member;
    return rc < 0 ? rc : segment_list_add(&w->fresh, item);
}

/* Remembers in an update of the index how far our own journal goes, and which
 * segments it names. Once the index lacks what a record names it must not be
 * told of later ones: the next catch-up reads on from its mark (I5). */
static int writer_journal_note(struct writer *w, struct index_update *u)
{
    struct catchup_mark m = {
        .number = w->tip.number, .id = w->tip.id, .closed = w->closed};
    int rc = 0;

    if (w->behind)
        return 0;
    for (size_t i = 0; i < w->fresh.n && rc == 0; i++)
        rc = segment_list_note(u, &w->fresh.item[i]);
    return rc < 0 ? rc : catchup_marks_put_journal(u, &w->chain.writer, &m);
}

int writer_journal_commit(struct writer *w, struct index_update *u, int rc)
{
    if (rc == 0)
        rc = writer_journal_note(w, u);
    if (rc < 0) {
        index_update_abort(u);
        return rc;
    }
    rc = index_update_commit(u);
    if (rc == 0)
        w->fresh.n = 0;
    return rc;
}

/* The cache is not sealed: a key that may not read the snapshot leaves nothing
 * there that it would need to. */
static int writer_journal_note_snapshot(const struct writer *w,
                                        struct index_update *u,
                                        const struct object_id *id,
                                        const struct manifest *m)
{
    struct manifest brief = {.series = m->series,
                             .number = m->number,
                             .complete = m->complete,
                             .begin = m->end};

    return keyring_can_open(w->r->keys, PACK_META)
               ? snapshot_list_note(u, id, &w->r->keys->member, m)
               : snapshot_list_note_sealed(u, id, &w->chain.writer, &brief);
}

void writer_journal_tell(struct writer *w, const struct object_id *id,
                         const struct manifest *m)
{
    struct index_update *u = NULL;
    int rc;

    /* a cache that was lost, and could not be had anew, is told nothing */
    if (w->behind || !w->r->index)
        return;
    rc = index_update_begin(w->r->index, WRITER_JOURNAL_WAIT_MS, &u);
    if (rc == 0 && m)
        rc = writer_journal_note_snapshot(w, u, id, m);
    w->behind = writer_journal_commit(w, u, rc) < 0;
}

int writer_journal_look(struct writer *w)
{
    char name[RECORD_NAME_MAX];
    bool grown = true;
    uint64_t bytes;
    int why = 0;
    int rc = 0;

    for (int i = 0; i < WRITER_JOURNAL_LOOKS && grown; i++) {
        record_log_name(w->r->state.tip.number + 1, name);
        rc = store_size(w->r->store, name, &bytes, &grown);
        if (rc < 0)
            return rc;
        /* the log is read first: whatever fails, this is known */
        if (grown)
            why = repo_refresh_in_use(w->r);
        if (repo_role_active(w->r) < 0)
            return E_ROLE;
    }
    if (!grown)
        return 0;
    return why < 0 ? why : err_set(E_LATER, "the log keeps growing");
}
