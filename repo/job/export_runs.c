#include "repo/job/export_runs.h"

#include <stdlib.h>

#include "base/mem.h"

void export_runs_release(struct export_runs *r)
{
    free(r->run);
    *r = (struct export_runs){.n = 0};
}

static int export_runs_add(struct export_runs *r, uint64_t off, uint64_t n)
{
    struct export_run *last = r->n > 0 ? &r->run[r->n - 1] : NULL;

    if (n == 0)
        return 0;
    /* of too many holes the later ones are filled */
    if (last && (last->off + last->n == off || r->n == EXPORT_RUNS_MAX)) {
        r->bytes += off + n - (last->off + last->n);
        last->n = off + n - last->off;
        return 0;
    }
    if (!MEM_GROW(r->run, r->n, r->cap))
        return err_set(E_NOMEM, "out of memory");
    r->run[r->n++] = (struct export_run){.off = off, .n = n};
    r->bytes += n;
    return 0;
}

int export_runs_whole(struct export_runs *r, uint64_t size)
{
    r->n = 0;
    r->bytes = 0;
    return export_runs_add(r, 0, size);
}

/* One extent of data, and the short hole that is the next. */
struct export_runs_extent {
    const struct extent *e;
    uint64_t at;
    struct fetch_lane *lane;
    struct fetch_chunk chunk; /* lent once it was looked at */
    bool looked;
};

/* Whether [off, off + n) of it are zeros. */
static int export_runs_zero(struct export_runs_extent *x, uint64_t off,
                            uint64_t n, bool *zero)
{
    int rc = 0;

    if (!x->looked)
        rc = fetch_extent(x->lane, x->e, &x->chunk);
    if (rc < 0)
        return rc;
    x->looked = true;
    *zero =
        bytes_is_zero(bytes_of(x->chunk.bytes.p + (off - x->at), (size_t)n));
    return 0;
}

/* An extent that is no hole: what short holes leave of it. */
static int export_runs_data(struct export_runs *r, struct export_runs_extent *x,
                            struct short_hole_reader *holes,
                            struct short_hole *hole)
{
    uint64_t off = x->at, end = x->at + x->e->length;
    int rc = 0;

    while (rc == 0 && off < end) {
        uint64_t from, to;
        bool zero = false;

        while (hole->n > 0 && hole->off + hole->n <= off)
            (void)short_hole_next(holes, hole);
        if (hole->n == 0 || hole->off >= end)
            return export_runs_add(r, off, end - off);
        from = hole->off > off ? hole->off : off;
        to = hole->off + hole->n < end ? hole->off + hole->n : end;
        rc = export_runs_add(r, off, from - off);
        if (rc == 0)
            rc = export_runs_zero(x, from, to - from, &zero);
        if (rc == 0 && !zero)
            rc = export_runs_add(r, from, to - from);
        off = to;
    }
    return rc;
}

int export_runs_read(struct export_runs *r, struct content_reader *content,
                     struct fetch_lane *lane, const struct tree_entry *te)
{
    struct short_hole_reader holes;
    struct short_hole hole;
    bool more = true;
    int rc;

    r->n = 0;
    r->bytes = 0;
    short_hole_begin(&holes, te->holes, te->e.size);
    (void)short_hole_next(&holes, &hole);
    rc = content_reader_open(content, &te->content, te->e.size, 0);
    while (rc == 0) {
        struct extent e;
        struct export_runs_extent x = {.e = &e, .lane = lane};

        rc = content_reader_next(content, &e, &x.at, &more);
        if (rc < 0 || !more)
            break;
        if (e.kind != EXTENT_HOLE)
            rc = export_runs_data(r, &x, &holes, &hole);
        fetch_release(lane, &x.chunk);
    }
    return rc;
}
