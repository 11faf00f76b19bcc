/*
 * frame: up to 1 MiB of consecutive chunks, compressed and sealed as one;
 * docs/format.md 7. Nothing in a frame names its pack.
 *
 * Writing has two steps, because the slow one does not depend on where the
 * frame will lie: frame_prepare() compresses; frame_seal() encrypts under the
 * key of a pack, and can be called again when that pack has been closed
 * meanwhile. Both undo and compare what they did while it is still in cache:
 * bad memory and processors are the usual cause of damage in the field.
 */
#ifndef REPO_FRAME_H
#define REPO_FRAME_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"
#include "repo/crypto.h"

enum {
    FRAME_RAW_MAX = 1048576, /* bytes of plaintext */
    FRAME_CHUNKS_MAX = 8192,
    FRAME_OVERHEAD = CRYPTO_SALT_BYTES + CRYPTO_TAG_BYTES,
    FRAME_STORED_MAX = FRAME_RAW_MAX + FRAME_OVERHEAD
};

/* What a pack and its frames hold. The numbers are part of the format. */
enum pack_kind {
    PACK_DATA = 1, /* content of files */
    PACK_META = 2  /* directory pages and list nodes */
};

/* What opens and seals the frames of one key entry of one pack. Plain data;
 * secret: wipe it with crypto_wipe(). */
struct frame_key {
    enum crypto_suite suite;
    enum pack_kind kind;
    struct repo_id repo;
    struct crypto_key key; /* the "pack key" of the format */
};

/* What opens one frame, and no other of its pack. Secret: wipe it. */
struct frame_kept {
    uint8_t salt[CRYPTO_SALT_BYTES]; /* the frame's; public */
    enum crypto_suite suite;
    struct crypto_key key;
};

/* A sealed frame. */
struct frame {
    struct bytes stored;   /* salt, ciphertext, tag; lent */
    uint32_t raw_bytes;    /* of its plaintext */
    struct object_id hash; /* of stored */
};

/* One thread's ciphers, compressor and scratch memory (about 4 MiB). */
struct frame_ctx;

/* frame_ctx_new: out owns the context. Returns 0, E_NOMEM or E_INTERNAL. */
MUST_CHECK int frame_ctx_new(struct frame_ctx **out);
void frame_ctx_free(struct frame_ctx *x);

/*
 * frame_prepare: compress raw, if that makes it shorter, and prove that it
 * comes back.
 *   raw    1..FRAME_RAW_MAX bytes; borrowed until the next frame_prepare()
 *   level  zstd level, 1..19
 * Returns 0; E_NOMEM; E_INTERNAL: memory or processor damaged the data twice.
 */
MUST_CHECK int frame_prepare(struct frame_ctx *x, struct bytes raw, int level);

/* frame_stored_bytes: how long the prepared frame will be when sealed. */
size_t frame_stored_bytes(const struct frame_ctx *x);

/*
 * frame_seal: encrypt the prepared frame under key with a fresh salt, and
 * prove that it opens again. May be repeated, also with another key.
 *   what  bytes that stand for the plaintext: no other frame has them
 *         (pack_dir_what())
 *   f     out: the frame; f->stored is lent until x is used again
 * Returns 0; E_INTERNAL: memory or processor damaged the data twice.
 */
MUST_CHECK int frame_seal(struct frame_ctx *x, const struct frame_key *key,
                          struct bytes what, struct frame *f);

/* frame_buffer: FRAME_STORED_MAX bytes of x's own, into which a frame may be
 * read before it is opened. */
uint8_t *frame_buffer(struct frame_ctx *x);

/*
 * frame_open: authenticate, then decrypt and decompress.
 *   stored     as in the pack
 *   raw_bytes  1..FRAME_RAW_MAX: what the directory says
 *   out        raw_bytes bytes; unspecified on failure
 * The prepared frame is forgotten. Returns 0; E_CORRUPT; E_NOMEM.
 */
MUST_CHECK int frame_open(struct frame_ctx *x, const struct frame_key *key,
                          struct bytes stored, uint32_t raw_bytes,
                          uint8_t *out);

/* frame_keep: what opens the frame with that salt among those that key seals
 * and opens. */
void frame_keep(const struct frame_key *key,
                const uint8_t salt[CRYPTO_SALT_BYTES], struct frame_kept *out);

/* frame_open_kept: frame_open() with the key of the one frame. */
MUST_CHECK int frame_open_kept(struct frame_ctx *x, enum pack_kind kind,
                               const struct frame_kept *kept,
                               struct bytes stored, uint32_t raw_bytes,
                               uint8_t *out);

/* frame_ctx_damage: test hook: the next n times that something was compressed
 * or sealed, one bit of the result flips before it is checked. */
void frame_ctx_damage(struct frame_ctx *x, unsigned n);

#endif
