#include "repo/sheet.h"

#include <stdio.h>

#include "base/blake3.h"
#include "repo/crypto.h"

enum {
    SHEET_GROUP = 4,       /* characters between two blanks */
    SHEET_CHECK_CHARS = 4, /* of a line */
    SHEET_CHECK_BYTES = 3, /* that these are made of */
    SHEET_CODE_MAX = (SHEET_PIECE_BYTES * 8 + 4) / 5 + SHEET_CHECK_CHARS,
    SHEET_NUMBER_DIGITS = 3,
    SHEET_NAMED_BYTES = 160 /* of a list of numbers in an error */
};

static const char sheet_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct sheet *sheet_new(void)
{
    return crypto_locked_new(sizeof(struct sheet));
}

void sheet_free(struct sheet *s)
{
    crypto_locked_free(s);
}

size_t sheet_last(const struct sheet *s)
{
    for (size_t i = 0; i < SHEET_LINES_MAX; i++) {
        if (s->line[i].n > 0 && s->line[i].last)
            return i + 1;
    }
    return 0;
}

/* ---- characters -------------------------------------------------------- */

/* n bytes as characters; returns how many. The rest of the last one is 0. */
static size_t sheet_encode(const uint8_t *p, size_t n, char *out)
{
    size_t chars = (n * 8 + 4) / 5;

    for (size_t i = 0; i < chars; i++) {
        unsigned v = 0;

        for (size_t bit = i * 5; bit < i * 5 + 5; bit++) {
            bool set = bit / 8 < n && (p[bit / 8] >> (7 - bit % 8) & 1);

            v = v << 1 | set;
        }
        out[i] = sheet_alphabet[v];
    }
    return chars;
}

/* The reverse, of n bytes; v are values below 32. Returns false when what
 * fills up the last one is not zero. */
static bool sheet_decode(const uint8_t *v, size_t n, uint8_t *out)
{
    size_t bits = (n * 8 + 4) / 5 * 5;
    unsigned rest = 0;

    memset(out, 0, n);
    for (size_t bit = 0; bit < bits; bit++) {
        unsigned set = v[bit / 5] >> (4 - bit % 5) & 1;

        if (bit / 8 < n)
            out[bit / 8] |= (uint8_t)(set << (7 - bit % 8));
        else
            rest |= set;
    }
    return rest == 0;
}

/* The value of a character that somebody typed; -1: none. */
static int sheet_value(uint8_t c)
{
    const char *at;

    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    if (c == 'U')
        c = 'V';
    at = c ? strchr(sheet_alphabet, c) : NULL;
    return at ? (int)(at - sheet_alphabet) : -1;
}

static void sheet_check(size_t number, bool last, const uint8_t *piece,
                        size_t n, char out[SHEET_CHECK_CHARS])
{
    static const char label[2][18] = {"dedup 1 sheet line",
                                      "dedup 1 sheet last"};
    uint8_t in[sizeof label[0] + 2 + SHEET_PIECE_BYTES];
    uint8_t hash[BLAKE3_BYTES];
    char chars[(SHEET_CHECK_BYTES * 8 + 4) / 5];
    size_t at = sizeof label[0];

    memcpy(in, label[last], at);
    in[at++] = (uint8_t)number;
    in[at++] = (uint8_t)(number >> 8);
    memcpy(in + at, piece, n);
    blake3_hash(bytes_of(in, at + n), hash);
    (void)sheet_encode(hash, SHEET_CHECK_BYTES, chars);
    memcpy(out, chars, SHEET_CHECK_CHARS);
    crypto_wipe(in, sizeof in);
}

static void sheet_sum(struct bytes content, uint8_t sum[SHEET_SUM_BYTES])
{
    static const char label[] = "dedup 1 sheet";
    struct blake3 h;
    uint8_t hash[BLAKE3_BYTES];

    blake3_init(&h);
    blake3_update(&h, bytes_of_str(label));
    blake3_update(&h, content);
    blake3_final(&h, hash);
    memcpy(sum, hash, SHEET_SUM_BYTES);
}

/* ---- writing ----------------------------------------------------------- */

void sheet_set(struct sheet *s, struct bytes content)
{
    size_t total = content.n + SHEET_SUM_BYTES;
    uint8_t sum[SHEET_SUM_BYTES];

    ASSERT(content.n > 0 && total <= SHEET_BYTES_MAX);
    sheet_sum(content, sum);
    for (size_t at = 0; at < total; at++) {
        struct sheet_line *l = &s->line[at / SHEET_PIECE_BYTES];

        l->piece[l->n++] = at < content.n ? content.p[at] : sum[at - content.n];
    }
    s->line[(total - 1) / SHEET_PIECE_BYTES].last = true;
}

