/* jail_policy: what a restore does with what already stands there. Pure. */
#ifndef SOURCE_JAIL_POLICY_H
#define SOURCE_JAIL_POLICY_H

#include "base/entry.h"

enum jail_overwrite {
    JAIL_IF_CHANGED, /* replace it unless type, size and mtime agree */
    JAIL_ALWAYS,     /* replace it */
    JAIL_IF_NEWER,   /* replace it if the stored one has a later mtime */
    JAIL_NEVER       /* keep it */
};

enum jail_decision {
    JAIL_DO_WRITE, /* write the stored one */
    JAIL_DO_SAME,  /* the content is there; bring metadata up to date */
    JAIL_DO_KEEP   /* leave what is there alone */
};

/*
 * jail_decide: the decision on one entry.
 *   stored    what the snapshot holds
 *   existing  what stands there; NULL: nothing
 * A directory that exists as one is JAIL_DO_SAME or JAIL_DO_KEEP: it is
 * entered in any case, and the decision is about its metadata.
 */
enum jail_decision jail_decide(enum jail_overwrite overwrite,
                               const struct entry *stored,
                               const struct entry *existing);

#endif
