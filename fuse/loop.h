/*
 * loop: the threads that answer the kernel. One of them leads: it takes the
 * next request, and answers it at once when that is quick. Before work that is
 * not, it lets another lead. So a client that asks one thing after the other
 * is answered by a thread that is awake, and many clients by many threads.
 */
#ifndef FUSE_LOOP_H
#define FUSE_LOOP_H

#include <stdbool.h>

#include "base/err.h"

struct fuse_session;

/* What may be done while nobody asks for anything: a step of microseconds, or
 * with loop_let_lead(). Returns whether there was anything to do. */
typedef bool loop_idle(void *ctx);

/*
 * loop_run: answer until the file system is unmounted, or
 * fuse_session_exit() was called, which is noticed within a fifth of a second.
 *   idle  called by the thread that leads
 * Returns 0; E_NOMEM; E_IO: the connection broke.
 */
MUST_CHECK int loop_run(struct fuse_session *se, unsigned threads,
                        loop_idle *idle, void *ctx);

/* loop_let_lead: in a thread that answers: what follows may take long. */
void loop_let_lead(void);

#endif
