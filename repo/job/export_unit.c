#include "repo/job/export_unit.h"

#include <stdlib.h>

#include "base/mem.h"

void export_unit_reset(struct export_unit *u)
{
    arena_reset(&u->arena);
    if (u->out.max == 0)
        buf_init(&u->out, EXPORT_UNIT_OUT_MAX);
    buf_reset(&u->out);
    u->n = 0;
    u->bytes = 0;
    u->part_n = 0;
    u->inside = false;
}

void export_unit_release(struct export_unit *u)
{
    arena_release(&u->arena);
    buf_release(&u->out);
    free(u->step);
    free(u->part);
    *u = (struct export_unit){.n = 0};
}

bool export_unit_full(const struct export_unit *u)
{
    return u->bytes >= EXPORT_UNIT_BYTES || u->n >= EXPORT_UNIT_STEPS;
}

int export_unit_add(struct export_unit *u, const struct export_step *step)
{
    if (!MEM_GROW(u->step, u->n, u->cap))
        return err_set(E_NOMEM, "out of memory");
    u->step[u->n++] = *step;
    u->bytes += step->n;
    return 0;
}

int export_unit_bytes(struct export_unit *u, struct bytes x)
{
    struct export_step step = {.kind = EXPORT_BYTES, .n = x.n};
    int rc = arena_dup(&u->arena, x, &step.bytes);

    return rc < 0 ? rc : export_unit_add(u, &step);
}

/* The bytes of one step, appended. What is fetched was hashed just before (I7).
 */
static int unit_make(const struct export_step *s, struct fetch_lane *lane,
                     struct buf *out)
{
    struct fetch_chunk chunk = {.frame = NULL};
    int rc;

    switch (s->kind) {
    case EXPORT_BYTES:
        buf_add_bytes(out, s->bytes);
        break;
    case EXPORT_ZEROS:
        buf_add_zeros(out, (size_t)s->n);
        break;
    case EXPORT_EXTENT:
        rc = fetch_extent(lane, &s->e, &chunk);
        if (rc < 0)
            return err_add(rc, "/%.*s", (int)s->path.n,
                           (const char *)s->path.p);
        buf_add(out, chunk.bytes.p + s->from, (size_t)s->n);
        fetch_release(lane, &chunk);
        break;
    case EXPORT_BEGIN:
    case EXPORT_END:
        break;
    }
    return buf_status(out);
}

int export_unit_fill(struct export_unit *u, struct fetch_lane *lane)
{
    int rc = buf_reserve(&u->out, (size_t)u->bytes);

    for (size_t i = 0; i < u->n && rc == 0; i++)
        rc = unit_make(&u->step[i], lane, &u->out);
    return rc;
}

/* Bytes of one member, deflated to where they go; or as they are, where all of
 * it is here and deflating gains nothing. */
static int unit_part(struct export_unit *u, struct deflate *d,
                     struct bytes plain, struct export_part *p)
{
    size_t was = u->out.n;
    int rc = 0;

    p->sum.plain = plain.n;
    p->sum.crc = deflate_crc(0, plain);
    if (plain.n > 0 || !p->begin)
        rc = deflate_piece(d, plain, p->end, &u->out);
    if (rc < 0)
        return rc;
    if (p->begin && p->end && u->out.n - was >= plain.n) {
        buf_truncate(&u->out, was);
        buf_add_bytes(&u->out, plain);
        p->sum.stored = true;
    }
    p->sum.packed = u->out.n - was;
    if (!MEM_GROW(u->part, u->part_n, u->part_cap))
        return err_set(E_NOMEM, "out of memory");
    u->part[u->part_n++] = *p;
    return buf_status(&u->out);
}

int export_unit_pack(struct export_unit *u, struct fetch_lane *lane,
                     struct deflate *d, struct buf *plain)
{
    struct export_part p = {.end = false};
    bool open = true; /* of a member there may be more */
    int rc = 0;

    buf_reset(plain);
    for (size_t i = 0; i < u->n && rc == 0; i++) {
        const struct export_step *s = &u->step[i];

        if (s->kind == EXPORT_BEGIN) {
            p = (struct export_part){.begin = s->head};
            open = true;
        }
        rc = unit_make(s, lane, plain);
        p.end = s->kind == EXPORT_END;
        if (rc == 0 && p.end) {
            rc = unit_part(u, d, buf_bytes(plain), &p);
            buf_reset(plain);
            open = false;
        }
    }
    /* it goes on in the next unit */
    if (rc == 0 && open && u->n > 0)
        rc = unit_part(u, d, buf_bytes(plain), &p);
    return rc;
}
