/* mount_ops: what the kernel asks, and the answers; for mount*.c alone. */
#ifndef FUSE_MOUNT_OPS_H
#define FUSE_MOUNT_OPS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "fuse/foresee.h"
#include "fuse/mount_impl.h"

/* How long the kernel may keep what is in snapshots, in seconds: for ever; and
 * what is above them. */
#define MOUNT_OPS_LASTING (365.0 * 86400)
#define MOUNT_OPS_PASSING 1.0

/* The userdata of a session is its struct mount. */
extern const struct fuse_lowlevel_ops mount_ops;

/* mount_dir.c: readdir and readdirplus. */
void mount_ops_readdir(fuse_req_t req, fuse_ino_t number, size_t size,
                       off_t off, struct fuse_file_info *fi);
void mount_ops_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size,
                           off_t off, struct fuse_file_info *fi);

/* A listing: an answer that grows until it is full. */
struct mount_listing {
    fuse_req_t req;
    struct mount *m;
    bool plus;  /* with all that stat() says */
    bool files; /* ... of files, too */
    char *p;
    size_t n;
    size_t size;
    struct buf *dirs; /* in a snapshot: the pages of directories that were
                         listed, struct chunk_id each; lent */
    char name[ENTRY_NAME_MAX + 1];
};

/* mount_ops_list: append one; false: it does not fit.
 *   e    without "plus" only type and inode number of it count
 *   off  where the listing goes on after it; 2 is behind "." and ".." */
bool mount_ops_list(struct mount_listing *l, struct bytes name,
                    const struct fuse_entry_param *e, uint64_t off);

/* mount_ops_file_asked: a file was looked up by its name. */
void mount_ops_file_asked(struct mount *m);

/* mount_ops_child: the kernel is told of a child of the top. */
MUST_CHECK int mount_ops_child(struct mount *m, const struct top *t,
                               uint32_t in_slot, const struct top_child *c,
                               struct fuse_entry_param *e);

/*
 * mount_versions.c: `.versions`, and what is in it (fuse/versions.h).
 *
 * .versions/PATH is a directory, whatever PATH is in the snapshots. It has
 *   - a directory for each name that PATH, as a directory, has or had;
 *   - a file (link, device) for each version that PATH has otherwise, which is
 *     called as the snapshot is under by-tag: TIME_SERIES, of the first one
 *     that has this version. Names of the first kind go before.
 * Not listed, but found: other snapshots that have PATH, by their names.
 * Only who mounts may look (and root, where others are let in), since these
 * directories stand for many, which may have been closed to others at times.
 *
 * A version is the inode that by-id/.../PATH is, with the same number, so that
 * the kernel has its content once. Who looks one up has looked into its
 * snapshot, which is pinned; who lists names has not: what a prune takes
 * meanwhile is not shown any more.
 */

/* mount_versions_lookup: tell the kernel of a name in such a directory.
 *   snap  out: the number of the snapshot that an error is of */
MUST_CHECK int mount_versions_lookup(struct mount *m, struct lane *lane,
                                     const struct mount_node *in,
                                     const char *name,
                                     struct fuse_entry_param *e,
                                     uint32_t *snap);

/* mount_versions_list: what is in it, from off on; all of it, or as much as
 * there is room for. */
MUST_CHECK int mount_versions_list(struct mount_listing *l, struct lane *lane,
                                   const struct mount_node *d, uint64_t off,
                                   uint32_t *snap);

#endif
