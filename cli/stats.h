/*
 * stats: what a repository holds, counted from the index, the manifests and
 * the names and sizes of the stored objects; no pack is read. Plain data;
 * confined to one thread.
 */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include "repo/repo.h"
#include "repo/snapshot_list.h"

enum { STATS_WEEKS = 12 };

struct stats_sum {
    uint64_t n;
    uint64_t bytes; /* sticks at UINT64_MAX */
};

/* Chunks of one kind, each counted once. */
struct stats_chunks {
    struct stats_sum plain;
    uint64_t stored_bytes; /* their share of the frames that they lie in */
};

struct stats_week {
    int64_t monday; /* its first second, UTC */
    struct stats_sum stored;
};

struct stats {
    struct stats_sum snapshots; /* complete ones, and the bytes that all would
                                   restore */
    struct stats_sum latest;    /* the newest complete one of each series */
    uint64_t checkpoints;       /* besides; in none of these sums */
    uint64_t unread;            /* snapshots whose manifest is unknown: in none
                                   of these sums */
    struct stats_chunks data;
    struct stats_chunks meta;
    struct stats_sum twice;     /* copies beyond the first; stored bytes */
    struct stats_sum packs;     /* all that are stored, ... */
    struct stats_sum condemned; /* ... of these */
    struct stats_sum doomed;
    struct stats_sum unlisted; /* that no segment names: of runs that go on or
                                  were broken off */
    struct stats_sum segments;
    struct stats_sum records; /* of the log */
    struct stats_sum journal_records;
    struct stats_sum manifests;
    struct stats_sum others;             /* config, keys */
    struct stats_week week[STATS_WEEKS]; /* the snapshots that were made in
                                            that week, and what runs that ended
                                            in it, in a snapshot or a
                                            checkpoint, had put into packs; the
                                            last is that of now */
};

/*
 * stats_count: all of it.
 *   now_s  seconds since 1970, UTC
 *   out    zeroed
 * Snapshots that were forgotten are in no sum, nor in the weeks; the chunks
 * that they alone used are in, until their packs are rewritten.
 * Cost: one listing of the store, one walk over the index (2 M chunks/s).
 * Returns 0; E_NOMEM; what the store and the index returned.
 */
MUST_CHECK int stats_count(struct repo *r, int64_t now_s, struct stats *out);

/* stats_add: one more of bytes. */
void stats_add(struct stats_sum *s, uint64_t bytes);

/* stats_weeks: the Mondays of the last weeks, with empty sums. */
void stats_weeks(int64_t now_s, struct stats_week week[STATS_WEEKS]);

/* stats_in_week: count what ended at end_s where it belongs, if that is one of
 * these weeks: so many bytes, and a snapshot unless it is a checkpoint. */
void stats_in_week(struct stats_week week[STATS_WEEKS], int64_t end_s,
                   uint64_t bytes, bool complete);

/* stats_snapshots: those sums that snapshots make. */
void stats_snapshots(const struct snapshot_list *l, struct stats *out);

/* stats_ratio_percent: 100 * whole / part, at most UINT32_MAX; 0: part is 0. */
uint64_t stats_ratio_percent(uint64_t whole, uint64_t part);

#endif
