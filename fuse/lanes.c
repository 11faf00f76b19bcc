#include "fuse/lanes.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fuse/loop.h"

struct lanes {
    struct fetch *fetch;
    unsigned max;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t given;
    struct lane *idle;
    unsigned made;
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

static int lane_make(struct fetch *f, struct lane **out)
{
    struct lane *lane = mem_alloc(sizeof *lane);
    int rc;

    *out = NULL;
    if (!lane)
        return err_set(E_NOMEM, "out of memory");
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

int lanes_take(struct lanes *l, struct lane **out)
{
    struct lane *lane;
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
    (void)pthread_mutex_unlock(&l->lock);
    if (!lane) {
        rc = lane_make(l->fetch, &lane);
        if (rc < 0) {
            (void)pthread_mutex_lock(&l->lock);
            l->made--;
            (void)pthread_cond_signal(&l->given);
            (void)pthread_mutex_unlock(&l->lock);
        }
    }
    *out = lane;
    return rc;
}

void lanes_give(struct lanes *l, struct lane *lane)
{
    fetch_lane_pause(lane->fetch);
    (void)pthread_mutex_lock(&l->lock);
    lane->next = l->idle;
    l->idle = lane;
    (void)pthread_cond_signal(&l->given);
    (void)pthread_mutex_unlock(&l->lock);
}
