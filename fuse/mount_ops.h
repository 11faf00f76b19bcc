/* mount_ops: what the kernel asks, and the answers; for mount.c alone. */
#ifndef FUSE_MOUNT_OPS_H
#define FUSE_MOUNT_OPS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

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

/* mount_ops_file_asked: a file was looked up by its name. */
void mount_ops_file_asked(struct mount *m);

/* mount_ops_child: the kernel is told of a child of the top. */
MUST_CHECK int mount_ops_child(struct mount *m, const struct top *t,
                               uint32_t in_slot, const struct top_child *c,
                               struct fuse_entry_param *e);

#endif
