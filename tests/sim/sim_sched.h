/*
 * sim_sched: threads of which exactly one runs at a time. Each is an actor of a
 * simulated history; at each step, a seed decides who goes on. So a history is
 * repeated by its seed alone.
 *
 * An actor may have helpers, threads that work while it waits for them: they
 * run under its name.
 */
#ifndef SIM_SIM_SCHED_H
#define SIM_SIM_SCHED_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/support/prng.h"

enum { SIM_SCHED_ACTORS = 12 };

struct sim_sched;

struct sim_actor {
    struct sim_sched *s;
    char name[16];
    unsigned no;
    void (*life)(struct sim_actor *a);
    void *world; /* of whoever wrote life() */
    pthread_t thread;
    sem_t go;
    bool done;
    uint64_t wakes; /* not before that step */
};

/* Changed only by the thread that runs. */
struct sim_sched {
    struct prng prng;
    unsigned stick; /* of 256: how likely the one that runs goes on */
    struct sim_actor actor[SIM_SCHED_ACTORS];
    size_t n;
    struct sim_actor *current; /* who runs; NULL: no actor does */
    sem_t over;
    uint64_t step;
    FILE *trace;   /* what is noted; NULL: nobody wants to read it */
    uint64_t hash; /* of what was noted */
};

/* sim_sched_init: no actors yet. */
void sim_sched_init(struct sim_sched *s, uint64_t seed, unsigned stick);

/* sim_sched_add: one more actor; before sim_sched_run(). */
struct sim_actor *sim_sched_add(struct sim_sched *s, const char *name,
                                void (*life)(struct sim_actor *a), void *world);

/* sim_sched_run: until each actor's life has ended. */
void sim_sched_run(struct sim_sched *s);

/* sim_sched_pass: a step: maybe others go on first. Of the actor that runs. */
void sim_sched_pass(struct sim_sched *s);

/* sim_sched_sleep: the same; others go on for so many steps, if any can. */
void sim_sched_sleep(struct sim_sched *s, uint64_t steps);

/* sim_sched_note: one line of the trace. */
void sim_sched_note(struct sim_sched *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
