/*
 * jail_remove: what stands in a jail's directory, and removing it. Nothing is
 * followed: symlinks are removed themselves, mount points stay, and so does
 * every directory in which something stays. Errors as in jail.h.
 */
#ifndef SOURCE_JAIL_REMOVE_H
#define SOURCE_JAIL_REMOVE_H

#include "source/jail.h"

/* The names in one directory, ascending by bytes. Zeroed: none. */
struct jail_names {
    struct buf text;   /* holds them */
    const char **name; /* n of them; whoever holds this may reorder them */
    size_t n;
};

/* jail_names_load: what stands in dir now; none where it does not exist (a dry
 * run). names: zeroed; to be released whatever is returned. */
MUST_CHECK int jail_names_load(struct jail_dir *dir, struct jail_names *names);
void jail_names_release(struct jail_names *names);

/*
 * jail_dir_mounted: whether something is mounted on the directory; of the
 * target, below which nothing counts: false.
 *   mounted  out: true when it cannot be told (E_TARGET)
 */
MUST_CHECK int jail_dir_mounted(const struct jail_dir *dir, bool *mounted);

/* An object that is never removed, nor entered. */
struct jail_spare {
    uint64_t dev; /* as stat_entry_dev */
    uint64_t inode;
};

/* What became of one object. */
enum jail_removal {
    JAIL_REMOVED, /* in a dry run: would be */
    JAIL_SPARED,  /* a mount point, or in the list of what is spared */
    JAIL_STUCK    /* could not be removed: the error is raised */
};

/* All is lent; zeroed: everything goes, the first failure is returned. */
struct jail_remove_rules {
    const struct jail_spare *spare;
    size_t spare_n;
    /* Whether to leave path alone, with all below it; NULL: never. Silent. e
     * has type, times and size. */
    bool (*stays)(void *ctx, struct bytes path, const struct entry *e);
    /* Told of every object, a directory after what is in it; NULL: nobody. e
     * has type, times and size; NULL where that is not known. */
    void (*tell)(void *ctx, enum jail_removal what, struct bytes path,
                 const struct entry *e, int rc);
    void *ctx;
};

/*
 * jail_remove: remove what stands at name in dir, with everything below it that
 * may go; nothing there is fine. In a dry run only tells.
 *   path  of name, as the rules' functions want it
 * A name that is there in two spellings (the file system folds case) is stuck:
 * it may be what this run wrote.
 * What goes, goes to the safety copy, if there is one; what cannot be kept
 * there is stuck. Returns 0, also for what was stuck if there is somebody to
 * tell; E_NOMEM; E_NOSPACE in the safety copy.
 */
MUST_CHECK int jail_remove(struct jail_dir *dir, struct bytes name,
                           struct bytes path,
                           const struct jail_remove_rules *rules);

#endif
