/*
 * export_zip: a zip archive: the headers of its members, and its directory at
 * the end (PKWARE's APPNOTE.TXT 6.3, with the 64-bit sizes), with the fields of
 * Info-ZIP for times and owners. What follows a header is deflated (RFC 1951),
 * or lies there as it is.
 *
 * The directory is kept in memory, deflated: some 20 bytes for each member.
 * Confined to one thread at a time.
 */
#ifndef REPO_JOB_EXPORT_ZIP_H
#define REPO_JOB_EXPORT_ZIP_H

#include "repo/job/export_member.h"

/* export_zip_takes: whether there is such a thing in a zip archive: files,
 * directories and symbolic links. */
bool export_zip_takes(enum entry_type type);

/* What its header says of a member. Plain data. */
struct export_zip_head {
    struct bytes path; /* borrowed; of directories with a slash at the end */
    bool is_utf8;
    bool is_long;  /* may need 64-bit sizes */
    uint32_t mode; /* with the type, as stat has it */
    uint32_t uid;
    uint32_t gid;
    int64_t mtime; /* seconds */
};

/* What is known once its content is. */
struct export_zip_sum {
    bool stored; /* as it is; else deflated */
    uint32_t crc;
    uint64_t plain;  /* bytes */
    uint64_t packed; /* bytes that follow the header */
};

/* export_zip_head_of: what m's header says. path: owned by the caller, "x/" for
 * a directory; lent to out. */
void export_zip_head_of(const struct export_member *m, struct bytes path,
                        struct export_zip_head *out);

struct export_zip;

/* export_zip_new: an archive of nothing yet; NULL when out of memory. */
struct export_zip *export_zip_new(void);
void export_zip_free(struct export_zip *z);

/*
 * export_zip_begin: append the header of the next member to b.
 *   sum  NULL: it is not known yet: it follows the content, which is deflated
 * Then follow its bytes, and export_zip_end(). Returns 0 or E_NOMEM.
 */
MUST_CHECK int export_zip_begin(struct export_zip *z, struct buf *b,
                                const struct export_zip_head *h,
                                const struct export_zip_sum *sum);

/*
 * export_zip_end: append what follows the bytes of that member, if anything
 * does, and note it for the directory.
 *   follows  its sum was not known when it began
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int export_zip_end(struct export_zip *z, struct buf *b,
                              const struct export_zip_head *h,
                              const struct export_zip_sum *sum, bool follows);

/* export_zip_broken: append what stands between two members where the rest is
 * missing: also who reads it without a directory fails there. */
void export_zip_broken(struct buf *b);

/* export_zip_finish: hand the directory to put, in pieces. Returns 0; E_NOMEM;
 * what put returned. */
MUST_CHECK int export_zip_finish(struct export_zip *z,
                                 int (*put)(void *ctx, struct bytes b),
                                 void *ctx);

#endif
