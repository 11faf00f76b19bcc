/*
 * opt_help: the text of --help, made from the option table. Pure; any thread.
 */
#ifndef CLI_OPT_HELP_H
#define CLI_OPT_HELP_H

#include "base/buf.h"
#include "cli/opt.h"

#define OPT_HELP_COLUMNS   80
#define OPT_HELP_BYTES_MAX 65536 /* more than any help has */

/*
 * opt_help: append the help of one command, or with OPT_CMD_NONE that of the
 * program; ask buf_status(out) afterwards.
 *   columns  of the terminal: lines are wrapped between words to fit it, and
 *            OPT_HELP_COLUMNS; 0: none
 */
void opt_help(enum opt_command command, size_t columns, struct buf *out);

#endif
