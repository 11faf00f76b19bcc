/*
 * restore_place: where a restore goes: what --target or --in-place says.
 * Confined to the main thread.
 */
#ifndef CLI_RESTORE_PLACE_H
#define CLI_RESTORE_PLACE_H

#include "cli/opt.h"
#include "cli/snap_pick.h"

/* restore_place_check: whether the options name one place. 0 or E_USAGE. */
MUST_CHECK int restore_place_check(const struct opt_set *o);

/*
 * restore_place_find: the target.
 *   pick  what is restored
 *   out   out: its path, with a NUL; initialised by the caller
 * Returns 0; E_USAGE: it is no directory, or inside the repository; E_REFUSED:
 * in place, but the snapshot is another machine's, or a symbolic link leads
 * elsewhere on the way; E_NOMEM; E_IO.
 */
MUST_CHECK int restore_place_find(const struct opt_set *o,
                                  const struct snap_pick *pick,
                                  struct buf *out);

#endif
