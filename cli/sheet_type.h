/* sheet_type: a recovery sheet, typed in line by line. */
#ifndef CLI_SHEET_TYPE_H
#define CLI_SHEET_TYPE_H

#include "base/cancel.h"
#include "repo/sheet.h"

/*
 * sheet_type: ask on the terminal for each line, until it is sound, in their
 * order or with their numbers in any; what is typed is shown, so that it can
 * be compared.
 *   c  ends the wait
 *   s  of sheet_new(); out: complete
 * Returns 0; E_USAGE: no terminal, or the input was ended; E_CANCELED; E_NOMEM;
 * E_IO.
 */
MUST_CHECK int sheet_type(struct sheet *s, const struct cancel *c);

#endif
