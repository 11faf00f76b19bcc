/*
 * tree_diff: what differs between two trees, in depth-first order, names
 * ascending. What is equal is not read: directories with the same pages are
 * passed over by their ids. Memory goes with the depth alone. Confined to one
 * caller at a time.
 *
 * A directory that cannot be read does not end it: it is reported and left,
 * whichever side is damaged: nothing is told as added or removed that merely
 * cannot be read. One who searches wants it otherwise: tree_diff_search().
 */
#ifndef REPO_TREE_DIFF_H
#define REPO_TREE_DIFF_H

#include "repo/tree_walk.h"

enum tree_diff_kind {
    TREE_DIFF_ADDED,   /* b alone; of a directory all below follows */
    TREE_DIFF_REMOVED, /* a alone; likewise */
    TREE_DIFF_CHANGED, /* both, of one type: another content or target */
    TREE_DIFF_META,    /* both: the same content, other metadata */
    TREE_DIFF_DAMAGED, /* the rest of a directory cannot be read: see the error
                          record */
    TREE_DIFF_END
};

struct tree_diff_item {
    enum tree_diff_kind kind;
    const struct tree_entry *a; /* before; lent until the next step, or NULL */
    const struct tree_entry *b; /* after; likewise */
    struct bytes path;          /* below the start; empty: the start itself */
};

/* How two entries of one name compare. */
enum tree_diff_how {
    TREE_DIFF_SAME,
    TREE_DIFF_OTHER_META, /* mode, owner, mtime, attributes, flags, project */
    TREE_DIFF_OTHER_CONTENT, /* bytes, target, device; what a directory holds */
    TREE_DIFF_OTHER_TYPE
};

/* tree_diff_compare: the most that differs. The mtime of a directory tells only
 * that what it holds changed, and does not count. Pure. */
enum tree_diff_how tree_diff_compare(const struct tree_entry *a,
                                     const struct tree_entry *b);

/*
 * tree_diff_digest: of something that is no directory: the same for two entries
 * exactly when they compare as TREE_DIFF_SAME. Pure.
 *   digest  out: ID_BYTES; not stored anywhere, so it may change
 */
void tree_diff_digest(const struct tree_entry *te, uint8_t digest[ID_BYTES]);

/*
 * tree_diff_digest_meta: the same for two entries of one type exactly when
 * their metadata is the same, whatever their content. Pure.
 *   digest  out: as above
 */
void tree_diff_digest_meta(const struct tree_entry *te,
                           uint8_t digest[ID_BYTES]);

struct tree_diff;

/* tree_diff_new: source is copied: of both trees. NULL when out of memory. */
struct tree_diff *tree_diff_new(const struct node_source *source);
void tree_diff_free(struct tree_diff *d);

/*
 * tree_diff_search: from now on b alone counts, and a only spares what was
 * told of before: everything that b has and a has not just so is told.
 * - REMOVED is not told, and what a alone has is not read.
 * - Where a is damaged it has nothing more from there on, and what b has comes
 *   as ADDED; that is not told, since nothing of b is missing. Damage of b is.
 * - A directory that differs in its mtime alone is told as META.
 */
void tree_diff_search(struct tree_diff *d);

/* tree_diff_start: begin at two entries; NULL: there is none on that side. They
 * are borrowed until the first step has been taken. */
void tree_diff_start(struct tree_diff *d, const struct tree_entry *a,
                     const struct tree_entry *b);

/* tree_diff_next: the next difference. Returns as tree_walk_next(). */
MUST_CHECK int tree_diff_next(struct tree_diff *d, struct tree_diff_item *item);

/* tree_diff_skip: pass over what is in the directory that the last step told
 * of. */
void tree_diff_skip(struct tree_diff *d);

#endif
