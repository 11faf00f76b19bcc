/* gate: where threads of a test are held within an operation of a memory store,
 * until all that must happen meanwhile has happened. */
#ifndef TESTS_REPO_GATE_H
#define TESTS_REPO_GATE_H

#include <pthread.h>

#include "store/memory.h"

struct gate {
    enum memory_op op;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    unsigned held; /* threads that have come so far */
    bool open;
};

/* gate_shut: from now on it stands before each such operation of s. While
 * nobody else uses s. */
void gate_shut(struct gate *g, struct store *s, enum memory_op op);

/* gate_stop_me: the calling thread stops the next time it comes to a gate. */
void gate_stop_me(void);

/* gate_wait: until n threads have come. */
void gate_wait(struct gate *g, unsigned n);

/* gate_open: lets go who stands there. Nobody stops any more. */
void gate_open(struct gate *g);

/* gate_remove: after gate_open(), while nobody else uses s. */
void gate_remove(struct gate *g, struct store *s);

#endif
