/* pack_fixture: a keyring, a memory store, and packs full of chunks whose
 * content follows from a number. */
#ifndef TESTS_REPO_PACK_FIXTURE_H
#define TESTS_REPO_PACK_FIXTURE_H

#include "repo/pack_writer.h"
#include "store/memory.h"

struct pack_fixture {
    struct store *store;
    struct keyring *keys; /* role full */
    struct frame_ctx *frame;
};

/* pack_fixture_open / _close: fail the test when something goes wrong. */
void pack_fixture_open(struct pack_fixture *f);
void pack_fixture_close(struct pack_fixture *f);

/* pack_fixture_bytes: n bytes of content number `seed`; half of all numbers
 * (the odd ones) compress. */
void pack_fixture_bytes(uint64_t seed, uint8_t *to, size_t n);

/*
 * pack_fixture_frame: prepare a frame of chunk_n chunks of `each` bytes, with
 * the contents seed, seed + 1, ...
 *   raw    chunk_n * each bytes; must stay until the frame is sealed
 *   chunk  out: chunk_n of them
 */
void pack_fixture_frame(const struct keyring *k, struct frame_ctx *x,
                        enum pack_kind kind, uint64_t seed, size_t chunk_n,
                        size_t each, uint8_t *raw,
                        struct pack_dir_chunk *chunk);

/* pack_fixture_pack: write one pack of frame_n such frames, numbered on. */
int pack_fixture_pack(struct pack_fixture *f, enum pack_kind kind,
                      uint64_t seed, size_t frame_n, size_t chunk_n,
                      size_t each, struct pack_info *info);

#endif
