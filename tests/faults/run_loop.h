/*
 * run_loop: a backup with its n-th file operation failed, cut short or killed,
 * for all n or every k-th; and after each what must hold (fault_kit_audit), and
 * who is to blame (I9).
 */
#ifndef TESTS_FAULTS_RUN_LOOP_H
#define TESTS_FAULTS_RUN_LOOP_H

#include "tests/faults/fault_kit.h"

enum run_loop_domain {
    RUN_LOOP_ANY,
    RUN_LOOP_REPO,
    RUN_LOOP_SOURCE,
    RUN_LOOP_CACHE
};

/* What the run finds below its cache directory. */
enum run_loop_cache { RUN_LOOP_THERE, RUN_LOOP_GONE, RUN_LOOP_JUNK };

struct run_loop_row {
    const char *action;
    const char *select; /* ":ERRNO,domain=..." */
    enum run_loop_domain domain;
    uint64_t step; /* usual */
    enum run_loop_cache cache;
};

/* run_loop: all of the rows on k. Fails the test. */
void run_loop(struct fault_kit *k, const struct run_loop_row *row, size_t n);

#endif
