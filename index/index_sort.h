/* index_sort: chunks in the order of the table: by id, then pack, then place
 * in the pack. Pure; any thread. */
#ifndef INDEX_INDEX_SORT_H
#define INDEX_INDEX_SORT_H

#include "index/index.h"

struct index_sort_ref {
    uint64_t prefix; /* the id's first 8 bytes, big-endian */
    const struct index_chunk *chunk;
};

struct index_sort_ref index_sort_ref(const struct index_chunk *chunk);

/* index_sort_cmp: <0, 0 (the same in every field that orders), >0. */
int index_sort_cmp(const struct index_sort_ref *a,
                   const struct index_sort_ref *b);

/* index_sort: n references into that order. */
void index_sort(struct index_sort_ref *ref, size_t n);

/* index_sort_loc_cmp: the order of one chunk's locations. */
int index_sort_loc_cmp(const struct index_loc *a, const struct index_loc *b);

/* index_sort_locs: sorts, keeps the first of each pack, returns how many. */
size_t index_sort_locs(struct index_loc *loc, size_t n);

#endif
