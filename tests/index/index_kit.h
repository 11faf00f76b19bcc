/* index_kit: what the tests of index/ share: a cache in a temporary directory,
 * and packs and chunks made of numbers. */
#ifndef TESTS_INDEX_INDEX_KIT_H
#define TESTS_INDEX_INDEX_KIT_H

#include "index/index.h"

struct index_kit {
    char dir[64];  /* temporary, removed at the end */
    char path[96]; /* of the cache in it */
    struct repo_id repo;
};

/* index_kit_begin: under $TMPDIR or /tmp; ends the test when it cannot. */
void index_kit_begin(struct index_kit *kit);
void index_kit_end(struct index_kit *kit);

/* index_kit_open: create or open; must succeed with that fate. */
struct index *index_kit_open(const struct index_kit *kit, enum index_fate fate);

/* ids whose order is unlike that of the numbers */
struct chunk_id index_kit_chunk_id(uint64_t number);
struct object_id index_kit_object_id(uint64_t number);

/* a live, trusted data pack */
struct index_pack index_kit_pack(uint64_t number);

/* chunk number at a place in pack no that follows from both and variant */
struct index_chunk index_kit_chunk(uint64_t number, uint32_t no,
                                   uint32_t variant);

/* raw file access, to spoil caches */
void index_kit_write(const char *path, uint64_t off, const void *p, size_t n);
uint64_t index_kit_size(const char *path);
void index_kit_truncate(const char *path, uint64_t size);
void index_kit_copy(const char *from, const char *to);

/* what must be 0; prints the error record otherwise */
#define index_kit_ok(rc) index_kit_check((rc), __FILE__, __LINE__)
void index_kit_check(int rc, const char *file, int line);

#endif
