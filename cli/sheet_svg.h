/* sheet_svg: a recovery sheet as a picture of one page. */
#ifndef CLI_SHEET_SVG_H
#define CLI_SHEET_SVG_H

#include "cli/sheet_ink.h"
#include "cli/sheet_page.h"

/* sheet_svg_draw: Returns 0; E_NOMEM; E_LIMIT: more lines than fit on a page.
 */
MUST_CHECK int sheet_svg_draw(const struct sheet_page *p,
                              struct sheet_ink *ink);

#endif
