#include "repo/dir_reader.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/node_reader.h"

struct dir_reader {
    struct node_reader *pages;
    struct tree_entry te;
    uint8_t last[ENTRY_NAME_MAX];
    size_t last_n;
};

struct dir_reader *dir_reader_new(const struct node_source *source)
{
    struct dir_reader *r = mem_alloc(sizeof *r);

    if (!r)
        return NULL;
    r->pages = node_reader_new(NODE_PAGE, source);
    if (!r->pages) {
        free(r);
        return NULL;
    }
    return r;
}

void dir_reader_free(struct dir_reader *r)
{
    if (!r)
        return;
    tree_entry_release(&r->te);
    node_reader_free(r->pages);
    free(r);
}

int dir_reader_open(struct dir_reader *r, const struct chunk_id *root)
{
    r->last_n = 0;
    return node_reader_open(r->pages, root);
}

int dir_reader_next(struct dir_reader *r, const struct tree_entry **te)
{
    struct codec *c;
    struct bytes name;
    int rc = node_reader_next(r->pages, &c);

    *te = NULL;
    if (rc < 0 || !c)
        return rc;
    rc = tree_entry_get(c, &r->te, false);
    if (rc < 0)
        return rc;
    name = r->te.e.name;
    if (r->last_n && bytes_cmp(bytes_of(r->last, r->last_n), name) >= 0)
        return err_set(E_CORRUPT, "directory entries out of order");
    memcpy(r->last, name.p, name.n);
    r->last_n = name.n;
    *te = &r->te;
    return 0;
}

int dir_reader_find(struct dir_reader *r, const struct chunk_id *root,
                    struct bytes name, const struct tree_entry **te)
{
    int rc = node_reader_seek_name(r->pages, root, name);

    r->last_n = 0;
    *te = NULL;
    while (rc == 0) {
        int order;

        rc = dir_reader_next(r, te);
        if (rc < 0 || !*te)
            break;
        order = bytes_cmp((*te)->e.name, name);
        if (order >= 0) {
            *te = order == 0 ? *te : NULL;
            break;
        }
    }
    return rc;
}
