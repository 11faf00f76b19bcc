#include "cli/sheet_pdf.h"

#include "cli/sheet_layout.h"
#include "cli/sheet_plain.h"

/* Objects by number; each page takes three more. */
enum {
    SHEET_PDF_CATALOG = 1,
    SHEET_PDF_PAGES,
    SHEET_PDF_LINES, /* a stream that no page shows: recover reads it */
    SHEET_PDF_LINES_LENGTH,
    SHEET_PDF_FONT, /* the first of four, as sheet_layout_font counts */
    SHEET_PDF_PAGE = SHEET_PDF_FONT + 4,
    SHEET_PDF_PER_PAGE = 3, /* page, content, length of the content */
    SHEET_PDF_PAGES_MAX = 12,
    SHEET_PDF_OBJECTS =
        SHEET_PDF_PAGE + SHEET_PDF_PER_PAGE * SHEET_PDF_PAGES_MAX
};

struct sheet_pdf {
    struct sheet_ink *ink;
    size_t off[SHEET_PDF_OBJECTS]; /* where each object stands */
    size_t begin;                  /* of the stream that is written */
    int pages;
};

static void sheet_pdf_object(struct sheet_pdf *d, int number)
{
    d->off[number] = d->ink->out->n;
    sheet_ink_text(d->ink, "%d 0 obj\n", number);
}

/* A stream whose length is known, and said in object length, afterwards. */
static void sheet_pdf_begin(struct sheet_pdf *d, int number, int length)
{
    sheet_pdf_object(d, number);
    sheet_ink_text(d->ink, "<< /Length %d 0 R >>\nstream\n", length);
    d->begin = d->ink->out->n;
}

static void sheet_pdf_end(struct sheet_pdf *d, int length)
{
    size_t n = d->ink->out->n - d->begin;

    sheet_ink_text(d->ink, "endstream\nendobj\n");
    sheet_pdf_object(d, length);
    sheet_ink_text(d->ink, "%zu\nendobj\n", n);
}

static void sheet_pdf_end_page(struct sheet_pdf *d)
{
    if (d->pages > 0)
        sheet_pdf_end(d, SHEET_PDF_PAGE + SHEET_PDF_PER_PAGE * d->pages - 1);
}

static void sheet_pdf_page(void *ctx)
{
    struct sheet_pdf *d = ctx;
    int number = SHEET_PDF_PAGE + SHEET_PDF_PER_PAGE * d->pages;

    ASSERT(d->pages < SHEET_PDF_PAGES_MAX);
    sheet_pdf_end_page(d);
    d->pages++;
    sheet_pdf_object(d, number);
    sheet_ink_text(d->ink,
                   "<< /Type /Page /Parent %d 0 R /Contents %d 0 R >>\n"
                   "endobj\n",
                   SHEET_PDF_PAGES, number + 1);
    sheet_pdf_begin(d, number + 1, number + 2);
    /* tenths of a point, downwards */
    sheet_ink_text(d->ink, "0.1 0 0 -0.1 0 %d cm\n", SHEET_LAYOUT_HEIGHT / 10);
}

static void sheet_pdf_text(void *ctx, enum sheet_layout_font font, int size,
                           int x, int y, const char *text, size_t n)
{
    struct sheet_pdf *d = ctx;

    sheet_ink_text(d->ink, "BT /F%d %d Tf 1 0 0 -1 %d %d Tm (", (int)font, size,
                   x, y);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '(' || text[i] == ')' || text[i] == '\\')
            sheet_ink_text(d->ink, "\\");
        sheet_ink_add(d->ink, bytes_of(text + i, 1));
    }
    sheet_ink_text(d->ink, ") Tj ET\n");
}

