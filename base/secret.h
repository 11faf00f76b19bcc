/*
 * secret: a place for keys and passphrases. The bytes live in pages of their
 * own, which are left out of core dumps, read as zeros in a forked child, and
 * are kept out of swap where the limit on locked memory (RLIMIT_MEMLOCK)
 * allows: without that a secret still works, and secret_is_locked() tells.
 * Confined to one thread while it is written, shared freely while it is not.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

/* Zeroed is a valid, empty secret of capacity 0. */
struct secret {
    uint8_t *p;
    size_t n;      /* bytes in use */
    size_t cap;    /* fixed by secret_init, >= n */
    size_t mapped; /* whole pages, >= cap */
    bool locked;
};

/*
 * secret_init: an empty secret that may hold up to cap (> 0) bytes.
 * Returns 0; E_NOMEM (s is empty, of capacity 0).
 */
MUST_CHECK int secret_init(struct secret *s, size_t cap);

/* secret_release: wipes the bytes and gives the pages back; s is zeroed. */
void secret_release(struct secret *s);

/*
 * secret_set: replaces the content by a copy of x, which the caller wipes
 * where it stood. Returns E_LIMIT when x is longer than cap (s unchanged).
 */
MUST_CHECK int secret_set(struct secret *s, struct bytes x);

/* secret_extend: n zeroed bytes more, lent for writing in place; NULL when
 * they do not fit (s unchanged). Valid until secret_release. */
uint8_t *secret_extend(struct secret *s, size_t n);

/* secret_wipe: empties s; the bytes are overwritten. */
void secret_wipe(struct secret *s);

/* secret_bytes: what s holds, lent until it changes. */
static inline struct bytes secret_bytes(const struct secret *s)
{
    return bytes_of(s->p, s->n);
}

/* secret_is_locked: whether the pages are kept out of swap. */
static inline bool secret_is_locked(const struct secret *s)
{
    return s->locked;
}

/* secret_equal: a == b, in a time that depends on their lengths only. */
bool secret_equal(struct bytes a, struct bytes b);

#endif
