#include "chunker/chunker.h"

#include <string.h>

#include "chunker/anchor.h"
#include "chunker/cutprf.h"

/* A candidate is at most this far behind its anchor. */
#define CHUNKER_REACH ((uint32_t)4096)

/* Where the last anchor before a place is found 98 times in 100. */
#define CHUNKER_NEAR ((uint32_t)1024)

_Static_assert(CHUNKER_WINDOW == CHUNKER_REACH + CUTPRF_HISTORY, "format");
_Static_assert((size_t)CUTPRF_HISTORY >= (size_t)ANCHOR_READ_BEFORE,
               "the scan may read what the PRF reads");
_Static_assert(CHUNKER_NEAR % ANCHOR_RUN == 0 &&
                   CHUNKER_REACH % ANCHOR_RUN == 0,
               "whole runs before a place");

_Static_assert(ANCHOR_ROOM % CUTPRF_GROUP == 0, "lists go to the PRF");
_Static_assert(ANCHOR_ENOUGH > CUTPRF_GROUP, "each search adds a group");

static unsigned chunker_log2(uint32_t power_of_two)
{
    return (unsigned)__builtin_ctz(power_of_two);
}

int chunker_params_check(const struct chunker_params *p)
{
    if (p->normal < CHUNKER_NORMAL_LEAST || p->normal > CHUNKER_NORMAL_MOST ||
        (p->normal & (p->normal - 1)) != 0)
        return err_set(E_USAGE,
                       "normal chunk size %u: not a power of two from %u to %u",
                       p->normal, CHUNKER_NORMAL_LEAST, CHUNKER_NORMAL_MOST);
    if (p->min < CHUNKER_WINDOW || p->min > p->normal)
        return err_set(E_USAGE, "least chunk size %u: not from %u to %u",
                       p->min, CHUNKER_WINDOW, p->normal);
    if (p->max < p->normal || p->max > CHUNKER_MAX_MOST)
        return err_set(E_USAGE, "largest chunk size %u: not from %u to %u",
                       p->max, p->normal, CHUNKER_MAX_MOST);
    return 0;
}

int chunker_params_of(uint64_t normal, struct chunker_params *out)
{
    struct chunker_params p = {0};
    int rc;

    if (normal <= CHUNKER_NORMAL_MOST) {
        p.normal = (uint32_t)normal;
        p.min = p.normal / 8 * 5;
        p.max = p.normal * 4;
    }
    rc = chunker_params_check(&p);
    if (rc == 0)
        *out = p;
    return rc;
}

int chunker_init(struct chunker *c, const struct chunker_params *params,
                 const uint8_t key[CHUNKER_KEY_BYTES])
{
    unsigned bits;
    int rc;

    memset(c, 0, sizeof *c);
    rc = chunker_params_check(params);
    if (rc < 0)
        return rc;
    /* bits 0..11 of the PRF say how far behind the anchor a candidate is, those
     * above must be 0: a byte is cut at a rate of 1 / normal, then 4 / normal
     */
    bits = chunker_log2(params->normal);
    c->params = *params;
    c->key = siphash_key_load(key);
    c->refuse_small = ((uint64_t)1 << bits) - CHUNKER_REACH;
    c->refuse_large = ((uint64_t)1 << (bits - 2)) - CHUNKER_REACH;
    c->anchor = anchor_best(cpu_level());
    c->prf = cutprf_best(cpu_level());
    return 0;
}

void chunker_release(struct chunker *c)
{
    explicit_bzero(c, sizeof *c);
}

/* The search for the first cut of one chunk. */
struct chunker_search {
    const struct chunker *c;
    const uint8_t *p; /* the chunk */
    size_t from;      /* no cut at a length below this */
    size_t pending;   /* what the last anchor decided asks for, or 0 */
    struct anchor_list anchors; /* not decided yet */
};

