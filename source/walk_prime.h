/*
 * walk_prime: begins with what a walk will look at (walk_look.h) before it is
 * asked for its first step, on a thread, while the caller is busy with
 * something else: in the time that a key takes to be derived from a passphrase
 * some 40,000 files can be looked at.
 *
 * The steps are the same with it, and as old as those of a walk with `ahead`.
 * Roots whose directory another root lies in, and "/", are not begun with.
 */
#ifndef SOURCE_WALK_PRIME_H
#define SOURCE_WALK_PRIME_H

#include "source/walk.h"

/*
 * walk_prime_begin: starts the thread; where none can be had nothing is done.
 *   w  new, with `ahead` and without `from`; not to be touched until
 *      walk_prime_end() or walk_free()
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_prime_begin(struct walk *w);

/*
 * walk_prime_end: returns when the thread is gone, which is soon; fits a walk
 * that was not begun with, too.
 *   options  those of the steps to come, copied. To those of walk_new() they
 *            may add owners, cancel, and directories to skip
 */
void walk_prime_end(struct walk *w, const struct walk_options *options);

#endif
