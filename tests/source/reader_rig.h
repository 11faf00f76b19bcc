/* reader_rig: a scratch directory, open, and a reader. Whatever fails fails the
 * test. */
#ifndef TESTS_SOURCE_READER_RIG_H
#define TESTS_SOURCE_READER_RIG_H

#include "source/reader.h"
#include "tests/support/scratch.h"

struct reader_rig {
    char dir[SCRATCH_PATH];
    struct dirfd_pool *pool;
    struct dirfd *at;
    struct attrs_cache *attrs;
    struct reader *reader;
    struct arena arena;
};

/* reader_rig_open / _close: make it, remove it. */
void reader_rig_open(struct reader_rig *rig);
void reader_rig_close(struct reader_rig *rig);

/* reader_rig_fd: a file in it, opened with those flags; the caller's. */
int reader_rig_fd(const struct reader_rig *rig, const char *name, int flags);

/* reader_rig_file: begin to read a file that is there; name is lent. */
struct entry reader_rig_file(struct reader_rig *rig, const char *name);

#endif
