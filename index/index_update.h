/* index_update: the inside of an update, for the files of index/ that write:
 * updates, the sweep, and the rebuild. Confined to one thread. */
#ifndef INDEX_INDEX_UPDATE_H
#define INDEX_INDEX_UPDATE_H

#include "index/index_lmdb.h"
#include "index/index_sort.h"

struct index_runs;

struct index_update {
    struct index *ix;
    MDB_txn *txn;
    struct index_runs *runs; /* lent; of a rebuild: chunks are sorted there
                                first; NULL: they enter the table at once */
    bool locked;             /* the lock file's update byte is ours */
    int dead;                /* the failure that killed it; 0: alive */
    uint32_t next_no;        /* of the next new pack */
    struct buf scratch;      /* the record being written */
    struct index_loc *loc;   /* the locations of one chunk, while they are */
    size_t loc_cap;          /* gathered */
};

/* index_update_alive: 0, or the failure that killed it. */
MUST_CHECK int index_update_alive(const struct index_update *u);

/* index_update_fail: a failure kills the update: half an operation must not be
 * committed. Returns rc. */
int index_update_fail(struct index_update *u, int rc);

/* index_update_put, _del: one record; an absent one is deleted already. */
MUST_CHECK int index_update_put(struct index_update *u, MDB_dbi dbi,
                                struct bytes key, struct bytes value);
MUST_CHECK int index_update_del(struct index_update *u, MDB_dbi dbi,
                                struct bytes key);

/* index_update_room: u->loc can hold n. */
MUST_CHECK int index_update_room(struct index_update *u, size_t n);

/* index_update_load: append to the *n in u->loc what a chunk's value holds,
 * without that in doomed packs. */
MUST_CHECK int index_update_load(struct index_update *u,
                                 const struct chunk_id *id, struct bytes value,
                                 size_t *n);

/* index_update_value: the first n of u->loc as a value, in u->scratch. */
MUST_CHECK int index_update_value(struct index_update *u,
                                  const struct chunk_id *id, size_t n);

/*
 * index_update_refs: references to those of n chunks whose packs are not
 * doomed, in the order given.
 *   ref, ref_n  room for n; how many
 * Returns 0; E_INTERNAL for a pack number that was never given.
 */
MUST_CHECK int index_update_refs(struct index_update *u,
                                 const struct index_chunk *c, size_t n,
                                 struct index_sort_ref *ref, size_t *ref_n);

/* index_update_turn: commit what there is and go on with the same update. */
MUST_CHECK int index_update_turn(struct index_update *u);

#endif
