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

/* Reads the entries of a directory, the first ones at least, to where they are
 * looked for. Its trouble is nobody's: who lists the directory meets it. */
typedef void foresee_load(void *ctx, const struct chunk_id *root);

/* foresee_new: NULL when out of memory. */
struct foresee *foresee_new(foresee_load *load, void *ctx);
void foresee_free(struct foresee *f);

/*
 * foresee_listed: the directory of those pages was listed.
 *   begun   from its beginning; false: from where it had been listed to
 *   dir, n  pages of the directories that were met there, in their order
 */
void foresee_listed(struct foresee *f, const struct chunk_id *root, bool begun,
                    const struct chunk_id *dir, size_t n);

/* foresee_step: read the next one, if there is one and no other thread reads
 * one: some microseconds, or what is not quick (loop.h). Returns whether there
 * was. ctx: the struct foresee. */
bool foresee_step(void *ctx);

#endif
