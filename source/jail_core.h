/* jail_core: what the files of the jail share. Not for others. */
#ifndef SOURCE_JAIL_CORE_H
#define SOURCE_JAIL_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/attrs.h"
#include "source/jail.h"
#include "source/jail_keep.h"
#include "source/jail_meta.h"
#include "source/jail_temp.h"

struct jail_deferred;

struct jail {
    struct jail_options options;
    struct dirfd_pool *pool;
    struct attrs_cache *attrs;
    struct jail_dir *root;
    bool target_made; /* by this run */
    struct jail_temp temp;
    pthread_mutex_t lock;           /* for deferred */
    struct jail_deferred *deferred; /* flags that jail_finish sets */
};

struct jail_dir {
    struct jail *jail;
    struct jail_dir *parent; /* a reference; NULL: the root */
    struct dirfd *d;         /* NULL: a dry run, and it does not exist */
    char *name;              /* the root: the target as given */
    atomic_size_t refs;
    bool made;        /* by this run: nobody else had a chance at it */
    bool keep;        /* the overwrite rule keeps its metadata */
    bool replaces;    /* something else stood there */
    bool default_acl; /* what is made in it inherits an ACL */
    bool
        flags_given; /* what is made in it may inherit inode flags, a project */
    struct jail_keep *held; /* what of it is kept goes there; NULL: there is no
                               safety copy, or this run made the directory */
    bool reset_mode;        /* it was given more permissions than old_mode */
    mode_t old_mode;
};

/* What was found at a name before it was decided upon. */
struct jail_standing {
    bool exists;
    enum entry_type type; /* if it exists */
};

/* jail_err: raise E_TARGET or E_NOSPACE "PATH: what: <errnum>"; errnum 0: no
 * reason given. */
int jail_err(const struct jail_dir *dir, const char *name, int errnum,
             const char *what);

/* jail_want: what e's object is to get in this jail. */
MUST_CHECK int jail_want(const struct jail *jail, const struct entry *e,
                         struct jail_want *want);

/* jail_check: e is sound and its name is copied to name. */
MUST_CHECK int jail_check(const struct jail_dir *dir, const struct entry *e,
                          char name[ENTRY_NAME_MAX + 1]);

/* jail_pin: *fd is the descriptor of dir, which exists. Ends with
 * dirfd_unpin(dir->d). */
MUST_CHECK int jail_pin(const struct jail_dir *dir, int *fd);

/* jail_look_at: what stands at name in a pinned directory, as an entry without
 * attributes.
 *   st      out: its statx
 *   exists  out: false: nothing (e is unspecified)
 *   target  holds a symlink's target: ENTRY_TARGET_MAX + 1 bytes */
MUST_CHECK int jail_look_at(const struct jail_dir *dir, int fd,
                            const char *name, struct entry *e, struct statx *st,
                            bool *exists, char *target);

/* jail_sync_at: what was written to dir's file system so far is on disk when
 * this returns 0. name: in dir, for the error; empty: dir itself. */
MUST_CHECK int jail_sync_at(const struct jail_dir *dir, const char *name);

/* jail_stat_at: the same, without a symlink's target. */
MUST_CHECK int jail_stat_at(const struct jail_dir *dir, int fd,
                            const char *name, struct entry *e, struct statx *st,
                            bool *exists);

/* jail_list: the names in fd from its start, each with its NUL, appended to
 * names. dead: NULL, or to add only what dead restores left. */
MUST_CHECK int jail_list(const struct jail_dir *dir, int fd,
                         const struct jail_temp *dead, struct buf *names);

/* jail_sweep: remove what dead restores left in a directory that this run did
 * not make. What cannot be looked at or removed stays. E_NOMEM. */
MUST_CHECK int jail_sweep(struct jail_dir *dir);

/* jail_inherits: find out what is made in a directory that this run did not
 * make, open as fd, inherits. */
void jail_inherits(struct jail_dir *dir, int fd);

/* jail_needs_late: whether a new object in dir needs jail_meta_late: system
 * calls that find nothing to do for nearly every file. */
bool jail_needs_late(const struct jail_dir *dir, const struct entry *e);

/*
 * jail_settle: settle what becomes of what stands at name for e, which is no
 * directory, and refresh it where only its metadata may differ.
 *   overwrite  the rule
 *   standing   out: what stands there
 *   write      out: e is to be written; in a dry run never
 *   res        out: the outcome if it is written, or the outcome
 */
MUST_CHECK int jail_settle(struct jail_dir *dir, int fd, const struct entry *e,
                           const char *name, enum jail_overwrite overwrite,
                           struct jail_standing *standing, bool *write,
                           struct jail_result *res);

/*
 * jail_place: give the object at temp its name. An empty directory in its
 * place is removed. What is replaced goes to the safety copy, if there is one.
 *   fresh  nothing stood there when it was decided upon, and the overwrite
 *          rule protects what stands there now
 */
MUST_CHECK int jail_place(struct jail_dir *dir, int fd, const char *temp,
                          const char *name, bool fresh);

/* jail_place_unseen: jail_place of what may replace anything, where nobody
 * looked.
 *   existed  out: whether something stood there */
MUST_CHECK int jail_place_unseen(struct jail_dir *dir, int fd, const char *temp,
                                 const char *name, bool *existed);

/* jail_protects: whether jail_place must not replace what nobody saw. */
bool jail_protects(const struct jail *jail, bool existed);

/*
 * jail_object_open: a descriptor of an object that is no directory: its file
 * for reading, or O_PATH for anything else; -1 and errno. It must be the one
 * st describes.
 */
MUST_CHECK int jail_object_open(int fd, const char *name,
                                const struct statx *st);

/*
 * jail_refresh: bring the metadata of what stands at name up to date.
 *   res   lost and meta are set
 *   done  out: false: it cannot be, without touching what others may see: a
 *         second hard link, or something unreadable; or it is one of a group
 *         of links that is not complete, or it is to be kept
 *         whole: write it anew
 */
MUST_CHECK int jail_refresh(const struct jail_dir *dir, int fd,
                            const char *name, const struct entry *e,
                            const struct statx *st, struct jail_result *res,
                            bool *done);

#endif
