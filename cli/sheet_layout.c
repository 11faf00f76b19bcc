#include "cli/sheet_layout.h"

#include <stdio.h>
#include <string.h>

#include "repo/crypto.h"

enum {
    SHEET_LAYOUT_LEFT = 500,
    SHEET_LAYOUT_TOP = 450,
    SHEET_LAYOUT_BOTTOM = 7500, /* Letter ends at 7920 */
    SHEET_LAYOUT_COLUMNS = 98,  /* of prose, by its average letter */
    SHEET_LAYOUT_VALUE = 750,   /* where values of facts begin */
    SHEET_LAYOUT_INDENT = 150,  /* of commands */
    SHEET_LAYOUT_QR = 1500,
    SHEET_LAYOUT_QR_LEFT = 3900,
    SHEET_LAYOUT_LINE_STEP_MAX = 220,
    SHEET_LAYOUT_BLOCK_HEIGHT = SHEET_LAYOUT_QR + 180
};

/* How a style looks. */
static const struct {
    enum sheet_layout_font font;
    int size;
    int step;   /* from line to line */
    int before; /* above a paragraph; in a list only above the first */
} sheet_layout_look[] = {
    [SHEET_PAGE_TITLE] = {SHEET_LAYOUT_BOLD, 180, 180, 0},
    [SHEET_PAGE_FACT] = {SHEET_LAYOUT_SANS, 100, 132, 80},
    [SHEET_PAGE_HEAD] = {SHEET_LAYOUT_BOLD, 120, 150, 120},
    [SHEET_PAGE_TEXT] = {SHEET_LAYOUT_SANS, 100, 128, 50},
    [SHEET_PAGE_COMMAND] = {SHEET_LAYOUT_MONO, 100, 130, 20},
    [SHEET_PAGE_LINES] = {SHEET_LAYOUT_MONO_BOLD, 105, 0, 80},
};

struct sheet_layout {
    const struct sheet_page *page;
    const struct sheet_pen *pen;
    enum sheet_page_style last;
    int y;    /* where the next piece begins */
    int rc;   /* the first failure */
    size_t i; /* the next line of the sheet */
};

char *sheet_layout_scale(int size, unsigned width, char out[SHEET_LAYOUT_SCALE])
{
    unsigned v = (unsigned)size * 10000 / width;

    (void)snprintf(out, SHEET_LAYOUT_SCALE, "%u.%04u", v / 10000, v % 10000);
    return out;
}

static void sheet_layout_put(struct sheet_layout *d,
                             enum sheet_page_style style, int x,
                             const char *text, size_t n)
{
    d->pen->text(d->pen->ctx, sheet_layout_look[style].font,
                 sheet_layout_look[style].size, x, d->y, text, n);
}

/* The QR code of lines first..last, as one text. */
static int sheet_layout_qr(struct sheet_layout *d, size_t first, size_t last)
{
    char text[SHEET_LAYOUT_BLOCK * SHEET_LINE_CHARS];
    char line[SHEET_LINE_CHARS];
    struct sheet_qr q;
    size_t at = 0;
    int rc;

    for (size_t i = first; i <= last; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s",
                               i > first ? " " : "",
                               sheet_text(d->page->sheet, i, true, line));
    rc = sheet_qr_make(text, &q);
    if (rc == 0)
        d->pen->qr(d->pen->ctx, SHEET_LAYOUT_QR, SHEET_LAYOUT_QR_LEFT, d->y,
                   &q);
    sheet_qr_release(&q);
    crypto_wipe(text, sizeof text);
    crypto_wipe(line, sizeof line);
    return rc;
}

/* As many lines as one QR code takes, and that code beside them. */
static void sheet_layout_lines(struct sheet_layout *d)
{
    const int size = sheet_layout_look[SHEET_PAGE_LINES].size;
    size_t last = sheet_last(d->page->sheet);
    size_t stop = d->i + SHEET_LAYOUT_BLOCK - 1;
    int top = d->y;
    char line[SHEET_LINE_CHARS];
    int step;

    stop = stop < last ? stop : last;
    d->rc = sheet_layout_qr(d, d->i, stop);
    step = SHEET_LAYOUT_QR / (int)(stop - d->i + 1);
    if (step > SHEET_LAYOUT_LINE_STEP_MAX)
        step = SHEET_LAYOUT_LINE_STEP_MAX;
    for (d->y += size; d->i <= stop; d->i++, d->y += step) {
        int wide = size * 6 / 10;
        int indent = (last > 9 && d->i < 10) + (last > 99 && d->i < 100);

        sheet_text(d->page->sheet, d->i, false, line);
        sheet_layout_put(d, SHEET_PAGE_LINES, SHEET_LAYOUT_LEFT + indent * wide,
                         line, strlen(line));
    }
    d->y = top + SHEET_LAYOUT_QR;
    crypto_wipe(line, sizeof line);
}

