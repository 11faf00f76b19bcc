/*
 * corpus_make: makes or edits a corpus of bench/compare (bench/corpus.h).
 *
 *     corpus_make noise DIR SEED BYTES
 *     corpus_make half  DIR SEED BYTES
 *     corpus_make small DIR SEED FILES
 *     corpus_make tiny  DIR SEED FILES
 *     corpus_make edit  DIR SEED VERSION
 *
 * DIR exists; it is empty but for edit. Exit: 0, 1 failed, 2 usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/corpus.h"

static const struct {
    const char *name;
    void (*make)(const char *dir, uint64_t seed, uint64_t n);
    uint64_t least; /* that n may be */
} kinds[] = {
    {"noise", corpus_noise, 0}, {"half", corpus_half, 0},
    {"small", corpus_small, 1}, {"tiny", corpus_tiny, 1},
    {"edit", corpus_edit, 2},
};

static int number(const char *text, uint64_t *n)
{
    char *end;

    errno = 0;
    *n = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *text != '-';
}

int main(int argc, char **argv)
{
    uint64_t seed;
    uint64_t n;

    for (size_t i = 0; argc == 5 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
        if (!number(argv[3], &seed) || !number(argv[4], &n) ||
            n < kinds[i].least)
            break;
        kinds[i].make(argv[2], seed, n);
        return 0;
    }
    (void)fprintf(stderr,
                  "usage: corpus_make noise|half|small|tiny|edit DIR SEED N\n");
    return 2;
}
