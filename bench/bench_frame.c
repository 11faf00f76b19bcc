/*
 * bench_frame: what a frame of 1 MiB costs on its way to a pack and back.
 *
 *     bench_frame FILE [RUNS]
 *
 * FILE gives the text to compress (its first MiB). Output as bench/micro.h
 * says. prepare/LEVEL/DATA compresses and proves that it comes back; for
 * random data that is the price of finding out that it does not compress.
 * seal/DATA encrypts under a new key, proves and hashes: what sealing a frame
 * again costs when its pack was closed meanwhile. open/DATA is the way back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench/micro.h"
#include "repo/pack_dir.h"

enum { RUNS_MAX = 10000, CASES_MAX = 16, DATA_N = 2 };

struct subject {
    int level;
    int data; /* 0: random, 1: text */
};

static const char *const data_name[DATA_N] = {"random", "text"};
static uint8_t data[DATA_N][FRAME_RAW_MAX];
static uint8_t sealed[DATA_N][FRAME_STORED_MAX];
static size_t sealed_n[DATA_N];
static uint8_t back[FRAME_RAW_MAX];
static uint8_t chunks[16 * sizeof(struct pack_dir_chunk)]; /* as of 16 chunks */
static struct frame_ctx *ctx[DATA_N]; /* one holds a prepared frame of each */
static struct frame_ctx *work;
static struct frame_key key = {.kind = PACK_DATA};
static struct micro_case cases[CASES_MAX];
static struct subject subjects[CASES_MAX];
static size_t cases_n;

static void must(int rc)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_frame: %s\n", err_text());
    exit(2);
}

static void run_prepare(void *arg)
{
    const struct subject *s = arg;

    must(frame_prepare(work, bytes_of(data[s->data], FRAME_RAW_MAX), s->level));
}

static void run_seal(void *arg)
{
    const struct subject *s = arg;
    struct frame f;

    must(frame_seal(ctx[s->data], &key, bytes_of(chunks, sizeof chunks), &f));
}

static void run_open(void *arg)
{
    const struct subject *s = arg;

    must(frame_open(work, &key, bytes_of(sealed[s->data], sealed_n[s->data]),
                    FRAME_RAW_MAX, back));
}

static void add(const char *what, int level, int which, void (*run)(void *))
{
    struct micro_case *c = &cases[cases_n];

    subjects[cases_n] = (struct subject){level, which};
    c->ctx = &subjects[cases_n++];
    c->run = run;
    c->bytes = FRAME_RAW_MAX;
    if (level)
        (void)snprintf(c->name, sizeof c->name, "%s/%d/%s", what, level,
                       data_name[which]);
    else
        (void)snprintf(c->name, sizeof c->name, "%s/%s", what,
                       data_name[which]);
}

static void prepare_data(const char *path)
{
    FILE *f = fopen(path, "rb");

    if (!f || fread(data[1], 1, FRAME_RAW_MAX, f) != FRAME_RAW_MAX) {
        (void)fprintf(stderr, "bench_frame: %s: no MiB to read\n", path);
        exit(1);
    }
    (void)fclose(f);
    must(random_bytes(data[0], FRAME_RAW_MAX));
    key.suite = crypto_suite_best();
    for (int i = 0; i < DATA_N; i++) {
        struct frame fr;

        must(frame_ctx_new(&ctx[i]));
        must(frame_prepare(ctx[i], bytes_of(data[i], FRAME_RAW_MAX), 3));
        must(frame_seal(ctx[i], &key, bytes_of(chunks, sizeof chunks), &fr));
        memcpy(sealed[i], fr.stored.p, fr.stored.n);
        sealed_n[i] = fr.stored.n;
    }
    must(frame_ctx_new(&work));
}

int main(int argc, char **argv)
{
    static const int levels[] = {1, 3, 9};
    unsigned long runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 21;

    if (argc < 2 || runs == 0 || runs > RUNS_MAX) {
        (void)fprintf(stderr, "usage: bench_frame FILE [RUNS], 1 to %d\n",
                      RUNS_MAX);
        return 1;
    }
    must(crypto_init());
    prepare_data(argv[1]);
    for (int i = 0; i < DATA_N; i++) {
        for (size_t k = 0; k < 3; k++)
            add("prepare", levels[k], i, run_prepare);
        add("seal", 0, i, run_seal);
        add("open", 0, i, run_open);
    }
    must(micro_measure(cases, cases_n, runs));
    return 0;
}
