/* mount_impl: what the parts of a mount share; for mount*.c alone. */
#ifndef FUSE_MOUNT_IMPL_H
#define FUSE_MOUNT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "fuse/dir_slots.h"
#include "fuse/lanes.h"
#include "fuse/mount.h"
#include "fuse/top.h"
#include "fuse/versions_memo.h"
#include "repo/node_cache.h"

struct foresee;
struct mount_view;

/* A mount. All of it is immutable or locked by itself. */
struct mount {
    const struct mount_options *o;
    struct repo *r;
    uid_t uid;
    gid_t gid;
    struct fetch *fetch; /* for who tends it */
    struct lanes *lanes;
    struct node_cache *nodes;
    struct dir_slots *slots;
    struct mount_view *view;
    struct versions_memo *versions;
    atomic_ullong versions_run; /* mount_versions.c's */
    struct ahead *ahead;
    struct foresee *foresee;
    struct mount_told *told;
    uint64_t stored;  /* bytes, as statfs() says */
    atomic_int asked; /* listings yet to be given with all attributes */
};

/* What a number of the kernel's stands for. */
struct mount_node {
    uint32_t slot; /* of the directory, or of the one that it is in */
    bool is_dir;
    uint32_t at;         /* !is_dir: which entry of that directory */
    struct dir_slot dir; /* of slot */
};

/* mount_node_of: false: the kernel knows a number that we do not (any more). */
bool mount_node_of(struct mount *m, uint64_t number, struct mount_node *out);

/* mount_number_dir, mount_number_file: the other way. */
uint64_t mount_number_dir(uint32_t slot);
uint64_t mount_number_file(uint32_t slot, uint32_t at);

/* mount_forget: the kernel forgets a number n times. */
void mount_forget(struct mount *m, uint64_t number, uint64_t n);

/* mount_fetch_new: what lanes read through, by the repository's index. */
MUST_CHECK int mount_fetch_new(const struct mount *m, struct fetch **out);

/* mount_ready: the kernel has taken the mount. */
void mount_ready(struct mount *m);

/* mount_errno: what to answer for an error, which is told where it is damage;
 * or that the snapshot in which it was met (DIR_SLOTS_NO_SNAP: none) is gone.
 */
int mount_errno(struct mount *m, int rc, uint32_t snap);

/* ---- mount_attr.c: what stat() says ---- */

/* mount_attr_entry: of an entry of a directory. */
void mount_attr_entry(const struct mount *m, const struct dir_slot *in,
                      const struct tree_entry *te, struct stat *st);

/* mount_attr_shown: of an entry that is no directory, its type and inode number
 * alone; false: to say these takes the whole entry. */
bool mount_attr_shown(const struct mount *m, const struct dir_slot *in,
                      const struct tree_shown *s, struct stat *st);

/* mount_attr_ino: the inode number that is shown for it. */
uint64_t mount_attr_ino(const struct dir_slot *in, const struct tree_entry *te);

/* mount_attr_snap_ino: of the top of a snapshot. */
uint64_t mount_attr_snap_ino(const struct object_id *id);

/* mount_attr_top_ino, mount_attr_top: of the directories above the snapshots;
 * mount_attr_below_ino: of one that is called so in one of these. */
uint64_t mount_attr_top_ino(uint32_t kind, uint32_t arg);
uint64_t mount_attr_below_ino(const struct dir_slot *above, struct bytes name);
void mount_attr_top(const struct mount *m, const struct dir_slot *d,
                    struct entry_time changed, struct stat *st);

/* mount_attr_is_text: whether an entry is a link that is shown as a file. */
bool mount_attr_is_text(const struct mount *m, const struct tree_entry *te);

/* ---- mount_view.c: the repository as it is now ---- */

MUST_CHECK int mount_view_new(struct mount *m, struct mount_view **out);
void mount_view_free(struct mount_view *v);

/* mount_view_top: lend the top for reading, at most a second old. Give it back
 * with mount_view_done(); nothing else of the view may be called before. */
const struct top *mount_view_top(struct mount_view *v);
void mount_view_done(struct mount_view *v);

/* mount_view_look: the same, of whatever age. */
const struct top *mount_view_look(struct mount_view *v);

/* mount_view_use: something in that snapshot is about to be read: from now on
 * no prune takes it. Returns 0; E_NOTFOUND: it is gone. */
MUST_CHECK int mount_view_use(struct mount_view *v, uint32_t snap);

/* mount_view_use_with: the same, and others that are likely to be read next, in
 * one go. more: gives them, if need be; nothing is said of these. */
MUST_CHECK int mount_view_use_with(struct mount_view *v, uint32_t snap,
                                   size_t (*more)(void *ctx, uint32_t *snap,
                                                  size_t max),
                                   void *ctx);

/* mount_view_is_gone: whether that snapshot was forgotten, as far as is known;
 * name: how its id begins. */
bool mount_view_is_gone(struct mount_view *v, uint32_t snap, char name[9]);

/* mount_view_tend: what has to be done every few seconds. gone() is called for
 * each snapshot that was forgotten since, and may be in the kernel's memory. */
void mount_view_tend(struct mount_view *v,
                     void (*gone)(void *ctx, uint32_t snap), void *ctx);

/* ---- mount_entry.c: entries of directories in snapshots ---- */

/* mount_entry_at: entry number `at` of a directory, into lane->te, which
 * borrows from *leaf: give that back. E_CORRUPT also when there is none. */
MUST_CHECK int mount_entry_at(struct mount *m, struct lane *lane,
                              const struct dir_slot *in, uint32_t at,
                              struct node_kept **leaf);

/* mount_entry_slot: the slot that a directory, an entry of in, has. */
void mount_entry_slot(const struct dir_slot *in, uint32_t in_slot, uint32_t at,
                      const struct tree_entry *te, struct dir_slot *out);

/* mount_entry_tell: the kernel is told of an entry: its number and attributes.
 */
MUST_CHECK int mount_entry_tell(struct mount *m, const struct dir_slot *in,
                                uint32_t in_slot, uint32_t at,
                                const struct tree_entry *te, uint64_t *number,
                                struct stat *st);

/* ---- mount_content.c: bytes of files ---- */

/* mount_content_read: up to n bytes at off into lane->bytes, which is emptied:
 * fewer at the file's end only. */
MUST_CHECK int mount_content_read(struct mount *m, struct lane *lane,
                                  const struct tree_entry *te, uint64_t off,
                                  size_t n);

/* mount_content_seek: the first data (or, with hole, the first hole) at or
 * behind off, which lies in the file; found false: no more data. */
MUST_CHECK int mount_content_seek(struct mount *m, struct lane *lane,
                                  const struct tree_entry *te, uint64_t off,
                                  bool hole, uint64_t *at, bool *found);

/* mount_content_attr: the value of an attribute into lane->bytes. */
MUST_CHECK int mount_content_attr(struct lane *lane, const struct tree_attr *a);

#endif
