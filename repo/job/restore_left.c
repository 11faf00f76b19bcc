#include "repo/job/restore_left.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/dir_reader.h"
#include "repo/tree_walk.h"

struct restore_left {
    const struct restore_delete *d;
    struct fetch_lane *lane;
    struct walk_roots roots;
    struct dir_reader *entries;
    struct content_reader *content;
    struct buf text; /* of a .dedupignore */
    struct buf path;
    bool below; /* the start is not "/" */
    struct restore_left_dir above;
};

/* ---- what could not be read ---------------------------------------------- */

/* Whether path, "srv/www/x", is top, "/srv/www", or below it. */
static bool restore_left_within(struct bytes path, struct bytes top)
{
    while (top.n > 0 && top.p[0] == '/') {
        top.p++;
        top.n--;
    }
    if (top.n == 0)
        return true;
    return path.n >= top.n && memcmp(path.p, top.p, top.n) == 0 &&
           (path.n == top.n || path.p[top.n] == '/');
}

static bool restore_left_unread(const struct restore_delete *d,
                                struct bytes path)
{
    for (size_t i = 0; i < d->unread_n; i++) {
        if (restore_left_within(path, d->unread[i]))
            return true;
    }
    return false;
}

bool restore_left_stays(const struct restore_delete *d, struct ignore *nearest,
                        struct bytes path, bool is_dir, uint64_t bytes)
{
    return restore_left_unread(d, path) ||
           ignore_omits(&d->rules, nearest, path, is_dir, bytes, NULL) !=
               IGNORE_KEEP;
}

/* The same of the file name in the directory path. */
static int restore_left_unread_in(struct restore_left *l, struct bytes path,
                                  struct bytes name, bool *unread)
{
    int rc;

    buf_reset(&l->path);
    buf_add_bytes(&l->path, path);
    if (path.n > 0)
        buf_add(&l->path, "/", 1);
    buf_add_bytes(&l->path, name);
    rc = buf_status(&l->path);
    *unread = rc == 0 && restore_left_unread(l->d, buf_bytes(&l->path));
    return rc;
}

/* ---- what a directory says ----------------------------------------------- */

static int restore_left_extent(struct restore_left *l, const struct extent *e)
{
    static const uint8_t zeros[4096];
    struct fetch_chunk c = {.frame = NULL};
    int rc;

    if (e->kind == EXTENT_HOLE) {
        for (uint64_t n = e->length; n > 0 && l->text.rc == 0;) {
            size_t part = n < sizeof zeros ? (size_t)n : sizeof zeros;

            buf_add(&l->text, zeros, part);
            n -= part;
        }
        return buf_status(&l->text);
    }
    rc = fetch_extent(l->lane, e, &c);
    if (rc < 0)
        return rc;
    buf_add_bytes(&l->text, c.bytes);
    fetch_release(l->lane, &c);
    return buf_status(&l->text);
}

/* All of a .dedupignore, into l->text. */
static int restore_left_read(struct restore_left *l,
                             const struct tree_entry *te)
{
    struct extent e;
    uint64_t at = 0;
    bool more = true;
    int rc;

    buf_reset(&l->text);
    if (te->e.type != ENTRY_FILE)
        return err_set(E_USAGE, "it is not a regular file");
    if (te->e.size > IGNORE_BYTES_MAX)
        return err_set(E_USAGE, "it is longer than 64 KiB");
    rc = content_reader_open(l->content, &te->content, te->e.size, 0);
    while (rc == 0 && more) {
        rc = content_reader_next(l->content, &e, &at, &more);
        if (rc == 0 && more)
            rc = restore_left_extent(l, &e);
    }
    return rc;
}

