/*
 * sheet_layout: where on paper each piece of a recovery sheet stands: what SVG
 * and PDF share. Lengths are tenths of a point (1/720 inch), from the top left
 * of a page that prints on A4 as on Letter.
 */
#ifndef CLI_SHEET_LAYOUT_H
#define CLI_SHEET_LAYOUT_H

#include "cli/sheet_page.h"
#include "cli/sheet_qr.h"

enum {
    SHEET_LAYOUT_WIDTH = 5950, /* of A4 */
    SHEET_LAYOUT_HEIGHT = 8420,
    SHEET_LAYOUT_BLOCK = 12, /* lines beside one QR code */
    SHEET_LAYOUT_SCALE = 24  /* room for a number */
};

enum sheet_layout_font {
    SHEET_LAYOUT_SANS,
    SHEET_LAYOUT_BOLD,
    SHEET_LAYOUT_MONO,
    SHEET_LAYOUT_MONO_BOLD
};

/* Who draws. */
struct sheet_pen {
    void *ctx;
    /* a page begins */
    void (*page)(void *ctx);
    /* n bytes of printable ASCII, at the left end of their base line */
    void (*text)(void *ctx, enum sheet_layout_font font, int size, int x, int y,
                 const char *text, size_t n);
    /* a QR code from its top left module on, size wide and high */
    void (*qr)(void *ctx, int size, int x, int y, const struct sheet_qr *q);
};

/* sheet_layout_draw: Returns 0; E_NOMEM; E_LIMIT. */
MUST_CHECK int sheet_layout_draw(const struct sheet_page *p,
                                 const struct sheet_pen *pen);

/* sheet_layout_scale: size / width with 4 digits behind the point, into out.
 * Returns out. */
char *sheet_layout_scale(int size, unsigned width,
                         char out[SHEET_LAYOUT_SCALE]);

#endif
