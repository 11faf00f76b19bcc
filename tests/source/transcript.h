/* transcript: a walk as text, one line a step. For tests; confined. */
#ifndef TESTS_SOURCE_TRANSCRIPT_H
#define TESTS_SOURCE_TRANSCRIPT_H

#include "source/walk.h"

/*
 * What lies above the scratch directory is left out: "> d" enter (">p" path
 * only, ">o" ">k" ">f" skipped), "d/x" entry, "l -> t" symlink, "< d" leave
 * ("<!" incomplete), "?gone x", "?bad x", "?root x".
 */
struct transcript {
    char text[65536];
    size_t n;
    int rc;
};

/* transcript_of: the steps of w that touch `below`. */
void transcript_of(struct walk *w, const char *below, struct transcript *t);

/* transcript_words: walks the roots named in `roots` (words, relative to dir).
 */
void transcript_words(const char *dir, const char *roots,
                      const struct walk_options *options, struct transcript *t);

/* transcript_primed: the same, with `ahead`, of a walk that was begun with
 * (source/walk_prime.h) and left alone for so long. */
void transcript_primed(const char *dir, const char *roots,
                       const struct walk_options *options, unsigned nap_us,
                       struct transcript *t);

/* transcript_expect: that walk must read as expected, with options.ahead and
 * without, and where it was begun with. */
void transcript_expect(const char *dir, const char *roots,
                       const struct walk_options *options,
                       const char *expected);

#endif
