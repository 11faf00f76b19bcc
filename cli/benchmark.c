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
    uint8_t *text; /* BENCHMARK_BYTES of log lines, and of what comes out */
    uint8_t *out;
    struct crypto_ctx *crypto;
    struct compress_ctx *compress;
    struct chunker chunker;
    struct crypto_key key;
};

/* Lines of a log that nobody wrote: alike, and never the same. */
static void benchmark_fill(uint8_t *text)
{
    size_t at = 0;
    uint64_t x = 1;

    for (unsigned line = 0; at < BENCHMARK_BYTES; line++) {
        char row[160];
        size_t n;

        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        (void)snprintf(row, sizeof row,
                       "2026-11-28 12:%02u:%02u host%02u www[%u]: GET "
                       "/item/%08x took %u ms, sent %u bytes\n",
                       line / 60 % 60, line % 60, (unsigned)(x >> 60),
                       1000 + (unsigned)(x >> 56 & 15), (unsigned)(x >> 32),
                       (unsigned)(x >> 40 & 255), (unsigned)(x >> 20 & 65535));
        n = strlen(row);
        if (n > BENCHMARK_BYTES - at)
            n = BENCHMARK_BYTES - at;
        memcpy(text + at, row, n);
        at += n;
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
