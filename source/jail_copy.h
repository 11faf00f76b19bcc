/*
 * jail_copy: one object of a jail, once more in another one. Not for others
 * than the jail.
 */
#ifndef SOURCE_JAIL_COPY_H
#define SOURCE_JAIL_COPY_H

#include <pthread.h>

#include "base/arena.h"
#include "base/inode_map.h"
#include "source/jail.h"

/* Objects with several names that were copied already: their other names become
 * links to the copy. Any thread. */
struct jail_links {
    pthread_mutex_t lock;
    struct inode_map made;
};

void jail_links_init(struct jail_links *links);
void jail_links_release(struct jail_links *links);

/*
 * jail_copy_read: what stands at a name, as an entry with its attributes.
 *   fd      of dir, pinned
 *   arena   holds what e points to
 *   exists  out: false: nothing (e is unspecified)
 * E_TARGET also when not all of it can be read.
 */
MUST_CHECK int jail_copy_read(const struct jail_dir *dir, int fd,
                              const char *name, struct entry *e,
                              struct arena *arena, bool *exists);

/*
 * jail_copy: what stands at name in from, and is no directory, once more in to,
 * under the same name. On disk when this returns 0. What stands there already
 * is treated as to's jail says.
 *   fd     of from, pinned
 *   links  of all copies from from's jail to to's
 *   lost   out: enum jail_lost, or'ed in: what the copy lacks
 */
MUST_CHECK int jail_copy(const struct jail_dir *from, int fd, const char *name,
                         struct jail_dir *to, struct jail_links *links,
                         unsigned *lost);

#endif
