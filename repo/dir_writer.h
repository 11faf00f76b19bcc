/*
 * dir_writer: builds one directory's pages from its entries, given in order of
 * their names. Confined to one thread.
 */
#ifndef REPO_DIR_WRITER_H
#define REPO_DIR_WRITER_H

#include "repo/tree_entry.h"

struct dir_writer;

/* dir_writer_new: see node_writer_new. */
struct dir_writer *dir_writer_new(const struct node_key *key,
                                  const struct node_sink *sink);
void dir_writer_free(struct dir_writer *w);

/* dir_writer_reset: start with an empty directory. */
void dir_writer_reset(struct dir_writer *w);

/* dir_writer_copy: make to, of the same key and sink, what from is: the
 * directory as it is so far. Returns 0 or E_NOMEM (to: only reset, free). */
MUST_CHECK int dir_writer_copy(struct dir_writer *to,
                               const struct dir_writer *from);

/*
 * dir_writer_add: append an entry; its name must come after the one before.
 *   te  encoded here, or copied from te->raw when that is not empty
 * Returns 0; E_LIMIT (entry too long: nothing was added, the writer can go on);
 * E_INTERNAL (order); E_NOMEM or what the sink returned (only reset, free).
 */
MUST_CHECK int dir_writer_add(struct dir_writer *w,
                              const struct tree_entry *te);

/* dir_writer_finish: the directory is complete; w is empty again. */
MUST_CHECK int dir_writer_finish(struct dir_writer *w, struct tree_dir *dir);

#endif
