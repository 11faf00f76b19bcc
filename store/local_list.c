#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "store/local_impl.h"

enum { LOCAL_LIST_BUFFER = 32768 };

struct local_list {
    struct local *local;
    store_list_fn *fn;
    void *ctx;
    bool sizes;                    /* are wanted */
    char name[STORE_NAME_MAX + 1]; /* where the walk is */
    size_t name_n;
};

static int local_list_dir(struct local_list *x, int dir, unsigned depth);

/* takes the directory x->name, in dir under leaf */
static int local_list_enter(struct local_list *x, int dir, const char *leaf,
                            unsigned depth)
{
    int sub = fileop_openat(dir, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    int rc;

    if (sub < 0)
        return errno == ENOENT ? 0
                               : local_fail(x->local, errno, "list", x->name);
    rc = local_list_dir(x, sub, depth + 1);
    (void)fileop_close(sub);
    return rc;
}

/* What e is, and what its size, if that is wanted. Returns 0 or -1, errno. */
static int local_list_look(const struct local_list *x, int dir,
                           const struct fileop_dirent *e, struct stat *st)
{
    bool known = e->type != DT_UNKNOWN && (e->type != DT_REG || !x->sizes);

    *st = (struct stat){.st_mode = (mode_t)DTTOIF(e->type)};
    return known ? 0 : fileop_fstatat(dir, e->name, st, AT_SYMLINK_NOFOLLOW);
}

static int local_list_entry(struct local_list *x, int dir,
                            const struct fileop_dirent *e, unsigned depth)
{
    const char *leaf = e->name;
    size_t before = x->name_n;
    size_t n = strlen(leaf);
    struct stat st;
    int rc = 0;

    if (before + 1 + n > STORE_NAME_MAX)
        return 0;
    if (before > 0)
        x->name[x->name_n++] = '/';
    memcpy(x->name + x->name_n, leaf, n + 1);
    x->name_n += n;
    if (!store_name_ok(x->name))
        goto out;
    if (local_list_look(x, dir, e, &st) < 0)
        rc = errno == ENOENT ? 0
                             : local_fail(x->local, errno, "look at", x->name);
    else if (S_ISDIR(st.st_mode) && depth < STORE_DEPTH_MAX)
        rc = local_list_enter(x, dir, leaf, depth);
    else if (S_ISREG(st.st_mode))
        rc = x->fn(x->ctx, x->name, (uint64_t)st.st_size);
    else if (S_ISLNK(st.st_mode)) /* what is behind it must not be missed */
        rc = local_fail(x->local, ELOOP, "list", x->name);
out:
    x->name_n = before;
    x->name[before] = 0;
    return rc;
}

/* depth: how many components the names in dir have, at most STORE_DEPTH_MAX,
 * which bounds the recursion. */
static int local_list_dir(struct local_list *x, int dir, unsigned depth)
{
    char *buffer = mem_alloc(LOCAL_LIST_BUFFER);
    ssize_t n = 0;
    int rc = 0;

    if (!buffer)
        return err_set(E_NOMEM, "%s: list %s: out of memory",
                       x->local->base.place, x->name);
    while (rc == 0 &&
           (n = fileop_getdents(dir, buffer, LOCAL_LIST_BUFFER)) > 0) {
        struct fileop_dirent e;
        size_t at = 0;

        while (rc == 0 && fileop_dirent_next(buffer, (size_t)n, &at, &e))
            rc = local_list_entry(x, dir, &e, depth);
    }
    if (rc == 0 && n < 0)
        rc = local_fail(x->local, errno, "list", x->name);
    free(buffer);
    return rc;
}

static unsigned local_list_depth(const char *name)
{
    unsigned depth = 1;

    for (; *name; name++)
        depth += *name == '/';
    return depth;
}

int local_list_run(struct store *s, const char *prefix, bool sizes,
                   store_list_fn *fn, void *ctx)
{
    struct local *l = local_of(s);
    struct local_list x = {.local = l, .fn = fn, .ctx = ctx, .sizes = sizes};
    const char *leaf = prefix;
    int dir = l->root;
    int rc = 0;

    x.name_n = strlen(prefix);
    memcpy(x.name, prefix, x.name_n + 1);
    if (*prefix)
        rc = local_dir_open(l, prefix, LOCAL_DIR_FIND, &dir, &leaf);
    /* "." is a descriptor of its own, with its own position */
    if (rc == 0 && dir >= 0)
        rc = local_list_enter(&x, dir, *prefix ? leaf : ".",
                              *prefix ? local_list_depth(prefix) : 0);
    local_dir_close(l, dir);
    return rc;
}
