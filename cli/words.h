/*
 * words: numbers inside the sentences that people read, each in a small array
 * of the caller's. Pure; any thread.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stdint.h>

enum { WORDS_MAX = 48 };

/* words_size: "1.4 GB". words_duration: "3 min 5 s". words_count: "78,579".
 * Each returns out. */
char *words_size(uint64_t bytes, char out[WORDS_MAX]);
char *words_duration(int64_t ns, char out[WORDS_MAX]);
char *words_count(uint64_t n, char out[WORDS_MAX]);

/* words_plural: "s" unless n is 1. */
static inline const char *words_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

#endif