static void sheet_pdf_qr(void *ctx, int size, int x, int y,
                         const struct sheet_qr *q)
{
    struct sheet_pdf *d = ctx;
    char scale[SHEET_LAYOUT_SCALE];

    sheet_layout_scale(size, q->width, scale);
    sheet_ink_text(d->ink, "q %s 0 0 %s %d %d cm\n", scale, scale, x, y);
    for (unsigned row = 0; row < q->width; row++) {
        unsigned at = 0;
        unsigned n;

        for (; (n = sheet_qr_run(q, row, &at)) > 0; at += n)
            sheet_ink_text(d->ink, "%u %u %u 1 re\n", at, row, n);
    }
    sheet_ink_text(d->ink, "f Q\n");
}

static void sheet_pdf_fonts(struct sheet_pdf *d)
{
    static const char *const name[] = {
        [SHEET_LAYOUT_SANS] = "Helvetica",
        [SHEET_LAYOUT_BOLD] = "Helvetica-Bold",
        [SHEET_LAYOUT_MONO] = "Courier",
        [SHEET_LAYOUT_MONO_BOLD] = "Courier-Bold",
    };

    for (int i = 0; i < 4; i++) {
        sheet_pdf_object(d, SHEET_PDF_FONT + i);
        sheet_ink_text(d->ink,
                       "<< /Type /Font /Subtype /Type1 /BaseFont /%s "
                       "/Encoding /WinAnsiEncoding >>\nendobj\n",
                       name[i]);
    }
}

/* What could not be said before the last page was there. */
static void sheet_pdf_tree(struct sheet_pdf *d)
{
    sheet_pdf_object(d, SHEET_PDF_CATALOG);
    sheet_ink_text(d->ink, "<< /Type /Catalog /Pages %d 0 R >>\nendobj\n",
                   SHEET_PDF_PAGES);
    sheet_pdf_object(d, SHEET_PDF_PAGES);
    sheet_ink_text(d->ink,
                   "<< /Type /Pages /Count %d /MediaBox [0 0 %d %d]\n"
                   "/Resources << /Font << /F0 %d 0 R /F1 %d 0 R /F2 %d 0 R "
                   "/F3 %d 0 R >> >>\n/Kids [",
                   d->pages, SHEET_LAYOUT_WIDTH / 10, SHEET_LAYOUT_HEIGHT / 10,
                   SHEET_PDF_FONT, SHEET_PDF_FONT + 1, SHEET_PDF_FONT + 2,
                   SHEET_PDF_FONT + 3);
    for (int i = 0; i < d->pages; i++)
        sheet_ink_text(d->ink, " %d 0 R",
                       SHEET_PDF_PAGE + SHEET_PDF_PER_PAGE * i);
    sheet_ink_text(d->ink, " ] >>\nendobj\n");
}

static void sheet_pdf_xref(struct sheet_pdf *d)
{
    int objects = SHEET_PDF_PAGE + SHEET_PDF_PER_PAGE * d->pages;
    size_t at = d->ink->out->n;

    sheet_ink_text(d->ink, "xref\n0 %d\n0000000000 65535 f \n", objects);
    for (int i = 1; i < objects; i++)
        sheet_ink_text(d->ink, "%010zu 00000 n \n", d->off[i]);
    sheet_ink_text(d->ink,
                   "trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%zu\n"
                   "%%%%EOF\n",
                   objects, SHEET_PDF_CATALOG, at);
}

int sheet_pdf_draw(const struct sheet_page *p, struct sheet_ink *ink)
{
    struct sheet_pdf d = {.ink = ink};
    struct sheet_pen pen = {.ctx = &d,
                            .page = sheet_pdf_page,
                            .text = sheet_pdf_text,
                            .qr = sheet_pdf_qr};
    int rc;

    sheet_ink_text(ink, "%%PDF-1.4\n");
    sheet_pdf_begin(&d, SHEET_PDF_LINES, SHEET_PDF_LINES_LENGTH);
    sheet_plain_lines(p->sheet, ink);
    sheet_pdf_end(&d, SHEET_PDF_LINES_LENGTH);
    sheet_pdf_fonts(&d);
    rc = sheet_layout_draw(p, &pen);
    sheet_pdf_end_page(&d);
    sheet_pdf_tree(&d);
    sheet_pdf_xref(&d);
    return rc;
}
