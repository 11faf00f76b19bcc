#include "tests/sim/sim_sched.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void sim_sched_init(struct sim_sched *s, uint64_t seed, unsigned stick)
{
    *s = (struct sim_sched){.stick = stick, .hash = 0xcbf29ce484222325U};
    prng_init(&s->prng, seed);
}

struct sim_actor *sim_sched_add(struct sim_sched *s, const char *name,
                                void (*life)(struct sim_actor *a), void *world)
{
    struct sim_actor *a = &s->actor[s->n];

    ASSERT(s->n < SIM_SCHED_ACTORS);
    *a = (struct sim_actor){
        .s = s, .no = (unsigned)s->n, .life = life, .world = world};
    (void)snprintf(a->name, sizeof a->name, "%s", name);
    s->n++;
    return a;
}

static void sim_sched_wait(sem_t *sem)
{
    while (sem_wait(sem) != 0 && errno == EINTR)
        ;
}

/* Who sleeps shortest, when nobody can go on. */
static struct sim_actor *sim_sched_wake(struct sim_sched *s)
{
    struct sim_actor *first = NULL;

    for (size_t i = 0; i < s->n; i++) {
        struct sim_actor *a = &s->actor[i];

        if (!a->done && (!first || a->wakes < first->wakes))
            first = a;
    }
    if (first && first->wakes > s->step)
        s->step = first->wakes;
    return first;
}

/* NULL: all are done. */
static struct sim_actor *sim_sched_pick(struct sim_sched *s)
{
    struct sim_actor *can[SIM_SCHED_ACTORS];
    bool stay = prng_below(&s->prng, 256) < s->stick;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct sim_actor *a = &s->actor[i];

        if (a->done || a->wakes > s->step)
            continue;
        if (stay && a == s->current)
            return a;
        can[n++] = a;
    }
    return n > 0 ? can[prng_below(&s->prng, n)] : sim_sched_wake(s);
}

void sim_sched_pass(struct sim_sched *s)
{
    struct sim_actor *self = s->current;
    struct sim_actor *next;

    s->step++;
    next = sim_sched_pick(s);
    if (next == self)
        return;
    s->current = next;
    (void)sem_post(&next->go);
    sim_sched_wait(&self->go);
}

void sim_sched_sleep(struct sim_sched *s, uint64_t steps)
{
    s->current->wakes = s->step + steps;
    sim_sched_pass(s);
}

static void *sim_sched_live(void *arg)
{
    struct sim_actor *a = arg;
    struct sim_sched *s = a->s;

    sim_sched_wait(&a->go);
    a->life(a);
    a->done = true;
    s->current = sim_sched_pick(s);
    (void)sem_post(s->current ? &s->current->go : &s->over);
    return NULL;
}

void sim_sched_run(struct sim_sched *s)
{
    if (s->n == 0)
        return;
    (void)sem_init(&s->over, 0, 0);
    for (size_t i = 0; i < s->n; i++) {
        (void)sem_init(&s->actor[i].go, 0, 0);
        if (pthread_create(&s->actor[i].thread, NULL, sim_sched_live,
                           &s->actor[i]) != 0)
            abort();
    }
    s->current = sim_sched_pick(s);
    (void)sem_post(&s->current->go);
    sim_sched_wait(&s->over);
    for (size_t i = 0; i < s->n; i++) {
        (void)pthread_join(s->actor[i].thread, NULL);
        (void)sem_destroy(&s->actor[i].go);
    }
    (void)sem_destroy(&s->over);
}

void sim_sched_note(struct sim_sched *s, const char *fmt, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (const char *p = line; *p; p++)
        s->hash = (s->hash ^ (uint8_t)*p) * 0x100000001b3U;
    if (s->trace)
        (void)fprintf(s->trace, "%6llu %-4s %s\n", (unsigned long long)s->step,
                      s->current ? s->current->name : "-", line);
}
