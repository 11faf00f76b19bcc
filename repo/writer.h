/*
 * writer: one run's voice in the repository: its journal, from open to end;
 * the steps W1..W6 of docs/concurrency.md.
 *
 * Confined to one thread at a time.
 */
#ifndef REPO_WRITER_H
#define REPO_WRITER_H

#include "repo/manifest.h"
#include "repo/pack_writer.h"
#include "repo/repo.h"

struct writer;

/* A writer that is silent for longer may be fenced by a collector. */
#define WRITER_SILENCE_NS INT64_C(3600000000000)

/*
 * writer_open: W1: announce a new writer, then read the log's tip again.
 *   r       lent; refreshed here
 *   series  that it writes; may be empty
 * Returns 0; E_ROLE; E_UNSUPPORTED (a feature that writers must know);
 * E_NOMEM; as repo_refresh(); what the store returned. What was announced
 * before that is ended, if the store lets us.
 */
MUST_CHECK int writer_open(struct repo *r, struct bytes series,
                           struct writer **out);

/* writer_open_to_pin: the same for who only pins, while other threads read the
 * index, which need not be, nor become, up to date. */
MUST_CHECK int writer_open_to_pin(struct repo *r, struct writer **out);

/*
 * writer_pin: P1 and P2: hold on to snapshots, until this writer has ended or
 * was fenced; then r's state tells which of them are forgotten: those are not
 * held, if they were before. Who pins publishes nothing.
 *   id, n  n >= 1 in all, over the writer's life at most 30,000
 *   put    out: whether the pin stands in the repository. With an error it
 *          stands all the same, but r's state may not tell yet which came too
 *          late: the next repo_refresh_in_use() that goes well does
 * Returns 0; E_ROLE: pins of this key's role do not count; as
 * writer_publish() and repo_refresh_in_use().
 */
MUST_CHECK int writer_pin(struct writer *w, const struct object_id *id,
                          size_t n, bool *put);

/*
 * writer_publish: W3: make durable packs known: a segment, the journal record
 * that names it, the index.
 *   pack     n (>= 1) durable packs; their content is released here
 *   indexed  out: whether our index has them now. It is only a cache: that it
 *            is full, or held by a process that was stopped, fails no run
 * Returns 0; E_FENCED: somebody ended this writer: publish nothing more, start
 * over; E_ROLE: our key is being removed, or was; E_NOMEM; what the store
 * returned.
 */
MUST_CHECK int writer_publish(struct writer *w, struct pack_info *pack,
                              size_t n, bool *indexed);

/*
 * writer_merge: replace eight small segments by one, when there are eight.
 *   merged  out: whether there were
 * Returns as writer_publish(); E_CORRUPT: one of them cannot be read. Not
 * needed for anything: only E_FENCED says that the run is over.
 */
MUST_CHECK int writer_merge(struct writer *w, bool *merged);

/* What a run counts on without storing it. */
struct writer_reliance {
    const struct object_id *parent; /* parent_n snapshots whose subtrees it
                                       takes over unseen */
    size_t parent_n;
    /* our index has moved on: from its return on the run looks nothing up in
       an older view, and has remembered all that it found in one; NULL: it
       keeps no view */
    void (*moved)(void *ctx);
    /* whether it relies on a chunk of the pack with that index number; NULL:
       on none */
    bool (*on_pack)(void *ctx, uint32_t pack);
    void *ctx;
};

/*
 * writer_renew: W4: say that we are alive, when it is time to (a third of the
 * silence that is allowed).
 * When something that the run relies on no longer passes what W2 and I6 ask
 * for, the old generation is renewed: collectors then wait for our commit.
 * Returns as writer_publish().
 */
MUST_CHECK int writer_renew(struct writer *w, const struct writer_reliance *on);

/* writer_log_tip: the log record whose state this writer relies on. */
void writer_log_tip(const struct writer *w, uint64_t *number,
                    struct object_id *id);

/*
 * writer_commit: W5: the snapshot, or the checkpoint, exists when this returns
 * 0. The writer goes on.
 *   m   every field is set
 *   id  out: of the snapshot
 * Everything that it needs was published before. Returns as writer_publish();
 * E_ROLE: the key's role makes no snapshots, or, as what the store returned, it
 * was committed and nobody knows whether it will last: the error says so.
 * E_LIMIT (manifest too long).
 */
MUST_CHECK int writer_commit(struct writer *w, const struct manifest *m,
                             struct object_id *id);

/* writer_end: W6: the last record. Not needed for anything already committed:
 * a failure costs a collector some waiting. */
MUST_CHECK int writer_end(struct writer *w);

/* writer_free: NULL is fine. A writer that was not ended is one that died. */
void writer_free(struct writer *w);

#endif
