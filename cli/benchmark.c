#include "cli/benchmark.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "base/mem.h"
#include "chunker/chunker.h"
#include "repo/compress.h"
#include "repo/crypto.h"

enum {
    BENCHMARK_BYTES = 1 << 20, /* of one step: a frame, as backups have them */
    BENCHMARK_ID_BYTES = 64 << 10,
    BENCHMARK_IDS = BENCHMARK_BYTES / BENCHMARK_ID_BYTES
};

#define BENCHMARK_CASE_NS (CLOCK_SECOND_NS / 2)

/* What the steps work on. Owned; zeroed is nothing. */
struct benchmark {
    uint8_t *text; /* BENCHMARK_BYTES of text, and of what comes out */
    uint8_t *out;
    struct crypto_ctx *crypto;
    struct compress_ctx *compress;
    struct chunker chunker;
    struct crypto_key key;
};

struct benchmark_text {
    uint8_t *at, *end;
    uint64_t seed;
};

static unsigned benchmark_random(struct benchmark_text *t, unsigned n)
{
    t->seed =
        t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(((t->seed >> 33) * n) >> 31);
}

static void benchmark_put(struct benchmark_text *t, const char *s)
{
    size_t n = strlen(s);
    size_t room = (size_t)(t->end - t->at);

    n = n < room ? n : room;
    memcpy(t->at, s, n);
    t->at += n;
}

/* The no-th word of a language that nobody speaks; frequent ones are short. */
static void benchmark_word(struct benchmark_text *t, unsigned no)
{
    static const char syllable[][4] = {"ba", "re", "ti", "con", "al", "der",
                                       "s",  "mo", "in", "ta",  "le", "ro",
                                       "er", "un", "pi", "ex"};
    uint64_t h = (no + 1) * UINT64_C(0x9e3779b97f4a7c15);
    unsigned n = 1 + (unsigned)(h >> 60) % 3 + (no > 64);

    for (unsigned i = 0; i < n; i++)
        benchmark_put(t, syllable[h >> (8 + 4 * i) & 15]);
}

/* Text that is repetitive as people's is: words of which few are frequent, and
 * numbers. Of lines that are all alike a low level makes more than a high one,
 * which holds for nothing that anybody backs up. */
static void benchmark_fill(uint8_t *text)
{
    enum { WORDS = 4096 };
    struct benchmark_text t = {text, text + BENCHMARK_BYTES, 1};

    while (t.at < t.end) {
        unsigned no = benchmark_random(&t, WORDS);
        char number[16];

        no = no * benchmark_random(&t, WORDS) / WORDS;
        no = no * benchmark_random(&t, WORDS) / WORDS;
        (void)snprintf(number, sizeof number, "%u",
                       benchmark_random(&t, no % 2 ? 100 : 100000));
        if (benchmark_random(&t, 12) == 0)
            benchmark_put(&t, number);
        else
            benchmark_word(&t, no);
        benchmark_put(&t, benchmark_random(&t, 9)   ? " "
                          : benchmark_random(&t, 3) ? "\n"
                                                    : ", ");
    }
}

static void benchmark_release(struct benchmark *b)
{
    chunker_release(&b->chunker);
    compress_ctx_free(b->compress);
    crypto_ctx_free(b->crypto);
    free(b->text);
    free(b->out);
}

static int benchmark_prepare(struct benchmark *b)
{
    static const uint8_t cut_key[CHUNKER_KEY_BYTES] = "benchmark";
    struct chunker_params params;
    int rc = crypto_init();

    b->text = mem_alloc(BENCHMARK_BYTES);
    b->out = mem_alloc(BENCHMARK_BYTES + CRYPTO_TAG_BYTES);
    if (rc == 0 && (!b->text || !b->out))
        rc = err_set(E_NOMEM, "the benchmark's buffers");
    if (rc == 0)
        rc = crypto_ctx_new(&b->crypto);
    if (rc == 0)
        rc = compress_ctx_new(&b->compress);
    if (rc == 0)
        rc = chunker_params_of(CHUNKER_NORMAL_DEFAULT, &params);
    if (rc == 0)
        rc = chunker_init(&b->chunker, &params, cut_key);
    if (rc == 0)
        benchmark_fill(b->text);
    return rc;
}

