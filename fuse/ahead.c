#include "fuse/ahead.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "fuse/loop.h"

enum {
    AHEAD_RUNS = 16, /* directories that are read at the same time */
    AHEAD_THREADS_MAX = 4,
    AHEAD_WINDOW = 2 << 20,   /* bytes to be ahead */
    AHEAD_FILE_MAX = 1 << 20, /* of larger ones the kernel itself reads ahead */
    AHEAD_SURE = 8,           /* files in order, until whole directories are */
    AHEAD_SURE_MAX = 32,
    AHEAD_FIRST = 65536, /* bytes, before a listing is said to have ended */
    AHEAD_MISSED = 4,    /* files in a row, until the directory is left */
    AHEAD_TRIES = 20     /* while the kernel takes note of a listing */
};

#define AHEAD_PAUSE_NS INT64_C(50000)
#define AHEAD_AWAIT_NS INT64_C(5000000)
#define AHEAD_IDLE_NS  INT64_C(5000000000)

/* A directory whose files are read in order. It holds its slot, so that the
 * numbers of its files are those of no others. */
struct ahead_run {
    bool used;
    bool busy;   /* a thread is at it */
    bool wanted; /* more is to be read */
    bool over;   /* its end was reached */
    uint32_t slot;
    struct dir_slot dir;
    uint64_t next;     /* the entry to go on with */
    size_t stored;     /* bytes so far */
    uint64_t consumer; /* entries before this one are past */
    int64_t at_ns;     /* when it was used last */
};

struct ahead {
    struct mount *m;
    struct fuse_session *se;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t work;
    pthread_cond_t progress;
    unsigned waiting; /* for progress */
    struct ahead_run run[AHEAD_RUNS];
    int sure; /* how much speaks for somebody who reads all there is */
    bool stop;
    pthread_t thread[AHEAD_THREADS_MAX];
    unsigned thread_n;
};

int ahead_new(struct mount *m, struct ahead **out)
{
    struct ahead *a = mem_alloc(sizeof *a);

    *out = a;
    if (!a)
        return err_set(E_NOMEM, "out of memory");
    a->m = m;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->work, NULL);
    (void)pthread_cond_init(&a->progress, NULL);
    return 0;
}

/* ---- one file -------------------------------------------------------------
 */

/* What one thread does with a run, outside of the lock. */
struct ahead_turn {
    struct ahead_run *run;
    struct buf bytes;      /* of the file at hand */
    struct node_leaf leaf; /* in which te is, which borrows from it */
    struct tree_entry te;
    uint64_t next;
    size_t sum;      /* bytes that were passed */
    unsigned missed; /* files in a row that the kernel did not know */
    bool tripwire;   /* one file was left out: who asks for it wants more */
    bool end;        /* of the directory */
};

/*
 * Puts a file's content into the kernel's memory; E_NOTFOUND: the kernel does
 * not know the file (yet). It may wait there for a reader, who waits for an
 * answer of ours: no lane is held meanwhile.
 */
static int ahead_store(struct ahead *a, struct ahead_turn *t, uint64_t at)
{
    struct fuse_bufvec v = FUSE_BUFVEC_INIT(0);
    int rc = -ENOENT;

    for (int i = 0; rc == -ENOENT && i < AHEAD_TRIES; i++) {
        if (i > 0)
            clock_sleep_ns(AHEAD_PAUSE_NS);
        v.buf[0].size = t->bytes.n;
        v.buf[0].mem = t->bytes.p;
        v.idx = v.off = 0;
        rc = fuse_lowlevel_notify_store(
            a->se, mount_number_file(t->run->slot, (uint32_t)at), 0, &v, 0);
        if (t->missed > 0)
            break; /* it was waited for the one before */
    }
    return rc == -ENOENT ? E_NOTFOUND : rc < 0 ? E_IO : 0;
}

/* Decodes the entry that is next; the leaf that it is in is kept for those
 * behind it. No more of them: E_CORRUPT. */
static int ahead_entry(struct ahead *a, struct ahead_turn *t)
{
    struct node_leaf *l = &t->leaf;
    struct lane *lane;
    int rc = 0;

    if (!l->node || t->next < l->before || t->next >= l->before + l->node->n) {
        node_cache_release(a->m->nodes, l->node);
        l->node = NULL;
        rc = lanes_take(a->m->lanes, &lane);
        if (rc < 0)
            return rc;
        rc = node_cache_by_weight(a->m->nodes, &lane->nodes, NODE_PAGE,
                                  &t->run->dir.root, t->next, l);
        lanes_give(a->m->lanes, lane);
    }
    if (rc == 0 && !l->node)
        return E_CORRUPT; /* the end */
    return rc < 0 ? rc
                  : node_kept_entry(l->node, (size_t)(t->next - l->before),
                                    &t->te);
}