char *sheet_text(const struct sheet *s, size_t i, bool compact,
                 char out[SHEET_LINE_CHARS])
{
    const struct sheet_line *l = &s->line[i - 1];
    char code[SHEET_CODE_MAX];
    size_t data = sheet_encode(l->piece, l->n, code);
    size_t at;

    ASSERT(i > 0 && i <= SHEET_LINES_MAX && l->n > 0);
    sheet_check(i, l->last, l->piece, l->n, code + data);
    at = (size_t)snprintf(out, SHEET_LINE_CHARS, "%zu:", i);
    for (size_t k = 0; k < data + SHEET_CHECK_CHARS; k++) {
        /* the check is a group of its own */
        bool gap = k < data ? k % SHEET_GROUP == 0 : k == data;

        if (gap && !compact)
            out[at++] = ' ';
        out[at++] = code[k];
    }
    out[at] = 0;
    crypto_wipe(code, sizeof code);
    return out;
}

/* ---- reading ----------------------------------------------------------- */

static bool sheet_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '-';
}

/* The number that a line begins with, and its colon. Returns how many bytes
 * that is; 0: nothing of the kind is at p. */
static size_t sheet_number(const uint8_t *p, const uint8_t *end, size_t *number)
{
    size_t n = 0;

    *number = 0;
    while (p + n < end && n <= SHEET_NUMBER_DIGITS && p[n] >= '0' &&
           p[n] <= '9')
        *number = *number * 10 + (size_t)(p[n++] - '0');
    return n > 0 && p + n < end && p[n] == ':' ? n + 1 : 0;
}

/* The line that v are the characters of. Returns false when it is none. */
static bool sheet_line_of(size_t number, const uint8_t *v, size_t n,
                          struct sheet_line *l)
{
    size_t chars = n - SHEET_CHECK_CHARS;
    char check[SHEET_CHECK_CHARS];
    bool same = false;

    *l = (struct sheet_line){.n = 0};
    if (n <= SHEET_CHECK_CHARS + 1 || n > SHEET_CODE_MAX)
        return false;
    l->n = (uint8_t)(chars * 5 / 8);
    if ((l->n * 8U + 4) / 5 != chars || !sheet_decode(v, l->n, l->piece))
        return false;
    for (int last = 0; last < 2 && !same; last++) {
        same = last || l->n == SHEET_PIECE_BYTES;
        l->last = last;
        sheet_check(number, last, l->piece, l->n, check);
        for (size_t i = 0; i < sizeof check; i++)
            same = same && sheet_value((uint8_t)check[i]) == v[chars + i];
    }
    return same;
}

static void sheet_take(struct sheet_line *to, const struct sheet_line *l,
                       bool sound)
{
    if (!sound) {
        to->mistyped = to->n == 0;
        return;
    }
    if (to->n > 0 && (to->n != l->n || to->last != l->last ||
                      memcmp(to->piece, l->piece, l->n) != 0)) {
        to->differs = true;
        return;
    }
    *to = *l;
}

/* The characters of one line, up to the next one's number. Returns how many
 * bytes it has. */
static size_t sheet_read_line(struct sheet *s, size_t number, const uint8_t *p,
                              const uint8_t *end)
{
    uint8_t v[SHEET_CODE_MAX + 1];
    struct sheet_line l;
    const uint8_t *at = p;
    size_t n = 0;
    bool sound = true;
    size_t other;

    for (; at < end; at++) {
        int value = sheet_value(*at);

        if (sheet_is_blank(*at))
            continue;
        if (sheet_is_blank(at[-1]) && sheet_number(at, end, &other) > 0)
            break;
        sound = sound && value >= 0 && n < sizeof v;
        if (sound)
            v[n++] = (uint8_t)value;
    }
    sound = sound && sheet_line_of(number, v, n, &l);
    sheet_take(&s->line[number - 1], &l, sound);
    crypto_wipe(v, sizeof v);
    crypto_wipe(&l, sizeof l);
    return (size_t)(at - p);
}

/* Where a line of text says just that. NULL: nowhere. */
static const uint8_t *sheet_find(struct bytes text, const char *mark)
{
    const uint8_t *end = text.p + text.n;
    const uint8_t *line = text.p;

    while (line < end) {
        const uint8_t *stop = memchr(line, '\n', (size_t)(end - line));
        const uint8_t *from = line;
        const uint8_t *to = stop ? stop : end;

        while (from < to && sheet_is_blank(*from))
            from++;
        while (to > from && sheet_is_blank(to[-1]))
            to--;
        if (bytes_equal(bytes_of(from, (size_t)(to - from)),
                        bytes_of_str(mark)))
            return from;
        line = stop ? stop + 1 : end;
    }
    return NULL;
}

/* What of text is lines. */
static struct bytes sheet_between(struct bytes text)
{
    const uint8_t *from = sheet_find(text, SHEET_BEGIN);
    const uint8_t *to;

    if (!from)
        return text;
    from += sizeof SHEET_BEGIN - 1;
    text = bytes_of(from, (size_t)(text.p + text.n - from));
    to = sheet_find(text, SHEET_END);
    return to ? bytes_of(from, (size_t)(to - from)) : text;
}

