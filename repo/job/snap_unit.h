/*
 * snap_unit: what passes through the three stages of a snapshot's pipeline: a
 * run of entries in the order of the walk, and one buffer of content. Filled by
 * snap_plan (produce), completed by snap_store (work), taken by snap_build
 * (consume). In one stage at a time.
 */
#ifndef REPO_JOB_SNAP_UNIT_H
#define REPO_JOB_SNAP_UNIT_H

#include "base/arena.h"
#include "repo/job/cutter.h"
#include "repo/manifest.h"
#include "repo/tree_entry.h"
#include "source/dirfd.h"

enum {
    SNAP_UNIT_ITEMS = 512,    /* entries in one unit at most */
    SNAP_UNIT_BYTES = 1048576 /* content in one unit, about */
};

enum snap_what {
    SNAP_ENTER,   /* a directory begins */
    SNAP_LEAVE,   /* it ends */
    SNAP_FILE,    /* a file, to be read by the work stage */
    SNAP_PART,    /* a part of a large file, read by the produce stage */
    SNAP_OTHER,   /* neither file nor directory */
    SNAP_KEPT,    /* as in the parent snapshot: te.raw is its encoding */
    SNAP_PROBLEM, /* nothing but a problem */
    SNAP_DROPPED  /* turned out to be unreadable or gone: see problem */
};

struct snap_item {
    enum snap_what what;
    struct dirfd *dir; /* a reference: ENTER: itself, else what it is in;
                          NULL for LEAVE, PART, PROBLEM */
    size_t piece;      /* FILE, PART: first in the unit's list */
    size_t piece_n;
    bool first;      /* PART: forget what came before, the file starts;
                        te has its name, but for a stream's */
    bool last;       /* PART: the file is complete, te is its entry */
    bool has_attrs;  /* metadata is complete: no need to look */
    bool must_check; /* KEPT: look up each of its chunks */
    bool resumed;    /* KEPT: of a checkpoint */
    bool fresh;      /* ENTER: named, or below a named one, and no parent has it
                        so */
    enum manifest_problem_kind problem; /* 0: none */
    struct bytes problem_path;          /* in the arena */
    struct bytes problem_text;
    struct tree_entry te; /* bytes in the unit's arena; its array is kept; the
                             last: see snap_unit_add_kept() */
};

struct snap_unit {
    struct arena arena;
    struct snap_item *item; /* SNAP_UNIT_ITEMS */
    size_t n;
    uint64_t content;      /* bytes of files to be read by the work stage */
    struct cutter_buf buf; /* content of pieces that are not stored yet */
    struct cutter_list pieces;
    bool cut;     /* asked to stop, the work stage left ... */
    size_t cut_n; /* ... all items from this one on */
};

/*
 * snap_unit_reset: empty, ready to be filled; allocates on first use.
 *   chunk_max  longest chunk: room for one is kept in the buffer
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int snap_unit_reset(struct snap_unit *u, size_t chunk_max);

/* snap_unit_release: frees all; fits a zeroed unit too. */
void snap_unit_release(struct snap_unit *u);

/* snap_unit_add: the next item, empty; the unit must not be full. */
struct snap_item *snap_unit_add(struct snap_unit *u, enum snap_what what);

/* snap_unit_entry: copy e, with all it borrows, into the item. E_NOMEM. */
MUST_CHECK int snap_unit_entry(struct snap_unit *u, struct snap_item *it,
                               const struct entry *e);

/*
 * snap_unit_raw: the item's entry is that encoding, copied; all that it has is
 * te.raw until it is read.
 *   raw  as tree_entry_put() made it
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int snap_unit_raw(struct snap_unit *u, struct snap_item *it,
                             struct bytes raw);

/* snap_unit_add_kept: the next item, KEPT, to be given its encoding, and read
 * by the work stage: where nothing has changed the others wait for the first.
 */
struct snap_item *snap_unit_add_kept(struct snap_unit *u);

/* snap_unit_read: reads te.raw. Returns 0, E_NOMEM, E_CORRUPT. */
MUST_CHECK int snap_unit_read(struct snap_item *it);

/*
 * snap_unit_problem: note a problem in the item.
 *   dir   what name is in; NULL: name is a whole path without the first '/'
 *   text  copied
 * E_NOMEM.
 */
MUST_CHECK int snap_unit_problem(struct snap_unit *u, struct snap_item *it,
                                 enum manifest_problem_kind kind,
                                 const struct dirfd *dir, struct bytes name,
                                 const char *text);

#endif
