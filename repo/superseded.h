/*
 * superseded: which checkpoints later commits have made superfluous
 * (docs/format.md 10.1). Everybody who lists snapshots, marks roots or checks
 * asks here, so that all see the same. Pure; any thread.
 */
#ifndef REPO_SUPERSEDED_H
#define REPO_SUPERSEDED_H

#include "repo/manifest.h"

/* What counts of one snapshot that is committed and not forgotten. */
struct superseded {
    struct object_id id;
    struct bytes series; /* lent */
    uint64_t number;
    struct entry_time begin;
    bool complete;
    uint64_t entries; /* superseded_entries() */
    bool is;          /* out: a checkpoint that is superseded */
    size_t at;        /* the caller's */
};

/* superseded_of: of a manifest, which is lent; at is for the caller. */
struct superseded superseded_of(const struct object_id *id,
                                const struct manifest *m, size_t at);

/* superseded_entries: how many entries its run had finished. */
uint64_t superseded_entries(const struct manifest *m);

/* superseded_mark: set `is` of each; s is sorted in an order of its own: go by
 * `at`. All that are committed and not forgotten must be there. */
void superseded_mark(struct superseded *s, size_t n);

#endif
