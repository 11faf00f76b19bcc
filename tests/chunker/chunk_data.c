#include "tests/chunker/chunk_data.h"

#include "tests/support/prng.h"

/* Where the bytes of a stream go; what does not fit is dropped. */
struct chunk_data {
    struct prng prng;
    uint8_t *p;
    size_t n;
    size_t at;
};

static uint32_t chunk_data_below(struct chunk_data *d, uint32_t bound)
{
    return (uint32_t)prng_below(&d->prng, bound);
}

static void chunk_data_byte(struct chunk_data *d, uint8_t x)
{
    if (d->at < d->n)
        d->p[d->at++] = x;
}

static void chunk_data_text(struct chunk_data *d, const char *s)
{
    for (; *s; s++)
        chunk_data_byte(d, (uint8_t)*s);
}

static void chunk_data_number(struct chunk_data *d, const char *format,
                              uint32_t x)
{
    char digits[16] = {0};
    size_t at = sizeof digits - 1;
    int width = format[0] - '0';

    for (; x || width > 0; x /= 10, width--)
        digits[--at] = (char)('0' + x % 10);
    chunk_data_text(d, digits + at);
    chunk_data_text(d, format + 1);
}

static void chunk_data_random(struct chunk_data *d)
{
    uint64_t x = prng_next(&d->prng);

    for (int i = 0; i < 8; i++)
        chunk_data_byte(d, (uint8_t)(x >> (8 * i)));
}

static void chunk_data_zeros(struct chunk_data *d)
{
    chunk_data_byte(d, 0);
}

static void chunk_data_runs(struct chunk_data *d)
{
    uint8_t x = (uint8_t)chunk_data_below(d, 256);
    uint32_t n = 1 + (chunk_data_below(d, 1 << 16) >> chunk_data_below(d, 16));

    while (n--)
        chunk_data_byte(d, x);
}

static void chunk_data_symbols(struct chunk_data *d, const char symbols[4])
{
    uint64_t x = prng_next(&d->prng);

    for (int i = 0; i < 64; i += 2)
        chunk_data_byte(d, (uint8_t)symbols[x >> i & 3]);
}

static void chunk_data_acgt(struct chunk_data *d)
{
    chunk_data_symbols(d, "ACGT");
}

static void chunk_data_two(struct chunk_data *d)
{
    chunk_data_symbols(d, "aabb");
}

static void chunk_data_biased(struct chunk_data *d)
{
    chunk_data_byte(d, chunk_data_below(d, 16) ? ' ' : '#');
}

static void chunk_data_records(struct chunk_data *d)
{
    uint32_t number = (uint32_t)(d->at / 16);
    uint32_t field = chunk_data_below(d, 1000);

    for (int i = 0; i < 4; i++)
        chunk_data_byte(d, (uint8_t)(number >> (8 * i)));
    for (int i = 0; i < 4; i++)
        chunk_data_byte(d, (uint8_t)(field >> (8 * i)));
    chunk_data_text(d, "\x01\x80okey");
    chunk_data_byte(d, 0);
    chunk_data_byte(d, 0);
}

static void chunk_data_periodic(struct chunk_data *d)
{
    uint8_t pattern[16];
    uint32_t n = 1u << chunk_data_below(d, 5);

    for (size_t i = 0; i < n; i++)
        pattern[i] = (uint8_t)chunk_data_below(d, 256);
    for (size_t i = 0; d->at < d->n; i++)
        chunk_data_byte(d, pattern[i % n]);
}

static const char *const chunk_data_words[16] = {
    "request", "for (i = 0; i < n; i++)", "return", "size_t", "connection",
    "static",  "buffer->length",          "user",   "if",     "GET /index.html",
    "closed",  "struct item *next",       "200",    "{",      "}",
    "timeout"};

static void chunk_data_log(struct chunk_data *d)
{
    uint32_t second = (uint32_t)(d->at / 500);

    chunk_data_number(d, "0-11-2", 2024);
    chunk_data_number(d, "1T", second / 86400 % 10);
    chunk_data_number(d, "2:", second / 3600 % 24);
    chunk_data_number(d, "2:", second / 60 % 60);
    chunk_data_number(d, "2 host daemon[", second % 60);
    chunk_data_number(d, "1]: ", 400 + chunk_data_below(d, 8));
    for (uint32_t n = 2 + chunk_data_below(d, 5); n; n--) {
        chunk_data_text(d, chunk_data_words[chunk_data_below(d, 16)]);
        chunk_data_text(d, " ");
    }
    chunk_data_number(d, "1\n", chunk_data_below(d, 100000));
}

