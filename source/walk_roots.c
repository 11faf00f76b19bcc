#include "source/walk_roots.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/mem.h"

/* As bytes_cmp, with '/' below every other byte: a path is then followed by
 * all below it, and siblings stand in the order of their names. */
static int root_cmp(const void *left, const void *right)
{
    const struct bytes *a = left;
    const struct bytes *b = right;
    size_t n = a->n < b->n ? a->n : b->n;

    for (size_t i = 0; i < n; i++) {
        int x = a->p[i] == '/' ? 0 : a->p[i];
        int y = b->p[i] == '/' ? 0 : b->p[i];

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a->n > b->n) - (a->n < b->n);
}

/* The component of path that begins at `from`. */
static struct bytes component_at(struct bytes path, size_t from)
{
    const uint8_t *end = memchr(path.p + from, '/', path.n - from);

    return bytes_of(path.p + from,
                    end ? (size_t)(end - path.p) - from : path.n - from);
}

static int root_check(struct bytes path)
{
    size_t at = 1;

    if (path.n == 0 || path.p[0] != '/')
        goto refuse;
    while (at < path.n) {
        struct bytes name = component_at(path, at);

        if (!entry_name_ok(name) || at + name.n + 1 == path.n)
            goto refuse;
        at += name.n + 1;
    }
    return 0;
refuse:
    return err_set(E_USAGE, "%.*s: not a canonical absolute path", (int)path.n,
                   (const char *)path.p);
}

int walk_roots_init(struct walk_roots *roots, const struct bytes *path,
                    size_t n)
{
    int rc = 0;
    size_t kept = 0;

    *roots = (struct walk_roots){0};
    if (n == 0)
        return err_set(E_USAGE, "nothing to back up was named");
    roots->path = mem_array(n, sizeof *roots->path);
    if (!roots->path)
        goto no_memory;
    for (; roots->n < n && rc == 0; roots->n++) {
        struct bytes *to = &roots->path[roots->n];

        rc = root_check(path[roots->n]);
        if (rc < 0)
            break;
        to->n = path[roots->n].n - 1;
        to->p = mem_dup(bytes_of(path[roots->n].p + 1, to->n));
        if (!to->p)
            goto no_memory;
    }
    if (rc < 0)
        goto out;
    qsort(roots->path, n, sizeof *roots->path, root_cmp);
    for (size_t i = 0; i < n; i++) {
        if (kept && bytes_equal(roots->path[kept - 1], roots->path[i]))
            free((void *)(uintptr_t)roots->path[i].p);
        else
            roots->path[kept++] = roots->path[i];
    }
    roots->n = kept;
    return 0;
no_memory:
    rc = err_set(E_NOMEM, "out of memory for paths");
out:
    walk_roots_release(roots);
    return rc;
}

void walk_roots_release(struct walk_roots *roots)
{
    for (size_t i = 0; i < roots->n; i++)
        free((void *)(uintptr_t)roots->path[i].p);
    free(roots->path);
    *roots = (struct walk_roots){0};
}

struct walk_node walk_roots_top(const struct walk_roots *roots)
{
    return (struct walk_node){0, roots->n, 0};
}

bool walk_node_is_root(const struct walk_roots *roots, struct walk_node node)
{
    return walk_node_leads(node) && roots->path[node.first].n <= node.depth;
}

struct walk_node walk_node_child(const struct walk_roots *roots,
                                 struct walk_node node, struct bytes name)
{
    struct walk_node child = {node.first, node.first, node.depth + name.n + 1};
    size_t i = node.first + walk_node_is_root(roots, node);

    while (i < node.last &&
           !bytes_equal(component_at(roots->path[i], node.depth), name))
        i++;
    child.first = i;
    while (i < node.last &&
           bytes_equal(component_at(roots->path[i], node.depth), name))
        i++;
    child.last = i;
    return child;
}

bool walk_node_next(const struct walk_roots *roots, struct walk_node node,
                    size_t *at, struct bytes *name)
{
    size_t i = node.first + walk_node_is_root(roots, node);
    struct bytes before = {0};

    i += *at;
    if (i >= node.last)
        return false;
    *name = component_at(roots->path[i], node.depth);
    before = *name;
    while (i < node.last &&
           bytes_equal(component_at(roots->path[i], node.depth), before))
        i++;
    *at = i - node.first - walk_node_is_root(roots, node);
    return true;
}

/* Appends path's components to the absolute path in out, "." dropped and ".."
 * taking one away. */
static void resolve_append(struct buf *out, size_t start, struct bytes path)
{
    size_t at = 0;

    while (at < path.n) {
        struct bytes name = component_at(path, at);

        at += name.n + 1;
        if (bytes_equal(name, bytes_of_str(".."))) {
            while (out->n > start && out->p[out->n - 1] != '/')
                buf_truncate(out, out->n - 1);
            if (out->n > start)
                buf_truncate(out, out->n - 1);
        } else if (name.n && !bytes_equal(name, bytes_of_str("."))) {
            buf_add(out, "/", 1);
            buf_add_bytes(out, name);
        }
    }
}

/* The absolute form of path without a look at the file system. */
static int resolve_plainly(const char *path, struct buf *out, size_t start)
{
    char cwd[PATH_MAX];

    if (path[0] != '/') {
        if (!getcwd(cwd, sizeof cwd))
            return err_set_errno(E_SOURCE, errno, "the working directory");
        resolve_append(out, start, bytes_of_str(cwd));
    }
    resolve_append(out, start, bytes_of_str(path));
    return 0;
}

int walk_roots_resolve(const char *path, struct buf *out)
{
    size_t start = out->n;
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    bool whole =
        *last == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    char *above = NULL;
    char *real = NULL;
    int rc = 0;

    if (n == 0)
        return err_set(E_USAGE, "an empty path cannot be backed up");
    above = mem_dup(bytes_of(path, whole ? n : (size_t)(last - path)));
    if (!above)
        return err_set(E_NOMEM, "out of memory for a path");
    /* Once, before the walk: the seam for file operations has no part in it. */
    real = realpath(*above ? above : ".", NULL);
    if (real) {
        resolve_append(out, start, bytes_of_str(real));
        if (!whole)
            resolve_append(out, start, bytes_of_str(last));
    } else {
        rc = resolve_plainly(path, out, start);
    }
    if (rc == 0 && out->n == start)
        buf_add(out, "/", 1);
    if (rc == 0)
        rc = buf_status(out);
    free(real);
    free(above);
    return rc;
}
