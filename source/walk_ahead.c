#include "source/walk_ahead.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

enum walk_ahead_state { AHEAD_WAITS, AHEAD_BUSY, AHEAD_DONE };

struct walk_ahead {
    const struct walk_marker *marker;
    size_t marker_n;
    uint8_t *dents[2]; /* of the thread and of the walk */
    pthread_t thread;
    bool has_thread;
    atomic_size_t todo_n; /* looks in the ring; a hint without the lock */
    atomic_size_t held;   /* bytes of the looks that are done; likewise */
    atomic_size_t done_n; /* that were done; likewise */

    /* the walk's own */
    size_t out_n;            /* looks that are not dropped */
    struct walk_look *spare; /* by next */
    size_t spare_n;

    pthread_mutex_t lock; /* of what follows, and of each look's state */
    pthread_cond_t wake;  /* the thread */
    pthread_cond_t done;  /* the walk */
    bool idle;            /* the thread waits */
    bool wanted;          /* the walk waits */
    bool stop;
    struct walk_look todo; /* head of the ring of those that wait */
};

/* ---- the ring (under the lock) ---------------------------------------- */

static void walk_ahead_link(struct walk_ahead *a, struct walk_look *l)
{
    l->next = &a->todo;
    l->prev = a->todo.prev;
    l->prev->next = l;
    a->todo.prev = l;
    atomic_store(&l->state, AHEAD_WAITS);
    (void)atomic_fetch_add(&a->todo_n, 1);
}

static void walk_ahead_unlink(struct walk_ahead *a, struct walk_look *l)
{
    l->next->prev = l->prev;
    l->prev->next = l->next;
    atomic_store(&l->state, AHEAD_BUSY);
    (void)atomic_fetch_sub(&a->todo_n, 1);
}

/* Looks, without the lock. */
static void walk_ahead_look(struct walk_ahead *a, struct walk_look *l,
                            uint8_t *dents)
{
    (void)pthread_mutex_unlock(&a->lock);
    walk_look_run(l, a->marker, a->marker_n, dents);
    (void)pthread_mutex_lock(&a->lock);
    l->held = walk_look_bytes(l);
    (void)atomic_fetch_add(&a->held, l->held);
    atomic_store(&l->state, AHEAD_DONE);
    (void)atomic_fetch_add(&a->done_n, 1);
}

/* Does one that waits. */
static void walk_ahead_do(struct walk_ahead *a, struct walk_look *l,
                          uint8_t *dents)
{
    walk_ahead_unlink(a, l);
    walk_ahead_look(a, l, dents);
}

/* For the thread to be done with it; the next ones that wait are done
 * meanwhile, since to sleep and be woken takes longer than to look. */
static void walk_ahead_await(struct walk_ahead *a, const struct walk_look *l)
{
    while (l->state == AHEAD_BUSY) {
        if (a->todo.next != &a->todo) {
            walk_ahead_do(a, a->todo.next, a->dents[1]);
            continue;
        }
        a->wanted = true;
        (void)pthread_cond_wait(&a->done, &a->lock);
        a->wanted = false;
    }
}

/* ---- the thread ------------------------------------------------------- */

