/*
 * dir_slots: the directories that the kernel knows at the moment. Files have no
 * state here: their number is that of their directory and their place in it, so
 * that a tree of millions of them costs nothing but its directories.
 *
 * A slot lives while the kernel remembers the directory, or anything in it. It
 * takes some hundred bytes, with a name of up to 32; memory goes back in pieces
 * of thousands of slots none of which lives any more.
 * Locked: any thread.
 */
#ifndef FUSE_DIR_SLOTS_H
#define FUSE_DIR_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

enum {
    DIR_SLOTS_ROOT = 0, /* the slot of the mount's top */
    DIR_SLOTS_NAME_MAX = 255
};

#define DIR_SLOTS_NO_SNAP UINT32_MAX /* of a directory in no snapshot */
#define DIR_SLOTS_KEY_MAX (UINT32_MAX - 1)

/* One directory. */
struct dir_slot {
    uint32_t parent;      /* slot */
    uint32_t key;         /* what it is in its parent: its place there, or a
                             hash of its name */
    uint32_t kind;        /* of a directory in no snapshot: fuse/top.h's */
    uint32_t arg;         /* ... and which one */
    uint32_t snap;        /* number of the snapshot that it lies in */
    bool is_root;         /* of that snapshot */
    struct chunk_id root; /* in a snapshot: of its pages */
    uint64_t ino;         /* as it is shown */
    uint64_t mark;        /* ino of the nearest one that begins a file system */
};

struct dir_slots;

/* dir_slots_new: root is the top; it lives as long as the table. NULL when out
 * of memory. */
struct dir_slots *dir_slots_new(const struct dir_slot *root);
void dir_slots_free(struct dir_slots *t);

/* dir_slots_get: a copy of one that lives; false: there is none of that number.
 */
bool dir_slots_get(struct dir_slots *t, uint32_t no, struct dir_slot *out);

/*
 * dir_slots_enter: the kernel is told of a directory once more: the slot of
 * (d->parent, d->key), made as d says when there is none.
 *   no  out
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int dir_slots_enter(struct dir_slots *t, const struct dir_slot *d,
                               uint32_t *no);

/* dir_slots_enter_named: the same for one that has no place in its parent but a
 * name, of at most DIR_SLOTS_NAME_MAX bytes, which is copied: the slot of
 * (d->parent, name); d->key is of no account. */
MUST_CHECK int dir_slots_enter_named(struct dir_slots *t,
                                     const struct dir_slot *d,
                                     struct bytes name, uint32_t *no);

/* dir_slots_name: the name of a slot that lives, with a NUL behind it; empty:
 * it has none. Returns its length. */
size_t dir_slots_name(struct dir_slots *t, uint32_t no,
                      char name[DIR_SLOTS_NAME_MAX + 1]);

/* dir_slots_hold: the kernel is told of a file in it once more. */
void dir_slots_hold(struct dir_slots *t, uint32_t no);

/* dir_slots_forget: the kernel forgets n times what dir_slots_enter() or
 * dir_slots_hold() counted. */
void dir_slots_forget(struct dir_slots *t, uint32_t no, uint64_t n);

/*
 * dir_slots_next: the slots of directories in a snapshot.
 *   from     at first 0; out: where to go on
 *   out, no  one of them, and its number
 * False: no more.
 */
bool dir_slots_next(struct dir_slots *t, uint32_t snap, uint32_t *from,
                    struct dir_slot *out, uint32_t *no);

/* dir_slots_bytes: memory that the table takes. */
size_t dir_slots_bytes(struct dir_slots *t);

/* dir_slots_of_snap: how many there are in that snapshot. */
size_t dir_slots_of_snap(struct dir_slots *t, uint32_t snap);

#endif
