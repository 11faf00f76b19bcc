/*
 * manifest: the content of a snapshot; docs/format.md 10. The root entry is
 * opaque here: entry_codec reads it. Plain data; what was decoded borrows from
 * the bytes it was decoded from.
 */
#ifndef REPO_MANIFEST_H
#define REPO_MANIFEST_H

#include "base/codec.h"
#include "base/entry.h"
#include "base/id.h"

enum {
    MANIFEST_SERIES_MAX = 100,
    MANIFEST_BYTES_MAX = 16777216, /* of the content */
    MANIFEST_TEXT_MAX = 65536,     /* of host, user, program, options, a root */
    MANIFEST_PROBLEM_MAX = 1000,   /* problems named; more are only counted */
    MANIFEST_PROBLEM_TEXT_MAX = 4096 /* of a path or text that is written */
};

/* The numbers are part of the format. */
enum manifest_problem_kind {
    MANIFEST_UNREADABLE = 1,
    MANIFEST_VANISHED = 2,
    MANIFEST_CHANGING = 3,
    MANIFEST_METADATA = 4 /* some metadata could not be read */
};

struct manifest_problem {
    enum manifest_problem_kind kind;
    struct bytes path;
    struct bytes text;
};

struct manifest_stats {
    uint64_t files;
    uint64_t directories;
    uint64_t others;
    uint64_t bytes;        /* of the files' content */
    uint64_t new_chunks;   /* stored by this run */
    uint64_t new_bytes;    /* their plaintext */
    uint64_t stored_bytes; /* packs written for them */
};

struct manifest {
    struct bytes series;
    uint64_t number; /* in the series, from 1 */
    bool has_previous;
    struct object_id previous; /* of the series */
    struct bytes root;         /* encoded entry of `/` */
    struct entry_time begin;
    struct entry_time end;
    int32_t utc_offset;      /* of local time, seconds, -86400..86400 */
    uint64_t log_number;     /* log tip read at open */
    struct object_id log_id; /* H of that record */
    bool complete;           /* false: a checkpoint */
    struct bytes host;
    struct bytes user;
    struct bytes program; /* name and version of who wrote it */
    struct bytes options;
    const struct bytes *paths; /* the roots that were asked for */
    size_t path_n;
    const struct bytes *tags;
    size_t tag_n;
    struct manifest_stats stats;
    uint64_t problem_total;
    const struct manifest_problem *problems;
    size_t problem_n;     /* <= MANIFEST_PROBLEM_MAX */
    struct bytes unknown; /* optional fields this program does not know */
};

/* manifest_series_ok: [A-Za-z0-9._@+-]{1,100}. */
bool manifest_series_ok(struct bytes series);

/* manifest_put: append m's encoding to b. */
void manifest_put(const struct manifest *m, struct buf *b);

/* A manifest and the memory of its lists. */
struct manifest_copy {
    struct manifest m;
    struct manifest_lists *lists; /* owned */
};

/*
 * manifest_get: decode.
 *   in   lent for as long as out is used
 *   out  release it with manifest_release()
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (unknown critical field); E_NOMEM.
 */
MUST_CHECK int manifest_get(struct bytes in, struct manifest_copy *out);
void manifest_release(struct manifest_copy *c);

#endif
