#include "index/index_engine.h"

#include <stdio.h>

#include "index/index_lmdb.h"

char *index_engine_version(char out[INDEX_ENGINE_VERSION_MAX])
{
    int major, minor, patch;

    (void)mdb_version(&major, &minor, &patch);
    (void)snprintf(out, INDEX_ENGINE_VERSION_MAX, "%d.%d.%d", major, minor,
                   patch);
    return out;
}
