#include "repo/short_hole.h"

#include <stdlib.h>

#include "base/mem.h"

void short_hole_reset(struct short_hole_list *l)
{
    l->n = 0;
}

void short_hole_release(struct short_hole_list *l)
{
    free(l->hole);
    *l = (struct short_hole_list){.hole = NULL};
}

int short_hole_add(struct short_hole_list *l, uint64_t off, uint64_t n)
{
    struct short_hole *last = l->n ? &l->hole[l->n - 1] : NULL;

    if (last && last->off + last->n == off) {
        last->n += n;
        return 0;
    }
    if (l->n == SHORT_HOLE_MAX)
        return 0;
    if (!MEM_GROW(l->hole, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->hole[l->n++] = (struct short_hole){off, n};
    return 0;
}

void short_hole_put(struct buf *b, const struct short_hole_list *l)
{
    uint64_t end = 0;

    ASSERT(l->n > 0);
    codec_put_varint(b, l->n);
    for (size_t i = 0; i < l->n; i++) {
        codec_put_varint(b, l->hole[i].off - end);
        codec_put_varint(b, l->hole[i].n);
        end = l->hole[i].off + l->hole[i].n;
    }
}

void short_hole_begin(struct short_hole_reader *r, struct bytes value,
                      uint64_t size)
{
    *r = (struct short_hole_reader){.size = size, .first = true};
    codec_init(&r->c, value);
    if (value.n == 0)
        return;
    r->left = codec_count(&r->c, 2);
    if (r->left == 0 || r->left > SHORT_HOLE_MAX) {
        codec_fail(&r->c);
        r->left = 0;
    }
}

bool short_hole_next(struct short_hole_reader *r, struct short_hole *out)
{
    *out = (struct short_hole){0, 0};
    if (r->left == 0)
        return false;
    r->left--;
    out->off = r->end + codec_varint_max(&r->c, r->size - r->end);
    /* two that touch are one */
    if (out->off == r->end && !r->first)
        codec_fail(&r->c);
    r->first = false;
    out->n = codec_varint_max(&r->c, r->size - out->off);
    if (out->n == 0)
        codec_fail(&r->c);
    if (r->c.failed) {
        *out = (struct short_hole){0, 0};
        r->left = 0;
        return false;
    }
    r->end = out->off + out->n;
    return true;
}

bool short_hole_ok(struct bytes value, uint64_t size)
{
    struct short_hole_reader r;
    struct short_hole hole;

    short_hole_begin(&r, value, size);
    while (short_hole_next(&r, &hole))
        ;
    return value.n > 0 && !r.c.failed && codec_left(&r.c) == 0;
}
