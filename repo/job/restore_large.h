/*
 * restore_large: files that are written in several parts, by several threads
 * at once. Each part begins with data, so that there are as many as data asks
 * for, whatever the size of the file.
 */
#ifndef REPO_JOB_RESTORE_LARGE_H
#define REPO_JOB_RESTORE_LARGE_H

#include "base/cancel.h"
#include "repo/job/restore_unit.h"

/* A file written in several parts; each item of it holds a reference. */
struct restore_large {
    atomic_size_t refs;
    struct jail_file *file; /* NULL: it was finished; only by the last item */
    pthread_mutex_t turn;   /* of who writes to it: the kernel lets one write at
                               a time, and the others spin */
    pthread_mutex_t lock;   /* for why */
    struct err_record why;  /* the first part that failed; code 0: none */
};

/* restore_large_unref: the last one abandons a file that was not finished.
 * Any thread; NULL is fine. */
void restore_large_unref(struct restore_large *l);

/* restore_large_fail: a part failed with rc, raised; the first one stays. Any
 * thread. */
void restore_large_fail(struct restore_large *l, int rc);

/* A large file that is being handed out. Of one thread at a time. */
struct restore_large_cut {
    struct restore_large *large; /* NULL: none */
    struct buf raw;
    struct buf path;
    struct jail_dir *dir;
    struct tree_entry te; /* borrows from raw */
    struct content_reader *content;
    const struct cancel *cancel;
    uint64_t off; /* of the next part */
    bool more;    /* ... which exists; else all was handed out */
};

/* restore_large_cut_init: source is copied, cancel lent (NULL: none). Returns 0
 * or E_NOMEM; to be released in any case. */
MUST_CHECK int restore_large_cut_init(struct restore_large_cut *c,
                                      const struct node_source *source,
                                      const struct cancel *cancel);
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
 * After the last one c->large is NULL. A list that is damaged ends the parts
 * and fails the file, not the call. */
MUST_CHECK int restore_large_next(struct restore_large_cut *c,
                                  struct restore_unit *u);

#endif
