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

enum { IGNORE_BYTES_MAX = 1 << 20 /* of a .dedupignore */ };

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
 * Returns 0; E_USAGE: a pattern that is too long; E_NOMEM.
 */
MUST_CHECK int ignore_new(struct ignore *above, struct bytes dir,
                          struct bytes text, struct ignore **out);

struct ignore *ignore_ref(struct ignore *i); /* NULL is fine */
void ignore_unref(struct ignore *i);         /* NULL is fine */

/*
 * ignore_omits: whether exactly this path is left out, where nothing above it
 * is: the patterns decide; where they say nothing, the size; then the nearest
 * .dedupignore that says something.
 *   nearest  of the directory that path is in; NULL: none
 *   bytes    of a file; 0: it is none
 */
bool ignore_omits(const struct ignore_rules *rules,
                  const struct ignore *nearest, struct bytes path, bool is_dir,
                  uint64_t bytes);

#endif
