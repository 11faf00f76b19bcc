/* backup_paths: the paths that a snapshot is of, from the command line, from a
 * job, and from lists of them. Confined to one thread. */
#ifndef CLI_BACKUP_PATHS_H
#define CLI_BACKUP_PATHS_H

#include "base/buf.h"
#include "cli/opt.h"

enum {
    BACKUP_PATHS_MAX = 100000, /* a snapshot names no more */
    BACKUP_PATHS_BYTES_MAX = 8 << 20
};

/* Zeroed: none. */
struct backup_paths {
    struct buf text;    /* what root borrows */
    struct bytes *root; /* absolute, canonical, in the order in which they were
                           said */
    size_t n;
    char *from; /* --as-path: where the one root really stands; else NULL */
};

/*
 * backup_paths_make: resolve arguments, and --as-path, and read --files-from
 * and
 * --files-from0.
 *   there  one of them has to be
 *   p      out: zeroed first; release it whatever is returned
 * Returns 0; E_USAGE: there is none, too many, a list that cannot be read, or
 * nothing that --as-path could give a name to;
 * E_NOTFOUND: none of them is there; E_NOMEM; E_SOURCE.
 */
MUST_CHECK int backup_paths_make(const struct opt_set *o, bool there,
                                 struct backup_paths *p);

/* backup_paths_stream: one that nothing on this machine need have. Returns 0;
 * E_USAGE; E_NOMEM. */
MUST_CHECK int backup_paths_stream(const char *name, struct backup_paths *p);

/* backup_paths_is_there: whether an absolute path can be looked at. errnum:
 * out: why not. */
bool backup_paths_is_there(struct bytes path, int *errnum);

void backup_paths_release(struct backup_paths *p);

#endif
