/*
 * sheet_page: the words of a recovery sheet, once for all forms in which it is
 * printed. All of it is printable ASCII, and no secret but the lines.
 */
#ifndef CLI_SHEET_PAGE_H
#define CLI_SHEET_PAGE_H

#include "base/entry.h"
#include "base/id.h"
#include "repo/sheet.h"

enum { SHEET_PAGE_TEXT_MAX = 1024 };

/* What a page is about; all lent. */
struct sheet_page {
    const struct sheet *sheet;
    struct repo_id repo;
    const char *place; /* where the repository is now, in full */
    const char *host;  /* where it is printed */
    struct entry_time now;
    uint64_t log_number;
    size_t epoch_n;
};

enum sheet_page_style {
    SHEET_PAGE_TITLE,
    SHEET_PAGE_FACT, /* name, tab, value */
    SHEET_PAGE_HEAD,
    SHEET_PAGE_TEXT,
    SHEET_PAGE_COMMAND,
    SHEET_PAGE_LINES /* the sheet's lines stand here; text is "" */
};

/* text: one paragraph, lent for the call. */
typedef void sheet_page_fn(void *ctx, enum sheet_page_style style,
                           const char *text);

/* sheet_page_each: each paragraph in order. */
void sheet_page_each(const struct sheet_page *p, sheet_page_fn *fn, void *ctx);

/*
 * sheet_page_wrap: the beginning of text that fits into columns, ended between
 * two words where one is that early.
 *   line_n  out: its length
 * Returns the rest, without the blank between them.
 */
const char *sheet_page_wrap(const char *text, size_t columns, size_t *line_n);

#endif
