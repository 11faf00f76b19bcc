#include "tests/source/reader_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "source/stat_entry.h"

void reader_rig_open(struct reader_rig *rig)
{
    struct reader_options options = {0};
    struct statx st;
    int fd;

    *rig = (struct reader_rig){0};
    scratch_make(rig->dir);
    fd = open(rig->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st), 0);
    assert_int_equal(dirfd_pool_new(O_RDONLY, DIRFD_OPEN_MIN, &rig->pool), 0);
    assert_int_equal(
        dirfd_root(rig->pool, fd, &st, bytes_of_str(rig->dir), &rig->at), 0);
    assert_int_equal(attrs_cache_new(&rig->attrs), 0);
    options.attrs = rig->attrs;
    assert_int_equal(reader_new(&options, &rig->reader), 0);
}

void reader_rig_close(struct reader_rig *rig)
{
    reader_free(rig->reader);
    attrs_cache_free(rig->attrs);
    dirfd_unref(rig->at);
    dirfd_pool_free(rig->pool);
    arena_release(&rig->arena);
    scratch_remove(rig->dir);
}

int reader_rig_fd(const struct reader_rig *rig, const char *name, int flags)
{
    char path[SCRATCH_PATH + 64];
    int fd;

    assert_true(snprintf(path, sizeof path, "%s/%s", rig->dir, name) > 0);
    fd = open(path, flags | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

struct entry reader_rig_file(struct reader_rig *rig, const char *name)
{
    struct entry e = {.type = ENTRY_FILE, .name = bytes_of_str(name)};
    bool vanished;

    assert_int_equal(reader_open(rig->reader, rig->at, e.name, &e, &vanished),
                     0);
    assert_false(vanished);
    return e;
}