/* The cut that an anchor asks for, if no other anchor comes before it; or 0. */
static size_t chunker_candidate(const struct chunker_search *s, size_t anchor,
                                uint64_t r)
{
    const struct chunker *c = s->c;
    size_t cut = anchor + 1 + (r & (CHUNKER_REACH - 1));
    bool small = cut < c->params.normal;

    if (cut < s->from || (r & (small ? c->refuse_small : c->refuse_large)))
        return 0;
    return cut;
}

/* Decide the first n anchors of the list. Returns the cut that stands now that
 * the next anchor is known, or 0. */
static size_t chunker_decide(struct chunker_search *s, size_t n)
{
    struct anchor_list *list = &s->anchors;
    uint64_t r[ANCHOR_ROOM];

    if (n == 0)
        return 0;
    s->c->prf->hash(&s->c->key, s->p, list->pos, n, r);
    for (size_t i = 0; i < n; i++) {
        if (s->pending && s->pending <= list->pos[i])
            return s->pending;
        s->pending = chunker_candidate(s, list->pos[i], r[i]);
    }
    list->n -= n;
    memmove(list->pos, list->pos + n, list->n * sizeof list->pos[0]);
    return 0;
}

/* Find the anchors at the positions at..end of less than a run, without a look
 * at what is behind them. */
static void chunker_find_tail(struct chunker_search *s, size_t at, size_t end)
{
    uint8_t tail[ANCHOR_READ_BEFORE + ANCHOR_RUN] = {0};
    struct anchor_list found = {0};
    size_t start = at - ANCHOR_READ_BEFORE;

    memcpy(tail, s->p + start, end - start);
    s->c->anchor->find(tail, ANCHOR_READ_BEFORE, sizeof tail, &found);
    for (size_t i = 0; i < found.n && start + found.pos[i] < end; i++)
        s->anchors.pos[s->anchors.n++] = (uint32_t)start + found.pos[i];
}

/* The first cut of the chunk p at a length in from..end, or 0. All of p's end
 * bytes are readable; from is at least CHUNKER_WINDOW. */
static size_t chunker_find(const struct chunker *c, const uint8_t *p,
                           size_t from, size_t end)
{
    struct chunker_search s = {.c = c, .p = p, .from = from};
    size_t at, cut;

    /* of the anchors before from, only the last can lead to a cut */
    at = c->anchor->find(p, from - CHUNKER_NEAR, from, &s.anchors);
    if (s.anchors.n == 0)
        at = c->anchor->find(p, from - CHUNKER_REACH, from, &s.anchors);
    while (end - at >= ANCHOR_RUN) {
        at = c->anchor->find(p, at, end, &s.anchors);
        cut = chunker_decide(&s, s.anchors.n - s.anchors.n % CUTPRF_GROUP);
        if (cut)
            return cut;
    }
    chunker_find_tail(&s, at, end);
    cut = chunker_decide(&s, s.anchors.n);
    if (cut)
        return cut;
    /* every anchor before end is known: none can void this any more */
    return s.pending <= end ? s.pending : 0;
}

size_t chunker_next(const struct chunker *c, const uint8_t *p, size_t n,
                    bool last, size_t *known)
{
    size_t end = n < c->params.max ? n : c->params.max;
    size_t from = *known < c->params.min ? c->params.min : *known + 1;
    size_t cut = 0;

    if (from <= end)
        cut = chunker_find(c, p, from, end);
    if (cut == 0 && (last || n >= c->params.max))
        cut = end;
    *known = cut ? 0 : end;
    return cut;
}

size_t chunker_cut(const struct chunker *c, const uint8_t *p, size_t n,
                   bool last, size_t *known, uint32_t *lens, size_t lens_n)
{
    size_t count = 0;

    while (count < lens_n && n > 0) {
        size_t len = chunker_next(c, p, n, last, known);

        if (len == 0)
            break;
        lens[count++] = (uint32_t)len;
        p += len;
        n -= len;
    }
    return count;
}

bool chunker_predict(const struct chunker *c, const uint8_t *p, size_t len)
{
    if (len == c->params.max)
        return true;
    if (len < c->params.min || len > c->params.max)
        return false;
    return chunker_find(c, p, len, len) == len;
}