/* rc, or 0 after it was told that nothing in path can be told to be gone. */
static int restore_left_doubt(struct restore_left *l, struct bytes path, int rc,
                              struct restore_left_dir *out)
{
    if (rc != E_CORRUPT && rc != E_USAGE && rc != E_LIMIT)
        return rc;
    out->unknown = true;
    if (l->d->doubt)
        l->d->doubt(l->d->ctx, path, err_text());
    err_ignore(rc, "it was told, and nothing is deleted");
    return 0;
}

/* Its .dedupignore takes the place of the one above it. */
static int restore_left_ignore(struct restore_left *l, struct bytes path,
                               const struct chunk_id *root,
                               struct restore_left_dir *out)
{
    const struct bytes name = bytes_of_str(IGNORE_NAME);
    const struct tree_entry *te;
    struct ignore *own = NULL;
    bool unread;
    int rc = restore_left_unread_in(l, path, name, &unread);

    if (rc < 0)
        return rc;
    if (unread) {
        rc = err_set(E_USAGE, "it could not be backed up");
    } else {
        rc = dir_reader_find(l->entries, root, name, &te);
        if (rc == 0 && !te)
            return 0;
        if (rc == 0)
            rc = restore_left_read(l, te);
        if (rc == 0)
            rc = ignore_new(out->ignore, path, buf_bytes(&l->text), &own);
    }
    if (rc == 0) {
        ignore_unref(out->ignore);
        out->ignore = own;
    }
    return restore_left_doubt(l, path, err_add(rc, "%s", IGNORE_NAME), out);
}

/* Whether a directory holds a marker and, of all else, only what leads to
 * roots. */
static int restore_left_marked(struct restore_left *l, struct bytes path,
                               const struct tree_dir *dir, size_t leads,
                               bool *marked)
{
    int rc = 0;

    *marked = false;
    if (dir->entries > leads + 1)
        return 0;
    for (size_t i = 0; i < l->d->marker_n && rc == 0 && !*marked; i++) {
        const struct tree_entry *te = NULL;

        rc = restore_left_unread_in(l, path, l->d->marker[i], marked);
        if (rc == 0 && !*marked && dir->entries > 0)
            rc = dir_reader_find(l->entries, &dir->root, l->d->marker[i], &te);
        *marked = *marked || (te && te->e.type == ENTRY_FILE);
    }
    return rc;
}

/* ---- on the way down ----------------------------------------------------- */

static size_t restore_left_leads(const struct restore_left *l,
                                 struct walk_node node)
{
    struct bytes name;
    size_t at = 0;
    size_t n = 0;

    while (walk_node_leads(node) && walk_node_next(&l->roots, node, &at, &name))
        n++;
    return n;
}

/* What stands in a directory that is not only on the way. leads: names in it
 * that lead to roots. */
static int restore_left_look(struct restore_left *l, struct bytes path,
                             const struct tree_dir *dir, bool named,
                             size_t leads, struct restore_left_dir *out)
{
    bool marked = false;
    int rc = 0;

    if (restore_left_unread(l->d, path))
        rc =
            err_set(E_USAGE,
                    "the backup could not read it, or not what its " IGNORE_NAME
                    " says");
    else if (!named)
        rc = restore_left_marked(l, path, dir, leads, &marked);
    if (rc == 0 && !marked && l->d->ignore_files)
        rc = restore_left_ignore(l, path, &dir->root, out);
    else
        rc = restore_left_doubt(l, path, rc, out);
    out->mirrors = rc == 0 && !marked && !out->unknown;
    return rc;
}

static struct bytes restore_left_name(struct bytes path)
{
    size_t at = path.n;

    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return bytes_of(path.p + at, path.n - at);
}

int restore_left_enter(struct restore_left *l,
                       const struct restore_left_dir *above, struct bytes path,
                       const struct tree_entry *te,
                       struct restore_left_dir *out)
{
    bool starts_fs = te && te->e.starts_fs;
    struct tree_dir dir = {.entries = 0};
    bool named;
    size_t leads;

