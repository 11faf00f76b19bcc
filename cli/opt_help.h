/*
 * opt_help: the text of --help, made from the option table. Lines have at
 * most OPT_HELP_COLUMNS columns. Pure; any thread.
 */
#ifndef CLI_OPT_HELP_H
#define CLI_OPT_HELP_H

#include "base/buf.h"
#include "cli/opt.h"

#define OPT_HELP_COLUMNS   80
#define OPT_HELP_BYTES_MAX 65536 /* more than any help has */

/* opt_help: append the help of one command, or with OPT_CMD_NONE that of the
 * program; ask buf_status(out) afterwards. */
void opt_help(enum opt_command command, struct buf *out);

#endif
