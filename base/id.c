#include "base/id.h"

char *id_hex(const void *b, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *p = b;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    out[2 * n] = 0;
    return out;
}

static int id_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool id_from_hex(const char *text, void *out, size_t n)
{
    uint8_t *p = out;

    if (strlen(text) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int hi = id_digit(text[2 * i]);
        int lo = id_digit(text[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        p[i] = (uint8_t)(hi * 16 + lo);
    }
    return true;
}
