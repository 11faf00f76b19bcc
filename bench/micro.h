/*
 * micro: measures functions that run for micro- to milliseconds.
 *
 * All cases take turns, run by run, so that other load and a clock that
 * changes its speed disturb them alike: compare ratios within one call. A run
 * repeats its case until it has lasted MICRO_RUN_NS. Time is the thread's CPU
 * time; nothing is pinned. One JSON object per case goes to stdout:
 *   name, bytes    as given
 *   runs, loops    runs, and repetitions in each
 *   min_ns, median_ns, mad_ns
 *                  of one repetition over the runs; mad is the median absolute
 *                  deviation from the median
 *   gbps           1e9 bytes per second at the median; gbps_best at the minimum
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MICRO_RUN_NS 2000000

struct micro_case {
    char name[48];
    uint64_t bytes; /* that one call of run handles */
    void (*run)(void *ctx);
    void *ctx;
};

/* micro_measure: runs (>= 1) runs of each of n cases, then prints. E_NOMEM. */
MUST_CHECK int micro_measure(const struct micro_case *c, size_t n, size_t runs);

#endif
