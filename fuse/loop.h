/*
 * loop: the threads that answer the kernel. One of them leads: it takes the
 * next request, and answers it at once when that is quick. Before work that is
 * not, it lets another lead. So a client that asks one thing after the other
 * is answered by a thread that is awake, and many clients by many threads.
 */
#ifndef FUSE_LOOP_H
#define FUSE_LOOP_H

#include "base/err.h"

struct fuse_session;

/*
 * loop_run: answer until the file system is unmounted, or
 * fuse_session_exit() was called, which is noticed within a fifth of a second.
 * Returns 0; E_NOMEM; E_IO: the connection broke.
 */
MUST_CHECK int loop_run(struct fuse_session *se, unsigned threads);

/* loop_let_lead: in a thread that answers: what follows may take long. */
void loop_let_lead(void);

#endif
