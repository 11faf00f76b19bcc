#include "repo/repack_fresh.h"

#include <stdlib.h>

#include "base/mem.h"

struct repack_fresh {
    struct store *store;
    const struct keyring *keys;
    struct pack_reader *packs;
    enum pack_kind kind;
    int level;
    repack_fresh_done *done;
    void *ctx;
    struct frame_ctx *in;  /* opens frames */
    struct frame_ctx *out; /* makes them */
    uint8_t *old;          /* an opened frame, FRAME_RAW_MAX bytes */
    uint8_t *raw;          /* the one that is being filled, as many */
    size_t raw_n;
    struct pack_dir_chunk *chunk; /* in it, FRAME_CHUNKS_MAX */
    size_t chunk_n;
    struct pack_writer *w; /* NULL: none is open */
};

int repack_fresh_new(struct store *s, const struct keyring *k,
                     struct pack_reader *packs, enum pack_kind kind, int level,
                     repack_fresh_done *done, void *ctx,
                     struct repack_fresh **out)
{
    struct repack_fresh *x = mem_alloc(sizeof *x);
    int rc;

    if (!x)
        return err_set(E_NOMEM, "out of memory");
    *x = (struct repack_fresh){.store = s,
                               .keys = k,
                               .packs = packs,
                               .kind = kind,
                               .level = level,
                               .done = done,
                               .ctx = ctx};
    x->old = mem_alloc(FRAME_RAW_MAX);
    x->raw = mem_alloc(FRAME_RAW_MAX);
    x->chunk = mem_array(FRAME_CHUNKS_MAX, sizeof *x->chunk);
    rc = x->old && x->raw && x->chunk ? frame_ctx_new(&x->in)
                                      : err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = frame_ctx_new(&x->out);
    if (rc < 0) {
        repack_fresh_free(x);
        return rc;
    }
    *out = x;
    return 0;
}

void repack_fresh_free(struct repack_fresh *x)
{
    if (!x)
        return;
    pack_writer_free(x->w);
    frame_ctx_free(x->in);
    frame_ctx_free(x->out);
    free(x->old);
    free(x->raw);
    free(x->chunk);
    free(x);
}

static int repack_fresh_commit(struct repack_fresh *x, bool full)
{
    struct pack_info info = {.bytes = 0};
    int rc = pack_writer_commit(x->w, full, &info);

    pack_writer_free(x->w);
    x->w = NULL;
    return rc < 0 ? rc : x->done(x->ctx, &info);
}

/* The frame that is being filled goes into the open pack, or the next. */
static int repack_fresh_frame(struct repack_fresh *x)
{
    struct bytes what = pack_dir_what(x->chunk, x->chunk_n);
    struct frame f;
    int rc = 0;

    if (x->chunk_n == 0)
        return 0;
    rc = frame_prepare(x->out, bytes_of(x->raw, x->raw_n), x->level);
    if (rc == 0 && x->w &&
        !pack_writer_fits(x->w, frame_stored_bytes(x->out), x->chunk_n))
        rc = repack_fresh_commit(x, true);
    if (rc == 0 && !x->w)
        rc = pack_writer_open(x->store, x->keys, x->kind, what, &x->w);
    if (rc == 0)
        rc = frame_seal(x->out, pack_writer_key(x->w), what, &f);
    if (rc == 0)
        rc = pack_writer_add(x->w, &f, x->chunk, x->chunk_n, NULL);
    x->raw_n = x->chunk_n = 0;
    return rc;
}

static int repack_fresh_chunk(struct repack_fresh *x, struct bytes plain,
                              const struct pack_dir_chunk *c)
{
    int rc = 0;

    if (x->raw_n + plain.n > FRAME_RAW_MAX || x->chunk_n == FRAME_CHUNKS_MAX)
        rc = repack_fresh_frame(x);
    if (rc < 0)
        return rc;
    memcpy(x->raw + x->raw_n, plain.p, plain.n);
    x->raw_n += plain.n;
    x->chunk[x->chunk_n++] = *c;
    return 0;
}

int repack_fresh_add(struct repack_fresh *x, const struct object_id *pack,
                     const struct pack_dir_frame *f,
                     const struct pack_dir_chunk *chunk, const bool *want)
{
    size_t off = 0;
    int rc = pack_reader_frame(x->packs, x->in, pack, f->key, f->off,
                               f->stored_bytes, f->raw_bytes, x->old);

    for (size_t i = 0; i < f->chunk_n && rc == 0; i++) {
        if (want[i])
            rc = repack_fresh_chunk(x, bytes_of(x->old + off, chunk[i].bytes),
                                    &chunk[i]);
        off += chunk[i].bytes;
    }
    return rc;
}

int repack_fresh_flush(struct repack_fresh *x)
{
    int rc = repack_fresh_frame(x);

    return rc == 0 && x->w ? repack_fresh_commit(x, false) : rc;
}
