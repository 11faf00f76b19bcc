#include "repo/job/cutter.h"

#include <stdlib.h>

#include "base/mem.h"

enum { CUTTER_BATCH = 128 };

struct cutter {
    const struct chunker *chunker;
    cutter_next_fn *next;
    void *ctx;
    uint8_t *rest; /* the beginning of a chunk that is not decided */
    size_t rest_n;
    size_t known; /* of it, bytes that hold no cut */
    struct short_hole_list holes;
};

struct cutter *cutter_new(const struct chunker *c)
{
    struct cutter *k = mem_alloc(sizeof *k);

    if (!k)
        return NULL;
    k->chunker = c;
    k->rest = mem_alloc(c->params.max);
    if (!k->rest) {
        free(k);
        return NULL;
    }
    return k;
}

void cutter_free(struct cutter *k)
{
    if (!k)
        return;
    free(k->rest);
    short_hole_release(&k->holes);
    free(k);
}

void cutter_list_release(struct cutter_list *l)
{
    free(l->piece);
    *l = (struct cutter_list){.piece = NULL};
}

static int cutter_from_reader(void *ctx, uint8_t *buf, size_t cap,
                              struct reader_run *run)
{
    return reader_next(ctx, buf, cap, run);
}

void cutter_start(struct cutter *k, struct reader *r)
{
    cutter_start_at(k, cutter_from_reader, r);
}

void cutter_start_at(struct cutter *k, cutter_next_fn *next, void *ctx)
{
    k->next = next;
    k->ctx = ctx;
    k->rest_n = 0;
    k->known = 0;
    short_hole_reset(&k->holes);
}

static int cutter_append(struct cutter_list *l, enum extent_kind kind,
                         const uint8_t *p, uint64_t n)
{
    if (!MEM_GROW(l->piece, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->piece[l->n++] = (struct cutter_piece){
        .extent = {.kind = kind, .length = n}, .bytes = p};
    return 0;
}

/* Cuts all that is decided of the bytes from *from to the end of b. */
static int cutter_cut(struct cutter *k, const struct cutter_buf *b,
                      size_t *from, bool last, struct cutter_list *list)
{
    uint32_t len[CUTTER_BATCH];
    size_t n = CUTTER_BATCH;
    int rc = 0;

    while (n == CUTTER_BATCH && *from < b->n && rc == 0) {
        n = chunker_cut(k->chunker, b->p + *from, b->n - *from, last, &k->known,
                        len, CUTTER_BATCH);
        for (size_t i = 0; i < n && rc == 0; i++) {
            rc = cutter_append(list, EXTENT_CHUNK, b->p + *from, len[i]);
            *from += len[i];
        }
    }
    if (last)
        k->known = 0;
    return rc;
}

static int cutter_note(struct cutter *k, const struct reader_run *run)
{
    int rc = 0;

    for (size_t i = 0; i < run->hole_n && rc == 0; i++)
        rc = short_hole_add(&k->holes, run->hole[i].off, run->hole[i].n);
    return rc;
}

int cutter_fill(struct cutter *k, struct cutter_buf *b,
                struct cutter_list *list, bool *end)
{
    size_t from = b->n; /* first byte that belongs to no piece yet */
    struct reader_run run = {.kind = READER_DATA};
    int rc = 0;

    ASSERT(b->cap - b->n >= k->chunker->params.max);
    memcpy(b->p + b->n, k->rest, k->rest_n);
    b->n += k->rest_n;
    k->rest_n = 0;
    while (rc == 0 && run.kind != READER_END && run.kind != READER_PAUSE &&
           b->n < b->cap) {
        rc = k->next(k->ctx, b->p + b->n, b->cap - b->n, &run);
        if (rc < 0)
            break;
        if (run.kind == READER_DATA) {
            b->n += (size_t)run.n;
            rc = cutter_note(k, &run);
            continue;
        }
        if (run.kind == READER_PAUSE)
            continue;
        /* a hole or the end of the file ends a chunk */
        rc = cutter_cut(k, b, &from, true, list);
        if (rc == 0 && run.kind == READER_HOLE)
            rc = cutter_append(list, EXTENT_HOLE, NULL, run.n);
    }
    if (rc == 0)
        rc = cutter_cut(k, b, &from, false, list);
    if (rc < 0)
        return rc;
    /* what is not decided moves on to the next buffer */
    k->rest_n = b->n - from;
    memcpy(k->rest, b->p + from, k->rest_n);
    b->n = from;
    *end = run.kind == READER_END;
    return 0;
}

int cutter_holes(const struct cutter *k, struct arena *a, struct bytes *out)
{
    struct buf b;
    int rc;

    *out = bytes_of(NULL, 0);
    if (k->holes.n == 0)
        return 0;
    buf_init(&b, SHORT_HOLE_BYTES_MAX);
    short_hole_put(&b, &k->holes);
    rc = buf_status(&b);
    if (rc == 0)
        rc = arena_dup(a, buf_bytes(&b), out);
    buf_release(&b);
    return rc;
}
