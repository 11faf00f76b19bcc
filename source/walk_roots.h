/*
 * walk_roots: the roots of a backup as one tree of paths. Immutable after
 * walk_roots_init; any thread.
 */
#ifndef SOURCE_WALK_ROOTS_H
#define SOURCE_WALK_ROOTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

struct walk_roots {
    struct bytes *path; /* sorted, none twice, without a leading '/' */
    size_t n;
};

/*
 * walk_roots_resolve: the canonical absolute form of a path as a user names
 * it: relative to the working directory, symlinks above the last component
 * resolved, the last one too when '/', "/." or "/.." stands behind it. One
 * that leads nowhere is only made absolute, for the walk to report as missing.
 *   out  out: appended
 * Returns 0; E_USAGE for an empty path; E_NOMEM; E_SOURCE when there is no
 * working directory.
 */
MUST_CHECK int walk_roots_resolve(const char *path, struct buf *out);

/* A path that is a root or leads to one: which roots begin with it. */
struct walk_node {
    size_t first;
    size_t last;  /* one after; equal to first: no root is there or below */
    size_t depth; /* bytes of the path, with a '/' behind it; 0 for "/" */
};

/*
 * walk_roots_init: sorts roots and drops those named twice.
 *   path  absolute and canonical: no empty, "." or ".." components; copied
 * Returns 0; E_USAGE for another form, or none at all; E_NOMEM.
 */
MUST_CHECK int walk_roots_init(struct walk_roots *roots,
                               const struct bytes *path, size_t n);

/* walk_roots_release: a zeroed one is fine. */
void walk_roots_release(struct walk_roots *roots);

/* walk_roots_top: the node of "/". */
struct walk_node walk_roots_top(const struct walk_roots *roots);

/* walk_node_leads: whether node is a root or leads to one. */
static inline bool walk_node_leads(struct walk_node node)
{
    return node.first < node.last;
}

/* walk_node_is_root: whether node itself was named. */
bool walk_node_is_root(const struct walk_roots *roots, struct walk_node node);

/* walk_node_child: the node of a name below node; it may lead nowhere. */
struct walk_node walk_node_child(const struct walk_roots *roots,
                                 struct walk_node node, struct bytes name);

/*
 * walk_node_next: the names below node, ascending.
 *   at    0 at first; moves
 *   name  out: lent
 * Returns false after the last.
 */
bool walk_node_next(const struct walk_roots *roots, struct walk_node node,
                    size_t *at, struct bytes *name);

#endif
