#include "cli/sheet_svg.h"

#include "cli/sheet_layout.h"
#include "cli/sheet_plain.h"

static const char *const sheet_svg_font[] = {
    [SHEET_LAYOUT_SANS] = "sans",
    [SHEET_LAYOUT_BOLD] = "bold",
    [SHEET_LAYOUT_MONO] = "mono",
    [SHEET_LAYOUT_MONO_BOLD] = "mono bold",
};

static void sheet_svg_page(void *ctx)
{
    (void)ctx; /* there is one */
}

static void sheet_svg_text(void *ctx, enum sheet_layout_font font, int size,
                           int x, int y, const char *text, size_t n)
{
    struct sheet_ink *ink = ctx;

    sheet_ink_text(ink,
                   "<text class=\"%s\" font-size=\"%d\" x=\"%d\" "
                   "y=\"%d\">",
                   sheet_svg_font[font], size, x, y);
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '&':
            sheet_ink_text(ink, "&amp;");
            break;
        case '<':
            sheet_ink_text(ink, "&lt;");
            break;
        case '>':
            sheet_ink_text(ink, "&gt;");
            break;
        default:
            sheet_ink_add(ink, bytes_of(text + i, 1));
        }
    }
    sheet_ink_text(ink, "</text>\n");
}

static void sheet_svg_qr(void *ctx, int size, int x, int y,
                         const struct sheet_qr *q)
{
    struct sheet_ink *ink = ctx;
    char scale[SHEET_LAYOUT_SCALE];

    sheet_ink_text(ink,
                   "<path shape-rendering=\"crispEdges\" "
                   "transform=\"translate(%d %d) scale(%s)\" d=\"",
                   x, y, sheet_layout_scale(size, q->width, scale));
    for (unsigned row = 0; row < q->width; row++) {
        unsigned at = 0;
        unsigned n;

        for (; (n = sheet_qr_run(q, row, &at)) > 0; at += n)
            sheet_ink_text(ink, "M%u %uh%uv1h-%uz", at, row, n, n);
        sheet_ink_text(ink, "\n");
    }
    sheet_ink_text(ink, "\"/>\n");
}

int sheet_svg_draw(const struct sheet_page *p, struct sheet_ink *ink)
{
    struct sheet_pen pen = {.ctx = ink,
                            .page = sheet_svg_page,
                            .text = sheet_svg_text,
                            .qr = sheet_svg_qr};
    int rc;

    if (sheet_last(p->sheet) > SHEET_LAYOUT_BLOCK)
        return err_set(E_LIMIT,
                       "a repository with %zu epochs of keys has a recovery "
                       "sheet of several pages: name a .pdf or .txt file",
                       p->epoch_n);
    sheet_ink_text(
        ink,
        "<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" "
        "height=\"297mm\" viewBox=\"0 0 %d %d\">\n"
        "<style>.sans,.bold{font-family:Helvetica,Arial,sans-serif}"
        ".mono{font-family:\"Courier New\",Courier,monospace}"
        ".bold{font-weight:bold}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<!--\n",
        SHEET_LAYOUT_WIDTH, SHEET_LAYOUT_HEIGHT);
    sheet_plain_lines(p->sheet, ink);
    sheet_ink_text(ink, "-->\n");
    rc = sheet_layout_draw(p, &pen);
    sheet_ink_text(ink, "</svg>\n");
    return rc;
}
