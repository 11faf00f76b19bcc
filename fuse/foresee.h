/*
 * foresee: which directories are listed next. Who goes through a tree lists the
 * directories in one, the first one first, and in that again: while nobody asks
 * for anything their entries are read and decoded. It stops with whoever turns
 * out to do something else.
 *
 * Any thread.
 */
#ifndef FUSE_FORESEE_H
#define FUSE_FORESEE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/id.h"

struct foresee;

enum { FORESEE_DIRS = 64 /* of one directory; later ones are not foreseen */ };

/* The directories in one, in its order. Zeroed: none. */
struct foresee_dirs {
    struct chunk_id root[FORESEE_DIRS]; /* of their pages */
    size_t n;
};

/* Reads the entries of a directory, the first ones at least, to where they are
 * looked for. Its trouble is nobody's: who lists the directory meets it. */
typedef void foresee_load(void *ctx, const struct chunk_id *root);

/* foresee_new: NULL when out of memory. */
struct foresee *foresee_new(foresee_load *load, void *ctx);
void foresee_free(struct foresee *f);

/* foresee_listed: the directory of those pages was listed, and holds these. */
void foresee_listed(struct foresee *f, const struct chunk_id *root,
                    const struct foresee_dirs *dirs);

/* foresee_step: read the next one, if there is one and no other thread reads
 * one: some microseconds, or what is not quick (loop.h). Returns whether there
 * was. ctx: the struct foresee. */
bool foresee_step(void *ctx);

#endif
