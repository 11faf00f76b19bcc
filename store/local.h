/*
 * local: a store in a directory, on any file system that can put a name if it
 * is absent. One object is one file; its name is its path below the root.
 *
 * An object is written to a nameless file (O_TMPFILE), fsynced, linked to its
 * name, and its directory fsynced; directories on the way are made on demand
 * and fsynced into their parents once by each process. Where nameless files
 * do not work, a file in the root's ".tmp" is renamed with RENAME_NOREPLACE,
 * or, on NFS and most of FUSE, linked. What works is tried out at the first
 * write; leftovers in ".tmp" older than a day, by the file system's own clock,
 * are removed then.
 *
 * After an fsync of something named has failed, the kernel may have dropped
 * what it should have written, and later calls would lie: the store refuses
 * all further writes (E_STORE); the program must start again.
 *
 * Modes: objects 0400 and directories 0700 (0440 and 0770 when the root is
 * writable by its group: then the repository is shared by that group), and
 * never more than the umask allows unless shared. Nothing below the root is
 * ever reached through a symbolic link; the root itself may be one.
 */
#ifndef STORE_LOCAL_H
#define STORE_LOCAL_H

#include "store/store.h"

/*
 * local_create: make the directory at path, durable, mode 0700; its parent
 * must exist. One that is there already is taken as it is.
 * Returns 0, E_NOSPACE, E_STORE.
 */
MUST_CHECK int local_create(const char *path);

/*
 * local_open: the store in the directory at path. Writes nothing.
 * Returns 0; E_NOREPO when there is no directory; E_STORE; E_NOMEM.
 */
MUST_CHECK int local_open(const char *path, struct store **out);

/* The ways to name a file if the name is free, the best first. */
enum local_naming {
    LOCAL_TMPFILE, /* O_TMPFILE, link /proc/self/fd/N */
    LOCAL_RENAME,  /* temporary name, RENAME_NOREPLACE */
    LOCAL_LINK,    /* temporary name, link, unlink */
    LOCAL_NAMINGS  /* how many */
};

/* local_use_naming: test hook: try only this one. Before the first write. */
void local_use_naming(struct store *s, enum local_naming naming);

#endif
