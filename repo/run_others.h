/* run_others: runs of a series on this host that the journals know of: those of
 * other users, and with other caches. Confined to one thread. */
#ifndef REPO_RUN_OTHERS_H
#define REPO_RUN_OTHERS_H

#include "repo/repo.h"
#include "repo/run_lock.h"

/*
 * run_others_find: whether a journal of that series is open whose process is
 * another one than this and known to be alive, as of the last refresh.
 *   holder  out: who it is
 * What cannot be read says nothing, nor does a member that was removed, or on
 * whom we would not rely (trust.h). Reads the first record of each journal that
 * is open.
 */
bool run_others_find(const struct repo *r, struct bytes series,
                     struct run_holder *holder);

#endif
