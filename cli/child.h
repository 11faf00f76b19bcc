/*
 * child: a program that was started, until it has ended: one way to ask after
 * it, to wait for it and to end it. It is reaped here alone, and until then its
 * number, and its group's, are its own. Confined to one thread.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "cli/spawn.h"

/* Zeroed: none. */
struct child {
    pid_t pid; /* 0: none */
    bool own_group;
};

/*
 * child_start: start s in a process group of its own, so that its children are
 * ended with it; where there is a terminal, in ours, which may ask there and
 * which ctrl-C reaches. s->own_group is of no account.
 * Returns as spawn_start(); c is zeroed then.
 */
MUST_CHECK int child_start(const struct spawn *s, struct child *c);

/* child_ask: how it has ended; si_pid 0: not yet. False: nobody can tell (see
 * errno), because it was reaped, and its number may be another's. */
bool child_ask(const struct child *c, siginfo_t *how);

/* What is done between two looks at a child, for some milliseconds. */
typedef void child_nap_fn(void *ctx);

/*
 * child_end: make sure that it has ended, and reap it. A program that goes on
 * has five seconds, and is killed then.
 *   ask  with SIGTERM to begin with, which a stopped one hears too; else it is
 *        about to end by itself
 *   nap  NULL: sleep
 */
void child_end(struct child *c, bool ask, child_nap_fn *nap, void *ctx);

/*
 * child_wait: wait until it has ended, and reap it.
 *   cancel  asked to stop, it is ended; NULL: it never is
 *   how     out, when 0 is returned
 * Returns 0; E_CANCELED; E_IO: nobody can tell how it ended. It has ended,
 * whatever is returned.
 */
MUST_CHECK int child_wait(struct child *c, const struct cancel *cancel,
                          siginfo_t *how);

#endif
