/* cmd_key: the parts of 'dedup key', one for each word that follows it. */
#ifndef CLI_CMD_KEY_H
#define CLI_CMD_KEY_H

#include "cli/cli.h"

/* cmd_key_*: as cmd_*() in cli.h; arg: the arguments behind the word. */
MUST_CHECK int cmd_key_sheet(struct cli *cli, const char *const *arg,
                             size_t arg_n);
MUST_CHECK int cmd_key_recover(struct cli *cli, const char *const *arg,
                               size_t arg_n);

#endif
