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
    struct tree_entry te; /* scratch of the leave */
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

int tree_builder_leave(struct tree_builder *b, struct buf *root)
{
    struct tree_level *l = &b->level[b->depth - 1];
    bool is_root = b->depth == 1;
    struct codec c;
    int rc;

    ASSERT(b->depth > 0);
    codec_init(&c, buf_bytes(&l->self));
    rc = tree_entry_get(&c, &b->te, is_root);
    if (rc == E_CORRUPT)
        return err_set(E_INTERNAL, "cannot read back an entry: %s", err_text());
    if (rc < 0)
        return rc;
    b->te.raw = bytes_of(NULL, 0);
    rc = dir_writer_finish(l->writer, &b->te.dir);
    b->depth--;
    if (rc < 0)
        return rc;
    return is_root ? tree_entry_put(root, &b->te) : tree_builder_add(b, &b->te);
}

size_t tree_builder_depth(const struct tree_builder *b)
{
    return b->depth;
}
