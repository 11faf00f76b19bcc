#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ARENA_BLOCK_BYTES = 65536 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of bytes */
    alignas(max_align_t) uint8_t bytes[];
};

/* The next block with room for n bytes: one from before a reset, or new. */
static struct arena_block *arena_grow(struct arena *a, size_t n)
{
    struct arena_block *next = a->now ? a->now->next : a->first;
    struct arena_block *b;
    size_t size = n > ARENA_BLOCK_BYTES ? n : ARENA_BLOCK_BYTES;

    if (next && next->size >= n)
        return next;
    b = mem_alloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->next = next;
    if (a->now)
        a->now->next = b;
    else
        a->first = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t align = alignof(max_align_t);
    void *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + align - 1) / align * align;
    if (!a->now || n > a->now->size - a->used) {
        struct arena_block *b = arena_grow(a, n);

        if (!b)
            return NULL;
        a->now = b;
        a->used = 0;
    }
    p = a->now->bytes + a->used;
    a->used += n;
    return p;
}

int arena_dup(struct arena *a, struct bytes from, struct bytes *to)
{
    uint8_t *p = from.n < SIZE_MAX ? arena_alloc(a, from.n + 1) : NULL;

    if (!p)
        return err_set(E_NOMEM, "out of memory");
    if (from.n)
        memcpy(p, from.p, from.n);
    p[from.n] = 0;
    *to = bytes_of(p, from.n);
    return 0;
}

void arena_reset(struct arena *a)
{
    a->now = NULL;
    a->used = 0;
}

void arena_release(struct arena *a)
{
    while (a->first) {
        struct arena_block *b = a->first;

        a->first = b->next;
        free(b);
    }
    arena_reset(a);
}
