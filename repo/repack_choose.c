#include "repo/repack_choose.h"

#include <stdlib.h>

enum {
    REPACK_CHOOSE_STEP = 65536, /* bytes of the smallest packs */
    /* what is larger is large enough: a quarter of a full pack */
    REPACK_CHOOSE_SMALL = 8 << 20,
    REPACK_CHOOSE_SIZES = 8
};

/* The largest share of dead bytes first. */
static int repack_choose_order(const void *va, const void *vb)
{
    const struct repack_pack *a = va;
    const struct repack_pack *b = vb;
    /* packs are far smaller than 4 GiB */
    uint64_t x = a->dead * b->bytes;
    uint64_t y = b->dead * a->bytes;

    return x != y ? (x < y) - (x > y) : (a->no > b->no) - (a->no < b->no);
}

static bool repack_choose_take(struct repack_pack *p, uint64_t *left)
{
    uint64_t live = p->bytes - p->dead;

    if (p->chosen)
        return true;
    if (live > *left)
        return false;
    *left -= live;
    p->chosen = true;
    return true;
}

static void repack_choose_dead(struct repack_pack *p, size_t n,
                               const struct repack_limits *l, uint64_t *left)
{
    uint64_t all = 0;
    uint64_t dead = 0;
    uint64_t may;

    for (size_t i = 0; i < n; i++) {
        all += p[i].bytes;
        dead += p[i].dead;
    }
    may = all / 100 * l->unused_percent;
    if (l->unused_bytes < may)
        may = l->unused_bytes;
    for (size_t i = 0; i < n && dead > may && p[i].dead > 0; i++) {
        if (repack_choose_take(&p[i], left))
            dead -= p[i].dead;
    }
}

/* Which of the sizes that are joined a pack has; SIZES: it is large. */
static unsigned repack_choose_size(const struct repack_pack *p)
{
    uint64_t below = (uint64_t)REPACK_CHOOSE_STEP * REPACK_CHOOSE_GROWTH;
    unsigned size = 0;

    if (p->bytes >= REPACK_CHOOSE_SMALL)
        return REPACK_CHOOSE_SIZES;
    while (p->bytes >= below) {
        below *= REPACK_CHOOSE_GROWTH;
        size++;
    }
    return size;
}

static void repack_choose_small(struct repack_pack *p, size_t n, bool meta,
                                uint64_t *left)
{
    size_t of[REPACK_CHOOSE_SIZES + 1] = {0};

    for (size_t i = 0; i < n; i++) {
        if (p[i].meta == meta)
            of[repack_choose_size(&p[i])]++;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned size = repack_choose_size(&p[i]);

        if (p[i].meta == meta && size < REPACK_CHOOSE_SIZES &&
            of[size] >= REPACK_CHOOSE_SMALL_N)
            p[i].small = repack_choose_take(&p[i], left);
    }
}

void repack_choose(struct repack_pack *p, size_t n,
                   const struct repack_limits *l)
{
    uint64_t left = l->rewritten_bytes;

    for (size_t i = 0; i < n; i++)
        p[i].chosen = p[i].small = false;
    if (n > 0)
        qsort(p, n, sizeof *p, repack_choose_order);
    repack_choose_dead(p, n, l, &left);
    repack_choose_small(p, n, false, &left);
    repack_choose_small(p, n, true, &left);
}
