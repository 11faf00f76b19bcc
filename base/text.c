#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct text_range {
    uint32_t first;
    uint32_t last;
};

/* Valid code points that are escaped, in order. */
static const struct text_range text_hidden[] = {
    {0x0000, 0x001f},   /* C0 */
    {0x005c, 0x005c},   /* the backslash itself */
    {0x007f, 0x009f},   /* DEL, C1 */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x034f, 0x034f},   /* combining grapheme joiner */
    {0x061c, 0x061c},   /* Arabic letter mark (bidi) */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian selectors and separator */
    {0x200b, 0x200f},   /* zero-width space, joiners; LRM, RLM */
    {0x2028, 0x202e},   /* line, paragraph separator; bidi embeddings */
    {0x2060, 0x206f},   /* word joiner, invisible operators, bidi isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfdd0, 0xfdef},   /* noncharacters */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xfeff, 0xfeff},   /* BOM */
    {0xffa0, 0xffa0},   /* half-width Hangul filler */
    {0xfff0, 0xfffb},   /* unassigned ignorables, interlinear annotation */
    {0x1bca0, 0x1bca3}, /* shorthand format controls */
    {0x1d173, 0x1d17a}, /* musical format controls */
    {0xe0000, 0xe0fff}, /* tags, more variation selectors */
};

/* Code points that take no column. */
static const struct text_range text_combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf},
    {0x05c1, 0x05c2}, {0x05c4, 0x05c5}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x093c, 0x093c}, {0x094d, 0x094d},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1ace},
    {0x1dc0, 0x1dff}, {0x20d0, 0x20f0}, {0x302a, 0x302d}, {0x3099, 0x309a},
    {0xfe20, 0xfe2f},
};

/* Code points that take two columns: East Asian wide and full-width blocks,
 * and the emoji that terminals draw wide. */
static const struct text_range text_wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},
    {0x23e9, 0x23f3},   {0x25fd, 0x25fe},   {0x2600, 0x27bf},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
    {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1f000, 0x1faff},
    {0x20000, 0x3fffd},
};

#define TEXT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool text_within(const struct text_range *r, size_t n, uint32_t cp)
{
    size_t lo = 0;

    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;

        if (cp < r[mid].first)
            n = mid;
        else if (cp > r[mid].last)
            lo = mid + 1;
        else
            return true;
    }
    return false;
}

size_t text_utf8(struct bytes in, uint32_t *cp)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n;
    uint32_t c;

    if (in.n == 0)
        return 0;
    c = in.p[0];
    if (c < 0x80)
        n = 1;
    else if (c < 0xc0 || c > 0xf7)
        return 0;
    else
        n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n > in.n)
        return 0;
    if (n > 1)
        c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((in.p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (in.p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return n;
}

bool text_is_utf8(struct bytes x)
{
    while (x.n > 0) {
        uint32_t cp;
        size_t used = text_utf8(x, &cp);

        if (used == 0)
            return false;
        x = bytes_of(x.p + used, x.n - used);
    }
    return true;
}

size_t text_columns(uint32_t cp)
{
    if (text_within(text_combining, TEXT_COUNT(text_combining), cp))
        return 0;
    return text_within(text_wide, TEXT_COUNT(text_wide), cp) ? 2 : 1;
}

static bool text_is_hidden(uint32_t cp)
{
    return text_within(text_hidden, TEXT_COUNT(text_hidden), cp) ||
           (cp & 0xfffe) == 0xfffe; /* the last two of each plane */
}

/* The escape for byte or code point c. */
static void text_unit_escape(struct text_unit *u, uint32_t c, bool valid)
{
    static const char letters[] = "\\\\\tt\nn\rr";
    int n = 0;

    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if (valid && c == (uint8_t)letters[i])
            n = snprintf(u->s, sizeof u->s, "\\%c", letters[i + 1]);
    }
    if (n == 0 && (!valid || c < 0x80))
        n = snprintf(u->s, sizeof u->s, "\\x%02x", (unsigned)c);
    else if (n == 0)
        n = snprintf(u->s, sizeof u->s, "\\u{%x}", (unsigned)c);
    u->n = (size_t)n;
    u->columns = u->n;
}

void text_next(struct bytes name, struct text_unit *out)
{
    uint32_t c = name.p[0];
    size_t n = text_utf8(name, &c);

    *out = (struct text_unit){.used = n ? n : 1};
    if (n == 0 || text_is_hidden(c)) {
        text_unit_escape(out, c, n > 0);
        return;
    }
    memcpy(out->s, name.p, n);
    out->n = n;
    out->columns = text_columns(c);
}

/* The unit at the start of *name, which moves on behind it. */
static void text_take(struct bytes *name, struct text_unit *out)
{
    text_next(*name, out);
    *name = bytes_of(name->p + out->used, name->n - out->used);
}

void text_escape(struct buf *out, struct bytes name)
{
    struct text_unit u;

    while (name.n > 0) {
        text_take(&name, &u);
        buf_add(out, u.s, u.n);
    }
}

static size_t text_width(struct bytes name)
{
    struct text_unit u;
    size_t columns = 0;

    while (name.n > 0) {
        text_take(&name, &u);
        columns += u.columns;
    }
    return columns;
}

void text_escape_cut(struct buf *out, struct bytes name, size_t columns)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    size_t left = text_width(name);
    size_t head = 0;
    size_t room;
    struct bytes rest = name;
    struct text_unit u;

    if (left <= columns) {
        text_escape(out, name);
        return;
    }
    if (columns == 0)
        return;
    /* the end of a name says more than its start: the odd column is its */
    while (rest.n > 0) {
        text_next(rest, &u);
        if (head + u.columns > (columns - 1) / 2)
            break;
        text_take(&rest, &u);
        buf_add(out, u.s, u.n);
        head += u.columns;
        left -= u.columns;
    }
    buf_add(out, ellipsis, sizeof ellipsis - 1);
    room = columns - 1 - head;
    for (struct bytes after = rest; rest.n > 0; rest = after) {
        text_take(&after, &u);
        /* a mark without the letter it stood on goes with that letter */
        if (left <= room && u.columns > 0)
            break;
        left -= u.columns;
    }
    text_escape(out, rest);
}

