/* local_impl: what the files of the local store share; see local.h. */
#ifndef STORE_LOCAL_IMPL_H
#define STORE_LOCAL_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/local.h"
#include "store/store_ops.h"

enum {
    LOCAL_SETTLED_MAX = 4096, /* directories remembered */
    LOCAL_TEMP_MAX = 48       /* bytes of a temporary file's name */
};

struct local {
    struct store base; /* place: the path, without trailing slashes */
    int root;
    mode_t file_mode;
    mode_t dir_mode;
    atomic_bool distrust; /* an fsync of something named failed */
    atomic_uint temps;    /* temporary names given out */

    pthread_mutex_t lock;     /* of what follows */
    unsigned namings;         /* bit set: those that may be tried */
    bool ready;               /* naming and tmp are set, for good */
    enum local_naming naming; /* read without the lock once ready was seen */
    int tmp;                  /* the directory ".tmp", -1 until needed */
    char **settled; /* directories known to be durable in their parents */
    size_t settled_n;
};

static inline struct local *local_of(struct store *s)
{
    return (struct local *)(void *)s;
}

/*
 * local_fail: raise what errnum, of the attempt to `doing` the thing at name
 * ("" for the root), means to the user: E_NOSPACE, E_NOMEM or E_STORE.
 */
MUST_CHECK int local_fail(const struct local *l, int errnum, const char *doing,
                          const char *name);

/* local_trust: E_STORE once an fsync of something named has failed. */
MUST_CHECK int local_trust(const struct local *l);

/* local_sync_named: fsync of a directory, or of a file that has its name; a
 * failure ends all trust. */
MUST_CHECK int local_sync_named(struct local *l, int fd, bool is_dir,
                                const char *name);

/*
 * local_file_open: open the object for reading.
 *   dir, leaf  where it is
 *   fd         out: -1 when it does not exist
 *   size       out: its bytes
 * Returns also E_STORE when it is not a regular file.
 */
MUST_CHECK int local_file_open(const struct local *l, int dir, const char *leaf,
                               const char *name, int *fd, uint64_t *size);

enum local_dir_mode {
    LOCAL_DIR_FIND,   /* as it is */
    LOCAL_DIR_SETTLE, /* make those on the way durable */
    LOCAL_DIR_MAKE    /* make them, and make them durable */
};

/*
 * local_dir_open: the directory of an object.
 *   dir   out: to be closed with local_dir_close; -1: there is none (not with
 *         LOCAL_DIR_MAKE)
 *   leaf  out: the last component of name, in name
 */
MUST_CHECK int local_dir_open(struct local *l, const char *name,
                              enum local_dir_mode mode, int *dir,
                              const char **leaf);
void local_dir_close(const struct local *l, int dir);

/* local_dir_make: make the directory part in parent, unless it is there, and
 * open it. Returns the descriptor, or -1 and errno. */
MUST_CHECK int local_dir_make(const struct local *l, int parent,
                              const char *part);

/* local_dir_release: frees the memory of settled directories. */
void local_dir_release(struct local *l);

/* local_list_run: list of store_ops. */
MUST_CHECK int local_list_run(struct store *s, const char *prefix, bool sizes,
                              store_list_fn *fn, void *ctx);

/*
 * local_temp: a file that others do not see yet, and its way to a name.
 */
struct local_temp {
    int fd;
    char name[LOCAL_TEMP_MAX]; /* in ".tmp"; "" when it has none */
};

/* local_temp_ready: find out what works here, once. */
MUST_CHECK int local_temp_ready(struct local *l);

/* local_temp_open: a new empty file. l is ready. */
MUST_CHECK int local_temp_open(struct local *l, struct local_temp *t);

/* local_temp_publish: name t dir/leaf, if there is no such name. */
MUST_CHECK int local_temp_publish(struct local *l, struct local_temp *t,
                                  int dir, const char *leaf, const char *name,
                                  enum store_outcome *outcome);

/* local_temp_close: t is gone, unless it was published. */
void local_temp_close(struct local *l, struct local_temp *t);

/* local_writer_*: of store_ops. */
MUST_CHECK int local_writer_open(struct store *s, struct store_writer **w);
MUST_CHECK int local_writer_append(struct store_writer *w, struct bytes part);
MUST_CHECK int local_writer_commit(struct store_writer *w, const char *name,
                                   enum store_outcome *outcome);
void local_writer_free(struct store_writer *w);

#endif
