/*
 * walk_rules: what one directory says about what is in it: a file that marks it
 * as not worth a backup (CACHEDIR.TAG and the like), and patterns in a
 * .dedupignore. Confined to the walk.
 */
#ifndef SOURCE_WALK_RULES_H
#define SOURCE_WALK_RULES_H

#include "source/pattern.h"
#include "source/walk_names.h"

/* Whoever may write into a directory that is backed up can put a .dedupignore
 * there. These bound what that costs. */
enum {
    WALK_RULES_HEADER_MAX = 1024,
    WALK_RULES_IGNORE_MAX = 64 << 10, /* bytes of a .dedupignore */
    WALK_RULES_PATTERNS_MAX = 1000,   /* in it */
    /* the same of all that hold at one place: its own and those above it */
    WALK_RULES_HELD_BYTES_MAX = 256 << 10,
    WALK_RULES_HELD_PATTERNS_MAX = 4000,
    /* steps of matching (pattern.h) for one name: a third of a millisecond at
     * worst, where honest lists of a thousand patterns take a tenth of it */
    WALK_RULES_STEPS_MAX = 50000
};

/* The name of the file with patterns for the directory that it is in. */
#define WALK_RULES_IGNORE ".dedupignore"

/* A directory that holds a regular file of that name, which begins so, is kept
 * with that file alone. */
struct walk_marker {
    struct bytes name;
    struct bytes header; /* empty: whatever it holds */
};

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

/* The patterns of one .dedupignore, or the sum of several. */
struct walk_rules {
    struct pattern_set *set; /* NULL: there is none, or it is a sum */
    size_t pattern_n;
    size_t bytes; /* of text */
};

/*
 * walk_rules_ignore: the patterns of a directory's .dedupignore.
 *   held     of those above it
 *   rules    out: its set is to be freed; none when there is none
 *   trouble  out: why it could not be read, or is too much; "" otherwise:
 *            nothing is left out then
 *   room     bytes at trouble
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_rules_ignore(const struct walk_names *names,
                                 const struct walk_list *list, int fd,
                                 const struct walk_rules *held,
                                 struct walk_rules *rules, char *trouble,
                                 size_t room);

#endif
