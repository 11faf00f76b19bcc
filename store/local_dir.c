#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "store/local_impl.h"

enum { LOCAL_DIR_BUFFER = 32768 };

void local_dir_close(const struct local *l, int dir)
{
    if (dir != l->root)
        (void)fileop_close(dir);
}

void local_dir_release(struct local *l)
{
    for (size_t i = 0; i < l->settled_n; i++)
        free(l->settled[i]);
    free(l->settled);
    l->settled = NULL;
    l->settled_n = 0;
}

/*
 * Whether path, which is lent for the call and need not end at its n-th byte,
 * is among the settled ones. Lock held. at  out: where it is in their order, or
 * would be
 */
static bool local_dir_find(const struct local *l, const char *path, size_t n,
                           size_t *at)
{
    size_t low = 0;
    size_t high = l->settled_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *there = l->settled[mid];
        int c = strncmp(there, path, n);

        if (c == 0 && there[n] == 0) {
            *at = mid;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return false;
}

/* A directory that cannot be remembered is synced again: no failure. With the
 * lock held; path is lent. */
static void local_dir_remember(struct local *l, const char *path, size_t n)
{
    size_t at;
    char *copy;

    if (local_dir_find(l, path, n, &at))
        return;
    if (l->settled_n == LOCAL_SETTLED_MAX) {
        local_dir_release(l);
        at = 0;
    }
    if (!l->settled)
        l->settled = mem_array(LOCAL_SETTLED_MAX, sizeof *l->settled);
    copy = l->settled ? mem_dup(bytes_of(path, n)) : NULL;
    if (!copy)
        return;
    memmove(&l->settled[at + 1], &l->settled[at],
            (l->settled_n - at) * sizeof *l->settled);
    l->settled[at] = copy;
    l->settled_n++;
}

/* the names in a directory */
struct local_dir_names {
    char buffer[LOCAL_DIR_BUFFER]; /* as from fileop_getdents */
    size_t n;
};

/* The first few hundred are enough: this is for the folders of packs. */
static int local_dir_read(int parent, struct local_dir_names *names)
{
    /* of its own, since a descriptor has one position for all threads */
    int dir = fileop_openat(parent, ".", O_RDONLY | O_DIRECTORY, 0);
    ssize_t n =
        dir < 0 ? -1 : fileop_getdents(dir, names->buffer, LOCAL_DIR_BUFFER);

    (void)fileop_close(dir);
    names->n = n < 0 ? 0 : (size_t)n;
    return n < 0 ? -1 : 0;
}

/* path[0..n): one of the directories; its siblings are in names */
static void local_dir_remember_all(struct local *l, const char *path, size_t n,
                                   const struct local_dir_names *names)
{
    const char *slash = memrchr(path, '/', n);
    int before = slash ? (int)(slash + 1 - path) : 0;
    struct fileop_dirent e;
    size_t at = 0;

    (void)pthread_mutex_lock(&l->lock);
    while (fileop_dirent_next(names->buffer, names->n, &at, &e)) {
        char sibling[STORE_NAME_MAX + 1];

        if (e.type != DT_DIR ||
            (size_t)before + strlen(e.name) > STORE_NAME_MAX)
            continue;
        (void)snprintf(sibling, sizeof sibling, "%.*s%s", before, path, e.name);
        local_dir_remember(l, sibling, strlen(sibling));
    }
    local_dir_remember(l, path, n);
    (void)pthread_mutex_unlock(&l->lock);
}

/*
 * Make the name of a directory durable in its parent. Also for one that was
 * there: who made it may have died before its fsync (I10). The fsync does the
 * same for all names that were in the parent before it: remembering them saves
 * one for each of the 256 folders of packs.
 */
static int local_dir_settle(struct local *l, int parent, const char *path,
                            size_t n)
{
    struct local_dir_names *names;
    size_t at;
    bool known;
    int rc;

    (void)pthread_mutex_lock(&l->lock);
    known = local_dir_find(l, path, n, &at);
    (void)pthread_mutex_unlock(&l->lock);
    if (known)
        return 0;
    names = mem_alloc(sizeof *names);
    if (!names)
        return err_set(E_NOMEM, "%s: out of memory", l->base.place);
    if (local_dir_read(parent, names) < 0)
        rc = local_fail(l, errno, "list the parent directory of", path);
    else
        rc = local_sync_named(l, parent, true, path);
    if (rc == 0)
        local_dir_remember_all(l, path, n, names);
    free(names);
    return rc;
}

static int local_dir_enter(int parent, const char *part)
{
    return fileop_openat(parent, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int local_dir_make(const struct local *l, int parent, const char *part)
{
    struct stat st;
    int dir;
    int made = fileop_mkdirat(parent, part, l->dir_mode);

    if (made < 0 && errno != EEXIST)
        return -1;
    dir = local_dir_enter(parent, part);
    /* a shared repository overrules the umask; the set-gid bit is inherited */
    if (dir >= 0 && made == 0 && (l->dir_mode & S_IRWXG) &&
        (fileop_fstat(dir, &st) < 0 ||
         fileop_fchmod(dir, l->dir_mode | (st.st_mode & S_ISGID)) < 0)) {
        int e = errno;

        (void)fileop_close(dir);
        errno = e;
        return -1;
    }
    return dir;
}

/* one step: from parent into its directory part, the last of path[0..n) */
static int local_dir_step(struct local *l, int parent, const char *part,
                          const char *path, size_t n, enum local_dir_mode mode,
                          int *out)
{
    int dir = local_dir_enter(parent, part);
    int rc = 0;

    *out = -1;
    if (dir < 0 && errno == ENOENT && mode == LOCAL_DIR_MAKE)
        dir = local_dir_make(l, parent, part);
    if (dir < 0)
        return errno == ENOENT && mode != LOCAL_DIR_MAKE
                   ? 0
                   : local_fail(l, errno, "open the directory of", path);
    if (mode != LOCAL_DIR_FIND)
        rc = local_dir_settle(l, parent, path, n);
    if (rc < 0)
        (void)fileop_close(dir);
    else
        *out = dir;
    return rc;
}

int local_dir_open(struct local *l, const char *name, enum local_dir_mode mode,
                   int *dir, const char **leaf)
{
    char part[STORE_NAME_MAX + 1];
    const char *rest = name;
    const char *slash;
    int at = l->root;
    int rc = 0;

    while (rc == 0 && at >= 0 && (slash = strchr(rest, '/'))) {
        size_t n = (size_t)(slash - rest);
        int next;

        memcpy(part, rest, n);
        part[n] = 0;
        rc = local_dir_step(l, at, part, name, (size_t)(slash - name), mode,
                            &next);
        local_dir_close(l, at);
        at = next;
        rest = slash + 1;
    }
    *dir = at;
    *leaf = rest;
    return rc;
}
