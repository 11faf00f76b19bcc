/*
 * restore_group: the names of one inode, which a restore makes links of one
 * another again.
 *
 * The plan finds the group of each entry; the consume stage, in the order of
 * the tree, writes one of its names and links the others to that. Only what
 * this run wrote is linked to: names that were left alone because they agreed
 * are linked, too, once one of the others had to be written.
 *
 * A group lives while the map or an item holds it. The map lets it go with the
 * last of its names, so that a restore remembers only those groups of which it
 * has met some names and not all.
 */
#ifndef REPO_JOB_RESTORE_GROUP_H
#define REPO_JOB_RESTORE_GROUP_H

#include <stdatomic.h>

#include "repo/idmap.h"
#include "repo/tree_entry.h"
#include "source/jail_file.h"

/* A name that was left alone, and its entry. */
struct restore_left;

struct restore_group {
    atomic_size_t refs;
    struct jail_made *made; /* NULL: nothing to link to (yet) */
    struct restore_left *left;
    uint8_t *raw; /* encoding of what all its entries agree in */
    size_t raw_n;
    uint64_t seen;  /* names met */
    uint64_t names; /* how many there are, as far as they say */
    uint8_t *first; /* an export: where the first of them stands; or NULL */
    size_t first_n;
};

/* Of one thread at a time. */
struct restore_group_map {
    struct idmap by_inode; /* (mark, inode) -> the group's address */
    struct buf rest;       /* scratch */
};

void restore_group_map_init(struct restore_group_map *m);
void restore_group_map_release(struct restore_group_map *m);

/*
 * restore_group_find: the group of an entry with several links.
 *   mark   tells file systems apart
 *   out    out: one reference; NULL: it agrees with none
 *   first  out: it is the first of its group
 * Returns 0, E_NOMEM, or what encoding an entry returned.
 */
MUST_CHECK int restore_group_find(struct restore_group_map *m,
                                  const struct tree_entry *te, uint64_t mark,
                                  struct restore_group **out, bool *first);

/* restore_group_unref: any thread; NULL is fine. */
void restore_group_unref(struct restore_group *g);

/* restore_group_leave: te's name in dir was left alone. In the consume stage.
 * Returns 0 or E_NOMEM. */
MUST_CHECK int restore_group_leave(struct restore_group *g,
                                   struct jail_dir *dir,
                                   const struct tree_entry *te);

/* restore_group_join: link what was left alone to what was made, if anything
 * was. In the consume stage. Returns 0, or the first error; all are tried. */
MUST_CHECK int restore_group_join(struct restore_group *g);

#endif