/* Reads the content of the entry that is next, if it is a file that is to be
 * stored: into t->bytes. size: of the file; 0: it is none of those. */
static int ahead_read_next(struct ahead *a, struct ahead_turn *t, size_t *size)
{
    const struct entry *e = &t->te.e;
    struct lane *lane;
    struct buf other;
    int rc = ahead_entry(a, t);

    *size = 0;
    if (rc < 0 || e->type != ENTRY_FILE || e->size == 0 ||
        e->size > AHEAD_FILE_MAX)
        return rc;
    *size = (size_t)e->size;
    if (!t->tripwire && t->sum > AHEAD_WINDOW / 2) {
        t->tripwire = true;
        return 0;
    }
    rc = lanes_take(a->m->lanes, &lane);
    if (rc < 0)
        return rc;
    rc = mount_content_read(a->m, lane, &t->te, 0, *size);
    other = t->bytes;
    t->bytes = lane->bytes;
    lane->bytes = other;
    lanes_give(a->m->lanes, lane);
    return rc;
}

/* ---- a directory ----------------------------------------------------------
 */

/* Tells how far it has come; where the consumer is further, it goes on there.
 */
static bool ahead_go_on(struct ahead *a, struct ahead_turn *t)
{
    bool stop;

    (void)pthread_mutex_lock(&a->lock);
    t->run->stored = t->sum;
    if (a->waiting > 0)
        (void)pthread_cond_broadcast(&a->progress);
    if (t->next < t->run->consumer)
        t->next = t->run->consumer;
    stop = a->stop;
    (void)pthread_mutex_unlock(&a->lock);
    return !stop;
}

static void ahead_turn(struct ahead *a, struct ahead_turn *t)
{
    int rc = 0;

    while (rc == 0 && t->sum < AHEAD_WINDOW && t->missed < AHEAD_MISSED &&
           ahead_go_on(a, t)) {
        const bool wire = t->tripwire;
        size_t size;

        rc = ahead_read_next(a, t, &size);
        if (rc == 0 && size > 0 && wire == t->tripwire) {
            rc = ahead_store(a, t, t->next);
            t->missed = rc == E_NOTFOUND ? t->missed + 1 : 0;
            rc = rc == E_NOTFOUND ? 0 : rc;
        }
        t->sum += size;
        t->next += rc == 0;
    }
    /* who reads will meet the trouble, and is told */
    t->end |= rc < 0;
}

static struct ahead_run *ahead_wanted(struct ahead *a)
{
    for (int i = 0; i < AHEAD_RUNS; i++) {
        struct ahead_run *r = &a->run[i];

        if (r->used && r->wanted && !r->busy)
            return r;
    }
    return NULL;
}

/* With the lock, which is given up meanwhile. */
static void ahead_work(struct ahead *a, struct ahead_run *r, struct buf *bytes)
{
    struct ahead_turn t = {.run = r, .next = r->next, .bytes = *bytes};
    r->busy = true;
    r->wanted = false;
    (void)pthread_mutex_unlock(&a->lock);
    ahead_turn(a, &t);
    *bytes = t.bytes;
    node_cache_release(a->m->nodes, t.leaf.node);
    tree_entry_release(&t.te);
    (void)pthread_mutex_lock(&a->lock);
    r->busy = false;
    r->over = t.end;
    (void)pthread_cond_broadcast(&a->progress);
    if (r->next < t.next)
        r->next = t.next;
}

