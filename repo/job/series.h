/*
 * series: the name under which snapshots follow each other when the user gave
 * none: HOST@srv-www. Pure; any thread.
 */
#ifndef REPO_JOB_SERIES_H
#define REPO_JOB_SERIES_H

#include "base/bytes.h"
#include "base/err.h"
#include "repo/manifest.h"

/*
 * series_default: a name made of the host and the roots, which satisfies
 * manifest_series_ok() and depends on nothing else: not on the roots' order
 * nor on how often one was named.
 *   host  as the system calls itself
 *   root  absolute canonical paths, at least one
 *   out   with a NUL
 * The roots, sorted, without their first '/' ('/' itself as "-"), with '/' as
 * '-', joined by '+'. Where that loses something (a byte that no series can
 * hold, a '-' or '+' of the path's own, a name too long) the first half of it
 * tells what it is and ".HHHHHHHH", digits of a hash, keeps it distinct.
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int series_default(struct bytes host, const struct bytes *root,
                              size_t root_n, char out[MANIFEST_SERIES_MAX + 1]);

/*
 * series_named: HOST@NAME, for what has a name of its own.
 *   name  1 to SERIES_NAME_MAX of what a series may hold
 * A host that cannot stand there as it is becomes distinct by a hash, as above.
 * Returns 0 or E_NOMEM.
 */
enum { SERIES_NAME_MAX = 50 }; /* beside host, '@' and hash */
MUST_CHECK int series_named(struct bytes host, struct bytes name,
                            char out[MANIFEST_SERIES_MAX + 1]);

#endif
