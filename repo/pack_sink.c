#include "repo/pack_sink.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/thread.h"

enum {
    PACK_SINK_WAITING = 2, /* closed packs that wait for the disk */
    PACK_SINK_LANES = 4,
    /* chunks of one pack, about: the index takes a pack as a whole, and may
     * take a page of memory for each of its chunks. Met by files of less than
     * 1 KiB as they are stored, and by nothing else */
    PACK_SINK_CHUNKS = 32768
};

/* A pack on its way, and its number. */
struct pack_sink_pack {
    struct pack_writer *w; /* NULL: none */
    uint64_t number;
    bool full;
};

/* One open pack. Its lock is taken before the sink's; `open` is changed under
 * both, the writer behind it is used under the lane's alone. */
struct pack_sink_lane {
    pthread_mutex_t lock;
    struct pack_sink_pack open;
    unsigned users; /* threads that add a frame: under the sink's lock */
};

/* A frame on its way into a pack. */
struct pack_sink_put {
    const struct pack_dir_chunk *chunk;
    size_t chunk_n;
    struct frame_key key; /* of the pack it is sealed for: place.pack */
    struct frame frame;
    struct pack_place place;
    bool taken; /* it lies there */
};

struct pack_sink {
    struct store *store;
    const struct keyring *keys;
    enum pack_kind kind;
    pack_sink_done *done;
    void *done_ctx;
    pthread_t thread;
    bool started;
    struct pack_sink_lane lane[PACK_SINK_LANES];

    pthread_mutex_t lock;                             /* guards all below */
    pthread_cond_t changed;                           /* anything below did */
    struct pack_sink_pack waiting[PACK_SINK_WAITING]; /* first comes first */
    size_t waiting_n;
    bool committing; /* pack number `commit` is on its way to the disk */
    uint64_t commit;
    uint64_t next; /* number of the next pack to be opened */
    bool wide;     /* one pack was filled: more than one may be open */
    bool stop;
    struct err_record failure; /* code 0: none */
};

/* Keeps the first failure; the sink is then dead. */
static void pack_sink_fail(struct pack_sink *q, int rc)
{
    if (q->failure.code == 0)
        err_save(rc, &q->failure);
    pthread_cond_broadcast(&q->changed);
}

static int pack_sink_failed(const struct pack_sink *q)
{
    return q->failure.code == 0 ? 0 : err_load(&q->failure);
}

/* Of the packs of all numbers below, done() has been told, when it has been
 * told of the one that is being committed. */
static uint64_t pack_sink_below(const struct pack_sink *q)
{
    uint64_t least = q->next;

    for (size_t i = 0; i < q->waiting_n; i++)
        least = q->waiting[i].number < least ? q->waiting[i].number : least;
    for (size_t i = 0; i < PACK_SINK_LANES; i++) {
        const struct pack_sink_pack *p = &q->lane[i].open;

        least = p->w && p->number < least ? p->number : least;
    }
    return least;
}

/* Whether a pack of a number below is closed and not handed over. */
static bool pack_sink_owes(const struct pack_sink *q, uint64_t below)
{
    for (size_t i = 0; i < q->waiting_n; i++)
        if (q->waiting[i].number < below)
            return true;
    return q->committing && q->commit < below;
}

/* Without the lock: the slow part. */
static int pack_sink_commit(struct pack_sink *q, struct pack_sink_pack *p)
{
    struct pack_info info = {.bytes = 0};
    int rc = pack_writer_commit(p->w, p->full, &info);
    uint64_t below;

    pack_writer_free(p->w);
    pthread_mutex_lock(&q->lock);
    below = pack_sink_below(q);
    pthread_mutex_unlock(&q->lock);
    if (rc == 0)
        rc = q->done(q->done_ctx, p->number, below, &info);
    pack_info_release(&info);
    return rc;
}

