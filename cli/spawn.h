/*
 * spawn: the one place where other programs are started, which keeps from them
 * what is ours: the variables whose names begin with DEDUP_PASSPHRASE, our
 * signal mask, our ignored SIGPIPE, and, if asked to, every descriptor above 2.
 * What we open is close-on-exec; what we were started with need not be.
 */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn {
    char *const *argv; /* ends with NULL; a name without '/' is looked for in
                          PATH */
    int in, out, err;  /* its descriptors 0, 1 and 2; above 2, or -1: as ours;
                          the caller's, and still open afterwards */
    bool only_these;   /* it gets no other descriptor */
    bool own_group;    /* it leads a process group of its own */
};

/*
 * spawn_start: start it; somebody has to wait for it.
 *   pid  out
 * Returns 0; E_USAGE: there is no such program, or it cannot be run; E_IO: the
 * system has room for no further process; E_NOMEM.
 * Any thread.
 */
MUST_CHECK int spawn_start(const struct spawn *s, pid_t *pid);

/* spawn_null: open /dev/null, to be somebody's input; close it. E_IO. */
MUST_CHECK int spawn_null(int *fd);

#endif
