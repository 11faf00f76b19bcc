/*
 * mount: a repository, or one snapshot of it, as a read-only file system.
 *
 * What is in a snapshot never changes, so the kernel may keep all of it. The
 * directories above are asked for anew every second: snapshots that came are
 * there, and those that were forgotten are gone.
 */
#ifndef FUSE_MOUNT_H
#define FUSE_MOUNT_H

#include "base/cancel.h"
#include "repo/repo.h"
#include "repo/tree_entry.h"

/* What is said while it is mounted; one line, names in it not escaped yet. Any
 * thread. */
enum mount_says {
    MOUNT_DAMAGE, /* something stored is broken: told once for each */
    MOUNT_TROUBLE /* something else that people should know */
};
typedef void mount_say(void *ctx, enum mount_says what, const char *text);

struct mount_options {
    /* one snapshot: its id, and the entry of the directory that is the top;
       borrowed until mount_run() returns. NULL: the whole repository */
    const struct object_id *snapshot;
    const struct tree_entry *top;
    bool all;           /* checkpoints, too */
    bool allow_other;   /* users other than who mounts */
    bool owner_me;      /* everything is shown as owned by who mounts */
    bool no_follow_out; /* absolute symbolic links are shown as files of text */
    size_t cache_bytes; /* of decoded data in memory */
    const char *source; /* what `mount` shows as the device */
    mount_say *say;
    void *ctx;
    const struct cancel *cancel; /* asked to end */
    /* called when the mount answers; may be NULL. A negative return ends it */
    int (*ready)(void *ctx);
};

/*
 * mount_run: mount r on a directory and serve it until it is unmounted, or
 * cancelled.
 *   r      lent; this process must not have been forked since it was opened.
 *          Nobody else may use its state meanwhile
 *   dir    absolute
 * Returns 0: it was mounted, and is not any more; E_TARGET: it cannot be
 * mounted there; E_UNSUPPORTED: no FUSE here; E_NOMEM; E_CORRUPT; what
 * the store, the index, or ready() returned.
 */
MUST_CHECK int mount_run(struct repo *r, const char *dir,
                         const struct mount_options *o);

#endif
