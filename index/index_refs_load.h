/* index_refs_load: how the table of references is filled in its order, inside
 * index/ only. Confined to one thread. */
#ifndef INDEX_INDEX_REFS_LOAD_H
#define INDEX_INDEX_REFS_LOAD_H

#include "index/index_refs.h"
#include "index/index_update.h"

/* The use of all packs, by number, while it is gathered. */
struct index_refs_uses {
    struct index_use *use; /* n, owned by the caller */
    uint32_t n;
};

/* index_refs_append: one chunk, behind all that are there; its home is chosen
 * here. */
MUST_CHECK int index_refs_append(struct index_update *u, MDB_cursor *cursor,
                                 const struct chunk_id *id,
                                 const struct index_ref *counts,
                                 struct index_refs_uses *uses);

/* index_refs_put_uses: what was gathered, into the empty table. */
MUST_CHECK int index_refs_put_uses(struct index_update *u,
                                   const struct index_refs_uses *uses);

#endif
