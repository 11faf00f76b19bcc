/*
 * index_lock: locks with a time limit that vanish with their holder.
 *
 * They are open-file-description locks on single bytes of the lock file beside
 * the cache, so they exclude other processes and other opens in this process
 * alike, and a killed or stopped holder never needs a human. Any thread.
 */
#ifndef INDEX_INDEX_LOCK_H
#define INDEX_INDEX_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What a byte of the lock file stands for. */
enum index_lock_byte {
    INDEX_LOCK_UPDATE = 0,  /* whoever changes the cache, or replaces it */
    INDEX_LOCK_OPEN = 1,    /* whoever is in the middle of opening it */
    INDEX_LOCK_REBUILD = 2, /* whoever fills "<path>.new" */
    INDEX_LOCK_PID = 16     /* + pid: who has it open: once per process, and
                               LMDB needs pids to be unique besides */
};

/*
 * index_lock_open: the lock file of the cache at path, made when absent.
 *   fd  out: for the others and for close(); -1 on error
 * Returns 0; E_IO; E_NOSPACE.
 */
MUST_CHECK int index_lock_open(const char *path, int *fd);

/*
 * index_lock_take: lock byte (an index_lock_byte, or more for PID).
 *   wait_ms  give up after so long; 0: try once
 * Returns 0; E_BUSY; E_UNSUPPORTED (the file system has no such locks); E_IO.
 */
MUST_CHECK int index_lock_take(int fd, int64_t byte, uint32_t wait_ms,
                               const char *path);

/* index_lock_drop: unlock. */
void index_lock_drop(int fd, int64_t byte);

/* index_lock_wait: sleep a little, longer the longer ago start_ns (of
 * clock_monotonic_ns) was. Returns false when that is wait_ms ago or more. */
bool index_lock_wait(int64_t start_ns, uint32_t wait_ms);

#endif