int sheet_read(struct sheet *s, struct bytes text)
{
    const uint8_t *p;
    const uint8_t *end;
    size_t number;

    text = sheet_between(text);
    p = text.p;
    end = p + text.n;
    while (p < end) {
        size_t n;

        if (sheet_is_blank(*p)) {
            p++;
            continue;
        }
        n = sheet_number(p, end, &number);
        if (n == 0)
            return err_set(E_KEY, "no recovery sheet: each line begins with "
                                  "its number and a colon");
        if (number == 0 || number > SHEET_LINES_MAX)
            return err_set(E_KEY, "a recovery sheet has no line %zu", number);
        p += n;
        p += sheet_read_line(s, number, p, end);
    }
    return 0;
}

size_t sheet_missing(const struct sheet *s)
{
    for (size_t i = 0; i < SHEET_LINES_MAX; i++) {
        if (s->line[i].n == 0)
            return i + 1;
        if (s->line[i].last)
            return 0;
    }
    return 0;
}

/* ---- what is wrong ----------------------------------------------------- */

enum sheet_fault { SHEET_MISTYPED, SHEET_DIFFERS, SHEET_MISSING };

static bool sheet_has(const struct sheet_line *l, enum sheet_fault fault)
{
    if (fault == SHEET_MISTYPED)
        return l->mistyped;
    if (fault == SHEET_DIFFERS)
        return l->differs;
    return l->n == 0 && !l->mistyped;
}

/* The numbers of the lines up to n that have the fault, "2, 5"; returns how
 * many there are. */
static size_t sheet_name(const struct sheet *s, size_t n,
                         enum sheet_fault fault, char out[SHEET_NAMED_BYTES])
{
    size_t found = 0;
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        if (!sheet_has(&s->line[i], fault))
            continue;
        found++;
        if (at + 16 < SHEET_NAMED_BYTES)
            at += (size_t)snprintf(out + at, SHEET_NAMED_BYTES - at, "%s%zu",
                                   found > 1 ? ", " : "", i + 1);
        else if (out[at - 1] != '.')
            at += (size_t)snprintf(out + at, SHEET_NAMED_BYTES - at, " ...");
    }
    return found;
}

/* The highest number that was given, sound or not. */
static size_t sheet_highest(const struct sheet *s)
{
    size_t n = SHEET_LINES_MAX;

    while (n > 0 && s->line[n - 1].n == 0 && !s->line[n - 1].mistyped)
        n--;
    return n;
}

static int sheet_complain(const struct sheet *s)
{
    static const char *const what[][2] = {
        [SHEET_MISTYPED] = {"mistyped: line", "mistyped: lines"},
        [SHEET_DIFFERS] = {"there twice, each time another: line",
                           "there twice, each time another: lines"},
        [SHEET_MISSING] = {"missing: line", "missing: lines"},
    };
    size_t highest = sheet_highest(s);
    char text[3 * (SHEET_NAMED_BYTES + 48)] = "";
    char named[SHEET_NAMED_BYTES];
    size_t at = 0;

    for (int f = SHEET_MISTYPED; f <= SHEET_MISSING; f++) {
        size_t n = sheet_name(s, highest, (enum sheet_fault)f, named);

        if (n > 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s",
                                   at > 0 ? "; " : "", what[f][n > 1], named);
    }
    if (at > 0)
        return err_set(E_KEY, "recovery sheet: %s", text);
    if (highest == 0)
        return err_set(E_KEY, "recovery sheet: not one line is there");
    return err_set(E_KEY, "recovery sheet: what follows line %zu is missing",
                   highest);
}

int sheet_get(const struct sheet *s, struct secret *content)
{
    size_t lines = sheet_last(s);
    uint8_t sum[SHEET_SUM_BYTES];
    uint8_t *p;
    size_t n = 0;

    for (size_t i = 0; i < SHEET_LINES_MAX; i++) {
        const struct sheet_line *l = &s->line[i];

        if (l->differs || l->mistyped || (i < lines && l->n == 0) || !lines)
            return sheet_complain(s);
        if (i >= lines && l->n > 0)
            return err_set(E_KEY,
                           "recovery sheet: line %zu was the last, and "
                           "line %zu is another sheet's",
                           lines, i + 1);
        n += l->n;
    }
    secret_wipe(content);
    p = secret_extend(content, n);
    if (n <= SHEET_SUM_BYTES || !p)
        return err_set(E_KEY, "recovery sheet: too short");
    for (size_t i = 0; i < lines; i++) {
        memcpy(p, s->line[i].piece, s->line[i].n);
        p += s->line[i].n;
    }
    content->n -= SHEET_SUM_BYTES;
    sheet_sum(secret_bytes(content), sum);
    if (memcmp(sum, p - SHEET_SUM_BYTES, sizeof sum) == 0)
        return 0;
    secret_wipe(content);
    return err_set(E_KEY, "recovery sheet: each line is sound, but they are "
                          "lines of different sheets");
}
