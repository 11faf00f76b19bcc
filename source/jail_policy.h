/* jail_policy: what a restore does with what already stands there, and which
 * metadata it brings back. Pure. */
#ifndef SOURCE_JAIL_POLICY_H
#define SOURCE_JAIL_POLICY_H

#include "base/entry.h"

enum jail_overwrite {
    JAIL_IF_CHANGED, /* replace it unless type, size and mtime agree */
    JAIL_ALWAYS,     /* replace it */
    JAIL_IF_NEWER,   /* replace it if the stored one has a later mtime */
    JAIL_NEVER       /* keep it */
};

/* Which metadata is brought back; zeroed: all of it. What is not stays as it
 * is, and a new object has what the system gives it. */
struct jail_choice {
    bool no_owner;      /* neither user nor group */
    bool chosen_xattrs; /* only attributes that one of the patterns matches */
    const char *const *xattr; /* patterns of a shell: "user.*"; lent */
    size_t xattr_n;
};

/* jail_choice_xattr: whether the attribute of that name is brought back. */
bool jail_choice_xattr(const struct jail_choice *choice, const char *name);

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
