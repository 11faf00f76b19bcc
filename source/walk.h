/*
 * walk: everything below the roots of a backup, one step at a time.
 *
 * The snapshot's tree holds whole paths: a walk over /srv/www and /etc yields
 * "/" with etc, everything below it, and srv with www and everything below
 * that. Directories above a root carry their own metadata and, of their
 * content, only what leads to a root (path_only). Roots that lie in each other
 * are one walk. A root may be any object; a symlink that was named is stored
 * as a symlink, and whoever takes names from a user resolves the directories
 * above the last component, as walk_roots_resolve does.
 *
 * Order: depth first; children ascending by the bytes of their names. An
 * entry here carries what one statx tells, whether that is unsettled, symlink
 * targets and the names of owners; source/reader.h and source/attrs.h complete
 * it.
 *
 * Left out: what the patterns exclude; where these say nothing, what the
 * nearest .dedupignore that says something excludes; files that are larger than
 * allowed; what is in a directory that a marker stands in, but for the marker;
 * directories on the skip list (the repository, the cache). Yielded as empty
 * directories, so that a restored system has its mount points: file systems
 * that are windows into the kernel or a mounted repository, and with one_fs
 * every other file system. A path that was named as a root is never left out,
 * nor is a marker that marks, or a .dedupignore that is heeded: what is missing
 * on purpose must be known later.
 *
 * With `ahead` a directory's names are all looked at when it is entered, and
 * the next few directories before they are (walk_ahead.h): the steps are the
 * same, and what they tell is up to 5 s older than the step.
 *
 * Memory: the names of the directories on the way down, about 5 bytes each
 * besides the name, and of the .dedupignores there, whose sum has a bound
 * (walk_rules.h), at most 16 MB, with `ahead` some 25 MB more; descriptors: at
 * most max_open, plus pins of workers, plus one a thread. A .dedupignore beyond
 * its bounds is a problem, once, and from there on leaves out nothing. Confined
 * to one thread at a time; what it yields may go to others.
 */
#ifndef SOURCE_WALK_H
#define SOURCE_WALK_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/entry.h"
#include "source/dirfd.h"
#include "source/owner.h"
#include "source/pattern.h"
#include "source/walk_rules.h"

enum {
    WALK_DEPTH_MAX = 4096 /* directories below "/"; what lies deeper is a
                             problem, not an end of the walk */
};

enum walk_kind {
    WALK_ENTER,   /* a directory, before its children */
    WALK_ENTRY,   /* anything else */
    WALK_LEAVE,   /* the directory of the ENTER that is still open */
    WALK_PROBLEM, /* something that could not be yielded, or not all of it */
    WALK_END      /* nothing more, now and at every later call */
};

enum walk_problem {
    WALK_UNREADABLE,   /* no permission, an I/O error, or nothing the format
                          can hold: a name that is too long */
    WALK_VANISHED,     /* was listed and is gone: nobody's fault */
    WALK_MISSING_ROOT, /* a named root is not there */
};

/* Why the directory of an ENTER has no children. */
enum walk_skip {
    WALK_SKIP_NONE,
    WALK_SKIP_OTHER_FS, /* one_fs, and it is on another file system */
    WALK_SKIP_PSEUDO,   /* a window into the kernel or a repository */
    WALK_SKIP_FAILED    /* could not be opened; a PROBLEM follows */
};

struct walk_item {
    enum walk_kind kind;
    /* ENTER, LEAVE: the directory. ENTRY: the one it is in. PROBLEM: the one
     * that name is in; NULL for a missing root. Lent until the next step: take
     * a reference to keep it. */
    struct dirfd *dir;
    /* ENTER, ENTRY: complete as far as stat goes. LEAVE: only name and type.
     * PROBLEM: only name, of a missing root its path without the first '/'.
     * The name of "/" is empty. Lent until the next step. */
    struct entry entry;
    bool path_only; /* ENTER, LEAVE: see above */
    bool bare;      /* ENTER: nothing stands there; the entry is complete */
    enum walk_skip skip; /* ENTER, LEAVE */
    bool incomplete;     /* LEAVE: its names could not all be read */
    enum walk_problem problem;
    const char *text; /* PROBLEM: what, on which path; lent, not escaped */
};

struct walk_options {
    const struct pattern_set *patterns; /* NULL: none; lent */
    struct owner_cache *owners;         /* NULL: no names; lent */
    const struct walk_skip_dir *skip;   /* lent */
    size_t skip_n;
    const struct walk_marker *marker; /* lent */
    size_t marker_n;
    uint64_t larger;   /* leave out files of more bytes; 0: none */
    bool ignore_files; /* heed .dedupignore */
    bool one_fs;       /* stay on the file system of each root */
    bool with_atime;   /* entries carry the access time */
    bool ahead;        /* a second thread looks at what comes next */
    size_t max_open;   /* descriptors of directories; 0: 256 */
    const char *from;  /* where the one root, a directory, really stands, in
                          canonical form; its own path is then what all is
                          called by, patterns and problems too, and need not be
                          there (source/walk_as.h); lent; NULL: at its path */
    const struct cancel *cancel; /* asked at each name; may be NULL; lent */
};

/* What was left out on purpose. */
struct walk_counts {
    uint64_t excluded; /* by patterns, markers, size; a directory counts as
                          one, and so does all that is in a marked one */
    uint64_t ignored;  /* of these, by a .dedupignore */
    uint64_t skipped;  /* by the skip list */
};

struct walk;

/*
 * walk_new: a walk that has not begun.
 *   root     absolute canonical paths; copied
 *   options  copied; what it points to is lent until walk_free
 * Returns 0; E_USAGE for a malformed root, and for several with `from`;
 * E_NOMEM.
 */
MUST_CHECK int walk_new(const struct bytes *root, size_t root_n,
                        const struct walk_options *options, struct walk **out);

/* walk_free: NULL is fine. References to directories must be dropped first. */
void walk_free(struct walk *w);

/*
 * walk_next: the next step.
 *   item  out
 * Returns 0, also for a PROBLEM; E_CANCELED: nothing was yielded, the walk is
 * where it was; E_NOMEM or E_LIMIT (more than 4 GiB of names in one directory),
 * E_SOURCE when "/" cannot be opened: the walk is then over.
 */
MUST_CHECK int walk_next(struct walk *w, struct walk_item *item);

/* walk_count: what was left out so far. */
struct walk_counts walk_count(const struct walk *w);

#endif
