#include "tests/sim/sim_tree.h"

#include <stdio.h>
#include <string.h>

void sim_tree_change(struct sim_tree *t, unsigned files, unsigned versions,
                     struct prng *r)
{
    for (size_t i = 0; i < files; i++) {
        if (prng_below(r, 3) == 0)
            t->version[i] = (unsigned)prng_below(r, versions);
    }
}

void sim_tree_name(char kind, size_t no, char out[4])
{
    (void)snprintf(out, 4, "%c%zu", kind, no % 10);
}

size_t sim_tree_chunks(unsigned version, unsigned out[SIM_TREE_CHUNKS_MAX])
{
    struct prng r;
    size_t n;

    prng_init(&r, 1000 + version);
    n = 1 + (size_t)prng_below(&r, 3);
    if (version % 6 == 0)
        n = 17 + (size_t)prng_below(&r, 4);
    if (version == SIM_TREE_VERSIONS - 1)
        n = SIM_TREE_CHUNKS_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned)prng_below(&r, SIM_TREE_POOL);
    return n;
}

size_t sim_tree_chunk(unsigned no, unsigned char out[SIM_TREE_CHUNK_MAX])
{
    struct prng r;
    size_t n;

    prng_init(&r, 2000 + no);
    n = 100 + (size_t)prng_below(&r, SIM_TREE_CHUNK_MAX - 100);
    prng_fill(&r, out, n);
    return n;
}

void sim_tree_put(const struct sim_tree *t, size_t n, char out[SIM_TREE_TEXT])
{
    for (size_t i = 0; i < SIM_TREE_FILES; i++)
        out[i] = (char)('A' + (i < n ? t->version[i] : 0));
    out[SIM_TREE_FILES] = 0;
}

bool sim_tree_get(struct bytes text, struct sim_tree *t)
{
    if (text.n != SIM_TREE_FILES)
        return false;
    for (size_t i = 0; i < SIM_TREE_FILES; i++) {
        t->version[i] = (unsigned)(text.p[i] - 'A');
        if (t->version[i] >= SIM_TREE_VERSIONS)
            return false;
    }
    return true;
}
