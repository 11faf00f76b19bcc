/*
 * cancel: the token by which a signal, or a caller, asks long work to stop.
 * Work looks at it between its steps; nothing is interrupted in the middle.
 * Any thread, and a signal handler too.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

/* A zeroed one is ready and says: go on. */
struct cancel {
    atomic_int signal; /* 0: go on; else the signal that asked to stop */
};

/* cancel_request: ask to stop, because of a signal's number (> 0). The first
 * one counts. */
void cancel_request(struct cancel *c, int signal);

/* cancel_signal: the signal that asked, 0 when none did; for the exit code. */
int cancel_signal(const struct cancel *c);

/* cancel_check: 0, or E_CANCELED, raised, when c asks to stop. NULL never
 * does. One relaxed load: callable for every chunk. */
MUST_CHECK int cancel_check(const struct cancel *c);

#endif
