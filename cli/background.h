/*
 * background: a command that goes on after it has returned to the shell. The
 * process that was started waits until its child says that it is ready, or
 * ends as the child did; so what cannot work is told, and exits, as always.
 * Nothing may be open that a fork would share: call it first. Main thread.
 */
#ifndef CLI_BACKGROUND_H
#define CLI_BACKGROUND_H

#include "cli/cli.h"

/* Zeroed: in the foreground. */
struct background {
    int ready; /* where the child tells; 0: nobody waits */
};

/*
 * background_begin: go on in a child; this process never returns from here. The
 * child has signals of its own, and still the terminal, on which a passphrase
 * may be asked for; of descriptors that it was started with it keeps none but
 * these three, and that of --passphrase-fd.
 * Returns, in the child, 0; E_NOMEM; E_IO: there is no child.
 */
MUST_CHECK int background_begin(struct cli *cli, struct background *b);

/*
 * background_ready: in the child: it works. The one who waits exits with 0; we
 * leave the terminal and the first three descriptors, and (leave) the working
 * directory; messages go to the system's log.
 * Returns 0 or E_IO.
 */
MUST_CHECK int background_ready(struct background *b, bool leave);

#endif
