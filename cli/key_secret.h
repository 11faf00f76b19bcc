/* key_secret: what is to open a key that is made, or changed. Confined to the
 * main thread. */
#ifndef CLI_KEY_SECRET_H
#define CLI_KEY_SECRET_H

#include "cli/cli.h"

/*
 * key_secret_get: what the --new-* options name, or who is asked on the
 * terminal; a key file that had to be made is warned of.
 *   key  out: release it with secrets_key_release whatever is returned
 * Returns as secrets_get_new().
 */
MUST_CHECK int key_secret_get(struct cli *cli, struct secrets_key *key);

/* key_secret_only_new: E_USAGE where the command line gives a secret that opens
 * what is there (--key-file and the like) to a command that only makes one. */
MUST_CHECK int key_secret_only_new(const struct cli *cli);

#endif
