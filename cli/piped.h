/*
 * piped: what `snapshot --stdin` and `snapshot --command` read: a
 * stream_input. With a command, its end counts only once the command has
 * exited with 0, so that what a run commits is what a command meant to say;
 * its standard error is passed on, line by line, as warnings.
 *
 * The output ends when the last process that holds it has closed it: a child
 * that a command leaves behind with it is waited for, as a shell's pipe would,
 * unless the command has failed.
 * Used by one thread at a time.
 */
#ifndef CLI_PIPED_H
#define CLI_PIPED_H

#include "base/cancel.h"
#include "cli/opt.h"

struct piped;

/*
 * piped_check: whether standard input can be what --stdin wants. Without that
 * option: yes.
 * Returns 0; E_USAGE: it is a terminal, or the passphrase comes from there.
 */
MUST_CHECK int piped_check(const struct opt_set *o);

/*
 * piped_open: with --command, start it; else standard input.
 *   o  lent, until it is closed
 *   c  likewise; NULL: nothing stops it
 * Returns 0; E_USAGE: it cannot be started; E_NOMEM; E_IO.
 */
MUST_CHECK int piped_open(const struct opt_set *o, const struct cancel *c,
                          struct piped **out);

/*
 * piped_read: a stream_input's read; see source/stream.h. ctx is the piped.
 * E_SOURCE: reading failed, the command did, or nothing at all came and
 * --allow-empty was not given; E_IO: nobody can tell how the command ended;
 * E_CANCELED.
 */
MUST_CHECK int piped_read(void *ctx, uint8_t *to, size_t cap, size_t *n,
                          bool *end);

/* piped_close: a command that has not ended well gets SIGTERM and, if it goes
 * on for five seconds, SIGKILL; it is waited for, and heard until then. Leaves
 * the thread's error as it was. NULL is fine. */
void piped_close(struct piped *p);

#endif