static void sheet_layout_first(struct sheet_layout *d)
{
    static const char more[] = "The other lines are on the next page.";

    sheet_layout_lines(d);
    if (d->i > sheet_last(d->page->sheet))
        return;
    d->y += sheet_layout_look[SHEET_PAGE_TEXT].step;
    sheet_layout_put(d, SHEET_PAGE_TEXT, SHEET_LAYOUT_LEFT, more,
                     sizeof more - 1);
}

static void sheet_layout_wrapped(struct sheet_layout *d,
                                 enum sheet_page_style style, const char *text)
{
    while (*text) {
        size_t n;
        const char *rest = sheet_page_wrap(text, SHEET_LAYOUT_COLUMNS, &n);

        d->y += sheet_layout_look[style].step;
        sheet_layout_put(d, style, SHEET_LAYOUT_LEFT, text, n);
        text = rest;
    }
}

static void sheet_layout_block(void *ctx, enum sheet_page_style style,
                               const char *text)
{
    struct sheet_layout *d = ctx;
    size_t name_n = strcspn(text, "\t");
    bool list = style == SHEET_PAGE_FACT || style == SHEET_PAGE_COMMAND;

    if (d->rc < 0)
        return;
    if (!list || style != d->last)
        d->y += sheet_layout_look[style].before;
    d->last = style;
    switch (style) {
    case SHEET_PAGE_LINES:
        sheet_layout_first(d);
        break;
    case SHEET_PAGE_FACT:
        d->y += sheet_layout_look[style].step;
        sheet_layout_put(d, style, SHEET_LAYOUT_LEFT, text, name_n);
        sheet_layout_put(d, style, SHEET_LAYOUT_LEFT + SHEET_LAYOUT_VALUE,
                         text + name_n + 1, strlen(text + name_n + 1));
        break;
    case SHEET_PAGE_COMMAND:
        d->y += sheet_layout_look[style].step;
        sheet_layout_put(d, style, SHEET_LAYOUT_LEFT + SHEET_LAYOUT_INDENT,
                         text, strlen(text));
        break;
    case SHEET_PAGE_TITLE:
    case SHEET_PAGE_HEAD:
    case SHEET_PAGE_TEXT:
        sheet_layout_wrapped(d, style, text);
        break;
    }
}

static void sheet_layout_next_page(struct sheet_layout *d, int number)
{
    char hex[2 * sizeof d->page->repo.b + 1];
    char text[128];
    int n =
        snprintf(text, sizeof text, "Repository %s, page %d",
                 id_hex(d->page->repo.b, sizeof d->page->repo.b, hex), number);

    d->pen->page(d->pen->ctx);
    d->y = SHEET_LAYOUT_TOP + sheet_layout_look[SHEET_PAGE_FACT].step;
    sheet_layout_put(d, SHEET_PAGE_FACT, SHEET_LAYOUT_LEFT, text, (size_t)n);
    d->y += sheet_layout_look[SHEET_PAGE_LINES].before;
}

/* What lines did not fit beside the first QR code, on pages of their own. */
static void sheet_layout_rest(struct sheet_layout *d)
{
    size_t last = sheet_last(d->page->sheet);
    int pages = 1;

    d->y = SHEET_LAYOUT_BOTTOM;
    while (d->rc == 0 && d->i <= last) {
        if (d->y + SHEET_LAYOUT_BLOCK_HEIGHT > SHEET_LAYOUT_BOTTOM)
            sheet_layout_next_page(d, ++pages);
        sheet_layout_lines(d);
        d->y += SHEET_LAYOUT_BLOCK_HEIGHT - SHEET_LAYOUT_QR;
    }
}

int sheet_layout_draw(const struct sheet_page *p, const struct sheet_pen *pen)
{
    struct sheet_layout d = {
        .page = p, .pen = pen, .y = SHEET_LAYOUT_TOP, .i = 1};

    pen->page(pen->ctx);
    sheet_page_each(p, sheet_layout_block, &d);
    ASSERT(d.rc < 0 || d.y <= SHEET_LAYOUT_BOTTOM);
    sheet_layout_rest(&d);
    return d.rc;
}
