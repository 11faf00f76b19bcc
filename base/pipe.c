#include "base/pipe.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cores.h"
#include "base/mem.h"
#include "base/thread.h"

enum pipe_stage { PIPE_IN_WORK, PIPE_DONE, PIPE_FAILED };

struct pipe_slot {
    enum pipe_stage stage;
    struct err_record err; /* of PIPE_FAILED */
};

/*
 * Units are numbered as they are produced; unit n lives in slot n % depth.
 * 1. head <= next <= head + depth; units in [head, next) are in flight.
 * 2. Nobody produces once closed. Nothing is consumed once stopped.
 * 3. Whoever creates something to do (room, a finished head) looks again
 *    itself before it waits: signals only bring in others to help, so a lost
 *    one costs parallelism, never progress.
 */
struct pipe {
    const struct pipe_config *config;
    char *units;
    size_t unit_stride;
    struct pipe_slot *slots;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    unsigned waiting;
    uint64_t next; /* number of the next unit to produce */
    uint64_t head; /* number of the oldest unit not yet consumed */
    bool producing;
    bool consuming;
    bool closed;              /* the end was produced, or something failed */
    bool failed;              /* some callback did; its turn may be to come */
    bool stopped;             /* result stands */
    struct err_record result; /* code 0 until something failed */
    struct err_record ending; /* the same of work_end, which comes after all */
};

struct pipe_worker {
    struct pipe *pipe;
    pthread_t thread;
    void *state;
    bool started; /* its state_init was called */
};

static struct pipe_slot *pipe_slot(struct pipe *p, uint64_t n)
{
    return &p->slots[n % p->config->depth];
}

static void *pipe_unit(struct pipe *p, uint64_t n)
{
    return p->units + (n % p->config->depth) * p->unit_stride;
}

/* The functions from here to pipe_turn are called with the lock held and
 * return with it held; callbacks run without it. */

static bool pipe_can_produce(const struct pipe *p)
{
    return !p->producing && !p->closed && p->next - p->head < p->config->depth;
}

static bool pipe_can_consume(struct pipe *p)
{
    return !p->consuming && !p->stopped && p->head < p->next &&
           pipe_slot(p, p->head)->stage != PIPE_IN_WORK;
}

static void pipe_close(struct pipe *p)
{
    p->closed = true;
    (void)pthread_cond_broadcast(&p->wake);
}

static void pipe_stop(struct pipe *p, const struct err_record *why)
{
    if (!p->stopped)
        p->result = *why;
    p->failed = true;
    p->stopped = true;
    pipe_close(p);
}

static void pipe_fetch_help(struct pipe *p)
{
    if (p->waiting > 0 && pipe_can_produce(p))
        (void)pthread_cond_signal(&p->wake);
}

/* rc is what a callback returned, its record this thread's. */
static void pipe_finish(struct pipe *p, uint64_t n, int rc)
{
    struct pipe_slot *slot = pipe_slot(p, n);

    ASSERT(rc <= 0);
    slot->stage = rc < 0 ? PIPE_FAILED : PIPE_DONE;
    if (rc < 0) {
        err_save(rc, &slot->err);
        p->failed = true;
        pipe_close(p);
    }
}

static int pipe_work(struct pipe_worker *w, void *unit)
{
    const struct pipe_config *c = w->pipe->config;
    int rc = cancel_check(c->cancel);

    if (rc == 0 && !w->started) {
        w->started = true;
        if (c->state_init)
            rc = c->state_init(c->ctx, w->state);
    }
    if (rc == 0)
        rc = c->work(c->ctx, w->state, unit);
    return rc;
}

static void pipe_produce(struct pipe_worker *w)
{
    struct pipe *p = w->pipe;
    const struct pipe_config *c = p->config;
    uint64_t n = p->next;
    void *unit = pipe_unit(p, n);
    bool end = false;
    int rc;

    p->producing = true;
    (void)pthread_mutex_unlock(&p->lock);
    rc = cancel_check(c->cancel);
    if (rc == 0)
        rc = c->produce(c->ctx, unit, &end);
    (void)pthread_mutex_lock(&p->lock);
    p->producing = false;
    if (rc == 0 && end) {
        pipe_close(p);
        return;
    }
    pipe_slot(p, n)->stage = PIPE_IN_WORK;
    p->next++;
    if (rc == 0 && !p->closed) {
        pipe_fetch_help(p);
        (void)pthread_mutex_unlock(&p->lock);
        rc = pipe_work(w, unit);
        (void)pthread_mutex_lock(&p->lock);
    }
    pipe_finish(p, n, rc);
}

static void pipe_consume(struct pipe *p)
{
    const struct pipe_config *c = p->config;
    struct pipe_slot *slot = pipe_slot(p, p->head);
    void *unit = pipe_unit(p, p->head);
    struct err_record err;
    int rc;

    if (slot->stage == PIPE_FAILED) {
        pipe_stop(p, &slot->err);
        return;
    }
    pipe_fetch_help(p);
    p->consuming = true;
    (void)pthread_mutex_unlock(&p->lock);
    rc = cancel_check(c->cancel);
    if (rc == 0 && c->consume)
        rc = c->consume(c->ctx, unit);
    if (rc < 0)
        err_save(rc, &err);
    (void)pthread_mutex_lock(&p->lock);
    p->consuming = false;
    if (rc < 0)
        pipe_stop(p, &err);
    else
        p->head++;
}

