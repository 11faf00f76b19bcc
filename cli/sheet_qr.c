#include "cli/sheet_qr.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

int sheet_qr_make(const char *text, struct sheet_qr *q)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    size_t n;
    uint8_t *to;
    int rc;

    *q = (struct sheet_qr){.width = 0};
    if (!code)
        return errno == ENOMEM ? err_set(E_NOMEM, "making a QR code")
                               : err_set(E_LIMIT, "too long for a QR code");
    n = (size_t)code->width * (size_t)code->width;
    rc = secret_init(&q->dark, n);
    to = rc == 0 ? secret_extend(&q->dark, n) : NULL;
    for (size_t i = 0; to && i < n; i++)
        to[i] = code->data[i] & 1;
    q->width = (unsigned)code->width;
    explicit_bzero(code->data, n);
    QRcode_free(code);
    return rc;
}

void sheet_qr_release(struct sheet_qr *q)
{
    secret_release(&q->dark);
    q->width = 0;
}

unsigned sheet_qr_run(const struct sheet_qr *q, unsigned y, unsigned *x)
{
    const uint8_t *row = q->dark.p + (size_t)y * q->width;
    unsigned n = 0;

    while (*x < q->width && !row[*x])
        ++*x;
    while (*x + n < q->width && row[*x + n])
        n++;
    return n;
}

const char *sheet_qr_version(void)
{
    return QRcode_APIVersionString();
}
