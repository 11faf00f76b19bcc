/*
 * cold: what of a file was not in the page cache before it was read, so that it
 * can leave it afterwards: reading much must not push out what others work
 * with, nor take from them what they had in memory.
 *
 * The file is seen in granules; one of which any page was there is warm, and
 * stays as it is. What somebody else reads between look and drop may go, too.
 * Hints: nothing here fails; what cannot be found out is taken for warm.
 * Confined.
 */
#ifndef BASE_COLD_H
#define BASE_COLD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    COLD_GRANULES = 8192,
    COLD_GRANULE_MIN = 16 << 10 /* bytes; more for files of 128 MiB and more */
};

struct cold {
    uint64_t size;                    /* of the file */
    uint64_t granule;                 /* bytes, a power of two */
    bool any;                         /* some bit is set */
    uint64_t bit[COLD_GRANULES / 64]; /* set: cold; as far as size reaches */
};

/*
 * cold_look: take note of it. Before the first read: what the kernel reads
 * ahead is there, too. One system call for a file of which all or nothing is
 * in memory; before Linux 6.5 a file of less than COLD_MAP_MIN bytes is
 * warm if its first page is there, or is brought at once by a fast disk.
 *   fd    open for reading
 *   size  its bytes; may be 0
 */
enum { COLD_MAP_MIN = 1 << 20 };
void cold_look(struct cold *c, int fd, uint64_t size);

/* cold_drop: the cold granules in [from, to) leave the page cache, but for
 * pages that are dirty or mapped. c is from cold_look() of the same file. */
void cold_drop(const struct cold *c, int fd, uint64_t from, uint64_t to);

/* cold_assume_old_kernel: test hook: whether to do without what came with Linux
 * 6.5, in all threads. */
void cold_assume_old_kernel(bool old);

#endif