static void *walk_ahead_main(void *arg)
{
    struct walk_ahead *a = arg;

    (void)fileop_enter(FILEOP_SOURCE);
    (void)pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        struct walk_look *l = a->todo.next;

        if (l == &a->todo) {
            a->idle = true;
            (void)pthread_cond_wait(&a->wake, &a->lock);
            a->idle = false;
            continue;
        }
        walk_ahead_do(a, l, a->dents[0]);
        if (a->wanted)
            (void)pthread_cond_signal(&a->done);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- life ------------------------------------------------------------- */

int walk_ahead_new(const struct walk_marker *marker, size_t marker_n,
                   struct walk_ahead **out)
{
    struct walk_ahead *a = mem_alloc(sizeof *a);

    *out = NULL;
    if (!a)
        return err_set(E_NOMEM, "out of memory for a walk");
    a->marker = marker;
    a->marker_n = marker_n;
    a->todo.next = a->todo.prev = &a->todo;
    atomic_init(&a->todo_n, 0);
    atomic_init(&a->held, 0);
    atomic_init(&a->done_n, 0);
    thread_mutex_brief(&a->lock);
    (void)pthread_cond_init(&a->wake, NULL);
    (void)pthread_cond_init(&a->done, NULL);
    a->dents[0] = mem_alloc(WALK_DENTS_BYTES);
    a->dents[1] = mem_alloc(WALK_DENTS_BYTES);
    if (!a->dents[0] || !a->dents[1]) {
        walk_ahead_free(a);
        return err_set(E_NOMEM, "out of memory for names");
    }
    a->has_thread = thread_start(&a->thread, walk_ahead_main, a) == 0;
    *out = a;
    return 0;
}

static void walk_ahead_join(struct walk_ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
}

void walk_ahead_free(struct walk_ahead *a)
{
    if (!a)
        return;
    ASSERT(a->out_n == 0);
    if (a->has_thread)
        walk_ahead_join(a);
    while (a->spare) {
        struct walk_look *l = a->spare;

        a->spare = l->next;
        walk_look_release(l);
        free(l);
    }
    free(a->dents[0]);
    free(a->dents[1]);
    (void)pthread_cond_destroy(&a->done);
    (void)pthread_cond_destroy(&a->wake);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- looks ------------------------------------------------------------ */

bool walk_ahead_has_room(const struct walk_ahead *a)
{
    return a->out_n < WALK_AHEAD_MAX &&
           atomic_load_explicit(&a->held, memory_order_relaxed) <
               WALK_AHEAD_HELD_MAX;
}

bool walk_ahead_wants(const struct walk_ahead *a)
{
    return walk_ahead_has_room(a) &&
           atomic_load_explicit(&a->todo_n, memory_order_relaxed) <
               WALK_AHEAD_LOW;
}

size_t walk_ahead_done_n(const struct walk_ahead *a)
{
    return atomic_load_explicit(&a->done_n, memory_order_acquire);
}

bool walk_ahead_is_done(const struct walk_look *l)
{
    return atomic_load_explicit(&l->state, memory_order_acquire) == AHEAD_DONE;
}

static struct walk_look *walk_ahead_spare(struct walk_ahead *a)
{
    struct walk_look *l = a->spare;

    if (l) {
        a->spare = l->next;
        a->spare_n--;
        return l;
    }
    l = mem_alloc(sizeof *l);
    if (l)
        walk_look_init(l);
    return l;
}

/* Under the lock. */
static void walk_ahead_limit(const struct walk_ahead *a, struct walk_look *l)
{
    if (atomic_load(&a->held) >= WALK_AHEAD_HELD_MAX)
        l->seen_max = 0;
}

static int walk_ahead_begin(struct walk_ahead *a, struct dirfd *parent,
                            struct bytes name, uint64_t dev,
                            struct walk_look **out)
{
    struct walk_look *l = walk_ahead_spare(a);

    *out = l;
    if (!l)
        return err_set(E_NOMEM, "out of memory for a directory");
    walk_look_begin(l, parent, name, dev, WALK_LOOK_SEEN_MAX);
    a->out_n++;
    return 0;
}

/* now: done here, not left to the thread. */
static int walk_ahead_ask(struct walk_ahead *a, struct dirfd *parent,
                          struct bytes name, uint64_t dev, bool now,
                          struct walk_look **out)
{
    int rc = walk_ahead_begin(a, parent, name, dev, out);

    if (rc < 0)
        return rc;
    (void)pthread_mutex_lock(&a->lock);
    walk_ahead_limit(a, *out);
    if (now)
        walk_ahead_look(a, *out, a->dents[1]);
    else
        walk_ahead_link(a, *out);
    if (!now && a->idle)
        (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
    return 0;
}

int walk_ahead_put(struct walk_ahead *a, struct dirfd *parent,
                   struct bytes name, uint64_t dev, struct walk_look **out)
{
    return walk_ahead_ask(a, parent, name, dev, false, out);
}

int walk_ahead_now(struct walk_ahead *a, struct dirfd *parent,
                   struct bytes name, uint64_t dev, struct walk_look **out)
{
    return walk_ahead_ask(a, parent, name, dev, true, out);
}

void walk_ahead_take(struct walk_ahead *a, struct walk_look *l)
{
    (void)pthread_mutex_lock(&a->lock);
    if (l->state == AHEAD_WAITS)
        walk_ahead_do(a, l, a->dents[1]);
    else
        walk_ahead_await(a, l);
    (void)pthread_mutex_unlock(&a->lock);
}

void walk_ahead_drop(struct walk_ahead *a, struct walk_look *l)
{
    if (!l)
        return;
    (void)pthread_mutex_lock(&a->lock);
    if (l->state == AHEAD_WAITS)
        walk_ahead_unlink(a, l);
    else
        walk_ahead_await(a, l);
    (void)atomic_fetch_sub(&a->held, l->held);
    l->held = 0;
    (void)pthread_mutex_unlock(&a->lock);
    a->out_n--;
    /* of many none keeps the size of the largest directory it ever had */
    if (a->spare_n + a->out_n >= WALK_AHEAD_SPARE) {
        walk_look_release(l);
        free(l);
        return;
    }
    walk_look_reset(l);
    l->next = a->spare;
    a->spare = l;
    a->spare_n++;
}
