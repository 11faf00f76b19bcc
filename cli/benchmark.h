/*
 * benchmark: how fast this machine is at what a backup is made of, on one
 * core, and how fast a disk is. Nothing of a repository is read or changed.
 * Confined to one thread.
 */
#ifndef CLI_BENCHMARK_H
#define CLI_BENCHMARK_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

enum {
    BENCHMARK_DISK_MAX = 256 << 20 /* bytes written to a disk at most */
};

/* One measure. */
struct benchmark_measure {
    const char *what; /* "chunker", "zstd 3" */
    uint64_t bytes;   /* that went in, in so many ns (> 0) */
    int64_t ns;
    uint64_t out_bytes; /* of a compressor: what came out; else 0 */
};

/* Takes a measure as soon as it is there. Nonzero, a raised E_*, ends. */
typedef int benchmark_fn(void *ctx, const struct benchmark_measure *m);

/*
 * benchmark_machine: chunker, chunk id, each cipher suite, zstd 1, 3, 9, 19:
 * about half a second each, of made-up text (random bytes tell nothing of
 * a compressor).
 * Returns 0; E_NOMEM; E_CANCELED; E_INTERNAL; what fn returned.
 */
MUST_CHECK int benchmark_machine(const struct cancel *cancel, benchmark_fn *fn,
                                 void *ctx);

/*
 * benchmark_disk: write random bytes into a file that has no name, make them
 * durable, read them back; two seconds, BENCHMARK_DISK_MAX, and a quarter of
 * the free space at most for each way. The file is gone when its descriptor is,
 * however this ends. What is read back may come from a cache that cannot be
 * emptied.
 *   directory  where; it must exist
 * Returns 0; E_USAGE: there is no such directory, or nothing can be made in it;
 * E_NOSPACE; E_IO; E_NOMEM; E_CANCELED; what fn returned.
 */
MUST_CHECK int benchmark_disk(const char *directory,
                              const struct cancel *cancel, benchmark_fn *fn,
                              void *ctx);

#endif
