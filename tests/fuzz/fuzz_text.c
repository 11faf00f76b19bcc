/* Names for a terminal, and numbers that people typed. */
#include <stdint.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was printed is UTF-8, one line, without controls; returns its width. */
static size_t check_printed(struct bytes s)
{
    size_t columns = 0;

    while (s.n > 0) {
        uint32_t cp = 0;
        size_t used = text_utf8(s, &cp);

        ASSERT(used > 0);
        ASSERT(cp >= 0x20 && (cp < 0x7f || cp > 0x9f));
        ASSERT(cp != 0x61c && cp != 0xfeff);
        ASSERT(cp < 0x200b || cp > 0x200f);
        ASSERT(cp < 0x2028 || cp > 0x202e);
        ASSERT(cp < 0x2060 || cp > 0x206f);
        ASSERT(cp < 0xe0000 || cp > 0xe0fff);
        columns += text_columns(cp);
        s = bytes_of(s.p + used, s.n - used);
    }
    return columns;
}

static void check_parsers(const char *text)
{
    uint64_t v = 0;

    if (text_parse_uint(text, 5, 500, &v) == 0)
        ASSERT(v >= 5 && v <= 500);
    if (text_parse_size(text, 1 << 10, 1 << 20, &v) == 0)
        ASSERT(v >= 1 << 10 && v <= 1 << 20);
    if (text_parse_duration(text, 60, 1 << 20, &v) == 0)
        ASSERT(v >= 60 && v <= 1 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct buf out;
    struct bytes name;
    size_t columns;
    size_t whole;
    char text[64];

    if (n == 0)
        return 0;
    /* the first byte is the room there is, the rest the name */
    columns = data[0];
    name = bytes_of(data + 1, n - 1);
    buf_init(&out, TEXT_UNIT_MAX * n + 16);
    text_escape(&out, name);
    whole = check_printed(buf_bytes(&out));
    buf_reset(&out);
    text_escape_cut(&out, name, columns);
    if (whole <= columns)
        ASSERT(check_printed(buf_bytes(&out)) == whole);
    else
        ASSERT(check_printed(buf_bytes(&out)) <= columns);
    ASSERT(buf_status(&out) == 0);
    buf_release(&out);

    (void)memset(text, 0, sizeof text);
    (void)memcpy(text, name.p, name.n < sizeof text ? name.n : 63);
    check_parsers(text);
    return 0;
}
