#include "repo/dir_writer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/node_writer.h"

struct dir_writer {
    struct node_writer *pages;
    struct buf entry; /* scratch: one encoded entry */
    struct tree_dir total;
    uint8_t last[ENTRY_NAME_MAX]; /* name of the entry added last */
    size_t last_n;
};

struct dir_writer *dir_writer_new(const struct node_key *key,
                                  const struct node_sink *sink)
{
    struct dir_writer *w = mem_alloc(sizeof *w);

    if (!w)
        return NULL;
    buf_init(&w->entry, (size_t)TREE_ENTRY_BYTES_MAX * 2);
    w->pages = node_writer_new(NODE_PAGE, key, sink);
    if (!w->pages) {
        dir_writer_free(w);
        return NULL;
    }
    return w;
}

void dir_writer_free(struct dir_writer *w)
{
    if (!w)
        return;
    node_writer_free(w->pages);
    buf_release(&w->entry);
    free(w);
}

void dir_writer_reset(struct dir_writer *w)
{
    node_writer_reset(w->pages);
    w->total = (struct tree_dir){.entries = 0};
    w->last_n = 0;
}

int dir_writer_copy(struct dir_writer *to, const struct dir_writer *from)
{
    to->total = from->total;
    memcpy(to->last, from->last, from->last_n);
    to->last_n = from->last_n;
    return node_writer_copy(to->pages, from->pages);
}

int dir_writer_add(struct dir_writer *w, const struct tree_entry *te)
{
    struct bytes raw = te->raw;
    struct bytes name = te->e.name;
    int rc;

    if (w->last_n && bytes_cmp(bytes_of(w->last, w->last_n), name) >= 0)
        return err_set(E_INTERNAL, "directory entries out of order");
    if (raw.n == 0) {
        buf_reset(&w->entry);
        rc = tree_entry_put(&w->entry, te);
        if (rc < 0)
            return rc;
        raw = buf_bytes(&w->entry);
    }
    rc = node_writer_add(w->pages, raw, name, 1);
    if (rc < 0)
        return rc;
    memcpy(w->last, name.p, name.n);
    w->last_n = name.n;
    w->total.entries++;
    w->total.below += 1 + te->dir.below;
    w->total.bytes += te->e.type == ENTRY_DIR ? te->dir.bytes : te->e.size;
    return 0;
}

int dir_writer_finish(struct dir_writer *w, struct tree_dir *dir)
{
    int rc;

    *dir = w->total;
    rc = node_writer_finish(w->pages, &dir->root);
    dir_writer_reset(w);
    return rc;
}
