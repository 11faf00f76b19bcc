/*
 * unforget: takes a forget record back, snapshot by snapshot, as long as every
 * chunk that the snapshot reaches has a place that is not doomed
 * (docs/concurrency.md 6). Confined to one thread; nothing else may use the
 * repository meanwhile.
 */
#ifndef REPO_UNFORGET_H
#define REPO_UNFORGET_H

#include "base/cancel.h"
#include "repo/repo.h"

/*
 * unforget: all of these exist again, or none.
 *   id       that are forgotten, as snapshot_list_load_forgotten() has them
 *   changed  out: false: none of them is forgotten (any more)
 * Returns 0: durably; E_ROLE; E_REFUSED: some of one is gone, or about to be;
 * E_CANCELED; E_CORRUPT: its manifest or a tree node is damaged; E_NOMEM; as
 * repo_log_append().
 */
MUST_CHECK int unforget(struct repo *r, const struct object_id *id, size_t n,
                        struct cancel *cancel, bool *changed);

/* unforget_too_late: whether something that a forgotten snapshot needs was
 * doomed: nothing brings it back then. Reads all its tree nodes. Returns 0;
 * E_CORRUPT: a node is damaged, or missing for another reason; E_NOMEM; what
 * the store or the index returned. */
MUST_CHECK int unforget_too_late(const struct repo *r,
                                 const struct object_id *id, bool *late);

#endif
