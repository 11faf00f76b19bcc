/*
 * short_hole: the holes of a file that are too short to end a chunk. Its
 * content has them as zeros; where they were stands beside it, in a field of
 * the entry (docs/format.md 9.4). That field is a hint: the content is what it
 * is without it, so whoever leaves such a place unwritten looks first whether
 * it is zero.
 *
 * Plain data, confined to one thread at a time.
 */
#ifndef REPO_SHORT_HOLE_H
#define REPO_SHORT_HOLE_H

#include "base/codec.h"

enum {
    SHORT_HOLE_MAX = 2048, /* of one file; later ones come back as zeros */
    SHORT_HOLE_BYTES_MAX = 2 + SHORT_HOLE_MAX * 20 /* of one field */
};

struct short_hole {
    uint64_t off; /* in the file */
    uint64_t n;   /* bytes, >= 1 */
};

/* --- writing --- */

/* A growing list; zeroed: empty. */
struct short_hole_list {
    struct short_hole *hole;
    size_t n;
    size_t cap;
};

/* short_hole_reset: empty; the memory is kept. */
void short_hole_reset(struct short_hole_list *l);
void short_hole_release(struct short_hole_list *l);

/*
 * short_hole_add: one more, in the order of the file. One that begins where the
 * last ends makes that longer; what is more than SHORT_HOLE_MAX is dropped.
 *   n  >= 1
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int short_hole_add(struct short_hole_list *l, uint64_t off,
                              uint64_t n);

/* short_hole_put: append the field's value to b (sticky failure there). The
 * list must not be empty. */
void short_hole_put(struct buf *b, const struct short_hole_list *l);

/* --- reading --- */

/* Goes through a field's value; zeroed: at the end. */
struct short_hole_reader {
    struct codec c;
    size_t left;
    uint64_t end; /* of the hole before */
    uint64_t size;
    bool first;
};

/* short_hole_begin: value is lent; empty: no holes. size: of the file. */
void short_hole_begin(struct short_hole_reader *r, struct bytes value,
                      uint64_t size);

/* short_hole_next: the next hole, n >= 1, within the file, behind the one
 * before; false (and n = 0) at the end and where the value is malformed. */
bool short_hole_next(struct short_hole_reader *r, struct short_hole *out);

/* short_hole_ok: whether value is one that short_hole_put() could have made for
 * a file of that size. */
bool short_hole_ok(struct bytes value, uint64_t size);

#endif
