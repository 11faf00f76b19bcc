/*
 * sim_tree: what the writers of a simulation back up: a few directories of a
 * few files, each in one of a few versions, made of chunks from a small pool,
 * so that almost everything is there already, and comes back. A tree is written
 * down in the options of its snapshot: whoever finds that knows what it must
 * hold. Pure.
 */
#ifndef SIM_SIM_TREE_H
#define SIM_SIM_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "tests/support/prng.h"

enum {
    SIM_TREE_DIRS = 3,
    SIM_TREE_IN_DIR = 3, /* files of a directory */
    SIM_TREE_FILES = SIM_TREE_DIRS * SIM_TREE_IN_DIR,
    SIM_TREE_VERSIONS = 24,
    SIM_TREE_POOL = 30,       /* chunks there are */
    SIM_TREE_CHUNKS_MAX = 70, /* of one file */
    SIM_TREE_CHUNK_MAX = 600, /* bytes of one */
    SIM_TREE_TEXT = SIM_TREE_FILES + 1
};

struct sim_tree {
    unsigned version[SIM_TREE_FILES]; /* 0: there is no such file */
};

/* sim_tree_change: some of the first files come, go, and become one of the
 * first versions: the fewer there are, the more often the same comes back. */
void sim_tree_change(struct sim_tree *t, unsigned files, unsigned versions,
                     struct prng *r);

/* sim_tree_name: "d<dir>", "f<file in it>". */
void sim_tree_name(char kind, size_t no, char out[4]);

/* sim_tree_chunks: of which of the pool a version of a file is made; more than
 * stand in an entry, and than fit into one list node, in some. */
size_t sim_tree_chunks(unsigned version, unsigned out[SIM_TREE_CHUNKS_MAX]);

/* sim_tree_chunk: the bytes of one of the pool; returns their number. */
size_t sim_tree_chunk(unsigned no, unsigned char out[SIM_TREE_CHUNK_MAX]);

/* sim_tree_put / sim_tree_get: the first n files, as text. false: it is none */
void sim_tree_put(const struct sim_tree *t, size_t n, char out[SIM_TREE_TEXT]);
bool sim_tree_get(struct bytes text, struct sim_tree *t);

#endif
