#include "repo/cache_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/random.h"

static int cache_dir_format(char out[CACHE_DIR_PATH_MAX], const char *a,
                            const char *b)
{
    int n = snprintf(out, CACHE_DIR_PATH_MAX, "%s/%s", a, b);

    if (n < 0 || n >= CACHE_DIR_PATH_MAX)
        return err_set(E_LIMIT, "cache directory: the path is too long");
    return 0;
}

static int cache_dir_mkdir(const char *path)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    int r = fileop_mkdirat(AT_FDCWD, path, 0700);

    (void)fileop_enter(outer);
    return r;
}

/* mkdir -p; what is there already may be a symlink to a directory. */
static int cache_dir_make(char *path)
{
    for (char *p = path + 1;; p++) {
        char c = *p;

        if (c != '/' && c != 0)
            continue;
        *p = 0;
        if (cache_dir_mkdir(path) < 0 && errno != EEXIST)
            return err_set_errno(E_IO, errno, "cache directory %s", path);
        *p = c;
        if (c == 0)
            return 0;
    }
}

int cache_dir_open(const char *root, const struct repo_id *repo, char **out)
{
    char path[CACHE_DIR_PATH_MAX];
    char hex[2 * sizeof repo->b + 1];
    int rc = cache_dir_format(path, root, id_hex(repo->b, sizeof repo->b, hex));

    *out = NULL;
    if (rc == 0)
        rc = cache_dir_make(path);
    if (rc < 0)
        return rc;
    *out = mem_dup(bytes_of_str(path));
    return *out ? 0 : err_set(E_NOMEM, "out of memory");
}

int cache_dir_private(char **out)
{
    const char *tmp = getenv("TMPDIR");
    char path[CACHE_DIR_PATH_MAX];
    char name[64];
    char hex[33];
    uint8_t salt[16];
    int rc = random_bytes(salt, sizeof salt);

    *out = NULL;
    (void)snprintf(name, sizeof name, "dedup-cache-%s",
                   id_hex(salt, sizeof salt, hex));
    if (rc == 0)
        rc = cache_dir_format(path, tmp && *tmp ? tmp : "/tmp", name);
    if (rc < 0)
        return rc;
    if (cache_dir_mkdir(path) < 0)
        return err_set_errno(E_IO, errno, "cache directory %s", path);
    *out = mem_dup(bytes_of_str(path));
    return *out ? 0 : err_set(E_NOMEM, "out of memory");
}

int cache_dir_index(const char *dir, char out[CACHE_DIR_PATH_MAX])
{
    return cache_dir_format(out, dir, "index");
}

/* Removes what is in an open directory; directories one level deep. */
static void cache_dir_empty(int fd, int depth)
{
    uint64_t space[512];
    ssize_t n;

    while ((n = fileop_getdents(fd, space, sizeof space)) > 0) {
        struct fileop_dirent e;
        size_t at = 0;

        while (fileop_dirent_next(space, (size_t)n, &at, &e)) {
            int sub = -1;

            if (fileop_unlinkat(fd, e.name, 0) == 0 || depth == 0)
                continue;
            sub = fileop_openat(fd, e.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                0);
            if (sub < 0)
                continue;
            cache_dir_empty(sub, depth - 1);
            (void)fileop_close(sub);
            if (fileop_unlinkat(fd, e.name, AT_REMOVEDIR) < 0)
                continue; /* what is left is for the next reboot's cleaner */
        }
    }
}

void cache_dir_remove(const char *dir)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    int fd =
        fileop_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd >= 0)
        cache_dir_empty(fd, 1);
    (void)fileop_close(fd);
    err_ignore(fileop_unlinkat(AT_FDCWD, dir, AT_REMOVEDIR),
               "what is left is for the next reboot's cleaner");
    (void)fileop_enter(outer);
}
