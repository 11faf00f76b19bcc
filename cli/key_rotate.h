/* key_rotate: `dedup key rotate`: new keys for what is written from now on.
 * Confined to the main thread. */
#ifndef CLI_KEY_ROTATE_H
#define CLI_KEY_ROTATE_H

#include "cli/session.h"

/* key_rotate_run: do it, and tell. s was opened with SESSION_KEYS. Returns as
 * rotate_run(), or what the output did. */
MUST_CHECK int key_rotate_run(struct cli *cli, struct session *s);

#endif
