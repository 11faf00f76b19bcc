/* key_sheet: dedup key sheet: print a recovery sheet. */
#ifndef CLI_KEY_SHEET_H
#define CLI_KEY_SHEET_H

#include "cli/session.h"

/* key_sheet_run: the file is the argument behind the word. It is made before a
 * secret is asked for. Returns as sheet_file_open(), session_open() and
 * sheet_print(). */
MUST_CHECK int key_sheet_run(struct cli *cli);

#endif