static void chunk_data_source(struct chunk_data *d)
{
    for (uint32_t n = chunk_data_below(d, 4); n; n--)
        chunk_data_text(d, "    ");
    for (uint32_t n = 1 + chunk_data_below(d, 5); n; n--) {
        chunk_data_text(d, chunk_data_words[chunk_data_below(d, 16)]);
        chunk_data_text(d, chunk_data_below(d, 3) ? " " : "(x, y)");
    }
    chunk_data_text(d, ";\n");
}

static void chunk_data_wave(struct chunk_data *d)
{
    uint32_t phase = (uint32_t)(d->at % 8192) * 8;
    uint32_t sample = phase < 32768 ? phase : 65535 - phase;

    sample += chunk_data_below(d, 16);
    chunk_data_byte(d, (uint8_t)sample);
    chunk_data_byte(d, (uint8_t)(sample >> 8));
}

static void chunk_data_sparse(struct chunk_data *d)
{
    uint32_t n = 1 + (chunk_data_below(d, 1 << 14) >> chunk_data_below(d, 14));

    while (n--)
        chunk_data_byte(d, 0);
    chunk_data_byte(d, (uint8_t)(1 + chunk_data_below(d, 255)));
}

static void chunk_data_tar(struct chunk_data *d);

static const struct {
    const char *name;
    void (*put)(struct chunk_data *d);
} chunk_data_kinds[CHUNK_DATA_KINDS] = {
    [CHUNK_DATA_RANDOM] = {"random", chunk_data_random},
    [CHUNK_DATA_ZEROS] = {"zeros", chunk_data_zeros},
    [CHUNK_DATA_RUNS] = {"runs", chunk_data_runs},
    [CHUNK_DATA_ACGT] = {"acgt", chunk_data_acgt},
    [CHUNK_DATA_TWO] = {"two", chunk_data_two},
    [CHUNK_DATA_BIASED] = {"biased", chunk_data_biased},
    [CHUNK_DATA_RECORDS] = {"records", chunk_data_records},
    [CHUNK_DATA_PERIODIC] = {"periodic", chunk_data_periodic},
    [CHUNK_DATA_LOG] = {"log", chunk_data_log},
    [CHUNK_DATA_SOURCE] = {"source", chunk_data_source},
    [CHUNK_DATA_WAVE] = {"wave", chunk_data_wave},
    [CHUNK_DATA_SPARSE] = {"sparse", chunk_data_sparse},
    [CHUNK_DATA_TAR] = {"tar", chunk_data_tar},
};

/* A header of 512 bytes, most of them zero, a member, zeros up to 512. */
static void chunk_data_tar(struct chunk_data *d)
{
    uint32_t kind = chunk_data_below(d, CHUNK_DATA_TAR);
    uint32_t n = chunk_data_below(d, 1 << 18) >> chunk_data_below(d, 18);
    struct chunk_data member = {d->prng, d->p + d->at, n, 0};
    size_t start = d->at;

    chunk_data_text(d, "usr/share/");
    chunk_data_number(d, "5.", chunk_data_below(d, 100000));
    chunk_data_text(d, chunk_data_kinds[kind].name);
    while (d->at < d->n && d->at - start < 512)
        chunk_data_byte(d, 0);
    member.p = d->p + d->at;
    if (member.n > d->n - d->at)
        member.n = d->n - d->at;
    while (member.at < member.n)
        chunk_data_kinds[kind].put(&member);
    d->at += member.n;
    while (d->at < d->n && (d->at - start) % 512)
        chunk_data_byte(d, 0);
}

const char *chunk_data_name(enum chunk_data_kind kind)
{
    return chunk_data_kinds[kind].name;
}

void chunk_data_fill(enum chunk_data_kind kind, uint64_t seed, uint8_t *p,
                     size_t n)
{
    struct chunk_data d = {.p = p, .n = n};

    prng_init(&d.prng, seed);
    while (d.at < d.n)
        chunk_data_kinds[kind].put(&d);
}
