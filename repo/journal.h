/*
 * journal: one writer's journal as others see it, and how a collector ends the
 * journal of a writer that has fallen silent. The writer's own side is
 * writer.h. Confined to one thread.
 */
#ifndef REPO_JOURNAL_H
#define REPO_JOURNAL_H

#include "repo/repo.h"

/* What a journal says so far. */
struct journal {
    struct writer_id writer;
    struct chain_tip tip;    /* its last record */
    bool unknown;            /* ... was passed over: nothing follows its hash */
    uint64_t generation;     /* log number last opened or renewed with */
    bool ended;              /* by its writer, or cut */
    bool fenced;             /* by somebody else */
    struct entry_time spoke; /* what its last record calls the time */
    bool dead; /* its process was of this machine, and is known to be gone */
    struct object_id
        *pin; /* snapshots that it holds; pin_n, owned. With one, it
                 is a reader's: nothing else is ever published */
    size_t pin_n;
    size_t pin_cap;
};

/* journal_init: nothing read yet. */
void journal_init(struct journal *j, const struct writer_id *w);

/* journal_release: zeroed is fine. */
void journal_release(struct journal *j);

/*
 * journal_read: read on to the journal's end.
 *   more  out: whether there was anything new; may be NULL
 * What is signed by those who may not put it is passed over, and so is what
 * does not stand of a removed member's. Returns 0; E_LATER: r's state does not
 * know whose it is: refresh that; E_CORRUPT: a record is damaged, or missing
 * while later ones are there: what the journal says is not known, and nobody
 * may collect; E_UNSUPPORTED; E_NOMEM; what the store returned. j stays at the
 * last record that was good.
 */
MUST_CHECK int journal_read(struct journal *j, const struct repo *r,
                            bool *more);

/*
 * journal_fence: C3: end the journal at its next number.
 *   j     read to its end, neither ended nor fenced
 *   done  out: false: the writer was faster; j is as before: read it again
 * When done, no publication of that writer can follow, and the fence is
 * durable. Returns 0; E_ROLE; E_NOMEM; what the store returned.
 */
MUST_CHECK int journal_fence(struct journal *j, const struct repo *r,
                             bool *done);

#endif
