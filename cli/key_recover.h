/* key_recover: dedup key recover: get back in with a recovery sheet. */
#ifndef CLI_KEY_RECOVER_H
#define CLI_KEY_RECOVER_H

#include "cli/session.h"

/* key_recover_run: nothing opens before it. Returns as sheet_file_read(),
 * sheet_get(), secrets_get(), repo_recover() and repo_open(). */
MUST_CHECK int key_recover_run(struct cli *cli);

#endif
