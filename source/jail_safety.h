/*
 * jail_safety: a safety copy: where what a jail is about to overwrite or to
 * remove goes first, and from where it comes back.
 *
 * The copy has the shape of the target: what stood at a/b in the target is at
 * a/b in it, with its metadata. On the same file system nothing is copied: a
 * file gets a second name there before another takes its place, and is moved
 * there instead of being removed. Otherwise it is copied, and on disk, before
 * it goes. So whatever happens, and whenever, each file that stood in the
 * target is complete in one of the two places.
 *
 *   - In a jail with a safety copy nothing is replaced but what was kept. What
 *     appears where nothing stood is not replaced (E_TARGET).
 *   - A file of which only metadata would change is written anew: the old one
 *     is kept whole.
 *   - A directory is in the copy when something that was in it is, or when its
 *     own metadata changes, or it is removed; but not the target itself.
 *   - New entries are not noted: they stay when the rest comes back.
 *   - What has a name in the copy already is never replaced there (E_TARGET).
 *
 * Errors as in jail.h. What is kept may be kept by any thread of the jail; the
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
    atomic_uint_fast64_t back;  /* of the objects, those that came back */
    atomic_uint_fast64_t lost[JAIL_LOST_KINDS]; /* objects of which the copy
                                   lacks something; jail.h */
};

struct jail_safety;

/*
 * jail_safety_open: keep things at below in dir; what is missing is made.
 *   dir    nobody but its owner may enter it afterwards (mode 0700); nothing is
 *          written to or removed from it as a part of the target
 *   below  a path in it; "": dir itself
 */
MUST_CHECK int jail_safety_open(const char *dir, const char *below,
                                struct jail_safety **out);

/* jail_safety_free: NULL is fine. What was kept stays. */
void jail_safety_free(struct jail_safety *s);

struct jail_safety_progress *jail_safety_progress(struct jail_safety *s);

/* jail_safety_settle: after the jail was freed: what was kept is on disk when
 * this returns 0. Also tells of a directory in the copy that could not be
 * given its metadata. */
MUST_CHECK int jail_safety_settle(struct jail_safety *s);

/*
 * jail_safety_back: bring everything back that is in the copy. What stands in
 * its place is replaced, a directory with all that is in it. What cannot be
 * brought back stays in the copy; the rest comes back nevertheless. Not after
 * other jails have used the copy.
 *   target  that of the jail
 *   stuck   told of each object that stays: its path in the copy, below below,
 *           and why; NULL: nobody
 * Returns 0, also then; else the reason why nothing can come back.
 */
MUST_CHECK int jail_safety_back(struct jail_safety *s, const char *target,
                                void (*stuck)(void *ctx, struct bytes path,
                                              const char *why),
                                void *ctx);

/* jail_safety_tidy: at the end: takes away those directories of below, and dir
 * if the opening made it, that are empty. */
void jail_safety_tidy(struct jail_safety *s);

#endif