static void text_add(struct buf *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void text_add(struct buf *out, const char *fmt, ...)
{
    char s[64];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(s, sizeof s, fmt, ap);
    va_end(ap);
    buf_add(out, s, strlen(s));
}

void text_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B",  "kB", "MB", "GB",
                                        "TB", "PB", "EB"};
    uint64_t one = 1;
    uint64_t tenths = 0;
    size_t u = 0;

    /* the next unit from 999.5 on, which would be printed as 1000 */
    while (u + 1 < TEXT_COUNT(units) && bytes >= one * 1000 - one / 2) {
        one *= 1000;
        u++;
    }
    if (u > 0 && bytes / one < 100)
        tenths = bytes / (one / 10) + (bytes % (one / 10) >= one / 20);
    if (tenths > 0 && tenths < 1000)
        text_add(out, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
                 units[u]);
    else
        text_add(out, "%" PRIu64 " %s",
                 bytes / one + (one > 1 && bytes % one >= one / 2), units[u]);
}

void text_duration(struct buf *out, uint64_t ns)
{
    uint64_t s = ns / 1000000000;
    uint64_t ms = ns / 1000000;

    if (s < 1)
        text_add(out, "%" PRIu64 " ms", ms);
    else if (s < 10)
        text_add(out, "%" PRIu64 ".%" PRIu64 " s", s, ms / 100 % 10);
    else if (s < 60)
        text_add(out, "%" PRIu64 " s", s);
    else if (s < 3600)
        text_add(out, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        text_add(out, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        text_add(out, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

/* Digits at *text, which moves on; false when none or above UINT64_MAX. */
static bool text_digits(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t v = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    }
    if (p == *text)
        return false;
    *text = p;
    *out = v;
    return true;
}

static int text_in_range(const char *text, uint64_t v, uint64_t min,
                         uint64_t max, uint64_t *out)
{
    if (v < min || v > max)
        return err_set(E_USAGE, "'%s' is not between %" PRIu64 " and %" PRIu64,
                       text, min, max);
    *out = v;
    return 0;
}

int text_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *p = text;
    uint64_t v;

    if (!text_digits(&p, &v) || *p)
        return err_set(E_USAGE, "'%s' is not a number", text);
    return text_in_range(text, v, min, max, out);
}

static char text_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The factor of a unit: "", "B", "K", "KB", "KiB" ...; 0 when unknown. */
static uint64_t text_unit_bytes(const char *unit)
{
    static const char letters[] = "KMGTPE";
    const char *at;
    uint64_t base = 1024;
    uint64_t factor = 1;

    if (*unit == 0 || (text_upper(unit[0]) == 'B' && unit[1] == 0))
        return 1;
    at = strchr(letters, text_upper(*unit++));
    if (!at)
        return 0;
    if (text_upper(unit[0]) == 'B') {
        base = 1000;
        unit++;
    } else if (text_upper(unit[0]) == 'I' && text_upper(unit[1]) == 'B') {
        unit += 2;
    }
    if (*unit)
        return 0;
    for (const char *l = letters; l <= at; l++)
        factor *= base;
    return factor;
}

int text_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *p = text;
    uint64_t v;
    uint64_t factor = 0;

    if (text_digits(&p, &v))
        factor = text_unit_bytes(p);
    if (factor == 0 || __builtin_mul_overflow(v, factor, &v))
        return err_set(E_USAGE, "'%s' is not a size (like 64K or 2GB)", text);
    return text_in_range(text, v, min, max, out);
}

int text_parse_duration(const char *text, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    const char *p = text;
    uint64_t sum = 0;
    size_t u = 0;

    do {
        uint64_t v = 0;
        bool good = text_digits(&p, &v);

        while (good && u < TEXT_COUNT(units) && units[u].letter != *p)
            u++;
        if (!good || u == TEXT_COUNT(units) ||
            __builtin_mul_overflow(v, units[u].seconds, &v) ||
            __builtin_add_overflow(sum, v, &sum))
            return err_set(E_USAGE, "'%s' is not a duration (like 1d12h)",
                           text);
        u++;
        p++;
    } while (*p);
    return text_in_range(text, sum, min, max, out);
}
