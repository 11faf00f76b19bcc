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

/* Puts a file's content into the kernel's memory. E_NOTFOUND: the kernel does
 * not know the file (yet). */
static int ahead_store(struct ahead *a, struct lane *lane, uint32_t slot,
                       uint64_t at)
{
    struct fuse_bufvec v = FUSE_BUFVEC_INIT(0);
    int rc =
        mount_content_read(a->m, lane, &lane->te, 0, (size_t)lane->te.e.size);

    for (int i = 0; rc == 0; i++) {
        v.buf[0].size = lane->bytes.n;
        v.buf[0].mem = lane->bytes.p;
        v.idx = v.off = 0;
        rc = fuse_lowlevel_notify_store(
            a->se, mount_number_file(slot, (uint32_t)at), 0, &v, 0);
        if (rc != -ENOENT)
            return rc < 0 ? E_IO : 0;
        if (i == AHEAD_TRIES)
            return E_NOTFOUND;
        clock_sleep_ns(AHEAD_PAUSE_NS);
        rc = 0;
    }
    return rc;
}

/* ---- a directory ----------------------------------------------------------
 */

/* What one thread does with a run, outside of the lock. */
struct ahead_turn {
    struct ahead_run *run;
    uint64_t next;
    size_t bytes;  /* that were stored */
    bool tripwire; /* one file was left out: who asks for it wants more */
    bool over;
};

/* Whether the consumer is behind entry `at`; else at becomes where it is. */
static bool ahead_go_on(struct ahead *a, struct ahead_turn *t)
{
    bool stop;

    (void)pthread_mutex_lock(&a->lock);
    t->run->stored = t->bytes;
    if (a->waiting > 0)
        (void)pthread_cond_broadcast(&a->progress);
    if (t->next < t->run->consumer)
        t->next = t->run->consumer;
    stop = a->stop;
    (void)pthread_mutex_unlock(&a->lock);
    return !stop;
}

/* Entries of one leaf. Returns what ends the turn. */
static int ahead_leaf(struct ahead *a, struct lane *lane, struct ahead_turn *t,
                      const struct node_leaf *leaf)
{
    const struct node_kept *k = leaf->node;
    const uint64_t end = leaf->before + k->n;
    int rc = 0;

    while (rc == 0 && t->next < end && t->bytes < AHEAD_WINDOW) {
        const struct entry *e = &lane->te.e;

        if (!ahead_go_on(a, t))
            return E_CANCELED;
        if (t->next >= end)
            break;
        rc = node_kept_entry(k, (size_t)(t->next - leaf->before), &lane->te);
        if (rc == 0 && e->type == ENTRY_FILE && e->size > 0 &&
            e->size <= AHEAD_FILE_MAX) {
            if (!t->tripwire && t->bytes > AHEAD_WINDOW / 2)
                t->tripwire = true;
            else
                rc = ahead_store(a, lane, t->run->slot, t->next);
            t->bytes += (size_t)e->size;
        }
        t->next += rc == 0;
    }
    return rc;
}

static void ahead_turn(struct ahead *a, struct lane *lane, struct ahead_turn *t)
{
    int rc = 0;

    while (rc == 0 && t->bytes < AHEAD_WINDOW) {
        struct node_leaf leaf;

        rc = node_cache_by_weight(a->m->nodes, &lane->nodes, NODE_PAGE,
                                  &t->run->dir.root, t->next, &leaf);
        if (rc < 0 || !leaf.node)
            break;
        rc = ahead_leaf(a, lane, t, &leaf);
        node_cache_release(a->m->nodes, leaf.node);
    }
    /* at the end; or who reads will meet the trouble, and is told */
    t->over = rc < 0 || t->bytes < AHEAD_WINDOW;
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
static void ahead_work(struct ahead *a, struct ahead_run *r)
{
    struct ahead_turn t = {.run = r, .next = r->next};
    struct lane *lane;

    r->busy = true;
    r->wanted = false;
    (void)pthread_mutex_unlock(&a->lock);
    if (lanes_take(a->m->lanes, &lane) == 0) {
        ahead_turn(a, lane, &t);
        lanes_give(a->m->lanes, lane);
    }
    (void)pthread_mutex_lock(&a->lock);
    r->busy = false;
    r->over = t.over;
    (void)pthread_cond_broadcast(&a->progress);
    if (r->next < t.next)
        r->next = t.next;
}

static void *ahead_thread(void *arg)
{
    struct ahead *a = arg;

    (void)pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        struct ahead_run *r = ahead_wanted(a);

        if (r)
            ahead_work(a, r);
        else
            (void)pthread_cond_wait(&a->work, &a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
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

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_broadcast(&a->work);
    (void)pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->thread_n; i++)
        (void)pthread_join(a->thread[i], NULL);
    (void)pthread_cond_destroy(&a->work);
    (void)pthread_cond_destroy(&a->progress);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}
