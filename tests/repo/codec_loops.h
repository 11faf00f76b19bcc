/* codec_loops: what every decoder of untrusted bytes has to stand: each prefix
 * of a good input, and each of its bytes changed. Each input lies in memory of
 * exactly its size, so that a sanitizer sees a read beyond it. */
#ifndef TESTS_REPO_CODEC_LOOPS_H
#define TESTS_REPO_CODEC_LOOPS_H

#include "base/bytes.h"

/* Decodes in; returns 0 or a negative E_ code. */
typedef int codec_loops_fn(void *ctx, struct bytes in);

/* codec_loops_truncate: every shorter input must be E_CORRUPT or, with fields,
 * E_UNSUPPORTED; but for those that end in front of one of `optional` fields
 * at the end, which must all pass. */
void codec_loops_truncate(codec_loops_fn *decode, void *ctx, struct bytes in,
                          size_t optional);

/* codec_loops_flip: each byte changed in three ways must be E_CORRUPT,
 * E_UNSUPPORTED, E_LIMIT, or with `may_pass` a success too. Returns how many
 * changes passed. */
size_t codec_loops_flip(codec_loops_fn *decode, void *ctx, struct bytes in,
                        int may_pass);

/* codec_loops_longer: one byte more must be E_CORRUPT. */
void codec_loops_longer(codec_loops_fn *decode, void *ctx, struct bytes in);

#endif
