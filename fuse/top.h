/*
 * top: what a mount of a whole repository shows above the snapshots: which
 * there are, and the directories that lead to them.
 *
 *   latest/                       the newest complete one of all
 *   by-id/3f9a21c4/
 *   by-series/SERIES/latest/
 *   by-series/SERIES/2026-11-20T02:00:03/
 *   by-date/2026/11/20/02:00:03_SERIES/
 *   by-tag/TAG/2026-11-20T02:00:03_SERIES/
 *   .versions/PATH/2026-11-20T02:00:03_SERIES
 *
 * What stands in .versions is made of the snapshots' trees: fuse/versions.h.
 * Times are those of the clock on the wall where a snapshot was made. Of
 * several of one series in one second all but the first have a number behind
 * their name, "#02" and so on, which no series has in its own: so they sort
 * behind the first one in any locale. Snapshots keep their numbers for as long
 * as the top lives, forgotten ones too.
 *
 * Confined to one thread, or behind the caller's lock.
 */
#ifndef FUSE_TOP_H
#define FUSE_TOP_H

#include "repo/snapshot_list.h"
#include "repo/tree_entry.h"

/* The numbers stand in dir_slot.kind. */
enum top_kind {
    TOP_ROOT,
    TOP_BY_ID,
    TOP_BY_SERIES,
    TOP_SERIES,  /* arg: number of the series */
    TOP_BY_DATE, /* ... */
    TOP_YEAR,    /* arg: 2026 */
    TOP_MONTH,   /* arg: 202611 */
    TOP_DAY,     /* arg: 20261120 */
    TOP_BY_TAG,
    TOP_TAG,      /* arg: number of the tag */
    TOP_SNAPSHOT, /* arg: number of the snapshot: its tree begins here */
    TOP_VERSIONS  /* .versions, and each directory in it: as children it has all
                     snapshots, by the names that versions have */
};

enum { TOP_NAME_MAX = 160 /* bytes, with the NUL */ };

/* In a key: reached as "latest". */
#define TOP_LATEST (UINT32_C(1) << 31)

/* One name in such a directory. */
struct top_child {
    enum top_kind kind;
    uint32_t arg;
    uint32_t key;  /* which one in its directory, for as long as the top lives:
                      "latest" is another one with each new snapshot */
    uint64_t next; /* from where top_next() goes on: as long, and the same for
                      "latest", too */
    char name[TOP_NAME_MAX];
};

/* One snapshot. */
struct top_snap {
    struct object_id id;
    uint8_t *root_raw;       /* owned */
    struct bytes root;       /* the entry of its top, encoded: all of that */
    struct entry_time begin; /* as its manifest says */
    uint32_t series;         /* number */
    uint32_t date;           /* 20261120 */
    bool complete;
    bool gone; /* forgotten meanwhile */
    char short_id[ID_HEX_CHARS + 1];
    char time[32]; /* "2026-11-20T02:00:03" */
    char nth[16];  /* "": the first one in its series of that time; "#02" */
    uint32_t *tag; /* tag_n numbers; owned */
    size_t tag_n;
};

struct top;

/* top_new: empty. NULL when out of memory. */
struct top *top_new(void);
void top_free(struct top *t);

/* top_knows: whether a snapshot was there at an update. */
bool top_knows(const struct top *t, const struct object_id *id);

/*
 * top_update: which snapshots there are now.
 *   l        whose order, that of time, decides on names in one second; but
 *            those that are there keep theirs. One that is brief is known
 *            already: its root and, as long as the log names no others, its
 *            tags stay as they are
 *   all      checkpoints count that are not superseded
 *   changed  out: whether anything is another than before
 * Returns 0 or E_NOMEM: as before, or in part.
 */
MUST_CHECK int top_update(struct top *t, const struct snapshot_list *l,
                          const struct state *s, bool all, bool *changed);

/* top_changed: when something changed last: what the directories have as their
 * time. */
struct entry_time top_changed(const struct top *t);

/* top_edition: which snapshots and tags there are: another number whenever that
 * is something else than before. */
uint64_t top_edition(const struct top *t);

/* top_snap: by number; lent until the next update. NULL: none of that number.
 */
const struct top_snap *top_snap(const struct top *t, uint32_t no);

/* top_snap_entry: the entry of its top; te as for tree_entry_get(), borrows
 * from sn. */
MUST_CHECK int top_snap_entry(const struct top_snap *sn, struct tree_entry *te);

uint32_t top_snap_n(const struct top *t);

/* top_name: what a snapshot is called in a directory of that kind, which it is,
 * or was, in with that key. */
void top_name(const struct top *t, uint32_t no, enum top_kind kind,
              uint32_t key, char name[TOP_NAME_MAX]);

/* top_named: the child of that name; false: none. */
bool top_named(const struct top *t, enum top_kind kind, uint32_t arg,
               const char *name, struct top_child *out);

/* top_next: the first child from `from` on, which is 0 or a child's next;
 * false: none. Whoever goes on so while the top changes meets each name that
 * stays exactly once. */
bool top_next(const struct top *t, enum top_kind kind, uint32_t arg,
              uint64_t from, struct top_child *out);

#endif
