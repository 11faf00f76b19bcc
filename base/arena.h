/*
 * arena: many small allocations that live and die together. What was lent
 * stays where it is until the reset. Confined to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"
#include "base/err.h"

struct arena_block;

/* Zeroed: an empty arena. */
struct arena {
    struct arena_block *first; /* blocks in the order of their use */
    struct arena_block *now;   /* the one being filled; NULL: none yet */
    size_t used;               /* bytes of it */
};

/* arena_alloc: n unspecified bytes, aligned for any type; NULL when out of
 * memory. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);

/*
 * arena_dup: a copy of from with a NUL byte behind it.
 *   to  out; set on success only. May be &from
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int arena_dup(struct arena *a, struct bytes from, struct bytes *to);

/* arena_reset: forget everything; keep the memory for reuse. */
void arena_reset(struct arena *a);

/* arena_release: free everything; the arena is empty and usable. */
void arena_release(struct arena *a);

#endif
