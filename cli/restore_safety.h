/*
 * restore_safety: --safety-copy: what a restore overwrites or deletes, in a
 * directory beside, and back again if the restore fails. Confined to the main
 * thread.
 */
#ifndef CLI_RESTORE_SAFETY_H
#define CLI_RESTORE_SAFETY_H

#include "cli/cli.h"
#include "source/jail_safety.h"

/* Zeroed: nothing is kept. */
struct restore_safety {
    const char *dir; /* NULL: not asked for, or a dry run */
    struct jail_safety *copy;
    struct jail_keep **at; /* of each target */
    size_t n;
};

/*
 * restore_safety_open: a place for n targets; nothing is written when it is not
 * asked for.
 *   target  their paths, with NULs; lent
 * Returns 0; E_USAGE: the directory is not empty, holds a target, or is in the
 * repository; E_REFUSED: it is another user's; E_TARGET; E_NOMEM; E_IO. To be
 * released whatever is returned.
 */
MUST_CHECK int restore_safety_open(struct restore_safety *s,
                                   const struct opt_set *o,
                                   const struct buf *const target[], size_t n);

/* restore_safety_of: of the i-th target; NULL: there is none. */
struct jail_keep *restore_safety_of(const struct restore_safety *s, size_t i);

/*
 * restore_safety_end: after all jobs were freed; says what became of what was
 * kept.
 *   rc  of the restore: if it is a failure, everything comes back
 * Returns rc, or why the copy is not as it should be.
 */
MUST_CHECK int restore_safety_end(struct restore_safety *s, struct cli *cli,
                                  int rc);

void restore_safety_release(struct restore_safety *s);

#endif
