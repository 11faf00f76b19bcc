/*
 * index_refs: how many references each chunk has, and how much of each pack
 * they hold. What a reference is, and which have been counted, is the owner's
 * business: it keeps that in marks, in the same update (I5).
 *
 * Each chunk that is referenced has a home: the one pack in which it counts as
 * used, wherever else it lies. So a pack whose use is nothing holds nothing
 * that is not somewhere else, or needed by nobody; it is a hint all the same:
 * packs change, and whoever deletes looks at every chunk.
 *
 * Readers and updates are those of index.h, with their threads and errors.
 */
#ifndef INDEX_INDEX_REFS_H
#define INDEX_INDEX_REFS_H

#include "index/index.h"

enum { INDEX_REFS_MAX = INT32_MAX /* of one chunk */ };

struct index_ref {
    uint32_t count; /* 0: not referenced */
    uint32_t nodes; /* of them, references to it as a tree node: who forges a
                       reference to it as content must not hide what it holds */
    uint32_t home;  /* number of a pack; INDEX_NO_PACK: it had no place when
                       it was counted */
};

/* index_refs_get: the references of a chunk. */
MUST_CHECK int index_refs_get(struct index_reader *r, const struct chunk_id *id,
                              struct index_ref *out);

/* index_refs_share: what a chunk takes, in that place, of the bytes that its
 * frame is stored in; rounded up. Pure. */
uint64_t index_refs_share(const struct index_loc *loc);

/* What of a pack is used. */
struct index_use {
    uint32_t chunk_n; /* chunks that are at home there */
    uint64_t bytes;   /* their share of the frames that they stand in */
};

/* index_refs_use: of one pack; of an unknown one nothing. */
MUST_CHECK int index_refs_use(struct index_reader *r, uint32_t pack,
                              struct index_use *out);

/* A change of a chunk's counts. */
struct index_refs_move {
    struct chunk_id id;
    int32_t by;
    int32_t by_nodes; /* part of by */
};

/*
 * index_refs_move: change counts. A chunk that becomes referenced gets a home:
 * a pack that is listed and there and not suspect of it, before one that is
 * trusted, before a live one, before others; of those the lowest number.
 *   m, n  each id once; sorted here
 * Returns 0; E_REFUSED: a count would be negative or too large: they are wrong,
 * and to be made anew; the update is dead then.
 */
MUST_CHECK int index_refs_move(struct index_update *u,
                               struct index_refs_move *m, size_t n);

/* index_refs_settle_in: a referenced chunk is at home in another pack from now
 * on. Where it has no place there, as in a doomed one, or is not referenced:
 * nothing. */
MUST_CHECK int index_refs_settle_in(struct index_update *u,
                                    const struct chunk_id *id, uint32_t pack);

/* index_refs_clear: nothing is referenced any more. */
MUST_CHECK int index_refs_clear(struct index_update *u);

/* --- all counts anew --- */

struct index_recount;

/*
 * index_recount_begin: to count all that is referenced, in any order, and to
 * load it in the end in the order of the table: a temporary file beside the
 * cache takes what does not fit memory (some 50 MB).
 */
MUST_CHECK int index_recount_begin(struct index *ix,
                                   struct index_recount **out);

/* index_recount_add: one reference more to a chunk, as a tree node or not.
 * Returns 0, E_NOMEM, E_IO, E_NOSPACE; E_REFUSED: too many. */
MUST_CHECK int index_recount_add(struct index_recount *c,
                                 const struct chunk_id *id, bool node);

/*
 * index_recount_load: put them in the place of those that are there. Commits u
 * several times, with what it holds, and leaves it open: until the caller's
 * marks say that the counts are whole they are not.
 * Returns 0; E_REFUSED: too many references; as an update.
 */
MUST_CHECK int index_recount_load(struct index_recount *c,
                                  struct index_update *u);

/* index_recount_free: NULL is fine. */
void index_recount_free(struct index_recount *c);

#endif
