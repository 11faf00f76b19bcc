/*
 * jail_keep: how the jail puts things into its safety copy, directory by
 * directory. Not for others than the jail.
 */
#ifndef SOURCE_JAIL_KEEP_H
#define SOURCE_JAIL_KEEP_H

#include <pthread.h>

#include "base/arena.h"
#include "source/attrs.h"
#include "source/jail_copy.h"
#include "source/jail_safety.h"

/* One directory that stood in the target, and its counterpart in the copy. */
struct jail_keep {
    struct jail_safety *safety;
    struct jail_keep *above; /* NULL: the top, which is the safety copy's */
    struct arena arena;
    struct entry was;      /* what it was like; in the arena */
    struct jail_dir *copy; /* the counterpart; NULL: nothing is there yet */
};

struct jail_safety {
    struct jail *jail;    /* the copy */
    struct jail_keep top; /* the target's own */
    char *path; /* of the copy; its first dir_n bytes: of the directory that
                   holds it all */
    size_t dir_n;
    bool made; /* that directory, by the opening */
    uint64_t dev;
    uint64_t inode;
    pthread_mutex_t lock;    /* for the making of counterparts, and first */
    struct err_record first; /* a counterpart's metadata could not be set */
    struct jail_links links; /* of copies */
    struct jail_safety_progress progress;
};

/*
 * jail_keep_new: remember a directory that stood in the target, and what it is
 * like.
 *   above  that of the directory it is in
 *   d      the directory; name: its name
 * jail_keep_free gives a counterpart its metadata; NULL is fine; nothing is
 * done to the top.
 */
MUST_CHECK int jail_keep_new(struct jail_keep *above, struct attrs_cache *cache,
                             struct dirfd *d, const char *name,
                             struct jail_keep **out);
void jail_keep_free(struct jail_keep *k);

/* jail_keep_dir: the directory itself, without what is in it, is about to be
 * changed or removed. The top is not. */
MUST_CHECK int jail_keep_dir(struct jail_keep *k);

/* What was put into the copy for one name, to be taken back if what it was for
 * comes to nothing. Zeroed: nothing. */
struct jail_kept {
    struct jail_keep *in;
    bool moved; /* nothing stands at the name any more */
    bool is_dir;
};

/*
 * jail_keep_object: keep what stands at name, if anything does: a directory
 * only if it is empty.
 *   k     of dir; NULL: this run made dir, and what stands in it is no part of
 *         what was there (E_TARGET)
 *   fd    of dir, pinned
 *   goes  it is to be removed: it may be moved
 */
MUST_CHECK int jail_keep_object(struct jail_keep *k, const struct jail_dir *dir,
                                int fd, const char *name, bool goes,
                                struct jail_kept *out);

/* jail_keep_drop: what was kept for name, which was not replaced or removed
 * after all because of rc, is not to stay in the copy. Returns rc. */
int jail_keep_drop(const struct jail_kept *kept, int fd, const char *name,
                   int rc);

#endif
