/*
 * restore_large: files that are written in several parts, by several threads
 * at once.
 */
#ifndef REPO_JOB_RESTORE_LARGE_H
#define REPO_JOB_RESTORE_LARGE_H

#include "repo/job/restore_unit.h"

/* A file written in several parts; each item of it holds a reference. */
struct restore_large {
    atomic_size_t refs;
    struct jail_file *file; /* NULL: it was finished; only by the last item */
    pthread_mutex_t lock;   /* for why */
    struct err_record why;  /* the first part that failed; code 0: none */
};

/* restore_large_unref: the last one abandons a file that was not finished.
 * Any thread; NULL is fine. */
void restore_large_unref(struct restore_large *l);

/* A large file that is being handed out. Of one thread at a time. */
struct restore_large_cut {
    struct restore_large *large; /* NULL: none */
    struct buf raw;
    struct buf path;
    struct jail_dir *dir;
    uint64_t off;
    uint64_t size;
};

void restore_large_cut_init(struct restore_large_cut *c);
void restore_large_cut_release(struct restore_large_cut *c);

/*
 * restore_large_begin: begin te in dir; nothing may be handed out.
 *   parts  out: false: it needs no writing, or cannot be begun: an ordinary
 *          item tells
 */
MUST_CHECK int restore_large_begin(struct restore_large_cut *c,
                                   struct jail_dir *dir,
                                   const struct tree_entry *te,
                                   struct bytes path, bool *parts);

/* restore_large_next: the next part becomes an item of u, which is not full.
 * After the last one c->large is NULL. */
MUST_CHECK int restore_large_next(struct restore_large_cut *c,
                                  struct restore_unit *u);

#endif
