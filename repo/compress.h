/*
 * compress: zstd frames for runs of chunks. One context per thread; nothing is
 * allocated per frame once a level has been used.
 */
#ifndef REPO_COMPRESS_H
#define REPO_COMPRESS_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    COMPRESS_LEVEL_NONE = -1, /* leave everything as it is */
    COMPRESS_LEVEL_MIN = 1,
    COMPRESS_LEVEL_MAX = 19,
    COMPRESS_LEVEL_DEFAULT = 3
};

struct compress_ctx;

/* compress_ctx_new: out owns the context. Returns 0 or E_NOMEM. */
MUST_CHECK int compress_ctx_new(struct compress_ctx **out);
void compress_ctx_free(struct compress_ctx *x);

/* compress_version: of zstd: the same raw bytes have one form for each level
 * and version. */
unsigned compress_version(void);

/*
 * compress_pack: the compressed form of raw, if it is shorter.
 *   raw    1 byte .. 1 MiB
 *   level  COMPRESS_LEVEL_MIN..COMPRESS_LEVEL_MAX, or COMPRESS_LEVEL_NONE
 *   out    raw.n bytes; unspecified when there is no gain
 *   n      out: bytes of the form, < raw.n; 0: store raw as it is
 * Data that does not compress costs a small part of what its encryption costs.
 * Returns 0, E_NOMEM, or E_INTERNAL.
 */
MUST_CHECK int compress_pack(struct compress_ctx *x, struct bytes raw,
                             int level, uint8_t *out, size_t *n);

/*
 * compress_unpack: the reverse, into exactly raw_n bytes at out: a form that
 * would give more or fewer bytes, or has anything after it, is refused.
 * Returns 0, E_CORRUPT (out unspecified) or E_NOMEM.
 */
MUST_CHECK int compress_unpack(struct compress_ctx *x, struct bytes form,
                               uint8_t *out, size_t raw_n);

#endif
