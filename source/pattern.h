/*
 * pattern: what a backup leaves out, in the language of .gitignore, as if one
 * such file stood at "/".
 *
 * Paths are bytes without a leading '/': "srv/www/a.o". A pattern without a
 * '/' but at its end matches a name at any depth; any other '/' ties it to the
 * top. "*", "?" and "[...]" match bytes and never a '/'; a whole component
 * "**" matches any number of directories; a backslash takes the next byte as
 * it is; a '/' at the end asks for a directory; a leading "!" takes back what
 * an earlier pattern excluded. The last pattern that matches decides. What
 * lies below an excluded directory is excluded, whatever else matches it.
 *
 * One thing differs from git 2.39, which takes the "**" of "foo**" followed by
 * a '/' for a whole component although its manual says otherwise: here it is
 * "foo*" then, as in the manual.
 *
 * Matching never backtracks: its time is at most (bytes of the path) times
 * (bytes of the pattern), for each pattern; where patterns and paths are those
 * of somebody who must not be trusted, it can be bounded. A set is confined
 * while it is filled and immutable after that: any number of threads may match.
 */
#ifndef SOURCE_PATTERN_H
#define SOURCE_PATTERN_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    PATTERN_BYTES_MAX = 4096 /* of one pattern */
};

enum pattern_verdict {
    PATTERN_NONE,    /* no pattern matches */
    PATTERN_EXCLUDE, /* the last one that matches excludes */
    PATTERN_INCLUDE  /* the last one that matches begins with "!" */
};

struct pattern_set;

/*
 * pattern_set_new: an empty set.
 *   fold_case  take ASCII letters of either case for the same
 *   out        out: the set, to be freed with pattern_set_free()
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int pattern_set_new(bool fold_case, struct pattern_set **out);

/* pattern_set_free: NULL is fine. */
void pattern_set_free(struct pattern_set *set);

/*
 * pattern_set_add: append one pattern as an option gives it: no comments, no
 * trimming. Bytes are copied. One that cannot match (an unclosed "[", a
 * backslash at the end) is accepted and matches nothing, as in git.
 * Returns 0; E_USAGE when longer than PATTERN_BYTES_MAX; E_NOMEM. On failure
 * the set is as it was.
 */
MUST_CHECK int pattern_set_add(struct pattern_set *set, struct bytes pattern);

/* pattern_set_add_folded: the same of one for which ASCII letters of either
 * case are the same, whatever the set's others do. */
MUST_CHECK int pattern_set_add_folded(struct pattern_set *set,
                                      struct bytes pattern);

/* Where one is in a file of patterns; zeroed but for text: at its start. */
struct pattern_lines {
    struct bytes text; /* the whole file; lent */
    size_t at;
    size_t line; /* of the last pattern, from 1 */
};

/*
 * pattern_lines_next: the next pattern of a file, one a line: blank lines and
 * lines that begin with '#' are skipped, a carriage return before the line's
 * end and spaces at it are dropped unless a backslash stands before them, and
 * so is a UTF-8 byte order mark at the start.
 *   pattern  out: as pattern_set_add() wants it; lent by the text
 * Returns whether there is one.
 */
bool pattern_lines_next(struct pattern_lines *l, struct bytes *pattern);

/*
 * pattern_set_add_text: append all patterns of a file.
 *   text  the whole file
 *   name  the file's name, for errors
 * Returns as pattern_set_add, with "NAME:LINE" added; the patterns before that
 * line are then in the set.
 */
MUST_CHECK int pattern_set_add_text(struct pattern_set *set, struct bytes text,
                                    const char *name);

/* pattern_set_n: how many patterns the set holds. */
size_t pattern_set_n(const struct pattern_set *set);

/* pattern_set_can_match: whether one of the patterns may match anything, as far
 * as their form goes; one that is empty, or malformed, cannot. */
bool pattern_set_can_match(const struct pattern_set *set);

/*
 * pattern_set_match: the verdict on exactly this path, not on those above it:
 * for a walker, which asks on the way down.
 *   set   may be NULL: no patterns
 *   path  without a leading or trailing '/', not empty
 */
enum pattern_verdict pattern_set_match(const struct pattern_set *set,
                                       struct bytes path, bool is_dir);

/*
 * pattern_set_match_within: the same, in so many steps and no more.
 *   steps  in: how many; out: how many of them are left. 0: they ran out, and
 *          the verdict is PATTERN_NONE, whatever it would have been
 * A step is a pattern, or a position in one, looked at: some nanoseconds. A
 * pattern that fails at the bytes that it begins with takes one or few.
 */
enum pattern_verdict pattern_set_match_within(const struct pattern_set *set,
                                              struct bytes path, bool is_dir,
                                              uint64_t *steps);

/*
 * pattern_set_excluded: whether path is left out: it, or a directory above it,
 * has the verdict PATTERN_EXCLUDE. Arguments as pattern_set_match.
 */
bool pattern_set_excluded(const struct pattern_set *set, struct bytes path,
                          bool is_dir);

#endif
