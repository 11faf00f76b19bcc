/*
 * walk_look: what one look at a directory tells: its descriptor, its names in
 * order, and of each what one statx says. It decides nothing, so that it can be
 * had ahead of the walk, by another thread (walk_ahead.h).
 *
 * In the hands of one thread at a time.
 */
#ifndef SOURCE_WALK_LOOK_H
#define SOURCE_WALK_LOOK_H

#include <stdatomic.h>

#include "base/entry.h"
#include "source/dirfd.h"
#include "source/stat_brief.h"
#include "source/walk_names.h"
#include "source/walk_rules.h"

enum {
    WALK_LOOK_SEEN_MAX = 1024 /* names of one directory that are looked at */
};

/* What statx said of one name. */
struct walk_seen {
    struct stat_brief st; /* valid without errnum */
    int errnum;           /* why it could not be had; 0: it could */
    int64_t looked_ns;    /* the clock before it */
};

struct walk_look {
    struct dirfd *parent; /* a reference; what name is in */
    struct bytes name;    /* in text */
    uint8_t text[ENTRY_NAME_MAX + 1];
    uint64_t dev;    /* that the directory is on */
    size_t seen_max; /* names to look at, at most */

    /* out */
    struct dirfd *dir;    /* a reference; NULL: try it another way */
    struct stat_brief st; /* of it, open */
    int64_t looked_ns;    /* the clock before it was opened */
    struct walk_names names;
    struct walk_list list;  /* of names, sorted */
    int read_errno;         /* why not all names could be read, else 0 */
    struct walk_seen *seen; /* of the first seen_n names of the list */
    size_t seen_n;
    size_t seen_cap;

    /* of walk_ahead.c */
    struct walk_look *next; /* still to be done, or of no use at the moment */
    struct walk_look *prev;
    atomic_int state;
    size_t held; /* bytes that it was counted with */

    /* of walk_foresee.c */
    struct walk_look *first; /* below it, those that wait, by younger */
    struct walk_look *last;
    struct walk_look *younger;
    size_t index;    /* of its name in the list above */
    size_t foreseen; /* of the list: to be decided on next */
    bool spent;      /* nothing is left to be foreseen, here and below */
};

/* walk_look_init: an empty one. walk_look_release: fits a zeroed one too. */
void walk_look_init(struct walk_look *l);
void walk_look_release(struct walk_look *l);

/*
 * walk_look_at: what is at a NUL-terminated name in the directory fd.
 *   st  out
 * Returns 0, or why it could not be had, as an errno.
 */
MUST_CHECK int walk_look_at(int fd, const char *name, struct statx *st);

/* walk_look_begin: at the directory name, 1..255 bytes, in parent, which is
 * believed to be on the device dev; what was found before is dropped. */
void walk_look_begin(struct walk_look *l, struct dirfd *parent,
                     struct bytes name, uint64_t dev, size_t seen_max);

/* walk_look_bytes: the memory that it has. */
size_t walk_look_bytes(const struct walk_look *l);

/* walk_look_reset: drops what was found, and the directories. */
void walk_look_reset(struct walk_look *l);

/*
 * walk_look_run: look. Where a directory of another device stands, or none that
 * can be opened for reading, or memory is short, there is no l->dir then. In a
 * directory that may be marked only the names are read. marker  lent dents
 * WALK_DENTS_BYTES of scratch
 */
void walk_look_run(struct walk_look *l, const struct walk_marker *marker,
                   size_t marker_n, uint8_t *dents);

#endif
