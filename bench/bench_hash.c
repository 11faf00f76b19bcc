/*
 * bench_hash: BLAKE3 at every level this CPU has, and SipHash.
 *
 *     bench_hash [RUNS]
 *
 * Output as bench/micro.h says. blake3/LEVEL/SIZE is the keyed hash of one
 * input; many/LEVEL/SIZE a batch of MANY inputs of that size ("mixed": 0 to
 * 8 KiB, as in a tree of sources) in one call, and single/LEVEL/SIZE the same
 * inputs one by one; update/LEVEL is 1 MiB at once into a running hash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "base/cpu.h"
#include "base/siphash.h"
#include "bench/micro.h"

enum { DATA_BYTES = 1 << 20, MANY = 256, CASES_MAX = 128, RUNS_MAX = 10000 };

struct subject {
    enum cpu_level level;
    size_t n; /* bytes of one input; SIZE_MAX: mixed */
    struct blake3_item item[MANY];
};

static uint8_t data[DATA_BYTES];
static uint8_t key[BLAKE3_KEY_BYTES] = {1};
static uint8_t out[MANY][BLAKE3_BYTES];
static struct micro_case cases[CASES_MAX];
static struct subject subjects[CASES_MAX];
static size_t cases_n;

/* Keeps the compiler from dropping what nobody reads. */
static volatile uint64_t sink;

static void run_one(void *ctx)
{
    const struct subject *s = ctx;

    cpu_cap_level(s->level);
    blake3_keyed(key, bytes_of(data, s->n), out[0]);
}

static void run_update(void *ctx)
{
    const struct subject *s = ctx;
    struct blake3 h;

    cpu_cap_level(s->level);
    blake3_init_keyed(&h, key);
    blake3_update(&h, bytes_of(data, s->n));
    blake3_final(&h, out[0]);
}

static void run_many(void *ctx)
{
    const struct subject *s = ctx;

    cpu_cap_level(s->level);
    blake3_keyed_many(key, s->item, MANY);
}

static void run_singles(void *ctx)
{
    const struct subject *s = ctx;

    cpu_cap_level(s->level);
    for (size_t i = 0; i < MANY; i++)
        blake3_keyed(key, s->item[i].in, s->item[i].out);
}

static void run_siphash(void *ctx)
{
    const struct subject *s = ctx;
    struct siphash_key k = siphash_key_load(key);

    sink += siphash(&k, bytes_of(data, s->n));
}

static void run_siphash_64(void *ctx)
{
    struct siphash_key k = siphash_key_load(key);

    (void)ctx;
    sink += siphash_64(&k, data);
}

/* Adds a case. level is printed when it matters to what. */
static struct subject *add(const char *what, enum cpu_level level, size_t n,
                           const char *size, void (*run)(void *))
{
    struct subject *s = &subjects[cases_n];
    struct micro_case *c = &cases[cases_n++];

    ASSERT(cases_n <= CASES_MAX);
    *s = (struct subject){.level = level, .n = n};
    c->bytes = n;
    c->run = run;
    c->ctx = s;
    (void)snprintf(c->name, sizeof c->name, "%s/%s/%s", what,
                   cpu_level_name(level), size);
    return s;
}

static void add_batch(const char *what, enum cpu_level level, size_t n,
                      const char *size, void (*run)(void *))
{
    struct subject *s = add(what, level, n, size, run);
    uint64_t sum = 0;

    for (size_t i = 0; i < MANY; i++) {
        size_t len = n == SIZE_MAX ? i * 7919 % 8192 : n;

        /* all over the data, which stays in the L2 cache */
        s->item[i].in = bytes_of(data + i * 30011 % (DATA_BYTES - 65536), len);
        s->item[i].out = out[i];
        sum += len;
    }
    cases[cases_n - 1].bytes = sum;
}

static void add_level(enum cpu_level level)
{
    static const struct {
        size_t n;
        const char *name;
    } sizes[] = {{64, "64B"},        {500, "500B"},    {1024, "1KiB"},
                 {4096, "4KiB"},     {16384, "16KiB"}, {65536, "64KiB"},
                 {262144, "256KiB"}, {1 << 20, "1MiB"}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        (void)add("blake3", level, sizes[i].n, sizes[i].name, run_one);
    (void)add("update", level, 1 << 20, "1MiB", run_update);
    for (size_t i = 0; i < 5; i++) {
        add_batch("many", level, sizes[i].n, sizes[i].name, run_many);
        add_batch("single", level, sizes[i].n, sizes[i].name, run_singles);
    }
    add_batch("many", level, SIZE_MAX, "mixed", run_many);
    add_batch("single", level, SIZE_MAX, "mixed", run_singles);
}

int main(int argc, char **argv)
{
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 21;
    enum cpu_level top = cpu_level();

    if (runs == 0 || runs > RUNS_MAX) {
        (void)fprintf(stderr, "usage: bench_hash [RUNS], 1 to %d\n", RUNS_MAX);
        return 1;
    }
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 251);
    for (int level = CPU_SCALAR; level <= (int)top; level++)
        add_level((enum cpu_level)level);
    (void)add("siphash", CPU_SCALAR, 64, "64B", run_siphash);
    (void)add("siphash_64", CPU_SCALAR, 64, "64B", run_siphash_64);
    if (micro_measure(cases, cases_n, runs) < 0) {
        (void)fprintf(stderr, "bench_hash: %s\n", err_text());
        return 2;
    }
    return 0;
}
