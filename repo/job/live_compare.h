/*
 * live_compare: whether what stands in the live system is what a snapshot has
 * of it. Where the snapshot's own test says that nothing has changed nothing is
 * opened; otherwise what a file holds is read and compared chunk by chunk, so
 * that one that was only touched is known to be the same. Nothing is written,
 * nothing but files and directories is opened, no link is followed.
 *
 * Memory does not go with the size of a file. Confined to one thread.
 */
#ifndef REPO_JOB_LIVE_COMPARE_H
#define REPO_JOB_LIVE_COMPARE_H

#include "base/cancel.h"
#include "repo/fetch.h"
#include "repo/keyring.h"
#include "repo/tree_diff.h"
#include "source/dirfd.h"
#include "source/owner.h"

struct live_compare;

/* What of an entry a comparison found. */
struct live_compare_result {
    enum tree_diff_how how;
    bool vanished;    /* it is gone, or is of another type by now */
    bool changing;    /* it changed while it was read, twice: how may be true of
                         neither */
    const char *lost; /* metadata that could not be read, and counts as equal:
                         why; lent until the next comparison; NULL: none */
};

/*
 * live_compare_new: everything is lent until the free.
 *   lane    what content is read through
 *   cancel  asked while files are read; may be NULL
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int live_compare_new(const struct keyring *keys,
                                struct fetch_lane *lane,
                                struct owner_cache *owners,
                                const struct cancel *cancel,
                                struct live_compare **out);
void live_compare_free(struct live_compare *c);

/*
 * live_compare_entry: compare one entry, of a directory its metadata alone.
 *   was  as the snapshot has it
 *   dir  of a directory itself, else what it is in
 *   now  of the same type, as the walk yields it; out: as it was when read
 *   out  out
 * Returns 0; E_SOURCE: its content could not be read; E_CORRUPT: the snapshot's
 * could not; E_CANCELED; E_NOMEM; as fetch_get().
 */
MUST_CHECK int live_compare_entry(struct live_compare *c,
                                  const struct tree_entry *was,
                                  struct dirfd *dir, struct entry *now,
                                  struct live_compare_result *out);

#endif
