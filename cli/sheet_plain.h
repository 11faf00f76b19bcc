/* sheet_plain: a recovery sheet as text, 72 columns wide. */
#ifndef CLI_SHEET_PLAIN_H
#define CLI_SHEET_PLAIN_H

#include "cli/sheet_ink.h"
#include "cli/sheet_page.h"

void sheet_plain_draw(const struct sheet_page *p, struct sheet_ink *ink);

/* sheet_plain_lines: the lines alone, between the marks that let dedup find
 * them in a larger text. */
void sheet_plain_lines(const struct sheet *s, struct sheet_ink *ink);

#endif
