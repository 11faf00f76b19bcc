/* index_engine: which database the index lies in, for people who report a
 * trouble. */
#ifndef INDEX_INDEX_ENGINE_H
#define INDEX_INDEX_ENGINE_H

/* index_engine_version: of LMDB, "0.9.24", of what is loaded. Any thread. out:
 * at least INDEX_ENGINE_VERSION_MAX bytes. Returns out. */
enum { INDEX_ENGINE_VERSION_MAX = 40 };
char *index_engine_version(char out[INDEX_ENGINE_VERSION_MAX]);

#endif
