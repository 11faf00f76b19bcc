/*
 * attrs: what stat does not tell about a file: extended attributes (hence
 * ACLs, capabilities, labels), inode flags, project id.
 *
 * Which file systems lack them is remembered by device for the life of a
 * cache, so that such a file system costs one failed call and not one for each
 * file. A cache may be used by any thread.
 */
#ifndef SOURCE_ATTRS_H
#define SOURCE_ATTRS_H

#include "base/arena.h"
#include "base/entry.h"
#include "source/dirfd.h"

struct attrs_cache;

/* attrs_cache_new: Returns 0 or E_NOMEM. attrs_cache_free: NULL is fine. */
MUST_CHECK int attrs_cache_new(struct attrs_cache **out);
void attrs_cache_free(struct attrs_cache *cache);

/*
 * attrs_flags_kept: those of a file's inode flags that somebody decided on and
 * that a restore may set; the others tell how the file system stores it.
 */
uint32_t attrs_flags_kept(uint32_t flags);

/*
 * attrs_of_fd: complete the entry of an open file or directory.
 *   fd     open for reading
 *   dev    the device it is on, as stat_entry_dev
 *   dir    where it is, and its name there, for errors
 *   e      out: xattr, inode_flags, project are set
 *   arena  holds what e points to then
 * Returns 0; E_NOMEM; E_SOURCE when something could not be read, or is more
 * than an entry holds: e then has the rest, and may be kept.
 */
MUST_CHECK int attrs_of_fd(struct attrs_cache *cache, int fd, uint64_t dev,
                           const struct dirfd *dir, struct bytes name,
                           struct entry *e, struct arena *arena);

/*
 * attrs_of_name: complete the entry of what stands at a name, not followed.
 *   fd        of dir, pinned
 *   name      NUL-terminated; empty: dir itself
 *   vanished  out: nothing is there any more; e is as it was
 * Returns as attrs_of_fd; sets only xattr for what is no directory. Needs
 * /proc for that.
 */
MUST_CHECK int attrs_of_name(struct attrs_cache *cache, int fd,
                             const struct dirfd *dir, struct bytes name,
                             struct entry *e, struct arena *arena,
                             bool *vanished);

/*
 * attrs_complete: complete an entry that is no file, as the walk yields it.
 *   dir       ENTER: the directory itself, with an empty name; ENTRY: the one
 *             it is in
 *   name      as attrs_of_name
 *   vanished  out: it, or its directory, is gone; e is as it was
 * Returns as attrs_of_name.
 */
MUST_CHECK int attrs_complete(struct attrs_cache *cache, struct dirfd *dir,
                              struct bytes name, struct entry *e,
                              struct arena *arena, bool *vanished);

#endif
