/*
 * example_repo: the smallest repository that has one of everything, the same
 * bytes in every run: randomness and clock are fixed. One snapshot of a
 * directory with one file. docs/format-example.md shows it.
 */
#ifndef TESTS_REPO_EXAMPLE_REPO_H
#define TESTS_REPO_EXAMPLE_REPO_H

#include "repo/chain.h"
#include "repo/config.h"
#include "repo/key_slot.h"
#include "repo/pack_writer.h"
#include "store/memory.h"

/* The key file that opens it, and its one file's content: four of its bytes are
 * a hole. */
#define EXAMPLE_REPO_KEY_FILE "the key file of the example, 32b"
#define EXAMPLE_REPO_CONTENT  "Hello,\0\0\0\0repository.\n"

struct example_repo {
    struct store *store;
    struct keyring *keys;
    struct config config;
    struct writer_id writer;
    struct pack_info data;
    struct pack_info meta;
    struct chunk_id chunk; /* of the file's content */
    struct chunk_id page;  /* of its directory */
    struct buf page_bytes;
    struct buf root; /* the root entry, encoded */
    struct object_id segment;
    struct object_id snapshot;
    struct buf manifest; /* the snapshot's content */
};

/* example_repo_build: after crypto_fixed_start() and crypto_init(); fails the
 * test when it cannot. */
void example_repo_build(struct example_repo *x);
void example_repo_release(struct example_repo *x);

#endif
