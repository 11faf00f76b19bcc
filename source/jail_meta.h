/*
 * jail_meta: sets what an entry says about an object, through a descriptor of
 * that object. What cannot be set is a loss, no failure; an I/O error is one.
 * Any thread.
 */
#ifndef SOURCE_JAIL_META_H
#define SOURCE_JAIL_META_H

#include "base/entry.h"
#include "source/jail_policy.h"
#include "source/owner.h"

/* One object: its descriptor, and what can be done through it. */
struct jail_object {
    int fd;
    bool is_path; /* opened with O_PATH */
    bool fresh;   /* made by this run: has no attributes of its own */
    bool known;   /* fresh, and these are its owners: they need not be set */
    uint32_t uid;
    uint32_t gid;
};

/* What an object is to get: all is lent. */
struct jail_want {
    const struct entry *e;
    const struct jail_choice *choice;
    uint32_t uid; /* the ids e's owners have here */
    uint32_t gid;
};

/* jail_meta_want: what e says, as far as choice brings it back; owners may be
 * NULL. */
MUST_CHECK int jail_meta_want(struct owner_cache *owners,
                              const struct jail_choice *choice,
                              const struct entry *e, struct jail_want *want);

/*
 * jail_meta_apply: owner, attributes, mode, times: in the order in which none
 * undoes another, and permissions last. Set-id bits need the owner they were
 * stored with: they are dropped where the object has another.
 *   lost  out: enum jail_lost, or'ed in
 * Returns 0, or -1 with errno.
 */
MUST_CHECK int jail_meta_apply(const struct jail_object *o,
                               const struct jail_want *want, unsigned *lost);

/* jail_meta_late: project and inode flags: once the object has its name and
 * nothing more is done to it. Files and directories only; else it does
 * nothing. As jail_meta_apply. */
MUST_CHECK int jail_meta_late(const struct jail_object *o,
                              const struct entry *e, unsigned *lost);

/* jail_meta_early: those inode flags that only an empty file or directory can
 * be given. What fails is tried again, and counted, by jail_meta_late. */
void jail_meta_early(const struct jail_object *o, const struct entry *e);

/* jail_meta_strip_acl: take away what the object inherited from the directory
 * it was made in. */
void jail_meta_strip_acl(const struct jail_object *o);

/* jail_meta_same: whether now has all that is wanted. */
bool jail_meta_same(const struct jail_want *want, const struct entry *now);

#endif
