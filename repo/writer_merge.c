/* Eight small segments become one. */
#include "base/log.h"
#include "repo/catchup_marks.h"
#include "repo/segment_merge.h"
#include "repo/writer_journal.h"

/* What may be merged: segments of journals that have come to their end, and
 * that we signed ourselves, unless our key is full. Who merges counts on what
 * they say (M7). */
static int writer_merge_candidates(struct writer *w, struct segment_list *l)
{
    struct index_reader *r = NULL;
    size_t n = 0;
    int rc = index_reader_new(w->r->index, &r);

    if (rc == 0)
        rc = segment_list_load(r, l);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        bool closed;
        bool ours = w->r->keys->role == KEYRING_FULL ||
                    memcmp(l->item[i].member.b, w->r->keys->member.b,
                           sizeof l->item[i].member.b) == 0;

        rc = catchup_marks_closed(r, &l->item[i].writer, &closed);
        if (rc == 0 && closed && ours &&
            members_count_on(&w->r->state.members, &l->item[i].writer))
            l->item[n++] = l->item[i];
    }
    l->n = n;
    index_reader_free(r);
    return rc;
}

/* Tells the index of the merged segment and of those it replaces. */
static int writer_note_merged(struct writer *w,
                              const struct segment_list_item *old, size_t n)
{
    const struct members_one *us =
        members_find(&w->r->state.members, &w->r->keys->member);
    struct index_update *u = NULL;
    int rc = index_update_begin(w->r->index, WRITER_JOURNAL_WAIT_MS, &u);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = segment_list_note_replaced(u, &old[i].id, us);
    return writer_journal_commit(w, u, rc);
}

int writer_merge(struct writer *w, bool *merged)
{
    struct segment_list_item old[SEGMENT_MERGE_FAN];
    struct object_id id[SEGMENT_MERGE_FAN] = {{{0}}};
    struct segment_list_item item = {.level = 0};
    struct segment_list l = {.item = NULL};
    struct record_ids ids = record_ids_of(id, SEGMENT_MERGE_FAN);
    unsigned level = 0;
    int rc = w->behind ? 0 : writer_merge_candidates(w, &l);

    *merged = rc == 0 && segment_merge_pick(&l, old, &level);
    segment_list_release(&l);
    if (!*merged)
        return rc;
    for (size_t i = 0; i < SEGMENT_MERGE_FAN; i++)
        id[i] = old[i].id;
    rc = segment_merge_write(w->r->store, w->r->keys, w->r->index, &w->r->state,
                             level, old, SEGMENT_MERGE_FAN, &item);
    if (rc == 0)
        rc = writer_journal_name_segment(w, &item, &ids);
    if (rc == 0 && writer_note_merged(w, old, SEGMENT_MERGE_FAN) < 0) {
        log_debug("merged, not indexed: %s", err_text());
        w->behind = true;
    }
    return rc;
}
