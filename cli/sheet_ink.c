#include "cli/sheet_ink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sheet_ink_add(struct sheet_ink *ink, struct bytes x)
{
    uint8_t *to = ink->full ? NULL : secret_extend(ink->out, x.n);

    ink->full = !to;
    if (to)
        memcpy(to, x.p, x.n);
}

void sheet_ink_text(struct sheet_ink *ink, const char *fmt, ...)
{
    char piece[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(piece, sizeof piece, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof piece)
        ink->full = true;
    else if (n > 0)
        sheet_ink_add(ink, bytes_of(piece, (size_t)n));
    explicit_bzero(piece, sizeof piece);
}

int sheet_ink_status(const struct sheet_ink *ink)
{
    return ink->full ? err_set(E_LIMIT, "the recovery sheet gets too long") : 0;
}
