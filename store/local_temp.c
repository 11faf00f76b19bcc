#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/fileop.h"
#include "store/local_impl.h"

static const char local_temp_dir[] = ".tmp";

enum { LOCAL_TEMP_AGE_MAX_S = 24 * 60 * 60 };

/*
 * A name that is free in ".tmp". O_EXCL settles who gets it: several hosts may
 * share the directory, and process ids come again.
 */
static int local_temp_open_named(struct local *l, struct local_temp *t)
{
    do {
        (void)snprintf(t->name, sizeof t->name, "%ld-%u", (long)getpid(),
                       atomic_fetch_add(&l->temps, 1));
        t->fd = fileop_openat(l->tmp, t->name,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                              l->file_mode);
    } while (t->fd < 0 && errno == EEXIST);
    if (t->fd < 0)
        t->name[0] = 0;
    return t->fd;
}

/* Returns the descriptor, or -1 and errno. */
static int local_temp_try_open(struct local *l, enum local_naming naming,
                               struct local_temp *t)
{
    t->name[0] = 0;
    if (naming != LOCAL_TMPFILE)
        return local_temp_open_named(l, t);
    t->fd = fileop_openat(l->root, ".", O_TMPFILE | O_WRONLY, l->file_mode);
    return t->fd;
}

/* Returns 0, or -1 and errno: EEXIST when the name is taken. */
static int local_temp_try_publish(struct local *l, enum local_naming naming,
                                  struct local_temp *t, int dir,
                                  const char *leaf)
{
    int r;

    if (naming == LOCAL_TMPFILE)
        return fileop_link_fd(t->fd, dir, leaf);
    if (naming == LOCAL_LINK)
        return fileop_linkat(l->tmp, t->name, dir, leaf, 0);
    r = fileop_renameat2(l->tmp, t->name, dir, leaf, RENAME_NOREPLACE);
    if (r == 0)
        t->name[0] = 0;
    return r;
}

void local_temp_close(struct local *l, struct local_temp *t)
{
    (void)fileop_close(t->fd);
    if (t->name[0])
        err_ignore(fileop_unlinkat(l->tmp, t->name, 0), "swept in a day");
    t->fd = -1;
    t->name[0] = 0;
}

/* Whether errnum can mean "not on this file system" rather than "not now". */
static bool local_temp_unsupported(int errnum)
{
    return errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == EINVAL ||
           errnum == EISDIR || errnum == ENOENT || errnum == EPERM ||
           errnum == EACCES || errnum == EXDEV || errnum == EMLINK;
}

/* Publish t in ".tmp" under a name that is free there, told in leaf. A crashed
 * probe of an earlier process with this id may have left some. */
static int local_temp_try_first(struct local *l, enum local_naming naming,
                                struct local_temp *t, char leaf[LOCAL_TEMP_MAX])
{
    int r;

    do {
        (void)snprintf(leaf, LOCAL_TEMP_MAX, "probe-%ld-%u", (long)getpid(),
                       atomic_fetch_add(&l->temps, 1));
        r = local_temp_try_publish(l, naming, t, l->tmp, leaf);
    } while (r < 0 && errno == EEXIST);
    return r;
}

/*
 * Name two files alike: the second must be refused. now_s: the file system's
 * clock. Returns 0; 1 when it does not work that way; -1 and errno.
 */
static int local_temp_try(struct local *l, enum local_naming naming,
                          int64_t *now_s)
{
    struct local_temp t[2] = {{.fd = -1}, {.fd = -1}};
    char leaf[LOCAL_TEMP_MAX];
    struct stat st;
    int result = -1;
    int e = 0;

    if (local_temp_try_open(l, naming, &t[0]) < 0 ||
        fileop_fstat(t[0].fd, &st) < 0 ||
        local_temp_try_first(l, naming, &t[0], leaf) < 0) {
        e = errno;
        goto out;
    }
    *now_s = st.st_mtim.tv_sec;
    if (local_temp_try_open(l, naming, &t[1]) < 0)
        e = errno;
    else if (local_temp_try_publish(l, naming, &t[1], l->tmp, leaf) == 0)
        result = 1; /* it replaces, and says nothing */
    else if (errno == EEXIST)
        result = 0;
    else
        e = errno;
    err_ignore(fileop_unlinkat(l->tmp, leaf, 0), "swept in a day");
out:
    local_temp_close(l, &t[0]);
    local_temp_close(l, &t[1]);
    errno = e;
    return result < 0 && local_temp_unsupported(e) ? 1 : result;
}

static void local_temp_sweep(struct local *l, int64_t now_s)
{
    char buffer[4096];
    ssize_t n;

    while ((n = fileop_getdents(l->tmp, buffer, sizeof buffer)) > 0) {
        struct fileop_dirent e;
        struct stat st;
        size_t at = 0;

        while (fileop_dirent_next(buffer, (size_t)n, &at, &e))
            if (fileop_fstatat(l->tmp, e.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                st.st_mtim.tv_sec < now_s - LOCAL_TEMP_AGE_MAX_S)
                err_ignore(fileop_unlinkat(l->tmp, e.name, 0), "next time");
    }
}

/* with the lock held */
static int local_temp_find(struct local *l)
{
    int64_t now_s = 0;
    int why = 0;

    if (l->tmp < 0)
        l->tmp = local_dir_make(l, l->root, local_temp_dir);
    if (l->tmp < 0)
        return local_fail(l, errno, "make or open the directory",
                          local_temp_dir);
    for (int i = 0; i < LOCAL_NAMINGS; i++) {
        int r;

        if (!(l->namings & (1U << i)))
            continue;
        r = local_temp_try(l, (enum local_naming)i, &now_s);
        if (r < 0)
            return local_fail(l, errno, "write a file in", local_temp_dir);
        why = errno;
        if (r > 0)
            continue;
        l->naming = (enum local_naming)i;
        l->ready = true;
        local_temp_sweep(l, now_s);
        return 0;
    }
    /* who may not write there sees every way fail, the plainest one too */
    if (why == EACCES || why == EPERM)
        return local_fail(l, why, "write a file in", local_temp_dir);
    return err_set(E_UNSUPPORTED,
                   "%s: this file system can name a file neither by link nor "
                   "by a rename that does not replace; no repository can be "
                   "kept safe there: use another",
                   l->base.place);
}

int local_temp_ready(struct local *l)
{
    int rc;

    (void)pthread_mutex_lock(&l->lock);
    rc = l->ready ? 0 : local_temp_find(l);
    (void)pthread_mutex_unlock(&l->lock);
    return rc;
}

int local_temp_open(struct local *l, struct local_temp *t)
{
    if (local_temp_try_open(l, l->naming, t) < 0)
        return local_fail(l, errno, "make", "a temporary file");
    return 0;
}

int local_temp_publish(struct local *l, struct local_temp *t, int dir,
                       const char *leaf, const char *name,
                       enum store_outcome *outcome)
{
    *outcome = STORE_CREATED;
    if (local_temp_try_publish(l, l->naming, t, dir, leaf) == 0)
        return 0;
    *outcome = STORE_EXISTS;
    return errno == EEXIST ? 0 : local_fail(l, errno, "name", name);
}
