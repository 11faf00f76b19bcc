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
    bool lent;               /* jail_keep_free leaves it alone */
    bool changes;            /* its own metadata will, or it is to be removed */
    unsigned lost;           /* enum jail_lost: what no counterpart can have */
    struct arena arena;
    struct entry was;      /* what it was like; in the arena */
    struct jail_dir *copy; /* the counterpart; NULL: nothing is there yet */
};

/* The keep of a directory that a jail works on, or of one above. */
struct jail_step {
    struct jail_step *next;
    struct jail_keep *keep;
    char *path; /* of the directory */
    bool place; /* a jail works on it */
};

struct jail_safety {
    struct jail *jail; /* the copy */
    const char *whole; /* lent */
    struct jail_keep top;
    struct jail_step *step; /* the deeper ones first */
    bool top_is_place;      /* a jail works on whole */
    char *path;             /* of the copy */
    bool made;              /* by the opening */
    uint64_t dev;           /* of it */
    uint64_t inode;
    uint64_t link_dev; /* of the symbolic link that path is; or the same */
    uint64_t link_inode;
    pthread_mutex_t lock;    /* for the making of counterparts, and first */
    struct inode_map ours;   /* the counterparts: their jail_keep_mark() */
    struct err_record first; /* a counterpart's metadata could not be set */
    struct jail_links links; /* of copies */
    struct jail_safety_progress progress;
};

/* jail_keep_mark: what the map of counterparts holds of one: whether the
 * directory's own metadata changes, or it is removed. */
void *jail_keep_mark(bool changes);

/* jail_keep_is_copy: whether a device and inode are the copy's, or those of the
 * link that leads to it. */
bool jail_keep_is_copy(const struct jail_keep *k, uint64_t dev, uint64_t inode);

/*
 * jail_keep_new: remember a directory that stood in the target, and what it is
 * like.
 *   above  that of the directory it is in
 *   d      the directory; name: its name
 * jail_keep_free gives a counterpart its metadata; NULL is fine.
 */
MUST_CHECK int jail_keep_new(struct jail_keep *above, struct attrs_cache *cache,
                             struct dirfd *d, const char *name,
                             struct jail_keep **out);
void jail_keep_free(struct jail_keep *k);

/* jail_keep_plain: the same of a directory that is to be made yet. */
MUST_CHECK int jail_keep_plain(struct jail_keep *above, const char *name,
                               struct jail_keep **out);

/* jail_keep_dir: the directory itself, without what is in it, is about to be
 * changed or removed. That of a jail's target is not. */
MUST_CHECK int jail_keep_dir(struct jail_keep *k);

/* What was put into the copy for one name, to be taken back if what it was for
 * comes to nothing. Zeroed: nothing. */
struct jail_kept {
    struct jail_keep *in;
    bool moved; /* nothing stands at the name any more */
    bool is_dir;
    uint64_t size;
    uint64_t dev; /* of the original */
    uint64_t inode;
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

/* jail_keep_undo: what was kept for name, which was not replaced or removed
 * after all, is not to stay in the copy. Whether it does not. */
bool jail_keep_undo(const struct jail_kept *kept, int fd, const char *name);

/* jail_keep_drop: the same, because of rc. Returns rc. */
int jail_keep_drop(const struct jail_kept *kept, int fd, const char *name,
                   int rc);

#endif
