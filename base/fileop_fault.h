/*
 * fileop_fault: fault points behind base/fileop.h, for tests only.
 *
 * They are in a program that links the object library dedup_fileop_faults
 * (before dedup_base), or in all programs of a tree configured with
 * -DDEDUP_FAULTS=ON. A program obeys the environment from its start:
 *
 *   DEDUP_FAULT=ACTION:N[:ERRNO][,class=A+B...][,domain=A+B...]
 *     fail:N:EIO        the N-th operation fails and does nothing (N from 1)
 *     fail-from:N:EIO   it and all later ones fail
 *     lose:N:EIO        the N-th operation is done, and then reported as failed
 *     kill:N            SIGKILL before the N-th operation
 *     kill-after:N      SIGKILL right after it
 *     short:N           the N-th transfers about half of what was asked
 *     short-from:N      it and all later ones do
 *     count             only count
 *   DEDUP_FAULT_COUNT=FILE  at exit, how many operations were selected
 *
 * class: open close read write sync name stat list meta. domain: other repo
 * source target cache. Only selected operations count; short selects reads and
 * writes only. A retry after EINTR, and each round of a _full call, counts
 * again. Descriptors are closed even when close "fails". Any thread; with
 * several threads which operation is the N-th is up to the scheduler.
 */
#ifndef BASE_FILEOP_FAULT_H
#define BASE_FILEOP_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fileop.h"

enum fileop_class {
    FILEOP_OPEN,
    FILEOP_CLOSE,
    FILEOP_READ,
    FILEOP_WRITE, /* also truncate, allocate, clone */
    FILEOP_SYNC,
    FILEOP_NAME, /* link, rename, unlink, mkdir, symlink, mknod */
    FILEOP_STAT,
    FILEOP_LIST,
    FILEOP_META
};

/*
 * fileop_fault_set: replace the plan and start counting from 0 again.
 *   plan  in the syntax above; NULL or "": no faults
 * Returns 0, or E_USAGE (no faults then).
 */
MUST_CHECK int fileop_fault_set(const char *plan);

/* fileop_fault_count: operations selected since the plan was set. */
uint64_t fileop_fault_count(void);

/* fileop_fault_fired: how many of them were tampered with. */
uint64_t fileop_fault_fired(void);

/*
 * The three below are for fileop.c.
 * fileop_fault_enter: fileop_enter.
 * fileop_fault_before: an operation of class c on up to *n bytes (n NULL: no
 * transfer) comes next; may lower *n. Nonzero: do not do it, errno is set.
 * fileop_fault_after: it is done with result r; returns what to report.
 */
enum fileop_domain fileop_fault_enter(enum fileop_domain d);
int fileop_fault_before(enum fileop_class c, size_t *n);
ssize_t fileop_fault_after(enum fileop_class c, ssize_t r);

#endif
