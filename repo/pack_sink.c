#include "repo/pack_sink.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PACK_SINK_WAITING = 2 }; /* closed packs that wait for the disk */

/* A pack on its way, and its number. */
struct pack_sink_pack {
    struct pack_writer *w; /* NULL: none */
    uint64_t number;
    bool full;
};

struct pack_sink {
    struct store *store;
    const struct keyring *keys;
    enum pack_kind kind;
    pack_sink_done *done;
    void *done_ctx;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t changed; /* anything below did */
    struct pack_sink_pack open;
    struct pack_sink_pack waiting[PACK_SINK_WAITING]; /* first comes first */
    size_t waiting_n;
    uint64_t next;      /* number of the next pack to be opened */
    uint64_t completed; /* all packs below are durable and handed over */
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

/* Without the lock: the slow part. */
static int pack_sink_commit(struct pack_sink *q, struct pack_sink_pack *p)
{
    struct pack_info info = {.bytes = 0};
    int rc = pack_writer_commit(p->w, p->full, &info);

    pack_writer_free(p->w);
    if (rc == 0)
        rc = q->done(q->done_ctx, p->number, &info);
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
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
        rc = pack_sink_commit(q, &p);
        pthread_mutex_lock(&q->lock);
        if (rc < 0)
            pack_sink_fail(q, rc);
        else
            q->completed = p.number + 1;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Signals belong to the thread that waits for them. */
static int pack_sink_start(struct pack_sink *q)
{
    sigset_t all;
    sigset_t old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&q->thread, NULL, pack_sink_run, q);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
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
    rc = pack_sink_start(q);
    if (rc < 0) {
        pack_sink_free(q);
        return rc;
    }
    *out = q;
    return 0;
}

/* Locked. Hands the open pack to the thread, when there is room. */
static int pack_sink_close_pack(struct pack_sink *q, bool full)
{
    uint64_t number = q->open.number;

    while (q->failure.code == 0 && q->waiting_n == PACK_SINK_WAITING)
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->failure.code != 0)
        return pack_sink_failed(q);
    if (!q->open.w || q->open.number != number)
        return 0; /* somebody else did it meanwhile */
    q->open.full = full;
    q->waiting[q->waiting_n++] = q->open;
    q->open.w = NULL;
    pthread_cond_broadcast(&q->changed);
    return 0;
}

/* Locked. The key of the open pack, and its number; opens one if need be. */
static int pack_sink_key(struct pack_sink *q, struct bytes what,
                         struct frame_key *key, uint64_t *number)
{
    int rc = pack_sink_failed(q);

    if (rc == 0 && !q->open.w) {
        rc = pack_writer_open(q->store, q->keys, q->kind, what, &q->open.w);
        if (rc == 0)
            q->open.number = q->next++;
    }
    if (rc < 0)
        return rc;
    *key = *pack_writer_key(q->open.w);
    *number = q->open.number;
    return 0;
}

/* Locked. Adds f, sealed for pack `number`; taken: false when that pack is
 * closed by now. */
static int pack_sink_take(struct pack_sink *q, uint64_t number,
                          const struct frame *f,
                          const struct pack_dir_chunk *chunk, size_t chunk_n,
                          struct pack_place *place, bool *taken)
{
    int rc = pack_sink_failed(q);
    uint32_t off;

    *taken = false;
    if (rc < 0 || !q->open.w || q->open.number != number)
        return rc;
    if (!pack_writer_fits(q->open.w, f->stored.n, chunk_n))
        return pack_sink_close_pack(q, true);
    rc = pack_writer_add(q->open.w, f, chunk, chunk_n, &off);
    if (rc < 0)
        return rc;
    *taken = true;
    if (place)
        *place = (struct pack_place){.pack = number,
                                     .off = off,
                                     .stored_bytes = (uint32_t)f->stored.n,
                                     .raw_bytes = f->raw_bytes};
    return 0;
}

int pack_sink_add(struct pack_sink *q, struct frame_ctx *x,
                  const struct pack_dir_chunk *chunk, size_t chunk_n,
                  struct pack_place *place, struct frame_kept *kept)
{
    struct bytes what = pack_dir_what(chunk, chunk_n);
    struct frame_key key;
    struct frame f;
    uint64_t number;
    bool taken = false;
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    while (rc == 0 && !taken) {
        rc = pack_sink_key(q, what, &key, &number);
        if (rc < 0)
            break;
        pthread_mutex_unlock(&q->lock);
        rc = frame_seal(x, &key, what, &f);
        pthread_mutex_lock(&q->lock);
        if (rc == 0)
            rc = pack_sink_take(q, number, &f, chunk, chunk_n, place, &taken);
    }
    if (rc < 0)
        pack_sink_fail(q, rc);
    pthread_mutex_unlock(&q->lock);
    if (rc == 0 && kept)
        frame_keep(&key, f.stored.p, kept);
    crypto_wipe(&key, sizeof key);
    return rc;
}

int pack_sink_flush(struct pack_sink *q)
{
    uint64_t before;
    int rc;

    pthread_mutex_lock(&q->lock);
    rc = pack_sink_failed(q);
    if (rc == 0 && q->open.w && pack_writer_bytes(q->open.w) > 0)
        rc = pack_sink_close_pack(q, false);
    /* an open pack that is still there holds nothing that was added before */
    before = q->open.w ? q->open.number : q->next;
    while (rc == 0 && q->completed < before) {
        pthread_cond_wait(&q->changed, &q->lock);
        rc = pack_sink_failed(q);
    }
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
    pack_writer_free(q->open.w);
    for (size_t i = 0; i < q->waiting_n; i++)
        pack_writer_free(q->waiting[i].w);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}
