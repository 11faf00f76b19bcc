#include "cli/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"

static bool inside_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Takes the last component off; what remains of "a" is ".", of "/a" "/". */
static void inside_shorten(char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n == 0)
        path[n++] = '.';
    path[n] = 0;
}

/* The last directory on the way to path that is there; -1: none. */
static int inside_open(char *path, bool follow)
{
    int flags = O_PATH | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW);

    for (;;) {
        int fd = fileop_openat(AT_FDCWD, path, flags, 0);

        if (fd >= 0 || strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
            return fd;
        flags &= ~O_NOFOLLOW;
        inside_shorten(path);
    }
}

/* Goes up from fd, which it closes. */
static bool inside_climb(int fd, const struct stat *dir)
{
    struct stat last = {0}, st;
    bool found = false;

    while (fd >= 0 && fileop_fstat(fd, &st) == 0) {
        int up;

        found = inside_same(&st, dir);
        if (found || inside_same(&st, &last))
            break;
        last = st;
        up = fileop_openat(fd, "..", O_PATH | O_DIRECTORY, 0);
        (void)fileop_close(fd);
        fd = up;
    }
    (void)fileop_close(fd);
    return found;
}

int inside_dir(const char *path, const char *dir, bool follow, bool *inside)
{
    /* one byte more than the path: "" becomes "." */
    char *copy = mem_alloc(strlen(path) + 2);
    struct stat st;

    if (!copy)
        return err_set(E_NOMEM, "out of memory");
    memcpy(copy, path, strlen(path) + 1);
    *inside = false;
    if (fileop_fstatat(AT_FDCWD, dir, &st, 0) < 0) {
        free(copy);
        return err_set_errno(E_IO, errno, "%s", dir);
    }
    *inside = inside_climb(inside_open(copy, follow), &st);
    free(copy);
    return 0;
}