static void *pack_sink_run(void *arg)
{
    struct pack_sink *q = arg;

    pthread_mutex_lock(&q->lock);
    for (;;) {
        struct pack_sink_pack p = q->waiting[0];
        int rc;

        if (q->stop || q->failure.code != 0)
            break;
        if (q->waiting_n == 0) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        q->waiting_n--;
        for (size_t i = 0; i < q->waiting_n; i++)
            q->waiting[i] = q->waiting[i + 1];
        q->committing = true;
        q->commit = p.number;
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
        rc = pack_sink_commit(q, &p);
        pthread_mutex_lock(&q->lock);
        q->committing = false;
        if (rc < 0)
            pack_sink_fail(q, rc);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static int pack_sink_start(struct pack_sink *q)
{
    int rc = thread_start(&q->thread, pack_sink_run, q);

    if (rc != 0)
        return err_set_errno(E_INTERNAL, rc, "starting a thread");
    q->started = true;
    return 0;
}

int pack_sink_open(struct store *s, const struct keyring *k,
                   enum pack_kind kind, pack_sink_done *done, void *ctx,
                   struct pack_sink **out)
{
    struct pack_sink *q = mem_alloc(sizeof *q);
    int rc;

    if (!q)
        return err_set(E_NOMEM, "out of memory");
    q->store = s;
    q->keys = k;
    q->kind = kind;
    q->done = done;
    q->done_ctx = ctx;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    for (size_t i = 0; i < PACK_SINK_LANES; i++)
        pthread_mutex_init(&q->lane[i].lock, NULL);
    rc = pack_sink_start(q);
    if (rc < 0) {
        pack_sink_free(q);
        return rc;
    }
    *out = q;
    return 0;
}

/* The lane's lock is held. Hands its pack to the thread, when there is room. */
static int pack_sink_close_pack(struct pack_sink *q, struct pack_sink_lane *l,
                                bool full)
{
    int rc;

    pthread_mutex_lock(&q->lock);
    while (q->failure.code == 0 && q->waiting_n == PACK_SINK_WAITING)
        pthread_cond_wait(&q->changed, &q->lock);
    rc = pack_sink_failed(q);
    if (rc == 0) {
        l->open.full = full;
        q->wide |= full;
        q->waiting[q->waiting_n++] = l->open;
        l->open.w = NULL;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

/* The lane's lock is held. Opens a pack in it. */
static int pack_sink_open_pack(struct pack_sink *q, struct pack_sink_lane *l,
                               struct bytes what)
{
    struct pack_writer *w = NULL;
    int rc = pack_writer_open(q->store, q->keys, q->kind, what, &w);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&q->lock);
    l->open.w = w;
    l->open.number = q->next++;
    pthread_mutex_unlock(&q->lock);
    return 0;
}

/* Whether a frame had better go to lane a: where fewer are at work; there, into
 * the pack that was opened first. One that others overtake would hold up
 * `below` for as long as it takes to fill. */
static bool pack_sink_better(const struct pack_sink_lane *a,
                             const struct pack_sink_lane *b)
{
    if (a->users != b->users)
        return a->users < b->users;
    return a->open.w && (!b->open.w || a->open.number < b->open.number);
}

/* The lane to add a frame to. */
static int pack_sink_enter(struct pack_sink *q, struct pack_sink_lane **out)
{
    struct pack_sink_lane *best = &q->lane[0];
    int rc;

    pthread_mutex_lock(&q->lock);
    rc = pack_sink_failed(q);
    for (size_t i = 1; q->wide && i < PACK_SINK_LANES; i++)
        best = pack_sink_better(&q->lane[i], best) ? &q->lane[i] : best;
    best->users += rc == 0;
    pthread_mutex_unlock(&q->lock);
    *out = best;
    return rc;
}

static void pack_sink_leave(struct pack_sink *q, struct pack_sink_lane *l,
                            int rc)
{
    pthread_mutex_lock(&q->lock);
    l->users--;
    if (rc < 0)
        pack_sink_fail(q, rc);
    pthread_mutex_unlock(&q->lock);
}

/* rc: a failure to be known before a lane whose writer died of it is unlocked;
 * or 0. Returns what the sink died of, or 0. */
static int pack_sink_known(struct pack_sink *q, int rc)
{
    pthread_mutex_lock(&q->lock);
    if (rc < 0)
        pack_sink_fail(q, rc);
    rc = pack_sink_failed(q);
    pthread_mutex_unlock(&q->lock);
    return rc;
}

/* The lane's lock is held. Adds the frame, unless its pack is closed by now. */
static int pack_sink_take(struct pack_sink *q, struct pack_sink_lane *l,
                          struct pack_sink_put *p)
{
    uint32_t bytes = (uint32_t)p->frame.stored.n;
    int rc = pack_sink_known(q, 0);

    if (rc < 0 || !l->open.w || l->open.number != p->place.pack)
        return rc;
    if (!pack_writer_fits(l->open.w, bytes, p->chunk_n))
        return pack_sink_close_pack(q, l, true);
    if (pack_writer_chunks(l->open.w) + p->chunk_n > PACK_SINK_CHUNKS)
        return pack_sink_close_pack(q, l, false);
    rc = pack_writer_add(l->open.w, &p->frame, p->chunk, p->chunk_n,
                         &p->place.off);
    p->taken = rc == 0;
    p->place.stored_bytes = bytes;
    p->place.raw_bytes = p->frame.raw_bytes;
    return rc < 0 ? pack_sink_known(q, rc) : 0;
}

/* The key to seal under, and the number of its pack. */
static int pack_sink_key(struct pack_sink *q, struct pack_sink_lane *l,
                         struct bytes what, struct pack_sink_put *p)
{
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    if (!l->open.w)
        rc = pack_sink_open_pack(q, l, what);
    if (rc == 0) {
        p->key = *pack_writer_key(l->open.w);
        p->place.pack = l->open.number;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* Seals the frame for the lane's pack and adds it, if that is still open. */
static int pack_sink_try(struct pack_sink *q, struct pack_sink_lane *l,
                         struct frame_ctx *x, struct pack_sink_put *p)
{
    struct bytes what = pack_dir_what(p->chunk, p->chunk_n);
    int rc = pack_sink_key(q, l, what, p);

    if (rc == 0)
        rc = frame_seal(x, &p->key, what, &p->frame);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&l->lock);
    rc = pack_sink_take(q, l, p);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int pack_sink_add(struct pack_sink *q, struct frame_ctx *x,
                  const struct pack_dir_chunk *chunk, size_t chunk_n,
                  struct pack_place *place, struct frame_kept *kept)
{
    struct pack_sink_put p = {.chunk = chunk, .chunk_n = chunk_n};
    struct pack_sink_lane *l;
    int rc;

    limit_wait(LIMIT_WRITE);
    rc = pack_sink_enter(q, &l);
    if (rc < 0)
        return rc;
    while (rc == 0 && !p.taken)
        rc = pack_sink_try(q, l, x, &p);
    pack_sink_leave(q, l, rc);
    if (rc == 0 && place)
        *place = p.place;
    if (rc == 0 && kept)
        frame_keep(&p.key, p.frame.stored.p, kept);
    crypto_wipe(&p.key, sizeof p.key);
    return rc;
}

int pack_sink_flush(struct pack_sink *q)
{
    uint64_t before;
    int rc = 0;

    for (size_t i = 0; i < PACK_SINK_LANES && rc == 0; i++) {
        struct pack_sink_lane *l = &q->lane[i];

        pthread_mutex_lock(&l->lock);
        if (l->open.w && pack_writer_bytes(l->open.w) > 0)
            rc = pack_sink_close_pack(q, l, false);
        pthread_mutex_unlock(&l->lock);
    }
    pthread_mutex_lock(&q->lock);
    before = q->next;
    while (q->failure.code == 0 && pack_sink_owes(q, before))
        pthread_cond_wait(&q->changed, &q->lock);
    rc = pack_sink_failed(q);
    pthread_mutex_unlock(&q->lock);
    return rc;
}

void pack_sink_free(struct pack_sink *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (q->started)
        pthread_join(q->thread, NULL);
    for (size_t i = 0; i < PACK_SINK_LANES; i++) {
        pack_writer_free(q->lane[i].open.w);
        pthread_mutex_destroy(&q->lane[i].lock);
    }
    for (size_t i = 0; i < q->waiting_n; i++)
        pack_writer_free(q->waiting[i].w);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}
