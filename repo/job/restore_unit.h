/*
 * restore_unit: what passes through the three stages of a restore's pipeline:
 * a run of entries in the order of the snapshot's tree. In one stage at a time.
 */
#ifndef REPO_JOB_RESTORE_UNIT_H
#define REPO_JOB_RESTORE_UNIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "repo/job/restore_group.h"
#include "repo/tree_entry.h"
#include "source/ignore.h"
#include "source/jail_file.h"

enum {
    RESTORE_UNIT_ITEMS = 256,
    RESTORE_UNIT_BYTES = 4 << 20, /* of content in one unit, about */
    RESTORE_UNIT_PART = 8 << 20   /* of one part of a large file */
};

enum restore_what {
    RESTORE_FILE,   /* a whole file */
    RESTORE_PART,   /* a range of a large file */
    RESTORE_NODE,   /* neither file nor directory */
    RESTORE_LEAVE,  /* a directory is complete: its metadata */
    RESTORE_PASS,   /* the same, but it keeps what it has */
    RESTORE_EXTRA,  /* stands in dir and is to be deleted */
    RESTORE_NOTHING /* only something to report */
};

struct restore_large;

struct restore_item {
    enum restore_what what;
    struct tree_entry te;  /* in the arena; its array is kept */
    struct jail_dir *dir;  /* a reference: LEAVE, PASS: itself; else what te is
                              in */
    struct bytes path;     /* of te, in the arena: "srv/www/x"; EXTRA: of what
                              stands there */
    struct ignore *ignore; /* EXTRA: a reference: what holds in dir; or NULL */
    struct restore_group *group; /* a reference; NULL: no hard links */
    bool is_link;                /* not the first of its group */
    struct restore_large *large; /* PART: a reference */
    uint64_t off;                /* PART: [off, off + n) */
    uint64_t n;
    bool last; /* PART: the file is complete after this */
    struct jail_result res;
    struct jail_file *written; /* FILE in a group: to be finished in order */
    struct err_record error;   /* code 0: fine */
};

struct restore_unit {
    struct arena arena;
    struct restore_item *item; /* RESTORE_UNIT_ITEMS */
    size_t n;
    uint64_t bytes;
};

/* restore_unit_reset: empty, ready to be filled; allocates on first use. */
MUST_CHECK int restore_unit_reset(struct restore_unit *u);

/* restore_unit_release: frees all; fits a zeroed unit too. */
void restore_unit_release(struct restore_unit *u);

/*
 * restore_unit_add: the next item; the unit must not be full.
 *   raw   encoded entry, copied; empty: none
 *   path  copied
 *   dir   a reference is taken; may be NULL
 * Returns 0, E_NOMEM, E_CORRUPT.
 */
MUST_CHECK int restore_unit_add(struct restore_unit *u, enum restore_what what,
                                struct bytes raw, struct bytes path,
                                struct jail_dir *dir,
                                struct restore_item **out);

/* restore_unit_fail: note that an item failed; the first failure stays. */
void restore_unit_fail(struct restore_item *it, int rc);

#endif
