/*
 * snap_spec: how a user names a snapshot, and a path inside it.
 *
 *   SNAP     = NAME [ "~" NUMBER ]
 *   NAME     = "latest" | a series | 4 or more hex digits that an id begins
 *              with | a date (cli/when.h): the newest at or before it
 *   SPEC     = SNAP [ ":/" path ]     split at the first ":/"
 *
 * ~N means the N-th older one: in its series for a series or an id, overall
 * for latest and dates. Only complete snapshots count, except that an id may
 * name a checkpoint. A series' name is exact and therefore wins over an id or
 * a date that could be abbreviated so; the answer tells when that happened.
 * Pure; any thread.
 */
#ifndef CLI_SNAP_SPEC_H
#define CLI_SNAP_SPEC_H

#include <stdbool.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"

enum {
    SNAP_SPEC_NAME_MAX = 100, /* bytes: the longest series */
    SNAP_SPEC_HEX_MIN = 4,
    SNAP_SPEC_CANDIDATES_MAX = 10
};

/* A snapshot as far as naming it goes. */
struct snap_spec_ref {
    struct object_id id;
    const char *series; /* "": unknown, of one that cannot be read */
    uint64_t sequence;  /* counts within the series */
    struct entry_time time;
    bool complete; /* false: a checkpoint, which its id alone names */
};

/* A SPEC, taken apart. */
struct snap_spec {
    char name[SNAP_SPEC_NAME_MAX + 1]; /* NAME */
    uint32_t older;                    /* N of ~N; 0 without */
    const char *path;                  /* from its '/' on, lent; NULL: none */
};

struct snap_spec_answer {
    size_t index; /* into the snapshots given; valid when 0 was returned */
    bool shadows; /* NAME is a series, and an id begins with it too */
    size_t candidate[SNAP_SPEC_CANDIDATES_MAX]; /* of an ambiguous NAME */
    size_t candidate_n;
    bool more; /* there are candidates besides */
};

/*
 * snap_spec_parse: take text apart; borrowed as long as s is used.
 * Returns 0; E_USAGE when NAME is empty or cannot be any of the four, N is no
 * number, or the path has a "." or ".." component.
 */
MUST_CHECK int snap_spec_parse(struct snap_spec *s, const char *text);

/*
 * snap_spec_resolve: which of n snapshots s means.
 *   ref         in any order, borrowed
 *   one_series  with latest or a date, refuse to choose between series
 *   a           out
 * Returns 0; E_NOTFOUND when there is none; E_USAGE when several are meant
 * (a's candidates, newest first) or the date does not exist; E_NOMEM.
 */
MUST_CHECK int snap_spec_resolve(const struct snap_spec *s,
                                 const struct snap_spec_ref *ref, size_t n,
                                 bool one_series, struct snap_spec_answer *a);

/* snap_spec_series_ok: whether text can name a series: 1..100 of
 * A-Z a-z 0-9 . _ @ + -, and not the word "latest". */
bool snap_spec_series_ok(const char *text);

#endif
