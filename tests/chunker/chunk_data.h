/*
 * chunk_data: streams to cut, of many kinds, from a seed. What a kind and a
 * seed yield is fixed for ever: the golden cut lists are made of it.
 */
#ifndef TESTS_CHUNKER_CHUNK_DATA_H
#define TESTS_CHUNKER_CHUNK_DATA_H

#include <stddef.h>
#include <stdint.h>

enum chunk_data_kind {
    CHUNK_DATA_RANDOM,   /* every byte equally likely */
    CHUNK_DATA_ZEROS,    /* nothing but zeros */
    CHUNK_DATA_RUNS,     /* runs of one byte, up to 64 KiB long */
    CHUNK_DATA_ACGT,     /* four letters */
    CHUNK_DATA_TWO,      /* two symbols, equally likely */
    CHUNK_DATA_BIASED,   /* two symbols, one of them 15 times in 16 */
    CHUNK_DATA_RECORDS,  /* records of 16 bytes: counter, field, constant */
    CHUNK_DATA_PERIODIC, /* one pattern of 1..16 bytes, repeated */
    CHUNK_DATA_LOG,      /* log lines */
    CHUNK_DATA_SOURCE,   /* words, brackets, indentation */
    CHUNK_DATA_WAVE,     /* 16-bit samples of a slow triangle and noise */
    CHUNK_DATA_SPARSE,   /* zeros with a few bytes strewn in */
    CHUNK_DATA_TAR,      /* headers and pieces of all of the above */
    CHUNK_DATA_KINDS
};

/* chunk_data_name: "random" and so on. */
const char *chunk_data_name(enum chunk_data_kind kind);

/* chunk_data_fill: n bytes of a kind. A shorter call with the same seed yields
 * a prefix of a longer one. */
void chunk_data_fill(enum chunk_data_kind kind, uint64_t seed, uint8_t *p,
                     size_t n);

#endif
