/*
 * sheet_ink: appends to a secret what a recovery sheet is written in. The first
 * piece that does not fit makes all later ones be dropped; whoever began asks
 * once at the end. Confined to one thread.
 */
#ifndef CLI_SHEET_INK_H
#define CLI_SHEET_INK_H

#include "base/secret.h"

struct sheet_ink {
    struct secret *out; /* lent */
    bool full;          /* something was dropped */
};

void sheet_ink_add(struct sheet_ink *ink, struct bytes x);

/* sheet_ink_text: as printf; a piece of at most 511 bytes. */
void sheet_ink_text(struct sheet_ink *ink, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* sheet_ink_status: 0, or E_LIMIT. */
MUST_CHECK int sheet_ink_status(const struct sheet_ink *ink);

#endif
