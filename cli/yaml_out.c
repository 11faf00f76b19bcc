#include "cli/yaml_out.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Whether a word stands for itself without quotes: never one that YAML, or a
 * reader of it, could take for a null. */
static bool yaml_out_is_plain(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789._@+-/";

    return text[0] != 0 && strchr("-.@", text[0]) == NULL &&
           text[strspn(text, safe)] == 0 && strcasecmp(text, "null") != 0;
}

static void yaml_out_char(struct buf *out, const struct text_unit *unit,
                          struct bytes in)
{
    uint32_t cp;
    char hex[16];

    if (in.p[0] == '"' || (in.p[0] == '\\' && unit->used == 1))
        (void)snprintf(hex, sizeof hex, "\\%c", in.p[0]);
    else if (unit->n == unit->used && memcmp(unit->s, in.p, unit->n) == 0)
        hex[0] = 0; /* it is printable */
    else if (text_utf8(in, &cp) == 0)
        (void)snprintf(hex, sizeof hex, "\\\\x%02x", in.p[0]);
    else
        (void)snprintf(hex, sizeof hex, cp > 0xffff ? "\\U%08x" : "\\u%04x",
                       (unsigned)cp);
    if (hex[0])
        buf_add_bytes(out, bytes_of_str(hex));
    else
        buf_add(out, in.p, unit->used);
}

void yaml_out_word(struct buf *out, const char *text)
{
    struct bytes left = bytes_of_str(text);

    if (yaml_out_is_plain(text)) {
        buf_add_bytes(out, left);
        return;
    }
    buf_add(out, "\"", 1);
    while (left.n) {
        struct text_unit unit;

        text_next(left, &unit);
        yaml_out_char(out, &unit, left);
        left = bytes_of(left.p + unit.used, left.n - unit.used);
    }
    buf_add(out, "\"", 1);
}
