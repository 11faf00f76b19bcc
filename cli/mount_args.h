/*
 * mount_args: the program as mount(8) calls it for a line of fstab:
 *
 *     mount.dedup REPO DIR [-sfnvr] [-N NAMESPACE] [-t TYPE] [-o OPTION,...]
 *
 * becomes `dedup --repo REPO mount --OPTION... [SNAP] DIR`: each option of the
 * command may stand there, with '_' for '-' as well; "snapshot=SNAP" names one;
 * what is mount(8)'s own business is passed over. Any thread.
 */
#ifndef CLI_MOUNT_ARGS_H
#define CLI_MOUNT_ARGS_H

#include <stdbool.h>

#include "base/err.h"

/* A command line that was made. Zeroed: none. */
struct mount_args {
    char **argv; /* argc of them, and a NULL; owned */
    int argc;
};

/* mount_args_meant: whether the program was called by that name. */
bool mount_args_meant(const char *argv0);

/*
 * mount_args_make: the command line that is meant.
 *   a  out: to be released whatever is returned; its strings live as long
 * Returns 0; E_USAGE; E_NOMEM.
 */
MUST_CHECK int mount_args_make(int argc, char **argv, struct mount_args *a);
void mount_args_release(struct mount_args *a);

#endif
