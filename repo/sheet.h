/*
 * sheet: secret bytes as numbered lines that people can type, and back;
 * docs/format.md 11. What the bytes say is recovery.h's business.
 *
 * Each line has its own check characters, and the whole a checksum: a typing
 * error is known by its line, a line of another sheet by the whole.
 * Confined to one thread.
 */
#ifndef REPO_SHEET_H
#define REPO_SHEET_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

enum {
    SHEET_PIECE_BYTES = 20, /* in a line */
    SHEET_SUM_BYTES = 8,
    SHEET_LINES_MAX = 420,
    SHEET_BYTES_MAX = SHEET_LINES_MAX * SHEET_PIECE_BYTES, /* in all lines */
    SHEET_LINE_CHARS = 56 /* room for any line, with its NUL */
};

/* Lines between these two, each on a line of its own, are looked at, and
 * nothing else of a text that has them. */
#define SHEET_BEGIN "BEGIN DEDUP RECOVERY SHEET"
#define SHEET_END   "END DEDUP RECOVERY SHEET"

struct sheet_line {
    uint8_t piece[SHEET_PIECE_BYTES];
    uint8_t n;     /* bytes in piece; 0: there is no such line (yet) */
    bool last;     /* its check says so */
    bool mistyped; /* it was given, but its check does not fit */
    bool differs;  /* it was given twice, sound both times */
};

struct sheet {
    struct sheet_line line[SHEET_LINES_MAX]; /* number i at i - 1 */
};

/* sheet_new: no lines yet, in locked memory; NULL when there is none. After
 * crypto_init(). */
struct sheet *sheet_new(void);

/* sheet_free: wipes and frees; NULL is fine. */
void sheet_free(struct sheet *s);

/* sheet_set: the lines of content (1..SHEET_BYTES_MAX - SHEET_SUM_BYTES bytes)
 * and its checksum. s is new. */
void sheet_set(struct sheet *s, struct bytes content);

/* sheet_last: the number of the last line; 0: it is not there. */
size_t sheet_last(const struct sheet *s);

/*
 * sheet_text: line number i (1..sheet_last()) as people read it; compact: as
 * the QR code has it. Returns out; it then holds a secret: wipe it.
 */
char *sheet_text(const struct sheet *s, size_t i, bool compact,
                 char out[SHEET_LINE_CHARS]);

/*
 * sheet_read: take in all lines that text holds. What is wrong with a line is
 * noted in it: sheet_missing() and sheet_get() tell. A mistyped line that is
 * there already, sound, is passed over.
 * Returns 0; E_KEY: text begins with something else than a line, or has a
 * line of a number that no sheet has (s is unchanged from there on).
 */
MUST_CHECK int sheet_read(struct sheet *s, struct bytes text);

/* sheet_missing: the first line that is not there, or mistyped; 0: none is. */
size_t sheet_missing(const struct sheet *s);

/*
 * sheet_get: what the lines say, once all are there.
 *   content  initialized, for SHEET_BYTES_MAX bytes; out: without the checksum
 * Returns 0; E_KEY: lines are missing, mistyped, or of different sheets; the
 * text names them.
 */
MUST_CHECK int sheet_get(const struct sheet *s, struct secret *content);

#endif
