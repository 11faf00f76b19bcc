/* record_journal: what the records of one writer's journal say;
 * docs/format.md 8. */
#ifndef REPO_RECORD_JOURNAL_H
#define REPO_RECORD_JOURNAL_H

#include "repo/record.h"

/* The numbers are part of the format. */
enum record_journal_type {
    RECORD_OPEN = 1,
    RECORD_RENEW = 2,
    RECORD_SEGMENT = 3,
    RECORD_COMMIT = 4,
    RECORD_PIN = 5,
    RECORD_END = 6,
    RECORD_FENCE = 7
};

/* The process that writes: enough to know on the same machine that it is dead.
 * Zeros and empty: unknown. */
struct record_process {
    struct bytes host;
    uint64_t pid;
    uint64_t start;         /* clock ticks after the machine's boot */
    struct bytes boot_id;   /* of this boot */
    uint64_t pid_namespace; /* inode number */
    struct bytes series;    /* that it writes; empty: none */
};

/* What a record says; only the fields of its type are used. */
struct record_journal {
    uint64_t generation;           /* open, renew: log number */
    struct object_id log_id;       /* open, renew: H of that log record */
    struct record_process process; /* open */
    struct object_id id;           /* segment, commit: what exists now */
    struct bytes series;           /* commit: as the snapshot says */
    uint64_t in_series;            /* commit: its number there */
    bool complete;                 /* commit */
    struct record_ids ids;         /* segment: replaced; pin: snapshots */
    int64_t until;                 /* pin: seconds since 1970 */
    uint64_t seen; /* fence: log number that the observer had read */
};

/* record_journal_name: "w/<writer>/<k>". */
void record_journal_name(const struct writer_id *w, uint64_t k,
                         char out[RECORD_NAME_MAX]);

/* record_journal_number: the reverse; false when name is not exactly that. */
bool record_journal_number(const char *name, struct writer_id *w, uint64_t *k);

/* record_journal_get / record_journal_put: as record_log_get and _put. */
MUST_CHECK int record_journal_get(const struct record *r,
                                  struct record_journal *out);
void record_journal_put(enum record_journal_type type,
                        const struct record_journal *j, struct buf *b);

#endif
