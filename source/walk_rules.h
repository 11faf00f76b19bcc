/*
 * walk_rules: what one directory says about what is in it: a file that marks it
 * as not worth a backup (CACHEDIR.TAG and the like), and patterns in a
 * .dedupignore. Confined to the walk.
 */
#ifndef SOURCE_WALK_RULES_H
#define SOURCE_WALK_RULES_H

#include "base/fileop.h"
#include "source/ignore.h"
#include "source/walk_names.h"

enum { WALK_RULES_HEADER_MAX = 1024 };

/* A directory that is not for a backup: the repository, the cache. */
struct walk_skip_dir {
    uint64_t dev; /* as stat_entry_dev */
    uint64_t inode;
};

/* walk_rules_skipped: whether inode on dev is one of n. */
bool walk_rules_skipped(const struct walk_skip_dir *skip, size_t n,
                        uint64_t dev, uint64_t inode);

/* A directory that holds a regular file of that name, which begins so, is kept
 * with that file alone. */
struct walk_marker {
    struct bytes name;
    struct bytes header; /* empty: whatever it holds */
};

/* walk_rules_heeds: whether a directory has a file that the two functions below
 * would read: a marker's, or with ignore_files a .dedupignore. */
bool walk_rules_heeds(const struct walk_marker *marker, size_t n,
                      bool ignore_files, const struct walk_names *names,
                      const struct walk_list *list);

/*
 * walk_rules_marked: whether a directory is marked.
 *   names, list  its names, sorted
 *   fd           of it
 *   by           out, when marked: the marker
 * One that cannot be read marks nothing: what is in doubt is backed up. Returns
 * whether it is.
 */
bool walk_rules_marked(const struct walk_marker *marker, size_t n,
                       const struct walk_names *names,
                       const struct walk_list *list, int fd,
                       const struct walk_marker **by);

/*
 * walk_rules_ignore: a directory's .dedupignore.
 *   above    those of the directories above; NULL: none
 *   dir      its path, as ignore_new() wants it
 *   out      out: a reference; NULL: there is none
 *   trouble  out: why it could not be read, "" otherwise: nothing is left out
 *            then
 *   room     bytes at trouble
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_rules_ignore(const struct walk_names *names,
                                 const struct walk_list *list, int fd,
                                 struct ignore *above, struct bytes dir,
                                 struct ignore **out, char *trouble,
                                 size_t room);

#endif
