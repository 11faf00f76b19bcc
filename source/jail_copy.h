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
 * jail_copy: what stands at name in from, and is no directory, once more in to,
 * under the same name. On disk when this returns 0. What stands there already
 * is treated as to's jail says. Immutable and append-only flags, which no
 * object has that can be replaced, are left out.
 *   fd     of from, pinned
 *   links  of all copies from from's jail to to's
 *   lost   out: enum jail_lost, or'ed in: what the copy lacks
 */
MUST_CHECK int jail_copy(const struct jail_dir *from, int fd, const char *name,
                         struct jail_dir *to, struct jail_links *links,
                         unsigned *lost);

#endif
