/*
 * export_tar: the headers of a tar archive, as POSIX.1-2001 has it ("pax"):
 * what the old header cannot hold stands in records before it. Pure; any
 * thread.
 *
 * Of others: SCHILY.xattr.NAME (star, GNU tar) and SCHILY.acl.access and
 * .default for attributes and ACLs; GNU.sparse 1.0 (the manual of GNU tar,
 * "Storing Sparse Files") for holes; hdrcharset=BINARY for names that are not
 * UTF-8.
 */
#ifndef REPO_JOB_EXPORT_TAR_H
#define REPO_JOB_EXPORT_TAR_H

#include "repo/job/export_member.h"

enum {
    EXPORT_TAR_BLOCK = 512,
    EXPORT_TAR_RECORD = 10240,      /* an archive is a multiple of this */
    EXPORT_TAR_HEAD_MAX = 512 << 20 /* bytes of one head, at most */
};

/* export_tar_takes: whether there is such a thing in a tar archive: all but
 * sockets. */
bool export_tar_takes(enum entry_type type);

/*
 * export_tar_head: append all that stands before the data of m: the bytes of
 * its runs follow, and zeros up to a whole block, if it is a file and no link.
 * Returns 0; E_LIMIT; E_NOMEM: b is as it was.
 */
MUST_CHECK int export_tar_head(struct buf *b, const struct export_member *m);

/* export_tar_broken: append what stands between two members where the rest is
 * missing: each program that reads it fails there, and tells. */
void export_tar_broken(struct buf *b);

/* export_tar_fill: zeros that follow n bytes up to a multiple of size. */
uint64_t export_tar_fill(uint64_t n, uint64_t size);

#endif
