/*
 * record_loop: changes of what the log says of snapshots, with each k-th of
 * their file operations failed, cut off from its reply or killed, in the
 * repository and in the cache: of the records that a change consists of, the
 * first few are there, in order, and nothing else; all of them if it was
 * reported; the same again succeeds and adds what was missing, no more; a new
 * cache sees the same, and a check is clean.
 */
#ifndef TESTS_FAULTS_RECORD_LOOP_H
#define TESTS_FAULTS_RECORD_LOOP_H

#include "tests/faults/fault_kit.h"

enum { RECORD_LOOP_PARTS = 3, RECORD_LOOP_TEXT = 160 };

/* What is seen of the snapshots: of each record's part a text. */
struct record_seen {
    char of[RECORD_LOOP_PARTS][RECORD_LOOP_TEXT];
    uint64_t tip; /* of the log */
};

struct record_loop {
    struct fault_kit *kit; /* as fault_kit_keep() left it: before the change */
    const char *name;
    size_t parts; /* records, each of which changes a part of what is seen; in
                     this order */
    fault_kit_run *change;
    void *ctx;
    /* what there is to see: the texts; in a child */
    int (*see)(struct repo *r, struct record_seen *out);
};

/* record_loop_run: all of it; which: begins at another operation. Fails the
 * test when something is not as it must be. */
void record_loop_run(const struct record_loop *l, size_t which);

#endif
