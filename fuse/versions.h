/*
 * versions: what a path is in all snapshots together: the versions of a file,
 * and the names that a directory has or had.
 *
 * All of it goes step by step down a path. At each step the directories that
 * the path is in the snapshots are told apart by the ids of their pages, so
 * that what is equal is looked at once. Memory goes with the number of
 * snapshots, some hundred bytes for each; never with what directories hold.
 * What the kernel remembers of paths is another matter: fuse/dir_slots.h.
 *
 * Structures here are plain data: any thread may read them, one makes them. A
 * reader is confined to one thread.
 */
#ifndef FUSE_VERSIONS_H
#define FUSE_VERSIONS_H

#include "repo/node_cache.h"

/* One snapshot. */
struct versions_snap {
    uint32_t no;     /* its number at the top */
    uint32_t series; /* number */
    struct entry_time begin;
    struct chunk_id pages; /* of its top directory */
};

/* The snapshots that are looked at, older ones first. */
struct versions_snaps {
    struct versions_snap *snap; /* owned */
    size_t n;
    size_t cap;
};

/* versions_snaps_add: in any order; E_NOMEM. s is zeroed at first. */
MUST_CHECK int versions_snaps_add(struct versions_snaps *s,
                                  const struct versions_snap *snap);

/* versions_snaps_sort: when all are there. */
void versions_snaps_sort(struct versions_snaps *s);
void versions_snaps_release(struct versions_snaps *s);

/* versions_snap_cmp: by age; never 0 for two of one top. */
int versions_snap_cmp(const struct versions_snap *a,
                      const struct versions_snap *b);

/* How trees are read. All is lent. */
struct versions_reader {
    struct node_cache *nodes;
    const struct node_source *source;
    struct tree_entry *te; /* for use here: its array is reused */
    /* A directory in that snapshot gave E_CORRUPT, and is left out. False: the
       snapshot was forgotten, so that is no damage: asked for the next one that
       has the directory. */
    bool (*unreadable)(void *ctx, uint32_t no);
    void *ctx;
};

/* In versions_dirs.of. */
#define VERSIONS_ABSENT UINT32_MAX       /* no directory is there */
#define VERSIONS_LOST   (UINT32_MAX - 1) /* the way there cannot be read */

/* A directory as one or more snapshots have it. */
struct versions_dir {
    struct chunk_id pages;
    uint32_t newest; /* in which it is: a place in the snapshots */
};

/* The directories that a path is. */
struct versions_dirs {
    const struct versions_snaps *in; /* lent */
    uint32_t *of;                    /* for each of in: which of dir, or one of
                                        the above; owned */
    struct versions_dir *dir;        /* no two alike; newest first; owned */
    size_t n;
};

/* versions_top: of the empty path. in is lent for as long as out lives, which
 * is to be released whatever is returned. E_NOMEM. */
MUST_CHECK int versions_top(const struct versions_snaps *in,
                            struct versions_dirs *out);

/* versions_below: of a path one name longer. Returns 0; E_NOMEM; what the
 * source returned but for E_CORRUPT. out as for versions_top(). */
MUST_CHECK int versions_below(const struct versions_reader *r,
                              const struct versions_dirs *d, struct bytes name,
                              struct versions_dirs *out);
void versions_dirs_release(struct versions_dirs *d);

/* versions_any: whether any of the directories has that name. As
 * versions_below(). */
MUST_CHECK int versions_any(const struct versions_reader *r,
                            const struct versions_dirs *d, struct bytes name,
                            bool *found);

/* Takes one version: the snapshot that is the first to have it. What is not 0
 * ends it. */
typedef int versions_take(void *ctx, const struct versions_snap *first);

/*
 * versions_of: the versions of what has that name in the directories and is
 * none itself, older ones first.
 *
 * A version begins in a series where the name was not there before, or as a
 * directory, or differs (see tree_diff_compare()) from what the series had
 * before. It is left out when an equal one was taken since the last version of
 * that series was: of another series, then. So whoever looks for the state of
 * a series at some time finds it in the last version before that, or in an
 * equal one that was taken later.
 *
 * Returns as versions_below(), or what take() returned. take() may use r.
 */
MUST_CHECK int versions_of(const struct versions_reader *r,
                           const struct versions_dirs *d, struct bytes name,
                           versions_take *take, void *ctx);

enum { VERSIONS_NAMES_MAX = 512 };

/* A name, and where it stands: entry number `at` of the directory in the newest
 * of the snapshots that have it. */
struct versions_name {
    uint32_t no; /* of that snapshot */
    uint32_t at;
    uint8_t n; /* bytes */
    char name[ENTRY_NAME_MAX];
};

/* Some names in order: order[0] to order[n - 1] are places in name. */
struct versions_names {
    size_t n; /* VERSIONS_NAMES_MAX: there may be more */
    uint16_t order[VERSIONS_NAMES_MAX];
    struct versions_name name[VERSIONS_NAMES_MAX];
};

/*
 * versions_names: the first names behind `after` (empty: at all) that any of
 * the directories has, each once. It looks at one directory after the other,
 * and holds no more than two of their pages at a time. As versions_below().
 */
MUST_CHECK int versions_names(const struct versions_reader *r,
                              const struct versions_dirs *d, struct bytes after,
                              struct versions_names *out);

#endif
