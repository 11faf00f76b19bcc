#include "repo/cache_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/random.h"

enum { CACHE_DIR_SALT_CHARS = 32, CACHE_DIR_ATTEMPTS = 8 };

static const char cache_dir_prefix[] = "dedup-cache-";

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

/* ---- private ones ------------------------------------------------------ */

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
                continue; /* what is left is for the next sweep */
        }
    }
}

/* Whether the name at dir still is that of the directory open as fd. */
static bool cache_dir_is(int dir, const char *name, int fd)
{
    struct stat there;
    struct stat here;

    return fileop_fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           fileop_fstat(fd, &here) == 0 && there.st_ino == here.st_ino &&
           there.st_dev == here.st_dev;
}

/* The directory at dir that is open as held, which is closed. */
static void cache_dir_drop(int dir, const char *name, int held)
{
    if (cache_dir_is(dir, name, held)) {
        cache_dir_empty(held, 1);
        err_ignore(fileop_unlinkat(dir, name, AT_REMOVEDIR),
                   "what is left is for the next sweep");
    }
    (void)fileop_close(held);
}

void cache_dir_remove(const char *dir, int held)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);

    cache_dir_drop(AT_FDCWD, dir, held);
    (void)fileop_enter(outer);
}

/* The directory, held; -1 when there is none, or another process holds it. */
static int cache_dir_hold(const char *path)
{
    int fd =
        fileop_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd < 0)
        return -1;
    /* where directories cannot be locked, nobody can sweep them either */
    if ((fileop_try_lock(fd) == 0 || errno != EWOULDBLOCK) &&
        cache_dir_is(AT_FDCWD, path, fd))
        return fd;
    (void)fileop_close(fd);
    return -1;
}

static bool cache_dir_is_one_of(const char *name, const char *const *of)
{
    while (*of && strcmp(name, *of) != 0)
        of++;
    return *of != NULL;
}

/*
 * Whether the open directory holds nothing but what a cache does: index.h says
 * which names that are. Whoever may rename in the directory for temporary files
 * can give another directory of ours the name of a cache.
 */
static bool cache_dir_is_cache(int dir, int depth)
{
    static const char *const name[][5] = {
        {"data.mdb", "lock.mdb", "damaged", "runs", NULL},
        {"index", "index.bad", "index.new", "index.lock", NULL}};
    /* from its beginning, whatever was read from dir */
    int fd = fileop_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    uint64_t space[256];
    bool is = fd >= 0;
    ssize_t n = 0;

    while (is && (n = fileop_getdents(fd, space, sizeof space)) > 0) {
        struct fileop_dirent e;
        size_t at = 0;

        while (is && fileop_dirent_next(space, (size_t)n, &at, &e)) {
            int sub;

            is = cache_dir_is_one_of(e.name, name[depth]);
            if (!is || depth == 0)
                continue;
            sub = fileop_openat(fd, e.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                0);
            if (sub >= 0)
                is = cache_dir_is_cache(sub, depth - 1);
            else
                is = errno == ENOTDIR;
            (void)fileop_close(sub);
        }
    }
    (void)fileop_close(fd);
    return is && n == 0;
}

/* Removes a private cache if the process that made it is no more. */
static void cache_dir_sweep_one(int tmp, const char *name)
{
    int fd = fileop_openat(tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    struct stat st;

    if (fd < 0)
        return;
    if (fileop_fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
        (st.st_mode & 07777) == 0700 && fileop_try_lock(fd) == 0 &&
        cache_dir_is_cache(fd, 1))
        cache_dir_drop(tmp, name, fd);
    else
        (void)fileop_close(fd);
}

static bool cache_dir_is_private_name(const char *name)
{
    size_t n = strlen(cache_dir_prefix);

    return strncmp(name, cache_dir_prefix, n) == 0 &&
           strlen(name + n) == CACHE_DIR_SALT_CHARS &&
           strspn(name + n, "0123456789abcdef") == CACHE_DIR_SALT_CHARS;
}

/* A process that was killed leaves a cache as large as the index. */
static void cache_dir_sweep(const char *tmp_path)
{
    int tmp = fileop_openat(AT_FDCWD, tmp_path, O_RDONLY | O_DIRECTORY, 0);
    uint64_t space[256];
    ssize_t n;

    while (tmp >= 0 && (n = fileop_getdents(tmp, space, sizeof space)) > 0) {
        struct fileop_dirent e;
        size_t at = 0;

        while (fileop_dirent_next(space, (size_t)n, &at, &e)) {
            if (cache_dir_is_private_name(e.name))
                cache_dir_sweep_one(tmp, e.name);
        }
    }
    (void)fileop_close(tmp);
}

/* Where others may rename what is ours, a cache is not ours alone. */
static int cache_dir_check_tmp(const char *tmp)
{
    struct stat st;

    if (fileop_fstatat(AT_FDCWD, tmp, &st, 0) < 0)
        return err_set_errno(E_IO, errno, "directory %s (TMPDIR)", tmp);
    if ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0)
        return 0;
    return err_set(
        E_IO,
        "directory %s (TMPDIR): others may write there, and it lacks "
        "the sticky bit: no place for a private cache; set it "
        "(chmod +t), or TMPDIR to another directory",
        tmp);
}

/* A fresh directory, held. */
static int cache_dir_make_private(const char *tmp,
                                  char path[CACHE_DIR_PATH_MAX], int *held)
{
    char name[64];
    char hex[CACHE_DIR_SALT_CHARS + 1];
    uint8_t salt[CACHE_DIR_SALT_CHARS / 2];
    int rc = random_bytes(salt, sizeof salt);

    (void)snprintf(name, sizeof name, "%s%s", cache_dir_prefix,
                   id_hex(salt, sizeof salt, hex));
    if (rc == 0)
        rc = cache_dir_format(path, tmp, name);
    if (rc < 0)
        return rc;
    if (cache_dir_mkdir(path) < 0)
        return err_set_errno(E_IO, errno, "cache directory %s", path);
    *held = cache_dir_hold(path);
    return 0;
}

int cache_dir_private(char **out, int *held)
{
    enum fileop_domain outer = fileop_enter(FILEOP_CACHE);
    const char *tmp = getenv("TMPDIR");
    char path[CACHE_DIR_PATH_MAX];
    int rc;

    *out = NULL;
    *held = -1;
    if (!tmp || !*tmp)
        tmp = "/tmp";
    rc = cache_dir_check_tmp(tmp);
    if (rc == 0)
        cache_dir_sweep(tmp);
    /* another process's sweep may take a directory before it is held */
    for (int i = 0; i < CACHE_DIR_ATTEMPTS && rc == 0 && *held < 0; i++)
        rc = cache_dir_make_private(tmp, path, held);
    if (rc == 0 && *held < 0)
        rc = err_set(E_IO, "cache directory %s: cannot be kept open", path);
    if (rc == 0)
        *out = mem_dup(bytes_of_str(path));
    if (rc == 0 && !*out) {
        cache_dir_remove(path, *held);
        *held = -1;
        rc = err_set(E_NOMEM, "out of memory");
    }
    (void)fileop_enter(outer);
    return rc;
}

int cache_dir_index(const char *dir, char out[CACHE_DIR_PATH_MAX])
{
    return cache_dir_format(out, dir, "index");
}
