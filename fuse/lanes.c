#include "fuse/lanes.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fuse/loop.h"

struct lanes {
    unsigned max;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t given;
    struct fetch *fetch;
    unsigned age; /* of those that read through it */
    struct lane *idle;
    unsigned made;
    unsigned old; /* lent, and of another age */
};

int lanes_new(struct fetch *f, unsigned max, struct lanes **out)
{
    struct lanes *l = mem_alloc(sizeof *l);

    *out = l;
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    l->fetch = f;
    l->max = max;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->given, NULL);
    return 0;
}

static void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    fetch_lane_free(lane->fetch);
    tree_entry_release(&lane->te);
    buf_release(&lane->raw);
    buf_release(&lane->bytes);
    free(lane);
}

void lanes_free(struct lanes *l)
{
    if (!l)
        return;
    while (l->idle) {
        struct lane *lane = l->idle;

        l->idle = lane->next;
        lane_free(lane);
    }
    (void)pthread_cond_destroy(&l->given);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static int lane_make(struct fetch *f, unsigned age, struct lane **out)
{
    struct lane *lane = mem_alloc(sizeof *lane);
    int rc;

    *out = NULL;
    if (!lane)
        return err_set(E_NOMEM, "out of memory");
    lane->age = age;
    buf_init(&lane->raw, TREE_ENTRY_BYTES_MAX);
    buf_init(&lane->bytes, LANES_ANSWER_MAX);
    rc = fetch_lane_new(f, &lane->fetch);
    if (rc < 0) {
        lane_free(lane);
        return rc;
    }
    lane->nodes = fetch_node_source(lane->fetch);
    *out = lane;
    return 0;
}

/* One of them is no more. */
static void lanes_lose(struct lanes *l, unsigned age)
{
    (void)pthread_mutex_lock(&l->lock);
    l->made--;
    l->old -= age != l->age;
    (void)pthread_cond_signal(&l->given);
    (void)pthread_mutex_unlock(&l->lock);
}

int lanes_take(struct lanes *l, struct lane **out)
{
    struct lane *lane;
    struct fetch *fetch;
    unsigned age;
    int rc = 0;

    (void)pthread_mutex_lock(&l->lock);
    while (!l->idle && l->made == l->max) {
        loop_let_lead();
        (void)pthread_cond_wait(&l->given, &l->lock);
    }
    lane = l->idle;
    if (lane)
        l->idle = lane->next;
    else
        l->made++;
    fetch = l->fetch;
    age = l->age;
    (void)pthread_mutex_unlock(&l->lock);
    if (!lane) {
        rc = lane_make(fetch, age, &lane);
        if (rc < 0)
            lanes_lose(l, age);
    }
    *out = lane;
    return rc;
}

void lanes_give(struct lanes *l, struct lane *lane)
{
    const unsigned age = lane->age;
    bool old;

    fetch_lane_pause(lane->fetch);
    (void)pthread_mutex_lock(&l->lock);
    old = age != l->age;
    if (!old) {
        lane->next = l->idle;
        l->idle = lane;
        (void)pthread_cond_signal(&l->given);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (!old)
        return;
    lane_free(lane);
    lanes_lose(l, age);
}

void lanes_lead(struct lanes *l, struct fetch *f)
{
    struct lane *idle;

    (void)pthread_mutex_lock(&l->lock);
    idle = l->idle;
    l->idle = NULL;
    for (const struct lane *lane = idle; lane; lane = lane->next)
        l->made--;
    l->old = l->made;
    l->fetch = f;
    l->age++;
    (void)pthread_cond_broadcast(&l->given);
    (void)pthread_mutex_unlock(&l->lock);
    while (idle) {
        struct lane *lane = idle;

        idle = lane->next;
        lane_free(lane);
    }
}

unsigned lanes_old(struct lanes *l)
{
    unsigned n;

    (void)pthread_mutex_lock(&l->lock);
    n = l->old;
    (void)pthread_mutex_unlock(&l->lock);
    return n;
}
