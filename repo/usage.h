/*
 * usage: which chunks the roots need, as counts in the index (I5): of each
 * chunk, how many tree nodes and snapshots point at it. Only what came or went
 * since the last time is walked: a node below which nothing is new is not read.
 * The counts say for which snapshots they stand; when that is not known, or
 * they do not add up, all is counted anew. Confined to one thread.
 */
#ifndef REPO_USAGE_H
#define REPO_USAGE_H

#include "base/cancel.h"
#include "repo/roots.h"

struct usage_done {
    size_t added;   /* snapshots counted in */
    size_t removed; /* ... and out */
    bool anew;      /* all were counted again */
};

/*
 * usage_catch_up: make the counts those of exactly these roots.
 *   done  out; may be NULL
 * Returns 0; E_CORRUPT: a manifest or a tree node is damaged, or missing;
 * E_BUSY: another process holds the index, or changed the counts again and
 * again; E_CANCELED; E_NOMEM; what the index or the store returned.
 */
MUST_CHECK int usage_catch_up(struct repo *r, const struct roots *roots,
                              struct cancel *cancel, struct usage_done *done);

/* usage_stands_for: whether the counts that a reader sees are those of exactly
 * these roots: between catching up and looking another process may have changed
 * them. Whoever decides on deletion asks in the reader in which it looks. */
MUST_CHECK int usage_stands_for(struct index_reader *r,
                                const struct roots *roots, bool *yes);

/* What only one snapshot needs. */
struct usage_own {
    uint64_t chunks;
    uint64_t bytes; /* as they are stored */
};

/*
 * usage_own: what would be free without a snapshot, which is counted: the
 * chunks that nothing else that is counted needs. Walks what is its own alone.
 * Returns as usage_catch_up().
 */
MUST_CHECK int usage_own(struct repo *r, const struct object_id *id,
                         struct cancel *cancel, struct usage_own *out);

/* Snapshots that are taken out in turn, in memory alone. */
struct usage_turn;

/*
 * usage_turn_open: begin with all that is counted.
 *   needed  out: bytes of what that needs, as they are stored
 * Returns as usage_catch_up().
 */
MUST_CHECK int usage_turn_open(struct repo *r, struct cancel *cancel,
                               struct usage_turn **out, uint64_t *needed);
void usage_turn_close(struct usage_turn *t);

/* usage_turn_stands_for: as usage_stands_for(), of the counts that t sees. */
MUST_CHECK int usage_turn_stands_for(struct usage_turn *t,
                                     const struct roots *roots, bool *yes);

/* usage_turn_take: one more, which is counted and was not taken before: what it
 * frees beside those that were. Also E_LIMIT: they share too much for memory;
 * E_BUSY: the counts are not those of all that is counted any more. */
MUST_CHECK int usage_turn_take(struct usage_turn *t, const struct object_id *id,
                               struct usage_own *out);

#endif
