/*
 * tree_entry: an entry as a directory page holds it: the object itself
 * (base/entry.h) and where its content lies. docs/format.md 9.3.
 */
#ifndef REPO_TREE_ENTRY_H
#define REPO_TREE_ENTRY_H

#include "base/entry.h"
#include "repo/content.h"
#include "repo/short_hole.h"

enum {
    TREE_ENTRY_BYTES_MAX = 131072, /* of one encoded entry */
    TREE_ATTR_INLINE_MAX = 1024    /* longer values are chunks of their own */
};

/* What an entry says about the directory it names. */
struct tree_dir {
    struct chunk_id root; /* of its pages */
    uint64_t entries;     /* in it */
    uint64_t below;       /* entries in it and in all directories below */
    uint64_t bytes;       /* sizes of the files among those, added up */
};

/* One extended attribute. */
struct tree_attr {
    struct bytes name;
    bool is_chunk;
    struct bytes value; /* !is_chunk */
    uint32_t length;    /* is_chunk: bytes */
    struct chunk_id id; /* is_chunk: a data chunk */
};

/*
 * Borrows all bytes; owns only the array attr, see tree_entry_release.
 * e.xattr is not used here: attributes stand in attr.
 */
struct tree_entry {
    struct entry e;
    struct content content; /* ENTRY_FILE */
    struct bytes holes;     /* ENTRY_FILE: as short_hole_put(); empty: none;
                               not written where they do not fit the size */
    struct tree_dir dir;    /* ENTRY_DIR */
    struct tree_attr *attr; /* attr_n of them, sorted by name */
    size_t attr_n;
    size_t attr_cap;
    struct bytes fields; /* optional fields as read, kept when rewritten; when
                            empty, they are made from e and holes */
    struct bytes raw;    /* got only: the whole encoding */
};

/* tree_entry_release: frees attr; te is zeroed. */
void tree_entry_release(struct tree_entry *te);

/* tree_entry_add_attr: append an attribute; E_NOMEM. te->attr_n grows. */
MUST_CHECK int tree_entry_add_attr(struct tree_entry *te,
                                   const struct tree_attr *attr);

/*
 * tree_entry_put: append te's encoding to b.
 * Returns 0; E_LIMIT: longer than TREE_ENTRY_BYTES_MAX (b as before); E_NOMEM.
 */
MUST_CHECK int tree_entry_put(struct buf *b, const struct tree_entry *te);

/*
 * tree_entry_get: decode one entry.
 *   te       zeroed or used before; its array is reused. Borrows from the input
 *   is_root  the entry of `/` in a snapshot: its name is empty
 * Returns 0; E_CORRUPT; E_NOMEM. te may be released after any of them.
 */
MUST_CHECK int tree_entry_get(struct codec *c, struct tree_entry *te,
                              bool is_root);

/* tree_entry_linked: no directory, and one of several names when it was read.
 */
bool tree_entry_linked(const struct entry *e);

/* What a listing without attributes shows of an entry. */
struct tree_shown {
    struct bytes name;
    enum entry_type type;
    bool linked; /* tree_entry_linked() */
};

/* tree_entry_shown: only that, of the entry that c stands at, which was decoded
 * before; lent from the input. */
struct tree_shown tree_entry_shown(struct codec *c);

/* tree_entry_name: only the name of the entry that c stands at, which was
 * decoded before; lent from the input. */
struct bytes tree_entry_name(struct codec *c);

#endif
