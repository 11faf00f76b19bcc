/*
 * jail: writes entries back below one directory, whatever the entries say and
 * whatever stands or moves below it.
 *
 * Nothing outside the target is touched: every object is reached by one name
 * from the descriptor of its directory, never through a symlink (openat2 with
 * RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; before Linux 5.6, O_NOFOLLOW, which
 * is as good for one name that is no ".."); its metadata is set through a
 * descriptor of the object itself; hard links are made only to files this run
 * wrote. Nobody else sees content before its mode is right:
 * files come into being with mode 0600 under a temporary name (jail_temp.h) in
 * their directory and get their own name when complete.
 *
 * What cannot be set (as another user than root, or because the file system
 * has no such thing) does not fail an entry: it is counted by kind.
 *
 * The caller goes down and up the tree: enters a directory, writes what is in
 * it, in any order and from any thread, and finishes the directory after all
 * below it, hard links included.
 *
 * Errors: E_TARGET names the path; E_NOSPACE; E_NOMEM; E_CORRUPT for an entry
 * that entry_check refuses. After E_TARGET everything else may go on.
 * Not durable: the caller syncs the file system once at the end
 * (jail_sync). A process that was killed can leave temporary names; the next
 * jail removes them from each directory that it enters, unless the machine was
 * started anew meanwhile.
 */
#ifndef SOURCE_JAIL_H
#define SOURCE_JAIL_H

#include "base/entry.h"
#include "source/dirfd.h"
#include "source/jail_policy.h"
#include "source/owner.h"

/* What an entry lost on its way; bits. */
enum jail_lost {
    JAIL_LOST_OWNER = 1 << 0,   /* user or group */
    JAIL_LOST_MODE = 1 << 1,    /* also set-id bits without their owner */
    JAIL_LOST_TIMES = 1 << 2,   /* mtime or atime */
    JAIL_LOST_ACL = 1 << 3,     /* system.posix_acl_* */
    JAIL_LOST_XATTR = 1 << 4,   /* any other attribute, capabilities too */
    JAIL_LOST_FLAGS = 1 << 5,   /* inode flags */
    JAIL_LOST_PROJECT = 1 << 6, /* project id */
    JAIL_LOST_OBJECT = 1 << 7   /* the object itself: a device, or what the
                                   file system has no such thing as */
};
enum { JAIL_LOST_KINDS = 8 };

/* jail_lost_name: "owner", "ACL", ... of the kind with bit 1 << i. */
const char *jail_lost_name(unsigned i);

enum jail_outcome {
    JAIL_MADE,     /* nothing stood there */
    JAIL_REPLACED, /* something else stood there */
    JAIL_SAME,     /* it stood there; metadata is up to date now */
    JAIL_KEPT,     /* the overwrite rule kept what stands there */
    JAIL_SKIPPED   /* JAIL_LOST_OBJECT */
};

struct jail_result {
    enum jail_outcome outcome;
    unsigned lost; /* enum jail_lost, or'ed */
    bool meta; /* JAIL_SAME, and metadata was, in a dry run would be, set; of a
                  directory it is only found out in a dry run */
};

struct jail_keep;

struct jail_options {
    enum jail_overwrite overwrite;
    bool dry_run;      /* say what would be done; nothing is written */
    bool target_later; /* a target that is missing is made by jail_root_make */
    bool in_place;     /* write into existing files instead of beside them;
                          not with a safety copy */
    struct jail_keep *safety; /* of jail_safety_at: what is overwritten or
                                 removed goes there first; NULL: it is lost */
    bool keep_whole; /* a file of which only metadata differs is written anew:
                        so that the old one can be kept; also in a dry run */
    struct jail_choice choice;  /* of metadata */
    struct owner_cache *owners; /* to find ids by name; NULL: ids as they are;
                                   lent */
    size_t max_open; /* descriptors of directories and files; 0: 512 */
};

struct jail;
struct jail_dir;

/*
 * jail_open: open the target, making it and what is above it where missing;
 * this path, and only this, is resolved as usual, symlinks included.
 * Returns 0 or an error as above.
 */
MUST_CHECK int jail_open(const char *target, const struct jail_options *options,
                         struct jail **out);

/*
 * jail_finish: what must come last: immutable and append-only flags of hard
 * linked files.
 *   lost  out: enum jail_lost
 * Returns 0, or the first error of those met; all are tried.
 */
MUST_CHECK int jail_finish(struct jail *jail, unsigned *lost);

/* jail_sync: everything written so far is on disk when this returns 0. */
MUST_CHECK int jail_sync(struct jail *jail);

/* jail_free: NULL is fine. Directories and files must have been released. */
void jail_free(struct jail *jail);

/* jail_root: the target itself; lent. jail_dir_finish may give it metadata.
 * With target_later nothing may be written below it before jail_root_make. */
struct jail_dir *jail_root(struct jail *jail);

/* jail_root_make: make the target if target_later left that; again: nothing.
 * Not in a dry run. Not beside anything else in the jail. */
MUST_CHECK int jail_root_make(struct jail *jail);

/*
 * jail_dir_enter: open the directory e below parent, or make it, mode 0700.
 * Something else that stands there is replaced if the overwrite rule says so.
 *   out  out: one reference; NULL when the outcome is JAIL_KEPT: nothing below
 *        can be restored
 */
MUST_CHECK int jail_dir_enter(struct jail_dir *parent, const struct entry *e,
                              struct jail_dir **out, struct jail_result *res);

/* jail_dir_finish: give the directory e's metadata, after all below it. One
 * that the overwrite rule keeps is left as it is (JAIL_KEPT). */
MUST_CHECK int jail_dir_finish(struct jail_dir *dir, const struct entry *e,
                               struct jail_result *res);

/* jail_dir_made: whether this run made the directory; in a dry run, whether it
 * would. The target: not before jail_root_make. */
bool jail_dir_made(const struct jail_dir *dir);

/* jail_dir_pass: instead of jail_dir_finish, for a directory that was there and
 * keeps its metadata: takes back what entering it changed. */
MUST_CHECK int jail_dir_pass(struct jail_dir *dir);

struct jail_dir *jail_dir_ref(struct jail_dir *dir);
void jail_dir_unref(struct jail_dir *dir); /* NULL is fine */

/* jail_dir_path: append its path and, if not empty, "/name". */
void jail_dir_path(const struct jail_dir *dir, struct bytes name,
                   struct buf *out);

#endif
