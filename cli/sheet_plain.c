#include "cli/sheet_plain.h"

#include <string.h>

#include "repo/crypto.h"

enum { SHEET_PLAIN_COLUMNS = 72, SHEET_PLAIN_VALUE = 12 };

struct sheet_plain {
    struct sheet_ink *ink;
    const struct sheet_page *page;
    enum sheet_page_style last;
};

static size_t sheet_plain_digits(size_t n)
{
    size_t digits = 1;

    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

void sheet_plain_lines(const struct sheet *s, struct sheet_ink *ink)
{
    size_t lines = sheet_last(s);
    char line[SHEET_LINE_CHARS];

    sheet_ink_text(ink, "%s\n", SHEET_BEGIN);
    for (size_t i = 1; i <= lines; i++) {
        int indent = (int)(sheet_plain_digits(lines) - sheet_plain_digits(i));

        sheet_ink_text(ink, "%*s%s\n", indent, "",
                       sheet_text(s, i, false, line));
    }
    sheet_ink_text(ink, "%s\n", SHEET_END);
    crypto_wipe(line, sizeof line);
}

static void sheet_plain_wrapped(struct sheet_ink *ink, const char *text)
{
    while (*text) {
        size_t n;
        const char *rest = sheet_page_wrap(text, SHEET_PLAIN_COLUMNS, &n);

        sheet_ink_text(ink, "%.*s\n", (int)n, text);
        text = rest;
    }
}

static void sheet_plain_block(void *ctx, enum sheet_page_style style,
                              const char *text)
{
    struct sheet_plain *d = ctx;
    struct sheet_ink *ink = d->ink;
    size_t name_n = strcspn(text, "\t");
    bool list = style == SHEET_PAGE_FACT || style == SHEET_PAGE_COMMAND;

    if (style != SHEET_PAGE_TITLE && !(list && style == d->last))
        sheet_ink_text(ink, "\n");
    d->last = style;
    if (style == SHEET_PAGE_LINES)
        sheet_plain_lines(d->page->sheet, ink);
    else if (style == SHEET_PAGE_FACT)
        sheet_ink_text(ink, "%-*.*s%s\n", SHEET_PLAIN_VALUE, (int)name_n, text,
                       text + name_n + 1);
    else if (style == SHEET_PAGE_COMMAND)
        sheet_ink_text(ink, "    %s\n", text);
    else
        sheet_plain_wrapped(ink, text);
    if (style == SHEET_PAGE_TITLE)
        sheet_ink_text(ink, "%.*s\n", (int)strlen(text),
                       "=================================================="
                       "======================");
}

void sheet_plain_draw(const struct sheet_page *p, struct sheet_ink *ink)
{
    struct sheet_plain d = {.ink = ink, .page = p, .last = SHEET_PAGE_TITLE};

    sheet_page_each(p, sheet_plain_block, &d);
}
