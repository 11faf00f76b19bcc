/*
 * pack_layout: where things lie in a pack file, and how header, directory seal
 * and trailer are written and read; docs/format.md 7. What writes packs and
 * what reads them share this. Pure; any thread.
 */
#ifndef REPO_PACK_LAYOUT_H
#define REPO_PACK_LAYOUT_H

#include "repo/keyring.h"
#include "repo/pack_dir.h"

enum {
    PACK_LAYOUT_HEAD_BYTES = 9 + 1 + 2 + 2 + 16 + 32,
    PACK_LAYOUT_KEY_BYTES = 1 + 3 + 4 + CRYPTO_SEALED_BYTES + CRYPTO_KEY_BYTES,
    PACK_LAYOUT_HEADER_MAX =
        PACK_LAYOUT_HEAD_BYTES + PACK_KEYS_MAX * PACK_LAYOUT_KEY_BYTES,
    /* salt; sealed: offset, length, signature; then the end mark */
    PACK_LAYOUT_TRAILER_BYTES = CRYPTO_SALT_BYTES + 4 + 4 +
                                CRYPTO_SIGNATURE_BYTES + CRYPTO_TAG_BYTES + 8,
    /* commitment, length of the content, tag */
    PACK_LAYOUT_DIR_OVERHEAD = CRYPTO_KEY_BYTES + 4 + CRYPTO_TAG_BYTES,
    PACK_LAYOUT_NAME_MAX = 6 + 3 + ID_HEX_CHARS + 1,
    PACK_FULL_BYTES = 33816576, /* a full pack, and the largest there is */
    PACK_STEP_BYTES = 65536     /* others are a multiple of this */
};

/* pack_layout_name: "packs/<xx>/<id>". */
void pack_layout_name(const struct object_id *id,
                      char out[PACK_LAYOUT_NAME_MAX]);

/* One entry of the key table. */
struct pack_layout_key {
    enum crypto_suite suite;
    uint32_t epoch;
    uint8_t sealed[CRYPTO_SEALED_BYTES];
    uint8_t commitment[CRYPTO_KEY_BYTES];
};

/* The header without its key table. */
struct pack_layout_header {
    enum pack_kind kind;
    uint32_t key_n; /* 1..PACK_KEYS_MAX, a power of two */
    uint16_t epoch; /* whose K_index seals directory and trailer */
    struct repo_id repo;
    struct member_id writer;
};

/* pack_layout_header_bytes: of the header with its key table. */
uint32_t pack_layout_header_bytes(uint32_t key_n);

void pack_layout_put_header(const struct pack_layout_header *h, struct buf *b);
void pack_layout_put_key(const struct pack_layout_key *k, struct buf *b);

/* pack_layout_get_header: the first PACK_LAYOUT_HEAD_BYTES of a pack. Returns
 * 0; E_CORRUPT; E_UNSUPPORTED (newer version). */
MUST_CHECK int pack_layout_get_header(struct bytes head,
                                      const struct keyring *k,
                                      struct pack_layout_header *h);

/* pack_layout_get_key: PACK_LAYOUT_KEY_BYTES. Returns 0; E_CORRUPT;
 * E_UNSUPPORTED (unknown suite). */
MUST_CHECK int pack_layout_get_key(struct bytes in, struct pack_layout_key *k);

/* The end of a pack: sealed in the file but for the salt, since it says how
 * much of the pack is frames, and since its signature would let anybody try
 * where they end. */
struct pack_layout_trailer {
    uint8_t salt[CRYPTO_SALT_BYTES]; /* in clear: of directory and trailer */
    uint32_t dir_off;                /* of the sealed directory */
    uint32_t dir_bytes;              /* of it, to the trailer */
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
};

/* pack_layout_put_trailer: append it to b, sealed for the pack with that
 * header, whose epoch is held. Failure is sticky in b. */
void pack_layout_put_trailer(const struct keyring *k,
                             const struct pack_layout_header *h,
                             const struct pack_layout_trailer *t,
                             struct buf *b);

/*
 * pack_layout_get_trailer: the reverse.
 *   h           the same pack's header
 *   tail        the last PACK_LAYOUT_TRAILER_BYTES of the pack
 *   pack_bytes  the pack's size
 *   t           out: a directory that lies behind the header and ends at the
 *               trailer; the signature is not checked yet
 * Returns 0; E_CORRUPT; E_ROLE (keyring_find()).
 */
MUST_CHECK int pack_layout_get_trailer(const struct keyring *k,
                                       const struct pack_layout_header *h,
                                       struct bytes tail, uint64_t pack_bytes,
                                       struct pack_layout_trailer *t);

/*
 * pack_layout_seal_dir: append the sealed directory to b.
 *   h        its epoch is held
 *   salt     of the trailer
 *   header   the whole header, with its key table
 *   content  of the directory; zeros follow it up to plain_bytes
 * Failure is sticky in b.
 */
void pack_layout_seal_dir(const struct keyring *k,
                          const struct pack_layout_header *h,
                          const uint8_t salt[CRYPTO_SALT_BYTES],
                          struct bytes header, struct bytes content,
                          size_t plain_bytes, struct buf *b);

/*
 * pack_layout_open_dir: the reverse.
 *   salt     of the trailer
 *   sealed   as in the pack, lent
 *   content  emptied, then the directory's content; not checked yet
 * Returns 0; E_CORRUPT; E_ROLE (keyring_find()); E_NOMEM.
 */
MUST_CHECK int pack_layout_open_dir(const struct keyring *k,
                                    const struct pack_layout_header *h,
                                    const uint8_t salt[CRYPTO_SALT_BYTES],
                                    struct bytes header, struct bytes sealed,
                                    struct buf *content);

/* pack_layout_signed: what the writer signs, label apart. */
void pack_layout_signed(struct bytes header, struct bytes sealed_dir,
                        const struct pack_layout_trailer *t,
                        struct object_id *out);

/* pack_layout_label: that label. */
extern const char pack_layout_label[];

#endif