/* ---- the steps --------------------------------------------------------- */

/* One step over the text. out_bytes: of a compressor, what came out. */
typedef int benchmark_step(struct benchmark *b, int how, uint64_t *out_bytes);

static int benchmark_chunk(struct benchmark *b, int how, uint64_t *out_bytes)
{
    size_t at = 0, known = 0;

    (void)how;
    (void)out_bytes;
    while (at < BENCHMARK_BYTES)
        at += chunker_next(&b->chunker, b->text + at, BENCHMARK_BYTES - at,
                           true, &known);
    return 0;
}

static int benchmark_id(struct benchmark *b, int how, uint64_t *out_bytes)
{
    struct blake3_item item[BENCHMARK_IDS];
    uint8_t *id = b->out;

    (void)how;
    (void)out_bytes;
    for (int i = 0; i < BENCHMARK_IDS; i++)
        item[i] = (struct blake3_item){
            .in = bytes_of(b->text + (size_t)i * BENCHMARK_ID_BYTES,
                           BENCHMARK_ID_BYTES),
            .out = id + (size_t)i * BLAKE3_BYTES};
    blake3_keyed_many(b->key.b, item, BENCHMARK_IDS);
    return 0;
}

static int benchmark_seal(struct benchmark *b, int how, uint64_t *out_bytes)
{
    (void)out_bytes;
    b->key.b[0]++; /* a key seals one message */
    return crypto_seal(b->crypto, (enum crypto_suite)how, &b->key,
                       bytes_of(NULL, 0), bytes_of(b->text, BENCHMARK_BYTES),
                       b->out);
}

static int benchmark_compress(struct benchmark *b, int how, uint64_t *out_bytes)
{
    size_t n;
    int rc = compress_pack(b->compress, bytes_of(b->text, BENCHMARK_BYTES), how,
                           b->out, &n);

    *out_bytes += n ? n : BENCHMARK_BYTES;
    return rc;
}

/* ---- all of them ------------------------------------------------------- */

static const struct benchmark_case {
    const char *what;
    benchmark_step *step;
    int how;
} benchmark_cases[] = {
    {"chunker", benchmark_chunk, 0},
    {"blake3", benchmark_id, 0},
    {"aes-256-gcm", benchmark_seal, CRYPTO_AES256_GCM},
    {"chacha20-poly1305", benchmark_seal, CRYPTO_CHACHA20_POLY1305},
    {"zstd 1", benchmark_compress, 1},
    {"zstd 3", benchmark_compress, 3},
    {"zstd 9", benchmark_compress, 9},
    {"zstd 19", benchmark_compress, 19},
};

static int benchmark_run(struct benchmark *b, const struct benchmark_case *c,
                         const struct cancel *cancel,
                         struct benchmark_measure *m)
{
    uint64_t warm = 0;
    int rc = c->step(b, c->how, &warm); /* memory and tables are there then */
    int64_t start = clock_monotonic_ns();

    *m = (struct benchmark_measure){.what = c->what};
    while (rc == 0 && m->ns < BENCHMARK_CASE_NS) {
        rc = c->step(b, c->how, &m->out_bytes);
        m->bytes += BENCHMARK_BYTES;
        m->ns = clock_monotonic_ns() - start;
        if (rc == 0)
            rc = cancel_check(cancel);
    }
    return rc;
}

int benchmark_machine(const struct cancel *cancel, benchmark_fn *fn, void *ctx)
{
    struct benchmark b = {.text = NULL};
    int rc = benchmark_prepare(&b);

    for (size_t i = 0;
         rc == 0 && i < sizeof benchmark_cases / sizeof benchmark_cases[0];
         i++) {
        struct benchmark_measure m;

        rc = benchmark_run(&b, &benchmark_cases[i], cancel, &m);
        if (rc == 0)
            rc = fn(ctx, &m);
    }
    benchmark_release(&b);
    return rc;
}
