/* jail_made: an object that this run wrote, remembered by its place and inode.
 * Not for others than the jail. */
#ifndef SOURCE_JAIL_MADE_H
#define SOURCE_JAIL_MADE_H

#include "source/jail_file.h"

/* jail_made_new: Returns 0 or E_NOMEM. */
MUST_CHECK int jail_made_new(struct jail_dir *dir, const char *name,
                             uint64_t dev, uint64_t inode,
                             struct jail_made **out);

/* jail_made_defer: jail_finish gives it these inode flags. 0 or E_NOMEM. */
MUST_CHECK int jail_made_defer(const struct jail_made *made, uint32_t flags);

#endif
