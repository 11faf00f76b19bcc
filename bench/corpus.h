/*
 * corpus: the synthetic corpora of bench/compare, made from a seed: the same
 * seed gives the same bytes, names, modes and times, on every machine. Whatever
 * fails ends the program with a line on stderr and exit code 1. Confined.
 */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/prng.h"

#define CORPUS_DAY   86400
#define CORPUS_BEGIN 1704067200 /* 2024-01-01, the earliest time stamp */

/* corpus_die: "corpus_make: what: reason of errno", exit 1. */
_Noreturn void corpus_die(const char *what);

/* corpus_path: dir/name, to be freed. */
char *corpus_path(const char *dir, const char *name);

/* corpus_stamp: sets both times of path, which is not followed. */
void corpus_stamp(const char *path, int64_t seconds);

/* corpus_write: makes path, with n bytes at p, mode and times. */
void corpus_write(const char *path, const void *p, size_t n, unsigned mode,
                  int64_t seconds);

/* corpus_text: n bytes of lines of words, as compressible as prose or code. */
void corpus_text(struct prng *r, char *p, size_t n);

/* corpus_binary: n bytes of records: half noise, half counters and zeros. */
void corpus_binary(struct prng *r, char *p, size_t n);

/* corpus_noise: one file, dir/noise.bin, of incompressible bytes. */
void corpus_noise(const char *dir, uint64_t seed, uint64_t bytes);

/* corpus_half: one file, dir/half.bin, of corpus_binary(), new in each MiB. */
void corpus_half(const char *dir, uint64_t seed, uint64_t bytes);

/*
 * corpus_small: files (>= 1) small ones of 0 to 8 KiB, four of five text, in
 * about files / 16 directories up to 7 levels deep; dir exists and is empty.
 */
void corpus_small(const char *dir, uint64_t seed, uint64_t files);

/* corpus_tiny: files (>= 1) of 16 random bytes, 1000 to a directory: as many
 * chunks in as few bytes as can be. */
void corpus_tiny(const char *dir, uint64_t seed, uint64_t files);

/*
 * corpus_edit: turns version - 1 of the tree in dir into version (>= 2). Of
 * each 1000 files, begun ones too, it edits 5 (1 to 4 places each: inserts,
 * deletes, replaces), moves 1, adds 1 and removes 1; in a deep enough tree it
 * renames one directory. Prints one line: "version V edited E ...".
 */
void corpus_edit(const char *dir, uint64_t seed, uint64_t version);

#endif
