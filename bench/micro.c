#include "bench/micro.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

static double micro_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of one of loops repetitions. */
static double micro_run(const struct micro_case *c, uint64_t loops)
{
    double start = micro_now_ns();

    for (uint64_t i = 0; i < loops; i++)
        c->run(c->ctx);
    return (micro_now_ns() - start) / (double)loops;
}

/* Warms up, and finds the repetitions that last long enough. */
static uint64_t micro_loops(const struct micro_case *c)
{
    uint64_t loops = 1;

    while (micro_run(c, loops) * (double)loops < MICRO_RUN_NS)
        loops *= 2;
    return loops;
}

static int micro_by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts. */
static double micro_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, micro_by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static void micro_print(const struct micro_case *c, double *ns, size_t runs,
                        uint64_t loops)
{
    double median = micro_median(ns, runs);
    double min = ns[0];

    for (size_t i = 0; i < runs; i++)
        ns[i] = ns[i] > median ? ns[i] - median : median - ns[i];
    (void)printf("{\"name\":\"%s\",\"bytes\":%" PRIu64 ",\"runs\":%zu,"
                 "\"loops\":%" PRIu64 ",\"min_ns\":%.1f,\"median_ns\":%.1f,"
                 "\"mad_ns\":%.1f,\"gbps\":%.3f,\"gbps_best\":%.3f}\n",
                 c->name, c->bytes, runs, loops, min, median,
                 micro_median(ns, runs), (double)c->bytes / median,
                 (double)c->bytes / min);
}

int micro_measure(const struct micro_case *c, size_t n, size_t runs)
{
    double *ns = mem_array(n * runs, sizeof *ns);
    uint64_t *loops = mem_array(n, sizeof *loops);
    int rc = 0;

    ASSERT(runs > 0);
    if (!ns || !loops) {
        rc = err_set(E_NOMEM, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        loops[i] = micro_loops(&c[i]);
    for (size_t r = 0; r < runs; r++) {
        for (size_t i = 0; i < n; i++)
            ns[i * runs + r] = micro_run(&c[i], loops[i]);
    }
    for (size_t i = 0; i < n; i++)
        micro_print(&c[i], ns + i * runs, runs, loops[i]);
out:
    free(loops);
    free(ns);
    return rc;
}
