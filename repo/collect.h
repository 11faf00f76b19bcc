/*
 * collect: gives back the space of what no snapshot needs any more, beside
 * writers, readers and other collectors, and without locks: the steps C1 to C6
 * of docs/concurrency.md 5, which a run goes through as far as it can. What
 * one run leaves the next one goes on with.
 *
 * Confined to one thread; nothing else may use the repository meanwhile.
 */
#ifndef REPO_COLLECT_H
#define REPO_COLLECT_H

#include "base/cancel.h"
#include "repo/repack.h"

struct collect_options {
    struct cancel *cancel;
    int64_t silence_ns; /* after which a writer may be fenced; 0:
                           WRITER_SILENCE_NS. Any is safe */
    bool dry_run;       /* say what would be condemned, write nothing */
    struct repack_limits repack; /* what is written anew */
};

/* A number of packs, and their bytes. */
struct collect_sum {
    uint64_t n;
    uint64_t bytes;
};

/* What one run did. */
struct collect_done {
    bool no_room;           /* what moves has no room: it stays where it is */
    struct collect_sum all; /* packs there were, not doomed */
    struct repack_done repacked;
    struct collect_sum condemned; /* nothing needs them: they may go */
    struct collect_sum doomed;    /* they go */
    struct collect_sum rescued;   /* something needs them after all */
    struct collect_sum deleted;   /* they are gone from the store */
    struct collect_sum undecided; /* stays for now, because of: */
    uint64_t fenced;  /* writers that had fallen silent, and were ended */
    uint64_t waiting; /* writers at work, because of which what is condemned
                         stays for now */
};

/*
 * collect_run: one run.
 *   done  out, as far as it came, whatever is returned
 * Returns 0; E_ROLE; E_UNSUPPORTED: a feature that collectors must know;
 * E_CORRUPT: something is damaged, so that nobody knows what is needed: nothing
 * was deleted that was not doomed before; E_BUSY: others were faster again and
 * again; E_CANCELED; E_NOMEM; what the store or the index returned.
 */
MUST_CHECK int collect_run(struct repo *r, const struct collect_options *o,
                           struct collect_done *done);

#endif
