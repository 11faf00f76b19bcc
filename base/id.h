/*
 * id: the names of things, each its own type, so that the compiler refuses a
 * swap. All are plain bytes; compare with id_cmp/id_equal, print with id_hex.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ID_BYTES     32
#define ID_HEX_CHARS 64

/* Keyed BLAKE3-256 of a chunk's plaintext: under the data key for file
 * content, under the metadata key for directory pages and list nodes. */
struct chunk_id {
    uint8_t b[ID_BYTES];
};

/* Unkeyed BLAKE3-256 of an object's file: packs, segments, snapshots, slots. */
struct object_id {
    uint8_t b[ID_BYTES];
};

/* Random; names one writer's journal. */
struct writer_id {
    uint8_t b[16];
};

/* Random; names one repository. */
struct repo_id {
    uint8_t b[16];
};

/* An Ed25519 public key: names the member who signed. */
struct member_id {
    uint8_t b[32];
};

/* id_hex: lower-case hex of n bytes into out, which holds 2 * n + 1 chars.
 * Returns out. */
char *id_hex(const void *b, size_t n, char *out);

/* id_from_hex: the reverse, of exactly n bytes; text ends at its NUL.
 * false when text is not 2 * n lower-case hex digits (out unspecified). */
bool id_from_hex(const char *text, void *out, size_t n);

static inline bool chunk_id_equal(const struct chunk_id *a,
                                  const struct chunk_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool object_id_equal(const struct object_id *a,
                                   const struct object_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

#endif
