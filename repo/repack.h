/*
 * repack: moves what is needed out of packs that hold much that is not, or are
 * small, into new ones: frame by frame, still sealed, so that a key that cannot
 * read can do it. A repack is a writer without a commit (docs/concurrency.md
 * 5); the old packs are then found idle. Confined to one thread.
 */
#ifndef REPO_REPACK_H
#define REPO_REPACK_H

#include "base/cancel.h"
#include "repo/repack_choose.h"
#include "repo/repo.h"

struct repack_done {
    uint64_t packs;   /* written anew */
    uint64_t bytes;   /* of these */
    uint64_t written; /* of what took their place */
};

/*
 * repack: choose, by the counts in the index, which were just caught up; move,
 * publish.
 *   dry   choose only: written stays 0
 *   done  out
 * Returns 0, also when another collector ended the run in its middle; E_ROLE;
 * E_CANCELED; E_NOMEM; as writer_publish(). A pack that is damaged stays as it
 * is.
 */
MUST_CHECK int repack(struct repo *r, const struct repack_limits *limits,
                      struct cancel *cancel, bool dry,
                      struct repack_done *done);

#endif
