#include "cli/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/text.h"
#include "cli/when.h"

void json_out_init(struct json_out *j, struct out *out)
{
    memset(j, 0, sizeof *j);
    j->out = out;
    buf_init(&j->line, JSON_OUT_LINE_MAX);
}

void json_out_release(struct json_out *j)
{
    buf_release(&j->line);
}

static void json_out_raw(struct json_out *j, const char *text)
{
    buf_add_bytes(&j->line, bytes_of_str(text));
}

/* What has to stand before a value: a comma, and the key with its suffix. */
static void json_out_key(struct json_out *j, const char *key,
                         const char *suffix)
{
    if (!j->first)
        json_out_raw(j, ",");
    j->first = false;
    if (!key)
        return;
    json_out_raw(j, "\"");
    json_out_raw(j, key);
    json_out_raw(j, suffix);
    json_out_raw(j, "\":");
}

static void json_out_open(struct json_out *j, const char *opening, char closing)
{
    ASSERT(j->depth < JSON_OUT_DEPTH_MAX);
    json_out_raw(j, opening);
    j->close[j->depth++] = closing;
    j->first = true;
}

void json_out_begin(struct json_out *j, const char *type)
{
    ASSERT(j->depth == 0);
    buf_reset(&j->line);
    json_out_open(j, "{", '}');
    json_out_u64(j, "v", JSON_OUT_VERSION);
    json_out_text(j, "type", type);
}

int json_out_end(struct json_out *j)
{
    int rc;

    ASSERT(j->depth == 1);
    json_out_close(j);
    json_out_raw(j, "\n");
    rc = buf_status(&j->line);
    if (rc < 0)
        return err_add(rc, "a line of JSON");
    out_add(j->out, buf_bytes(&j->line));
    return 0;
}

void json_out_cancel(struct json_out *j)
{
    buf_reset(&j->line);
    j->depth = 0;
}

/* What cannot be seen, or steers a terminal (text.h), is written as its number:
 * whoever reads the JSON has it all the same. */
static bool json_out_is_hidden(struct bytes at, size_t n)
{
    struct text_unit u;

    text_next(bytes_of(at.p, n), &u);
    return u.n != n || memcmp(u.s, at.p, n) != 0;
}

/* One character or byte of a string; at is not empty. Returns what it used. */
static size_t json_out_char(struct json_out *j, struct bytes at)
{
    uint32_t cp;
    size_t n = text_utf8(at, &cp);
    char escape[16];

    if (n == 0) {
        json_out_raw(j, "\xef\xbf\xbd"); /* U+FFFD */
        return 1;
    }
    if (cp == '"' || cp == '\\')
        (void)snprintf(escape, sizeof escape, "\\%c", (char)cp);
    else if (cp >= 0x20 && (cp < 0x7f || !json_out_is_hidden(at, n)))
        escape[0] = 0;
    else if (cp < 0x10000)
        (void)snprintf(escape, sizeof escape, "\\u%04" PRIx32, cp);
    else
        (void)snprintf(escape, sizeof escape, "\\u%04" PRIx32 "\\u%04" PRIx32,
                       0xd800 + ((cp - 0x10000) >> 10),
                       0xdc00 + ((cp - 0x10000) & 0x3ff));
    if (escape[0])
        json_out_raw(j, escape);
    else
        buf_add(&j->line, at.p, n);
    return n;
}

/* Returns whether all of x was UTF-8. */
static bool json_out_string(struct json_out *j, struct bytes x)
{
    bool utf8 = true;
    uint32_t cp;

    json_out_raw(j, "\"");
    while (x.n) {
        size_t n = json_out_char(j, x);

        utf8 = utf8 && text_utf8(x, &cp) > 0;
        x = bytes_of(x.p + n, x.n - n);
    }
    json_out_raw(j, "\"");
    return utf8;
}

static void json_out_base64(struct json_out *j, struct bytes x)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789+/";

    json_out_raw(j, "\"");
    for (size_t i = 0; i < x.n; i += 3) {
        uint32_t v = (uint32_t)x.p[i] << 16;
        char four[5] = "====";

        if (i + 1 < x.n)
            v |= (uint32_t)x.p[i + 1] << 8;
        if (i + 2 < x.n)
            v |= x.p[i + 2];
        four[0] = digit[v >> 18];
        four[1] = digit[v >> 12 & 63];
        if (i + 1 < x.n)
            four[2] = digit[v >> 6 & 63];
        if (i + 2 < x.n)
            four[3] = digit[v & 63];
        json_out_raw(j, four);
    }
    json_out_raw(j, "\"");
}

void json_out_text(struct json_out *j, const char *key, const char *text)
{
    json_out_key(j, key, "");
    (void)json_out_string(j, bytes_of_str(text));
}

void json_out_bytes(struct json_out *j, const char *key, struct bytes x)
{
    ASSERT(key); /* a twin needs a key: lists hold objects of names */
    json_out_key(j, key, "");
    if (json_out_string(j, x))
        return;
    json_out_key(j, key, "_b64");
    json_out_base64(j, x);
}

void json_out_u64(struct json_out *j, const char *key, uint64_t v)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRIu64, v);
    json_out_key(j, key, "");
    json_out_raw(j, digits);
}

void json_out_i64(struct json_out *j, const char *key, int64_t v)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRId64, v);
    json_out_key(j, key, "");
    json_out_raw(j, digits);
}

void json_out_bool(struct json_out *j, const char *key, bool v)
{
    json_out_key(j, key, "");
    json_out_raw(j, v ? "true" : "false");
}

void json_out_null(struct json_out *j, const char *key)
{
    json_out_key(j, key, "");
    json_out_raw(j, "null");
}

void json_out_time(struct json_out *j, const char *key, struct entry_time t)
{
    char text[WHEN_TEXT_MAX];

    json_out_text(j, key, when_utc(t, text));
}

void json_out_hex(struct json_out *j, const char *key, struct bytes id)
{
    char hex[ID_HEX_CHARS + 1];

    ASSERT(id.n <= ID_BYTES);
    json_out_text(j, key, id_hex(id.p, id.n, hex));
}

void json_out_object(struct json_out *j, const char *key)
{
    json_out_key(j, key, "");
    json_out_open(j, "{", '}');
}

void json_out_list(struct json_out *j, const char *key)
{
    json_out_key(j, key, "");
    json_out_open(j, "[", ']');
}

void json_out_close(struct json_out *j)
{
    ASSERT(j->depth > 0);
    buf_add(&j->line, &j->close[--j->depth], 1);
    j->first = false;
}
