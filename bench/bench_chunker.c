/*
 * bench_chunker: how fast streams are cut, by each version this CPU can run,
 * and by a two-byte gear chunker (FastCDC 2020) of the same sizes as measure.
 *
 *     bench_chunker [ROUNDS]
 *
 * One JSON object per line. Each round cuts 64 MiB: "cached", in slabs of 1 MiB
 * that were just copied, as in a pipeline that has just read them; "memory", in
 * one piece. The versions take turns at each slab, and time is the thread's CPU
 * time, so that other load disturbs all of them alike. gbps is 1e9 bytes per
 * second, of each slab's best round; gbps_median of the median round; x_gear is
 * median against median, of the same data and place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_data.h"
#include "tests/support/prng.h"

enum {
    SLAB_BYTES = 1 << 20,
    STREAM_BYTES = 64 << 20,
    SLABS = STREAM_BYTES / SLAB_BYTES,
    ROUNDS_MOST = 1000,
    LENS = 8192
};

/* ---- the measure: FastCDC 2020, bits 16 and 14 as the default sizes ---- */

struct gear {
    struct chunker_params params;
    uint64_t table[256];
    uint64_t shifted[256];
};

static const uint64_t gear_small = 0xffff000000000000;
static const uint64_t gear_large = 0xfffc000000000000;

static void gear_init(struct gear *g, const struct chunker_params *params)
{
    struct prng prng;

    prng_init(&prng, 1);
    g->params = *params;
    for (size_t i = 0; i < 256; i++) {
        g->table[i] = prng_next(&prng);
        g->shifted[i] = g->table[i] << 1;
    }
}

static size_t gear_next(const struct gear *g, const uint8_t *p, size_t n)
{
    size_t end = n < g->params.max ? n : g->params.max;
    size_t normal = end < g->params.normal ? end : g->params.normal;
    uint64_t mask = gear_small;
    uint64_t h = 0;

    for (size_t i = g->params.min; i + 2 <= end; i += 2) {
        if (i >= normal)
            mask = gear_large;
        h = (h << 2) + g->shifted[p[i]];
        if ((h & mask >> 1) == 0)
            return i;
        h += g->table[p[i + 1]];
        if ((h & mask) == 0)
            return i + 1;
    }
    return end;
}

/* ---- contestants ---- */

struct contestant {
    char name[16];
    bool is_gear;
    struct gear gear;
    struct chunker chunker;
    double round[ROUNDS_MOST]; /* seconds */
    double best[SLABS];        /* seconds of each slab */
    size_t chunks;             /* of the last round */
};

static double cpu_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t cut_all(const struct contestant *x, const uint8_t *p, size_t n)
{
    static uint32_t lens[LENS];
    size_t chunks = 0;
    size_t known = 0;

    if (!x->is_gear)
        return chunker_cut(&x->chunker, p, n, true, &known, lens, LENS);
    for (size_t at = 0; at < n; chunks++)
        at += gear_next(&x->gear, p + at, n - at);
    return chunks;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* All contestants cut one slab (or the whole stream, as slab 0). */
static void measure_slab(struct contestant *x, size_t n, size_t round,
                         size_t slab, const uint8_t *p, size_t bytes)
{
    static uint8_t copy[SLAB_BYTES];

    for (size_t i = 0; i < n; i++) {
        double t;

        if (bytes == SLAB_BYTES)
            memcpy(copy, p, bytes);
        t = cpu_seconds();
        x[i].chunks += cut_all(&x[i], bytes == SLAB_BYTES ? copy : p, bytes);
        t = cpu_seconds() - t;
        x[i].round[round] += t;
        if (round == 0 || t < x[i].best[slab])
            x[i].best[slab] = t;
    }
}

static void report(struct contestant *x, size_t n, size_t rounds,
                   const char *data, const char *place, size_t slabs)
{
    double gear = 0;

    for (size_t i = 0; i < n; i++) {
        double best = 0;
        double median;

        for (size_t slab = 0; slab < slabs; slab++)
            best += x[i].best[slab];
        qsort(x[i].round, rounds, sizeof x[i].round[0], by_value);
        median = x[i].round[rounds / 2];
        if (x[i].is_gear)
            gear = median;
        printf("{\"v\":1,\"bench\":\"chunker\",\"version\":\"%s\","
               "\"data\":\"%s\",\"place\":\"%s\",\"mean_chunk\":%zu,"
               "\"gbps\":%.2f,\"gbps_median\":%.2f,\"x_gear\":%.2f}\n",
               x[i].name, data, place, STREAM_BYTES / x[i].chunks,
               1e-9 * STREAM_BYTES / best, 1e-9 * STREAM_BYTES / median,
               gear / median);
    }
    (void)fflush(stdout);
}

static void measure(struct contestant *x, size_t n, size_t rounds,
                    const char *data, const uint8_t *p, size_t bytes)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < n; i++) {
            x[i].round[round] = 0;
            x[i].chunks = 0;
        }
        for (size_t at = 0; at < STREAM_BYTES; at += bytes)
            measure_slab(x, n, round, at / bytes, p + at, bytes);
    }
    report(x, n, rounds, data, bytes == SLAB_BYTES ? "cached" : "memory",
           STREAM_BYTES / bytes);
}

/* Gear first, then one contestant per level that has code of its own. */
static size_t contestants(struct contestant *x)
{
    static const uint8_t key[CHUNKER_KEY_BYTES] = "bench the chunk";
    static const enum cpu_level levels[] = {CPU_SCALAR, CPU_SSE41, CPU_AVX2,
                                            CPU_AVX512};
    struct chunker_params params;
    enum cpu_level most = cpu_level();
    size_t n = 1;

    if (chunker_params_of(CHUNKER_NORMAL_DEFAULT, &params) < 0)
        return 0;
    (void)snprintf(x[0].name, sizeof x[0].name, "gear");
    x[0].is_gear = true;
    gear_init(&x[0].gear, &params);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (levels[i] > most)
            break;
        cpu_cap_level(levels[i]);
        if (chunker_init(&x[n].chunker, &params, key) < 0)
            return 0;
        (void)snprintf(x[n].name, sizeof x[n].name, "%s",
                       cpu_level_name(levels[i]));
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    static const enum chunk_data_kind kinds[] = {
        CHUNK_DATA_RANDOM, CHUNK_DATA_SOURCE, CHUNK_DATA_TAR, CHUNK_DATA_ZEROS};
    static struct contestant x[5];
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 15;
    uint8_t *p = mem_alloc(STREAM_BYTES);
    size_t n = contestants(x);

    if (!p || n == 0 || rounds < 1 || rounds > ROUNDS_MOST) {
        (void)fprintf(stderr, "usage: bench_chunker [1..%d]\n", ROUNDS_MOST);
        free(p);
        return 1;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const char *name = chunk_data_name(kinds[k]);

        chunk_data_fill(kinds[k], 1, p, STREAM_BYTES);
        measure(x, n, rounds, name, p, SLAB_BYTES);
        if (kinds[k] == CHUNK_DATA_RANDOM)
            measure(x, n, rounds, name, p, STREAM_BYTES);
    }
    free(p);
    return 0;
}
