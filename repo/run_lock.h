/*
 * run_lock: a lock by which one run of a series tells others that share its
 * cache that it goes on: flock(2) on a file in the cache directory, which the
 * kernel drops when the process ends, however it ends. The file stays, and
 * says who locked it last. Nothing depends on it but politeness. Any thread.
 */
#ifndef REPO_RUN_LOCK_H
#define REPO_RUN_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Who runs. 0: unknown. */
struct run_holder {
    uint64_t pid;
    int64_t since_s; /* seconds since 1970 */
};

/*
 * run_lock_take: take it, if nobody has it.
 *   cache   the directory of the cache
 *   series  see manifest_series_ok()
 *   lock    out: for run_lock_drop(); -1: not taken
 *   holder  out, where another process has it
 * Returns 0; E_IO, E_LIMIT: there can be no such lock.
 */
MUST_CHECK int run_lock_take(const char *cache, struct bytes series, int *lock,
                             struct run_holder *holder);

/* run_lock_drop: -1 is fine. */
void run_lock_drop(int lock);

#endif
