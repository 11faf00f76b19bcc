/*
 * index_lmdb: an open LMDB environment, inside index/ only: what its codes
 * mean, how its records are read, how it commits.
 */
#ifndef INDEX_INDEX_LMDB_H
#define INDEX_INDEX_LMDB_H

#include <lmdb.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/siphash.h"
#include "index/index.h"

struct index {
    MDB_env *env;
    MDB_dbi head, packs, pack_ids, chunks, suspects, marks, refs, uses;
    struct siphash_key key; /* of the records' checksums */
    char *path;
    pid_t pid;   /* who opened it: LMDB does not survive a fork */
    dev_t dev;   /* of the data file, to see that it was replaced */
    ino_t ino;   /* likewise */
    int lock_fd; /* of the lock file; -1: a rebuild's, which none shares */
    atomic_bool updating; /* an update is open in this process */
};

/* index_lmdb_error: raise what an LMDB code means. Returns the E_ code. */
MUST_CHECK int index_lmdb_error(const struct index *ix, int code,
                                const char *doing);

/* index_lmdb_size: bytes of the data file. */
MUST_CHECK int index_lmdb_size(struct index *ix, uint64_t *size);

/* index_lmdb_extent: bytes that LMDB believes the data file to have. */
uint64_t index_lmdb_extent(struct index *ix);

/* index_lmdb_commit: commit txn, which is gone then. Raises what failed; a full
 * disk is E_NOSPACE even where LMDB only says EIO. Update lock held. */
MUST_CHECK int index_lmdb_commit(struct index *ix, MDB_txn *txn);

/* index_lmdb_extend: after a commit: make the file as long as LMDB believes it
 * is, so that a file that was cut short can be told. Update lock held. */
MUST_CHECK int index_lmdb_extend(struct index *ix);

/* index_lmdb_replaced: whether another cache stands at our path by now. */
bool index_lmdb_replaced(const struct index *ix);

/* index_lmdb_forked: E_INTERNAL in a process other than the one that opened. */
MUST_CHECK int index_lmdb_forked(const struct index *ix);

/* index_lmdb_local: whether a file system (statfs f_type) is one that LMDB can
 * live on: not a network one, not FUSE. */
bool index_lmdb_local(uint64_t fs_type);

/*
 * index_lmdb_get: the value of key in dbi, lent until the transaction changes
 * or ends. found false: none.
 */
MUST_CHECK int index_lmdb_get(const struct index *ix, MDB_txn *txn, MDB_dbi dbi,
                              struct bytes key, struct bytes *value,
                              bool *found);

/* index_lmdb_pack: pack number no; E_CORRUPT when there is none such. */
MUST_CHECK int index_lmdb_pack(const struct index *ix, MDB_txn *txn,
                               uint32_t no, struct index_pack *pack);

/* index_lmdb_pack_by_id: found false: unknown. */
MUST_CHECK int index_lmdb_pack_by_id(const struct index *ix, MDB_txn *txn,
                                     const struct object_id *id,
                                     struct index_pack *pack, bool *found);

/* index_lmdb_loc: location i of a chunk's value. */
MUST_CHECK int index_lmdb_loc(const struct index *ix, const struct chunk_id *id,
                              struct bytes value, size_t i,
                              struct index_loc *loc);

static inline MDB_val index_lmdb_val(struct bytes x)
{
    /* LMDB's MDB_val has no const; it does not write through keys or values */
    union {
        const uint8_t *in;
        void *out;
    } p = {.in = x.p};

    return (MDB_val){.mv_size = x.n, .mv_data = p.out};
}

static inline struct bytes index_lmdb_bytes(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

#endif