/* One step of a worker; false when there will be nothing more for it. A
 * worker may leave at the close, because each unit still in flight has its
 * own worker, who will see to it. */
static bool pipe_turn(struct pipe_worker *w)
{
    struct pipe *p = w->pipe;

    if (pipe_can_consume(p)) {
        pipe_consume(p);
    } else if (pipe_can_produce(p)) {
        pipe_produce(w);
    } else if (p->closed) {
        return false;
    } else {
        p->waiting++;
        (void)pthread_cond_wait(&p->wake, &p->lock);
        p->waiting--;
    }
    return true;
}

/* After the last turn. Others may still be at theirs: a failure here waits for
 * them, as it would in the sequential run. */
static void pipe_work_end(struct pipe_worker *w)
{
    struct pipe *p = w->pipe;
    const struct pipe_config *c = p->config;
    int rc;

    if (!w->started || p->failed || !c->work_end)
        return;
    (void)pthread_mutex_unlock(&p->lock);
    rc = cancel_check(c->cancel);
    if (rc == 0)
        rc = c->work_end(c->ctx, w->state);
    (void)pthread_mutex_lock(&p->lock);
    if (rc < 0 && p->ending.code == 0)
        err_save(rc, &p->ending);
}

static void *pipe_worker_main(void *arg)
{
    struct pipe_worker *w = arg;

    (void)pthread_mutex_lock(&w->pipe->lock);
    while (pipe_turn(w))
        ;
    pipe_work_end(w);
    (void)pthread_mutex_unlock(&w->pipe->lock);
    return NULL;
}

/* Returns how many of the workers are running now; worker 0 is the caller. A
 * smaller number gives the same result later. */
static unsigned pipe_start(struct pipe_worker *workers, unsigned n)
{
    unsigned running = 1;

    while (running < n &&
           thread_start(&workers[running].thread, pipe_worker_main,
                        &workers[running]) == 0)
        running++;
    return running;
}

static size_t pipe_stride(size_t n)
{
    size_t align = alignof(max_align_t);

    return (n / align + 1) * align;
}

static void pipe_run_threads(struct pipe *p, struct pipe_worker *workers)
{
    unsigned running = pipe_start(workers, p->config->threads);

    (void)pipe_worker_main(&workers[0]);
    for (unsigned i = 1; i < running; i++)
        (void)pthread_join(workers[i].thread, NULL);
}

static void pipe_release(struct pipe *p, struct pipe_worker *workers)
{
    const struct pipe_config *c = p->config;

    for (unsigned i = 0; workers && i < c->threads; i++)
        if (workers[i].started && c->state_free)
            c->state_free(c->ctx, workers[i].state);
    for (unsigned i = 0; p->units && i < c->depth; i++)
        if (c->unit_free)
            c->unit_free(c->ctx, p->units + i * p->unit_stride);
    free(p->units);
    free(p->slots);
}

int pipe_run(const struct pipe_config *config)
{
    struct pipe p = {.config = config,
                     .unit_stride = pipe_stride(config->unit_bytes)};
    size_t state_stride = pipe_stride(config->state_bytes);
    struct pipe_worker *workers = NULL;
    char *states = NULL;
    int rc = 0;

    ASSERT(config->threads >= 1 && config->threads <= PIPE_THREADS_MAX);
    ASSERT(config->depth >= 1 && config->depth <= PIPE_DEPTH_MAX);
    ASSERT(config->unit_bytes > 0);
    (void)pthread_mutex_init(&p.lock, NULL);
    (void)pthread_cond_init(&p.wake, NULL);
    p.units = mem_array(config->depth, p.unit_stride);
    p.slots = mem_array(config->depth, sizeof *p.slots);
    states = mem_array(config->threads, state_stride);
    workers = mem_array(config->threads, sizeof *workers);
    if (!p.units || !p.slots || !states || !workers) {
        rc = err_set(E_NOMEM, "pipeline of %u units: out of memory",
                     config->depth);
        goto out;
    }
    for (unsigned i = 0; i < config->threads; i++) {
        workers[i].pipe = &p;
        workers[i].state =
            config->state_bytes ? states + i * state_stride : NULL;
    }
    pipe_run_threads(&p, workers);
    if (p.result.code < 0)
        rc = err_load(&p.result);
    else if (p.ending.code < 0)
        rc = err_load(&p.ending);
out:
    pipe_release(&p, workers);
    free(workers);
    free(states);
    (void)pthread_cond_destroy(&p.wake);
    (void)pthread_mutex_destroy(&p.lock);
    return rc;
}

unsigned pipe_threads(unsigned asked)
{
    unsigned n = asked > 0 ? asked : cores_count();

    return n < PIPE_THREADS_MAX ? n : PIPE_THREADS_MAX;
}