    if (te)
        dir = te->dir; /* looking further may take te away */
    *out = (struct restore_left_dir){.node = walk_roots_top(&l->roots),
                                     .path_only = true};
    if (above) {
        out->node =
            walk_node_child(&l->roots, above->node, restore_left_name(path));
        out->path_only =
            above->path_only || ignore_omits(&l->d->rules, above->ignore, path,
                                             true, 0, NULL) != IGNORE_KEEP;
        out->unknown = above->unknown;
        out->ignore = ignore_ref(above->ignore);
    }
    named = walk_node_is_root(&l->roots, out->node);
    leads = restore_left_leads(l, out->node);
    /* the backup did not enter it: another file system, the repository; or it
     * cannot be told from such */
    if (te && dir.entries <= leads && (leads > 0 || starts_fs))
        out->path_only = true;
    if (named)
        out->path_only = leads == 0 && starts_fs && dir.entries == 0;
    if (out->path_only || out->unknown || !te)
        return 0;
    return restore_left_look(l, path, &dir, named, leads, out);
}

void restore_left_release(struct restore_left_dir *dir)
{
    ignore_unref(dir->ignore);
    *dir = (struct restore_left_dir){.ignore = NULL};
}

/* ---- life ---------------------------------------------------------------- */

/* Down to the directory that start is in. */
static int restore_left_descend(struct restore_left *l, struct bytes start)
{
    struct dir_reader *names = NULL;
    const struct tree_entry *te = l->d->top;
    struct node_source source = fetch_node_source(l->lane);
    size_t n = 0;
    int rc;

    names = dir_reader_new(&source);
    if (!names)
        return err_set(E_NOMEM, "out of memory");
    rc = restore_left_enter(l, NULL, bytes_of(start.p, 0), te, &l->above);
    while (rc == 0) {
        struct restore_left_dir next;
        size_t from = n + (n > 0);

        n = from;
        while (n < start.n && start.p[n] != '/')
            n++;
        if (n == start.n)
            break;
        if (te)
            rc = dir_reader_find(names, &te->dir.root,
                                 bytes_of(start.p + from, n - from), &te);
        if (rc < 0)
            break;
        rc = restore_left_enter(l, &l->above, bytes_of(start.p, n), te, &next);
        restore_left_release(&l->above);
        l->above = next;
    }
    dir_reader_free(names);
    return rc;
}

int restore_left_new(const struct restore_delete *d, struct fetch_lane *lane,
                     struct bytes start_path, struct restore_left **out)
{
    struct restore_left *l = mem_alloc(sizeof *l);
    struct node_source source = fetch_node_source(lane);
    int rc;

    *out = NULL;
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    l->d = d;
    l->lane = lane;
    l->below = start_path.n > 0;
    buf_init(&l->text, IGNORE_BYTES_MAX);
    buf_init(&l->path, TREE_WALK_PATH_MAX + ENTRY_NAME_MAX + 1);
    l->entries = dir_reader_new(&source);
    l->content = content_reader_new(&source);
    rc = l->entries && l->content
             ? walk_roots_init(&l->roots, d->root, d->root_n)
             : err_set(E_NOMEM, "out of memory");
    if (rc == E_USAGE)
        rc = err_set(E_CORRUPT, "the paths that the snapshot says it is of: %s",
                     err_text());
    if (rc == 0 && l->below)
        rc = restore_left_descend(l, start_path);
    if (rc < 0) {
        restore_left_free(l);
        return rc;
    }
    *out = l;
    return 0;
}

void restore_left_free(struct restore_left *l)
{
    if (!l)
        return;
    restore_left_release(&l->above);
    dir_reader_free(l->entries);
    content_reader_free(l->content);
    walk_roots_release(&l->roots);
    buf_release(&l->text);
    buf_release(&l->path);
    free(l);
}

const struct restore_left_dir *restore_left_above(const struct restore_left *l)
{
    return l->below ? &l->above : NULL;
}
