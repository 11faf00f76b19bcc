/*
 * jail_safety: a safety copy: where what jails are about to overwrite or to
 * remove below one directory goes first, and from where it comes back.
 *
 * The copy has the shape of that directory: what stood at a/b in it is at a/b
 * in the copy, with its metadata. On the same file system nothing is copied: a
 * file gets a second name there before another takes its place, and is moved
 * there instead of being removed. Otherwise it is copied, and on disk, before
 * it goes. So whatever happens, and whenever, each file that stood there is
 * complete in one of the two places; but one that others put there just when
 * it was replaced.
 *
 *   - In a jail with a safety copy nothing is replaced but what was kept. What
 *     appears where nothing stood is not replaced (E_TARGET).
 *   - A directory is in the copy when something that was in it is, or when its
 *     own metadata changes, or it is removed; but not the jail's target itself.
 *   - New entries are not noted: they stay when the rest comes back.
 *   - What has a name in the copy already is never replaced there (E_TARGET).
 *   - Immutable and append-only flags of directories are not kept.
 *
 * Errors as in jail.h. What is kept may be kept by any thread of a jail; the
 * rest is for one thread, with no jail on it.
 */
#ifndef SOURCE_JAIL_SAFETY_H
#define SOURCE_JAIL_SAFETY_H

#include <stdatomic.h>

#include "source/jail.h"

/* Counters that run while the jail does; any thread may read them. */
struct jail_safety_progress {
    atomic_uint_fast64_t kept;  /* objects that are no directories */
    atomic_uint_fast64_t bytes; /* sizes of the files among them */
    atomic_uint_fast64_t dirs;  /* directories */
    atomic_uint_fast64_t back;  /* of the objects, those that came back */
    atomic_uint_fast64_t lost[JAIL_LOST_KINDS]; /* objects of which the copy
                                   lacks something; jail.h */
};

struct jail_safety;

/*
 * jail_safety_open: keep in dir what goes from below whole.
 *   dir    is made, or is empty and ours; nobody else may enter it afterwards
 *          (mode 0700). Nothing is written to or removed from it as a part of
 *          whole
 *   whole  lent
 * Returns 0; E_USAGE: dir is not empty; E_REFUSED: it is another user's; else
 * as in jail.h. On failure dir is as it was.
 */
MUST_CHECK int jail_safety_open(const char *dir, const char *whole,
                                struct jail_safety **out);

/*
 * jail_safety_at: for jail_options.safety of a jail on a directory of whole.
 *   below  its path in whole, whose components are no symbolic links; "": whole
 *   out    out: lent until the free
 */
MUST_CHECK int jail_safety_at(struct jail_safety *s, const char *below,
                              struct jail_keep **out);

/* jail_safety_free: NULL is fine. What was kept stays. */
void jail_safety_free(struct jail_safety *s);

struct jail_safety_progress *jail_safety_progress(struct jail_safety *s);

/* jail_safety_settle: after the jails were freed: what was kept is on disk when
 * this returns 0. Also tells of a directory in the copy that could not be
 * given its metadata. */
MUST_CHECK int jail_safety_settle(struct jail_safety *s);

/*
 * jail_safety_back: instead: bring everything back that was kept. What stands
 * in its place is replaced, a directory with all that is in it. What cannot be
 * brought back stays in the copy; the rest comes back nevertheless.
 *   stuck  told of each object that stays: its path in the copy, and why; NULL:
 *          nobody
 * Returns 0, also then; else the reason why nothing can come back, or why what
 * is back may not be on disk.
 */
MUST_CHECK int jail_safety_back(struct jail_safety *s,
                                void (*stuck)(void *ctx, struct bytes path,
                                              const char *why),
                                void *ctx);

/* jail_safety_tidy: last: takes dir away if the opening made it and nothing is
 * in it. */
void jail_safety_tidy(struct jail_safety *s);

#endif
