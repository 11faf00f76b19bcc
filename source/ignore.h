/*
 * ignore: what a backup leaves out by its patterns, by the size of files, and
 * by what a .dedupignore in the tree says: the one answer for whoever walks
 * down a source and whoever must know later what was left out of one.
 *
 * A .dedupignore holds for what is in its directory and below. Those on the way
 * down are a chain, nearest first. Each is immutable and counts its references;
 * any thread.
 */
#ifndef SOURCE_IGNORE_H
#define SOURCE_IGNORE_H

#include "base/bytes.h"
#include "source/pattern.h"

/* Whoever may write into a directory that is backed up can put a .dedupignore
 * there. These bound what that costs. */
enum {
    IGNORE_BYTES_MAX = 64 << 10, /* of a .dedupignore */
    IGNORE_PATTERNS_MAX = 1000,  /* in it */
    /* the same of all that hold at one place: its own and those above it */
    IGNORE_HELD_BYTES_MAX = 256 << 10,
    IGNORE_HELD_PATTERNS_MAX = 4000,
    /* steps of matching (pattern.h) for one name: a third of a millisecond at
     * worst, where honest lists of a thousand patterns take a tenth of it */
    IGNORE_STEPS_MAX = 50000
};

/* The name of the file with patterns for the directory that it is in. */
#define IGNORE_NAME ".dedupignore"

struct ignore;

/* Rules for the whole tree; zeroed: none. */
struct ignore_rules {
    const struct pattern_set *patterns; /* NULL: none; lent */
    uint64_t larger; /* files of more bytes are left out; 0: none */
};

/*
 * ignore_new: what one .dedupignore says.
 *   above  that of the directories above; NULL: none; a reference is taken
 *   dir    the path of its directory, "srv/www"; empty: "/"
 *   text   all of it
 * Returns 0; E_USAGE: a pattern that is too long; E_LIMIT: more than is
 * heeded; E_NOMEM.
 */
MUST_CHECK int ignore_new(struct ignore *above, struct bytes dir,
                          struct bytes text, struct ignore **out);

struct ignore *ignore_ref(struct ignore *i); /* NULL is fine */
void ignore_unref(struct ignore *i);         /* NULL is fine */

/* ignore_drop: leave nothing out any more. While no other thread asks. */
void ignore_drop(struct ignore *i);

enum ignore_verdict {
    IGNORE_KEEP,
    IGNORE_BY_RULE, /* left out by the rules for the whole tree */
    IGNORE_BY_FILE, /* left out by a .dedupignore */
    IGNORE_COSTLY   /* a .dedupignore takes too long to tell */
};

/*
 * ignore_omits: whether exactly this path is left out, where nothing above it
 * is: the patterns decide; where they say nothing, the size; then the nearest
 * .dedupignore that says something.
 *   nearest  of the directory that path is in; NULL: none
 *   bytes    of a file; 0: it is none
 *   costly   out: IGNORE_COSTLY: which; NULL: it does not matter
 */
enum ignore_verdict ignore_omits(const struct ignore_rules *rules,
                                 struct ignore *nearest, struct bytes path,
                                 bool is_dir, uint64_t bytes,
                                 struct ignore **costly);

#endif
