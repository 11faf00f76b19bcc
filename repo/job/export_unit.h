/*
 * export_unit: what passes through the three stages of an export: about a
 * megabyte of an archive, first as steps that say how to make it, then as
 * bytes. In one stage at a time.
 */
#ifndef REPO_JOB_EXPORT_UNIT_H
#define REPO_JOB_EXPORT_UNIT_H

#include "base/arena.h"
#include "repo/fetch.h"
#include "repo/job/deflate.h"
#include "repo/job/export_zip.h"

enum {
    EXPORT_UNIT_BYTES = 1 << 20, /* made by the steps of one unit, about */
    EXPORT_UNIT_STEPS = 4096,
    EXPORT_UNIT_OUT_MAX = 1 << 30
};

enum export_step_kind {
    EXPORT_BYTES,  /* as they stand in the step */
    EXPORT_EXTENT, /* a part of an extent */
    EXPORT_ZEROS,
    EXPORT_BEGIN, /* zip: a member begins here */
    EXPORT_END    /* zip: ... and ends here */
};

struct export_step {
    enum export_step_kind kind;
    uint64_t n;                         /* bytes that it makes */
    struct bytes bytes;                 /* BYTES; in the unit's arena */
    struct extent e;                    /* EXTENT */
    uint64_t from;                      /* EXTENT: the first byte of it */
    struct bytes path;                  /* EXTENT: of the file; in the arena */
    const struct export_zip_head *head; /* BEGIN; in the arena */
};

/* zip: what the last stage has to do, in order. */
struct export_part {
    const struct export_zip_head *begin; /* a member begins; NULL: goes on */
    bool end;                            /* ... and ends */
    struct export_zip_sum sum;           /* of these bytes alone */
};

struct export_unit {
    struct arena arena;
    struct export_step *step;
    size_t n;
    size_t cap;
    uint64_t bytes; /* all steps make */
    bool inside;    /* the member that is open at its end goes on */
    struct buf out; /* what they have made */
    struct export_part *part;
    size_t part_n;
    size_t part_cap;
};

/* export_unit_reset: empty, ready to be filled. */
void export_unit_reset(struct export_unit *u);
void export_unit_release(struct export_unit *u);

/* export_unit_full: whether it is time for another one. */
bool export_unit_full(const struct export_unit *u);

/* export_unit_add: one more step; what it borrows must be in the arena. Returns
 * 0 or E_NOMEM. */
MUST_CHECK int export_unit_add(struct export_unit *u,
                               const struct export_step *step);

/* export_unit_bytes: a step of bytes, which are copied. Returns 0 or E_NOMEM.
 */
MUST_CHECK int export_unit_bytes(struct export_unit *u, struct bytes x);

/* export_unit_fill: make the bytes of a tar archive. Returns 0; what fetching
 * returned, with the path of the file. */
MUST_CHECK int export_unit_fill(struct export_unit *u, struct fetch_lane *lane);

/* export_unit_pack: make the bytes of a zip archive, and the parts. Returns as
 * export_unit_fill(). plain: scratch */
MUST_CHECK int export_unit_pack(struct export_unit *u, struct fetch_lane *lane,
                                struct deflate *d, struct buf *plain);

#endif
