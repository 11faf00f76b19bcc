#include "repo/job/tree_builder.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/dir_writer.h"

/* A directory being built. Writers stay for the next use. */
struct tree_level {
    struct dir_writer *writer;
    struct buf self; /* its own entry, encoded */
};

struct tree_builder {
    struct node_key key;
    struct node_sink sink;
    struct tree_level *level;
    size_t depth;
    size_t made;
    struct dir_writer *copy; /* scratch of a look at what is there so far */
    struct tree_entry te;    /* scratch of the leave, and of that look */
};

struct tree_builder *tree_builder_new(const struct node_key *key,
                                      const struct node_sink *sink)
{
    struct tree_builder *b = mem_alloc(sizeof *b);

    if (!b)
        return NULL;
    b->key = *key;
    b->sink = *sink;
    return b;
}

void tree_builder_free(struct tree_builder *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->made; i++) {
        dir_writer_free(b->level[i].writer);
        buf_release(&b->level[i].self);
    }
    free(b->level);
    dir_writer_free(b->copy);
    tree_entry_release(&b->te);
    free(b);
}

static int tree_builder_grow(struct tree_builder *b)
{
    struct tree_level *l;

    if (b->depth < b->made)
        return 0;
    l = mem_resize(b->level, (b->made + 1) * sizeof *b->level);
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    b->level = l;
    l += b->made;
    buf_init(&l->self, (size_t)TREE_ENTRY_BYTES_MAX * 2);
    l->writer = dir_writer_new(&b->key, &b->sink);
    if (!l->writer)
        return err_set(E_NOMEM, "out of memory");
    b->made++;
    return 0;
}

int tree_builder_enter(struct tree_builder *b, const struct tree_entry *dir)
{
    struct tree_level *l;
    int rc = tree_builder_grow(b);

    if (rc < 0)
        return rc;
    l = &b->level[b->depth];
    buf_reset(&l->self);
    rc = tree_entry_put(&l->self, dir);
    if (rc < 0)
        return rc;
    dir_writer_reset(l->writer);
    b->depth++;
    return 0;
}

int tree_builder_add(struct tree_builder *b, const struct tree_entry *te)
{
    ASSERT(b->depth > 0);
    return dir_writer_add(b->level[b->depth - 1].writer, te);
}

/* Makes te the entry of a directory whose pages w ends. */
static int tree_builder_close(struct tree_builder *b,
                              const struct tree_level *l, struct dir_writer *w,
                              bool is_root)
{
    struct tree_dir dir;
    struct codec c;
    int rc = dir_writer_finish(w, &dir);

    if (rc < 0)
        return rc;
    codec_init(&c, buf_bytes(&l->self));
    rc = tree_entry_get(&c, &b->te, is_root);
    if (rc == E_CORRUPT)
        return err_set(E_INTERNAL, "cannot read back an entry: %s", err_text());
    b->te.raw = bytes_of(NULL, 0);
    b->te.dir = dir;
    return rc;
}

int tree_builder_leave(struct tree_builder *b, struct buf *root)
{
    struct tree_level *l = &b->level[b->depth - 1];
    bool is_root = b->depth == 1;
    int rc;

    ASSERT(b->depth > 0);
    rc = tree_builder_close(b, l, l->writer, is_root);
    b->depth--;
    if (rc < 0)
        return rc;
    return is_root ? tree_entry_put(root, &b->te) : tree_builder_add(b, &b->te);
}

int tree_builder_so_far(struct tree_builder *b, struct buf *root)
{
    int rc = 0;

    ASSERT(b->depth > 0);
    if (!b->copy)
        b->copy = dir_writer_new(&b->key, &b->sink);
    if (!b->copy)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = b->depth; i-- > 0 && rc == 0;) {
        rc = dir_writer_copy(b->copy, b->level[i].writer);
        if (rc == 0 && i + 1 < b->depth)
            rc = dir_writer_add(b->copy, &b->te);
        if (rc == 0)
            rc = tree_builder_close(b, &b->level[i], b->copy, i == 0);
    }
    return rc < 0 ? rc : tree_entry_put(root, &b->te);
}

size_t tree_builder_depth(const struct tree_builder *b)
{
    return b->depth;
}
