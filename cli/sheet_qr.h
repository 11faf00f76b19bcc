/* sheet_qr: a QR code, error correction M. The only user of libqrencode. */
#ifndef CLI_SHEET_QR_H
#define CLI_SHEET_QR_H

#include "base/secret.h"

/* Zeroed is empty. */
struct sheet_qr {
    unsigned width;     /* modules in a row, and rows */
    struct secret dark; /* width * width bytes: 1: a dark module */
};

/*
 * sheet_qr_make: of text. The library's own copies are freed unwiped.
 *   q  out: release it whatever is returned
 * Returns 0; E_NOMEM; E_LIMIT (too much for a code).
 */
MUST_CHECK int sheet_qr_make(const char *text, struct sheet_qr *q);

void sheet_qr_release(struct sheet_qr *q);

/*
 * sheet_qr_run: the next run of dark modules in row y from *x on.
 * Returns its length, and where it begins in *x; 0: there is none.
 */
unsigned sheet_qr_run(const struct sheet_qr *q, unsigned y, unsigned *x);

/* sheet_qr_version: of libqrencode, as it says itself; static storage. */
const char *sheet_qr_version(void);

#endif
