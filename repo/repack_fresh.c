#include "repo/repack_fresh.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "base/thread.h"

/* A frame that is being filled, or compressed by a thread of its own. */
struct repack_fresh_frame {
    uint8_t *raw; /* FRAME_RAW_MAX bytes */
    size_t raw_n;
    struct pack_dir_chunk *chunk; /* FRAME_CHUNKS_MAX */
    size_t chunk_n;
    struct frame_ctx *ctx;
    int level;
    bool begun;   /* it is full, and only to be compressed and written */
    bool running; /* a thread does that */
    pthread_t thread;
    struct err_record why; /* what came of compressing */
};

struct repack_fresh {
    struct store *store;
    const struct keyring *keys;
    struct pack_reader *packs;
    enum pack_kind kind;
    repack_fresh_done *done;
    void *ctx;
    struct frame_ctx *in; /* opens frames */
    uint8_t *old;         /* an opened frame, FRAME_RAW_MAX bytes */
    struct repack_fresh_frame frame[2];
    struct repack_fresh_frame *now; /* that which is being filled */
    struct pack_writer *w;          /* NULL: none is open */
};

static int repack_fresh_frame_new(struct repack_fresh_frame *f, int level)
{
    f->level = level;
    f->raw = mem_alloc(FRAME_RAW_MAX);
    f->chunk = mem_array(FRAME_CHUNKS_MAX, sizeof *f->chunk);
    return f->raw && f->chunk ? frame_ctx_new(&f->ctx)
                              : err_set(E_NOMEM, "out of memory");
}

static void repack_fresh_wait(struct repack_fresh_frame *f)
{
    if (f->running)
        (void)pthread_join(f->thread, NULL);
    f->running = false;
}

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
                               .done = done,
                               .ctx = ctx};
    x->now = &x->frame[0];
    x->old = mem_alloc(FRAME_RAW_MAX);
    rc = x->old ? frame_ctx_new(&x->in) : err_set(E_NOMEM, "out of memory");
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = repack_fresh_frame_new(&x->frame[i], level);
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
    for (int i = 0; i < 2; i++) {
        repack_fresh_wait(&x->frame[i]);
        frame_ctx_free(x->frame[i].ctx);
        free(x->frame[i].raw);
        free(x->frame[i].chunk);
    }
    pack_writer_free(x->w);
    frame_ctx_free(x->in);
    free(x->old);
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

static void *repack_fresh_compress(void *arg)
{
    struct repack_fresh_frame *f = arg;
    int rc = frame_prepare(f->ctx, bytes_of(f->raw, f->raw_n), f->level);

    err_save(rc, &f->why);
    return NULL;
}

/* A full frame is compressed while the next one is filled. */
static void repack_fresh_begin(struct repack_fresh_frame *f)
{
    f->begun = true;
    f->running = pipe_threads(0) > 1 &&
                 thread_start(&f->thread, repack_fresh_compress, f) == 0;
    if (!f->running)
        (void)repack_fresh_compress(f);
}

/* A frame that was begun goes into the open pack, or the next. */
static int repack_fresh_write(struct repack_fresh *x,
                              struct repack_fresh_frame *from)
{
    struct bytes what = pack_dir_what(from->chunk, from->chunk_n);
    struct frame f;
    int rc;

    if (!from->begun)
        return 0;
    repack_fresh_wait(from);
    rc = from->why.code ? err_load(&from->why) : 0;
    if (rc == 0 && x->w &&
        !pack_writer_fits(x->w, frame_stored_bytes(from->ctx), from->chunk_n))
        rc = repack_fresh_commit(x, true);
    if (rc == 0 && !x->w)
        rc = pack_writer_open(x->store, x->keys, x->kind, what, &x->w);
    if (rc == 0)
        rc = frame_seal(from->ctx, pack_writer_key(x->w), what, &f);
    if (rc == 0)
        rc = pack_writer_add(x->w, &f, from->chunk, from->chunk_n, NULL);
    from->raw_n = from->chunk_n = 0;
    from->begun = false;
    return rc;
}

/* The frame that is being filled is full; the other one is written. */
static int repack_fresh_turn(struct repack_fresh *x)
{
    struct repack_fresh_frame *other =
        x->now == &x->frame[0] ? &x->frame[1] : &x->frame[0];

    if (x->now->chunk_n > 0)
        repack_fresh_begin(x->now);
    x->now = other;
    return repack_fresh_write(x, other);
}

static int repack_fresh_chunk(struct repack_fresh *x, struct bytes plain,
                              const struct pack_dir_chunk *c)
{
    struct repack_fresh_frame *f;
    int rc = 0;

    if (x->now->raw_n + plain.n > FRAME_RAW_MAX ||
        x->now->chunk_n == FRAME_CHUNKS_MAX)
        rc = repack_fresh_turn(x);
    if (rc < 0)
        return rc;
    f = x->now;
    memcpy(f->raw + f->raw_n, plain.p, plain.n);
    f->raw_n += plain.n;
    f->chunk[f->chunk_n++] = *c;
    return 0;
}

int repack_fresh_add(struct repack_fresh *x, const struct object_id *pack,
                     const struct pack_dir_frame *f,
                     const struct pack_dir_chunk *chunk, const bool *want)
{
    size_t off = 0;
    int rc;

    limit_wait(LIMIT_READ);
    limit_wait(LIMIT_WRITE);
    rc = pack_reader_frame(x->packs, x->in, pack, f->key, f->off,
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
    int rc = repack_fresh_turn(x);

    if (rc == 0)
        rc = repack_fresh_turn(x);
    return rc == 0 && x->w ? repack_fresh_commit(x, false) : rc;
}
