/*
 * jail_temp: temporary names, and those that dead restores left behind.
 *
 * A name is ".dedup-" and 40 hex digits: the boot and pid namespace it was made
 * in, the process and when that started, a counter, and a check sum over all of
 * these, so that nothing is taken for a temporary name by chance.
 */
#ifndef SOURCE_JAIL_TEMP_H
#define SOURCE_JAIL_TEMP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    JAIL_TEMP_CHARS = 48 /* of a temporary name, its NUL included */
};

struct jail_temp {
    uint32_t scope; /* of the boot and the pid namespace; 0: not known, or
                       /proc shows other processes than ours: nobody is dead */
    uint32_t pid;
    uint32_t start; /* when the process started, in the kernel's ticks */
    atomic_uint_fast32_t n; /* begins somewhere */
};

/* jail_temp_init: the names of this process. Returns 0 or E_INTERNAL. */
MUST_CHECK int jail_temp_init(struct jail_temp *t);

/* jail_temp_next: a name nobody uses. Any thread. */
void jail_temp_next(struct jail_temp *t, char name[JAIL_TEMP_CHARS]);

/* jail_temp_is_own: whether name has the form of those of this process. */
bool jail_temp_is_own(const struct jail_temp *t, const char *name);

/*
 * jail_temp_is_dead: whether name is a temporary one of a process that is
 * known to live no more: of this boot and pid namespace. When in doubt, and for
 * any other name, it is not. Any thread.
 */
bool jail_temp_is_dead(const struct jail_temp *t, const char *name);

#endif
