/*
 * running: one run of a series at a time on this host, unless the user wants
 * it otherwise (--wait, --parallel). Two are safe, only a waste: what keeps
 * them apart goes with their processes. Confined to the main thread.
 */
#ifndef CLI_RUNNING_H
#define CLI_RUNNING_H

#include "cli/session.h"

/* A zeroed one holds nothing. */
struct running {
    bool held;
    int lock;
};

/*
 * running_begin: before a run begins.
 *   r  out: running_end() it, whatever is returned
 * Returns 0; E_LATER: there is another one; E_BUSY: still, after waiting;
 * E_CANCELED.
 */
MUST_CHECK int running_begin(const struct cli *cli, const struct session *s,
                             const char *series, struct running *r);
void running_end(struct running *r);

#endif
