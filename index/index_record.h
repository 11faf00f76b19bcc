/*
 * index_record: what stands in the cache's tables, byte for byte. Every record
 * ends in a checksum over key and content, keyed by the repository id: decay
 * and foreign pages are found before they are believed. Pure; any thread.
 *
 *   head      "head" -> magic, format version, repository id
 *   packs     number, 4 bytes big-endian -> pack
 *   pack_ids  object id -> number
 *   chunks    chunk id -> 1..n locations, by ascending pack, one per pack
 *   suspects  chunk id, pack number (4 bytes big-endian) -> nothing
 *   marks     key -> value
 *   refs      chunk id -> how many references, and its home
 *   uses      pack number, 4 bytes big-endian -> what of it is used
 */
#ifndef INDEX_INDEX_RECORD_H
#define INDEX_INDEX_RECORD_H

#include "base/siphash.h"
#include "index/index.h"
#include "index/index_refs.h"

enum {
    INDEX_RECORD_VERSION = 3,
    INDEX_RECORD_CHECK_BYTES = 4,
    INDEX_RECORD_LOC_BYTES = 26 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_PACK_BYTES = 135 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_NUMBER_BYTES = 4 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_HEAD_BYTES = 28 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_REF_BYTES = 12 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_USE_BYTES = 12 + INDEX_RECORD_CHECK_BYTES,
    INDEX_RECORD_SUSPECT_BYTES = ID_BYTES + 4
};

/* The key of a pack in its table, and back; sorts as the number does. */
struct index_record_no {
    uint8_t b[4];
};
struct index_record_no index_record_no(uint32_t no);
MUST_CHECK int index_record_get_no(struct bytes in, uint32_t *no);

/* The key of a suspect. */
struct index_record_suspect {
    uint8_t b[INDEX_RECORD_SUSPECT_BYTES];
};
struct index_record_suspect index_record_suspect(const struct chunk_id *id,
                                                 uint32_t pack);

/* Each put appends to b (failure is sticky there); each get returns 0 or
 * E_CORRUPT for any other length, value out of range or wrong checksum. */
void index_record_put_head(struct buf *b, const struct repo_id *repo);

/* index_record_get_head: *version is set when the magic is right, even where
 * the rest cannot be read because that version differs. */
MUST_CHECK int index_record_get_head(struct bytes in, uint32_t *version,
                                     struct repo_id *repo);

void index_record_put_pack(struct buf *b, const struct siphash_key *key,
                           const struct index_pack *pack);
MUST_CHECK int index_record_get_pack(struct bytes in,
                                     const struct siphash_key *key, uint32_t no,
                                     struct index_pack *pack);

void index_record_put_number(struct buf *b, const struct siphash_key *key,
                             const struct object_id *id, uint32_t no);
MUST_CHECK int index_record_get_number(struct bytes in,
                                       const struct siphash_key *key,
                                       const struct object_id *id,
                                       uint32_t *no);

void index_record_put_loc(struct buf *b, const struct siphash_key *key,
                          const struct chunk_id *id,
                          const struct index_loc *loc);
/* index_record_get_loc: of exactly INDEX_RECORD_LOC_BYTES. */
MUST_CHECK int index_record_get_loc(struct bytes in,
                                    const struct siphash_key *key,
                                    const struct chunk_id *id,
                                    struct index_loc *loc);

/* index_record_loc_n: how many locations a value holds; 0: malformed. */
size_t index_record_loc_n(struct bytes value);

/* A count of 0 is not written, and refused when read. */
void index_record_put_ref(struct buf *b, const struct siphash_key *key,
                          const struct chunk_id *id,
                          const struct index_ref *ref);
MUST_CHECK int index_record_get_ref(struct bytes in,
                                    const struct siphash_key *key,
                                    const struct chunk_id *id,
                                    struct index_ref *ref);

void index_record_put_use(struct buf *b, const struct siphash_key *key,
                          uint32_t pack, const struct index_use *use);
MUST_CHECK int index_record_get_use(struct bytes in,
                                    const struct siphash_key *key,
                                    uint32_t pack, struct index_use *use);

/* index_record_put_mark: empties b first. */
void index_record_put_mark(struct buf *b, const struct siphash_key *key,
                           struct bytes name, struct bytes value);
/* index_record_get_mark: value lends from in. */
MUST_CHECK int index_record_get_mark(struct bytes in,
                                     const struct siphash_key *key,
                                     struct bytes name, struct buf *scratch,
                                     struct bytes *value);

#endif