static void *ahead_thread(void *arg)
{
    struct ahead *a = arg;
    struct buf bytes;

    buf_init(&bytes, LANES_ANSWER_MAX);
    (void)pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        struct ahead_run *r = ahead_wanted(a);

        if (r)
            ahead_work(a, r, &bytes);
        else
            (void)pthread_cond_wait(&a->work, &a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
    buf_release(&bytes);
    return NULL;
}

int ahead_start(struct ahead *a, struct fuse_session *se)
{
    unsigned n = pipe_threads(0);

    a->se = se;
    while (a->thread_n < n && a->thread_n < AHEAD_THREADS_MAX &&
           pthread_create(&a->thread[a->thread_n], NULL, ahead_thread, a) == 0)
        a->thread_n++;
    return a->thread_n > 0 ? 0 : err_set(E_IO, "no thread can be started");
}

/* ---- who reads what -------------------------------------------------------
 */

static void ahead_drop(struct ahead *a, struct ahead_run *r)
{
    r->used = false;
    dir_slots_forget(a->m->slots, r->slot, 1);
}

static struct ahead_run *ahead_find(struct ahead *a, uint32_t slot)
{
    for (int i = 0; i < AHEAD_RUNS; i++) {
        if (a->run[i].used && a->run[i].slot == slot)
            return &a->run[i];
    }
    return NULL;
}

/* A place for another directory: a free one, or the one that was used longest
 * ago. NULL: all are at work. */
static struct ahead_run *ahead_place(struct ahead *a)
{
    struct ahead_run *oldest = NULL;

    for (int i = 0; i < AHEAD_RUNS; i++) {
        struct ahead_run *r = &a->run[i];

        if (!r->used)
            return r;
        if (!r->busy && (!oldest || r->at_ns < oldest->at_ns))
            oldest = r;
    }
    if (oldest)
        ahead_drop(a, oldest);
    return oldest;
}

static struct ahead_run *ahead_begin(struct ahead *a,
                                     const struct mount_node *n, uint64_t next)
{
    struct ahead_run *r = ahead_place(a);

    if (!r)
        return NULL;
    *r = (struct ahead_run){.used = true,
                            .slot = n->slot,
                            .dir = n->dir,
                            .next = next,
                            .consumer = next,
                            .at_ns = clock_monotonic_ns()};
    dir_slots_hold(a->m->slots, n->slot);
    return r;
}

static void ahead_want(struct ahead *a, struct ahead_run *r)
{
    if (r->over || r->wanted)
        return;
    r->wanted = true;
    (void)pthread_cond_signal(&a->work);
}

void ahead_read(struct ahead *a, const struct mount_node *file)
{
    const uint64_t next = (uint64_t)file->at + 1;
    struct ahead_run *r;

    (void)pthread_mutex_lock(&a->lock);
    r = ahead_find(a, file->slot);
    if (!r) {
        r = ahead_begin(a, file, next);
        if (r && a->sure >= AHEAD_SURE)
            ahead_want(a, r);
    } else if (next > r->consumer) {
        r->consumer = next;
        r->at_ns = clock_monotonic_ns();
        a->sure += a->sure < AHEAD_SURE_MAX;
        ahead_want(a, r);
    } else {
        a->sure /= 2;
    }
    (void)pthread_mutex_unlock(&a->lock);
}

void ahead_listed(struct ahead *a, const struct mount_node *dir)
{
    struct ahead_run *r;

    (void)pthread_mutex_lock(&a->lock);
    if (a->sure >= AHEAD_SURE && !ahead_find(a, dir->slot)) {
        r = ahead_begin(a, dir, 0);
        if (r)
            ahead_want(a, r);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

void ahead_await(struct ahead *a, uint32_t slot)
{
    const int64_t until = clock_monotonic_ns() + AHEAD_AWAIT_NS;
    struct timespec t = {.tv_sec = until / 1000000000,
                         .tv_nsec = (long)(until % 1000000000)};
    struct ahead_run *r;
    int timeout = 0;

    (void)pthread_mutex_lock(&a->lock);
    a->waiting++;
    while (!timeout && !a->stop && (r = ahead_find(a, slot)) && !r->over &&
           (r->wanted || r->busy) && r->stored < AHEAD_FIRST) {
        loop_let_lead();
        timeout =
            pthread_cond_clockwait(&a->progress, &a->lock, CLOCK_MONOTONIC, &t);
    }
    a->waiting--;
    (void)pthread_mutex_unlock(&a->lock);
}

void ahead_tidy(struct ahead *a)
{
    const int64_t now = clock_monotonic_ns();

    (void)pthread_mutex_lock(&a->lock);
    for (int i = 0; i < AHEAD_RUNS; i++) {
        struct ahead_run *r = &a->run[i];

        if (r->used && !r->busy && now - r->at_ns > AHEAD_IDLE_NS)
            ahead_drop(a, r);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

void ahead_stop(struct ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_broadcast(&a->work);
    (void)pthread_cond_broadcast(&a->progress);
    (void)pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->thread_n; i++)
        (void)pthread_join(a->thread[i], NULL);
    a->thread_n = 0;
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    ahead_stop(a);
    (void)pthread_cond_destroy(&a->work);
    (void)pthread_cond_destroy(&a->progress);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}
