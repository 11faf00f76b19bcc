#include "base/buf.h"

#include <stdlib.h>

#include "base/mem.h"

enum { BUF_FIRST_BYTES = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->rc = 0;
}

int buf_status(const struct buf *b)
{
    if (b->rc == E_LIMIT)
        return err_set(E_LIMIT, "more than %zu bytes for one buffer", b->max);
    if (b->rc == E_NOMEM)
        return err_set(E_NOMEM, "out of memory");
    return 0;
}

static int buf_fail(struct buf *b, int code)
{
    b->rc = code;
    return buf_status(b);
}

int buf_reserve(struct buf *b, size_t n)
{
    size_t want;
    uint8_t *p;

    if (b->rc < 0)
        return buf_status(b);
    if (n <= b->cap - b->n)
        return 0;
    if (n > b->max - b->n)
        return buf_fail(b, E_LIMIT);
    want = b->cap < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : b->cap;
    while (want - b->n < n && want <= b->max / 2)
        want *= 2;
    if (want - b->n < n || want > b->max)
        want = b->max;
    p = mem_resize(b->p, want);
    if (!p)
        return buf_fail(b, E_NOMEM);
    b->p = p;
    b->cap = want;
    return 0;
}

uint8_t *buf_extend(struct buf *b, size_t n)
{
    uint8_t *p;

    if (buf_reserve(b, n) < 0)
        return NULL;
    p = b->p + b->n;
    b->n += n;
    return p;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    uint8_t *to;

    if (n == 0)
        return;
    to = buf_extend(b, n);
    if (to)
        memcpy(to, p, n);
}

void buf_add_bytes(struct buf *b, struct bytes x)
{
    buf_add(b, x.p, x.n);
}

void buf_add_path(struct buf *b, struct bytes below)
{
    if (b->n > 0 && below.n > 0)
        buf_add(b, "/", 1);
    buf_add_bytes(b, below);
}

void buf_add_zeros(struct buf *b, size_t n)
{
    uint8_t *to;

    if (n == 0)
        return;
    to = buf_extend(b, n);
    if (to)
        memset(to, 0, n);
}

void buf_truncate(struct buf *b, size_t n)
{
    ASSERT(n <= b->n);
    b->n = n;
}
