#include "tests/repo/gate.h"

static _Thread_local bool gate_stops;

static int gate_hook(void *ctx, enum memory_point point, enum memory_op op,
                     const char *name)
{
    struct gate *g = ctx;

    (void)name;
    if (!gate_stops || point != MEMORY_BEFORE || op != g->op)
        return 0;
    gate_stops = false;
    (void)pthread_mutex_lock(&g->lock);
    g->held++;
    (void)pthread_cond_broadcast(&g->changed);
    while (!g->open)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
    return 0;
}

void gate_shut(struct gate *g, struct store *s, enum memory_op op)
{
    *g = (struct gate){.op = op};
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->changed, NULL);
    memory_set_hook(s, gate_hook, g);
}

void gate_stop_me(void)
{
    gate_stops = true;
}

void gate_wait(struct gate *g, unsigned n)
{
    (void)pthread_mutex_lock(&g->lock);
    while (g->held < n)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

void gate_open(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->open = true;
    (void)pthread_cond_broadcast(&g->changed);
    (void)pthread_mutex_unlock(&g->lock);
}

void gate_remove(struct gate *g, struct store *s)
{
    memory_set_hook(s, NULL, NULL);
    (void)pthread_cond_destroy(&g->changed);
    (void)pthread_mutex_destroy(&g->lock);
}
