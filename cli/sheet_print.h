/* sheet_print: from an open repository to the paper of its recovery sheet. */
#ifndef CLI_SHEET_PRINT_H
#define CLI_SHEET_PRINT_H

#include "cli/sheet_file.h"
#include "repo/repo.h"

/*
 * sheet_print: write r's recovery sheet to f, which is open.
 *   place  of r, as the user names it
 * Returns as repo_recover_sheet() and sheet_file_write().
 */
MUST_CHECK int sheet_print(const struct repo *r, const char *place,
                           struct sheet_file *f);

#endif
