/*
 * dir_reader: a directory's entries in order of their names, or the one of a
 * given name. Confined to one thread.
 */
#ifndef REPO_DIR_READER_H
#define REPO_DIR_READER_H

#include "repo/tree_entry.h"

struct dir_reader;

/* dir_reader_new: see node_reader_new. */
struct dir_reader *dir_reader_new(const struct node_source *source);
void dir_reader_free(struct dir_reader *r);

/* dir_reader_open: start at the first entry of the directory whose pages hang
 * below root. Returns 0, E_CORRUPT, E_NOMEM or what the source returned. */
MUST_CHECK int dir_reader_open(struct dir_reader *r,
                               const struct chunk_id *root);

/*
 * dir_reader_next: the next entry, names strictly ascending.
 *   te  out: lent until the next call on r; NULL at the end
 */
MUST_CHECK int dir_reader_next(struct dir_reader *r,
                               const struct tree_entry **te);

/*
 * dir_reader_find: the entry of that name.
 *   te  out: lent until the next call on r; NULL when there is none
 */
MUST_CHECK int dir_reader_find(struct dir_reader *r,
                               const struct chunk_id *root, struct bytes name,
                               const struct tree_entry **te);

#endif
