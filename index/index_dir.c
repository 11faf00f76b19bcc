#include "index/index_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fileop.h"
#include "index/index_lmdb.h"

static int index_dir_error(int errnum, const char *doing, const char *path)
{
    return err_set_errno(errnum == ENOSPC || errnum == EDQUOT ? E_NOSPACE
                                                              : E_IO,
                         errnum, "index cache %s: %s", path, doing);
}

static int index_dir_name(char *out, const char *path, const char *suffix)
{
    int n = snprintf(out, PATH_MAX, "%s%s", path, suffix);

    if (n < 0 || n >= PATH_MAX)
        return err_set(E_LIMIT, "index cache %s: path too long", path);
    return 0;
}

static int index_dir_parent(char *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    int n = 1;

    if (slash && slash != path)
        n = (int)(slash - path);
    if (n >= PATH_MAX)
        return err_set(E_LIMIT, "index cache %s: path too long", path);
    memcpy(out, slash ? path : ".", (size_t)n);
    out[n] = 0;
    return 0;
}

int index_dir_check(const char *path)
{
    char parent[PATH_MAX];
    struct statfs fs;
    int rc = index_dir_parent(parent, path);

    if (rc < 0)
        return rc;
    if (statfs(parent, &fs) != 0)
        return index_dir_error(errno, "file system", path);
    if (!index_lmdb_local((uint64_t)fs.f_type))
        return err_set(E_UNSUPPORTED,
                       "index cache %s: on a network or FUSE file system "
                       "(type %lx)",
                       path, (unsigned long)fs.f_type);
    return 0;
}

int index_dir_there(const char *path, bool *there)
{
    struct stat st;

    *there = false;
    if (fileop_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : index_dir_error(errno, "stat", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(E_IO, "index cache %s: not a directory", path);
    *there = true;
    return 0;
}

void index_dir_mark_damaged(const char *path)
{
    char name[PATH_MAX];
    int fd;

    if (index_dir_name(name, path, INDEX_DIR_DAMAGED) < 0)
        return;
    fd = fileop_openat(AT_FDCWD, name, O_WRONLY | O_CREAT, 0600);
    (void)fileop_close(fd);
}

bool index_dir_damaged(const char *path)
{
    char name[PATH_MAX];
    struct stat st;

    return index_dir_name(name, path, INDEX_DIR_DAMAGED) == 0 &&
           fileop_fstatat(AT_FDCWD, name, &st, 0) == 0;
}

static int index_dir_sync_parent(const char *path)
{
    char parent[PATH_MAX];
    int fd;
    int rc = index_dir_parent(parent, path);

    if (rc < 0)
        return rc;
    fd = fileop_openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fileop_sync_dir(fd) != 0)
        rc = index_dir_error(errno, "sync parent", path);
    (void)fileop_close(fd);
    return rc;
}

int index_dir_make(const char *path)
{
    if (fileop_mkdirat(AT_FDCWD, path, 0700) != 0)
        return index_dir_error(errno, "make", path);
    return index_dir_sync_parent(path);
}

int index_dir_remove(const char *path)
{
    static const char *const file[] = {"/data.mdb", "/lock.mdb",
                                       INDEX_DIR_DAMAGED, INDEX_DIR_RUNS};
    char name[PATH_MAX];

    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        int rc = index_dir_name(name, path, file[i]);

        if (rc < 0)
            return rc;
        if (fileop_unlinkat(AT_FDCWD, name, 0) != 0 && errno != ENOENT)
            return index_dir_error(errno, "remove", name);
    }
    if (fileop_unlinkat(AT_FDCWD, path, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return index_dir_error(errno, "remove", path);
    return 0;
}

int index_dir_set_aside(const char *path)
{
    char bad[PATH_MAX];
    int rc = index_dir_name(bad, path, ".bad");

    if (rc == 0)
        rc = index_dir_remove(bad);
    if (rc < 0)
        return rc;
    if (fileop_renameat2(AT_FDCWD, path, AT_FDCWD, bad, 0) != 0)
        return index_dir_error(errno, "set aside", path);
    return index_dir_sync_parent(path);
}

int index_dir_replace(const char *from, const char *to)
{
    bool there;
    int rc = index_dir_there(to, &there);

    if (rc < 0)
        return rc;
    if (!there) {
        if (fileop_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
            return index_dir_error(errno, "put in place", to);
        return index_dir_sync_parent(to);
    }
    if (fileop_renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) != 0) {
        /* not everywhere; between the two there is no cache, which is fine */
        rc = index_dir_set_aside(to);
        if (rc == 0 && fileop_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
            rc = index_dir_error(errno, "put in place", to);
        return rc == 0 ? index_dir_sync_parent(to) : rc;
    }
    rc = index_dir_sync_parent(to);
    return rc < 0 ? rc : index_dir_remove(from);
}
