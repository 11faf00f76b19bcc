/* sheet_pdf: a recovery sheet as PDF 1.4, of as many pages as it takes. */
#ifndef CLI_SHEET_PDF_H
#define CLI_SHEET_PDF_H

#include "cli/sheet_ink.h"
#include "cli/sheet_page.h"

/* sheet_pdf_draw: Returns 0; E_NOMEM; E_LIMIT. ink->out is empty. */
MUST_CHECK int sheet_pdf_draw(const struct sheet_page *p,
                              struct sheet_ink *ink);

#endif
