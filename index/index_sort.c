#include "index/index_sort.h"

#include <stdlib.h>

static int index_sort_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

struct index_sort_ref index_sort_ref(const struct index_chunk *chunk)
{
    struct index_sort_ref ref = {.chunk = chunk};

    for (size_t i = 0; i < 8; i++)
        ref.prefix = ref.prefix << 8 | chunk->id.b[i];
    return ref;
}

int index_sort_loc_cmp(const struct index_loc *a, const struct index_loc *b)
{
    int c = index_sort_u32(a->pack, b->pack);

    if (c == 0)
        c = index_sort_u32(a->frame_off, b->frame_off);
    return c ? c : index_sort_u32(a->off, b->off);
}

int index_sort_cmp(const struct index_sort_ref *a,
                   const struct index_sort_ref *b)
{
    int c;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    c = memcmp(a->chunk->id.b, b->chunk->id.b, ID_BYTES);
    return c ? c : index_sort_loc_cmp(&a->chunk->loc, &b->chunk->loc);
}

static int index_sort_ref_cmp(const void *a, const void *b)
{
    return index_sort_cmp(a, b);
}

void index_sort(struct index_sort_ref *ref, size_t n)
{
    qsort(ref, n, sizeof *ref, index_sort_ref_cmp);
}

static int index_sort_locs_cmp(const void *a, const void *b)
{
    return index_sort_loc_cmp(a, b);
}

size_t index_sort_locs(struct index_loc *loc, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(loc, n, sizeof *loc, index_sort_locs_cmp);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || loc[kept - 1].pack != loc[i].pack)
            loc[kept++] = loc[i];
    }
    return kept;
}
