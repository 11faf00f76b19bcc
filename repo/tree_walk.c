#include "repo/tree_walk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/dir_reader.h"

/* A directory on the way down. Readers stay for the next use. */
struct tree_walk_level {
    struct dir_reader *reader;
    size_t path_n; /* bytes of the path of this directory */
    bool done;     /* nothing more in it */
};

enum tree_walk_state {
    TREE_WALK_FRESH,   /* the start has not been given yet */
    TREE_WALK_GOING,   /* inside */
    TREE_WALK_INTO,    /* a directory was given: go into it next */
    TREE_WALK_FINISHED /* nothing more */
};

struct tree_walk {
    struct node_source source;
    struct tree_walk_level *level;
    size_t depth;
    size_t made;
    enum tree_walk_state state;
    struct chunk_id into; /* TREE_WALK_INTO: root of its pages */
    bool skip;            /* ... but do not read them */
    struct buf path;
    struct buf raw; /* the start's entry, encoded */
    struct tree_entry start;
};

struct tree_walk *tree_walk_new(const struct node_source *source)
{
    struct tree_walk *w = mem_alloc(sizeof *w);

    if (!w)
        return NULL;
    w->source = *source;
    w->state = TREE_WALK_FINISHED;
    buf_init(&w->path, TREE_WALK_PATH_MAX);
    buf_init(&w->raw, (size_t)TREE_ENTRY_BYTES_MAX * 2);
    return w;
}

void tree_walk_free(struct tree_walk *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->made; i++)
        dir_reader_free(w->level[i].reader);
    free(w->level);
    buf_release(&w->path);
    buf_release(&w->raw);
    tree_entry_release(&w->start);
    free(w);
}

/* Encodes te into raw and decodes it again: a copy that owns its bytes. */
static int tree_walk_copy(const struct tree_entry *te, struct buf *raw,
                          struct tree_entry *out)
{
    struct codec c;
    int rc = 0;

    buf_reset(raw);
    if (te->raw.n > 0)
        buf_add_bytes(raw, te->raw);
    else
        rc = tree_entry_put(raw, te);
    if (rc == 0)
        rc = buf_status(raw);
    if (rc < 0)
        return rc;
    codec_init(&c, buf_bytes(raw));
    return tree_entry_get(&c, out, te->e.name.n == 0);
}

int tree_walk_start(struct tree_walk *w, const struct tree_entry *te)
{
    int rc = tree_walk_copy(te, &w->raw, &w->start);

    w->depth = 0;
    buf_reset(&w->path);
    w->state = rc < 0 ? TREE_WALK_FINISHED : TREE_WALK_FRESH;
    return rc;
}

static int tree_walk_push(struct tree_walk *w)
{
    struct tree_walk_level *l;

    if (w->depth == TREE_WALK_DEPTH_MAX)
        return err_set(E_LIMIT, "directories nested too deeply");
    if (w->depth == w->made) {
        l = mem_resize(w->level, (w->made + 1) * sizeof *w->level);
        if (!l)
            return err_set(E_NOMEM, "out of memory");
        w->level = l;
        l = &w->level[w->made];
        *l = (struct tree_walk_level){.reader = dir_reader_new(&w->source)};
        if (!l->reader)
            return err_set(E_NOMEM, "out of memory");
        w->made++;
    }
    l = &w->level[w->depth++];
    l->path_n = w->path.n;
    l->done = w->skip;
    return w->skip ? 0 : dir_reader_open(l->reader, &w->into);
}

/* Gives te, and notes that the next step leads into it. */
static void tree_walk_give(struct tree_walk *w, const struct tree_entry *te,
                           struct tree_walk_item *item)
{
    bool is_dir = te->e.type == ENTRY_DIR;

    item->kind = is_dir ? TREE_WALK_ENTER : TREE_WALK_ENTRY;
    item->te = te;
    w->skip = false;
    if (is_dir) {
        w->into = te->dir.root;
        w->state = TREE_WALK_INTO;
    } else {
        w->state = w->depth ? TREE_WALK_GOING : TREE_WALK_FINISHED;
    }
}

/* The next entry of the directory we are in; NULL at its end. */
static int tree_walk_read(struct tree_walk *w, const struct tree_entry **te)
{
    struct tree_walk_level *l = &w->level[w->depth - 1];
    int rc = 0;

    *te = NULL;
    buf_truncate(&w->path, l->path_n);
    if (!l->done)
        rc = dir_reader_next(l->reader, te);
    if (rc < 0 || !*te)
        return rc;
    buf_add_path(&w->path, (*te)->e.name);
    return buf_status(&w->path);
}

static int tree_walk_step(struct tree_walk *w, struct tree_walk_item *item)
{
    const struct tree_entry *te = &w->start;
    int rc = 0;

    if (w->state == TREE_WALK_FRESH) {
        tree_walk_give(w, te, item);
        return 0;
    }
    if (w->state == TREE_WALK_INTO) {
        w->state = TREE_WALK_GOING;
        rc = tree_walk_push(w);
    }
    if (rc == 0)
        rc = tree_walk_read(w, &te);
    if (rc < 0)
        return rc;
    if (te) {
        tree_walk_give(w, te, item);
        return 0;
    }
    item->kind = TREE_WALK_LEAVE;
    w->depth--;
    w->state = w->depth ? TREE_WALK_GOING : TREE_WALK_FINISHED;
    return 0;
}

int tree_walk_next(struct tree_walk *w, struct tree_walk_item *item)
{
    int rc = 0;

    *item = (struct tree_walk_item){.kind = TREE_WALK_END};
    if (w->state != TREE_WALK_FINISHED)
        rc = tree_walk_step(w, item);
    if (rc == E_CORRUPT && w->depth > 0) {
        item->kind = TREE_WALK_DAMAGED;
        w->level[w->depth - 1].done = true;
        buf_truncate(&w->path, w->level[w->depth - 1].path_n);
        rc = 0;
    }
    item->path = buf_bytes(&w->path);
    return rc;
}

void tree_walk_skip(struct tree_walk *w)
{
    w->skip = true;
}

/* Takes the first component off a path; empty when there is none. */
static struct bytes tree_walk_component(struct bytes *path)
{
    struct bytes name = {NULL, 0};

    if (path->n == 0) /* path->p may be NULL */
        return name;
    while (path->n > 0 && path->p[0] == '/')
        *path = bytes_of(path->p + 1, path->n - 1);
    name = bytes_of(path->p, 0);
    while (name.n < path->n && path->p[name.n] != '/')
        name.n++;
    *path = bytes_of(path->p + name.n, path->n - name.n);
    return name;
}

int tree_walk_find(const struct node_source *source,
                   const struct tree_entry *root, struct bytes path,
                   struct buf *raw, struct tree_entry *te, bool *found)
{
    struct dir_reader *reader = dir_reader_new(source);
    struct bytes name = tree_walk_component(&path);
    int rc;

    *found = true;
    if (!reader)
        return err_set(E_NOMEM, "out of memory");
    rc = tree_walk_copy(root, raw, te);
    while (rc == 0 && name.n > 0 && *found) {
        const struct tree_entry *below = NULL;
        struct chunk_id pages = te->dir.root;

        if (te->e.type == ENTRY_DIR)
            rc = dir_reader_find(reader, &pages, name, &below);
        *found = below != NULL;
        if (rc == 0 && below)
            rc = tree_walk_copy(below, raw, te);
        name = tree_walk_component(&path);
    }
    dir_reader_free(reader);
    return rc;
}
