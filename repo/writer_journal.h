/*
 * writer_journal: what the parts of a writer share: the writer itself, and its
 * journal's records, as the store and the index hear of them. For writer*.c
 * alone; everybody else uses writer.h.
 */
#ifndef REPO_WRITER_JOURNAL_H
#define REPO_WRITER_JOURNAL_H

#include "repo/record_journal.h"
#include "repo/segment_list.h"
#include "repo/writer.h"

/* How long the index is waited for: it may be held by another process. */
enum { WRITER_JOURNAL_WAIT_MS = 60000 };

struct writer {
    struct repo *r;
    struct chain chain; /* our journal */
    struct chain_tip tip;
    struct chain_tip generation; /* the log record whose state we rely on */
    int64_t spoke_at;            /* monotonic ns of our last record */
    bool closed;                 /* ended or fenced */
    bool behind;                 /* the index lacks what our journal names */
    struct segment_list fresh;   /* segments that the index was not told of */
};

/* writer_journal_needs: whether a catch-up that ended so stops whoever would
 * write; after any other end the log is known, and what the index lacks costs
 * nobody but us. */
bool writer_journal_needs(int rc);

/*
 * writer_journal_put: the next record of our journal, durable when this
 * returns 0. Returns E_FENCED: somebody ended this writer; E_ROLE: ... and its
 * key was removed; E_NOMEM; what the
 * store returned (the record is then there or not: nothing may follow it).
 */
MUST_CHECK int writer_journal_put(struct writer *w,
                                  enum record_journal_type type,
                                  const struct record_journal *j);

/* writer_journal_put_generation: an open (with its process) or a renew (NULL)
 * that names the log record we rely on. Returns as writer_journal_put(). */
MUST_CHECK int writer_journal_put_generation(
    struct writer *w, enum record_journal_type type,
    const struct record_process *process);

/*
 * writer_journal_name_segment: the record that names a durable segment.
 *   item      its id, level and bytes; the writer is filled in here
 *   replaced  segments that it replaces; may be none
 * Returns as writer_journal_put().
 */
MUST_CHECK int writer_journal_name_segment(struct writer *w,
                                           struct segment_list_item *item,
                                           const struct record_ids *replaced);

/*
 * writer_journal_commit: end an update of the index in which it is told what
 * this writer did; with how far our own journal goes and which segments it
 * names, unless it is behind already.
 *   u   ends here in any case; NULL when it could not be begun
 *   rc  what became of the update so far: below 0 it is given up
 * Returns rc, or what the index did.
 */
MUST_CHECK int writer_journal_commit(struct writer *w, struct index_update *u,
                                     int rc);

/*
 * writer_journal_tell: writer_journal_commit() of an update of its own, with
 * the snapshot m, unless that is NULL. The records are there: what the index
 * misses now the next catch-up reads. It may be held by a process that was
 * stopped: one wait is enough.
 */
void writer_journal_tell(struct writer *w, const struct object_id *id,
                         const struct manifest *m);

/*
 * writer_journal_look: M7: the log's tip, read after what our journal says.
 * Returns 0: our member is active there; E_ROLE: it is not; what the store or
 * the log's reading returned: nobody knows. One question where the log has not
 * grown.
 */
MUST_CHECK int writer_journal_look(struct writer *w);

#endif
