#include "repo/tree_diff.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/dir_reader.h"

/* One side of a directory. */
struct diff_side {
    struct dir_reader *reader;
    bool open;                   /* there is such a directory on this side */
    bool taken;                  /* at was given: go on behind it */
    const struct tree_entry *at; /* the next entry; NULL: no more */
};

struct diff_level {
    struct diff_side a;
    struct diff_side b;
    size_t path_n; /* bytes of the path of this directory */
};

struct tree_diff {
    struct node_source source;
    struct diff_level *level;
    size_t depth;
    size_t made;
    const struct tree_entry *start_a;
    const struct tree_entry *start_b;
    bool fresh;  /* the start has not been compared yet */
    bool search; /* b alone counts */
    /* where the next step leads into */
    bool into;
    bool into_a;
    bool into_b;
    struct chunk_id root_a;
    struct chunk_id root_b;
    struct buf path;
};

struct tree_diff *tree_diff_new(const struct node_source *source)
{
    struct tree_diff *d = mem_alloc(sizeof *d);

    if (!d)
        return NULL;
    d->source = *source;
    buf_init(&d->path, TREE_WALK_PATH_MAX);
    return d;
}

void tree_diff_free(struct tree_diff *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->made; i++) {
        dir_reader_free(d->level[i].a.reader);
        dir_reader_free(d->level[i].b.reader);
    }
    free(d->level);
    buf_release(&d->path);
    free(d);
}

void tree_diff_search(struct tree_diff *d)
{
    d->search = true;
}

void tree_diff_start(struct tree_diff *d, const struct tree_entry *a,
                     const struct tree_entry *b)
{
    d->start_a = a;
    d->start_b = b;
    d->fresh = true;
    d->into = false;
    d->depth = 0;
    buf_reset(&d->path);
}

/* ---- two entries ----------------------------------------------------------
 */

static bool diff_same_content(const struct tree_entry *a,
                              const struct tree_entry *b)
{
    switch (a->e.type) {
    case ENTRY_FILE:
        return a->e.size == b->e.size &&
               a->content.is_list == b->content.is_list &&
               (a->content.is_list
                    ? chunk_id_equal(&a->content.root, &b->content.root)
                    : bytes_equal(a->content.extents, b->content.extents));
    case ENTRY_DIR:
        return chunk_id_equal(&a->dir.root, &b->dir.root);
    case ENTRY_SYMLINK:
        return bytes_equal(a->e.target, b->e.target);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        return a->e.rdev_major == b->e.rdev_major &&
               a->e.rdev_minor == b->e.rdev_minor;
    case ENTRY_FIFO:
    case ENTRY_SOCKET:
        break;
    }
    return true;
}

static bool diff_same_attrs(const struct tree_entry *a,
                            const struct tree_entry *b)
{
    bool same = a->attr_n == b->attr_n;

    for (size_t i = 0; i < a->attr_n && same; i++) {
        const struct tree_attr *x = &a->attr[i], *y = &b->attr[i];

        same = bytes_equal(x->name, y->name) && x->is_chunk == y->is_chunk &&
               (x->is_chunk
                    ? x->length == y->length && chunk_id_equal(&x->id, &y->id)
                    : bytes_equal(x->value, y->value));
    }
    return same;
}

static bool diff_same_meta(const struct tree_entry *a,
                           const struct tree_entry *b)
{
    const struct entry *x = &a->e, *y = &b->e;

    return x->mode == y->mode && x->uid == y->uid && x->gid == y->gid &&
           (x->type == ENTRY_DIR || entry_time_cmp(x->mtime, y->mtime) == 0) &&
           x->has_inode_flags == y->has_inode_flags &&
           (!x->has_inode_flags || x->inode_flags == y->inode_flags) &&
           x->project == y->project && diff_same_attrs(a, b);
}

enum tree_diff_how tree_diff_compare(const struct tree_entry *a,
                                     const struct tree_entry *b)
{
    if (a->e.type != b->e.type)
        return TREE_DIFF_OTHER_TYPE;
    if (!diff_same_content(a, b))
        return TREE_DIFF_OTHER_CONTENT;
    return diff_same_meta(a, b) ? TREE_DIFF_SAME : TREE_DIFF_OTHER_META;
}

static void digest_number(struct blake3 *h, uint64_t n)
{
    uint8_t le[8];

    for (size_t i = 0; i < sizeof le; i++)
        le[i] = (uint8_t)(n >> 8 * i);
    blake3_update(h, bytes_of(le, sizeof le));
}

static void digest_bytes(struct blake3 *h, struct bytes b)
{
    digest_number(h, b.n);
    if (b.n > 0)
        blake3_update(h, b);
}

/* What diff_same_content() looks at. */
static void digest_content(struct blake3 *h, const struct tree_entry *te)
{
    const struct entry *e = &te->e;

    digest_number(h, e->type);
    if (e->type == ENTRY_FILE) {
        digest_number(h, e->size);
        digest_number(h, te->content.is_list);
        digest_bytes(h, te->content.is_list
                            ? bytes_of(te->content.root.b, ID_BYTES)
                            : te->content.extents);
    } else if (e->type == ENTRY_SYMLINK) {
        digest_bytes(h, e->target);
    } else if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        digest_number(h, e->rdev_major);
        digest_number(h, e->rdev_minor);
    }
}

/* ... and diff_same_meta(). */
static void digest_meta(struct blake3 *h, const struct tree_entry *te)
{
    const struct entry *e = &te->e;

    digest_number(h, e->mode);
    digest_number(h, e->uid);
    digest_number(h, e->gid);
    if (e->type != ENTRY_DIR) {
        digest_number(h, (uint64_t)e->mtime.s);
        digest_number(h, e->mtime.ns);
    }
    digest_number(h, e->has_inode_flags);
    digest_number(h, e->has_inode_flags ? e->inode_flags : 0);
    digest_number(h, e->project);
    for (size_t i = 0; i < te->attr_n; i++) {
        const struct tree_attr *a = &te->attr[i];

        digest_bytes(h, a->name);
        digest_number(h, a->is_chunk);
        digest_number(h, a->is_chunk ? a->length : 0);
        digest_bytes(h, a->is_chunk ? bytes_of(a->id.b, ID_BYTES) : a->value);
    }
}

void tree_diff_digest(const struct tree_entry *te, uint8_t digest[ID_BYTES])
{
    struct blake3 h;

    blake3_init(&h);
    digest_content(&h, te);
    digest_meta(&h, te);
    blake3_final(&h, digest);
}

void tree_diff_digest_meta(const struct tree_entry *te,
                           uint8_t digest[ID_BYTES])
{
    struct blake3 h;

    blake3_init(&h);
    digest_meta(&h, te);
    blake3_final(&h, digest);
}

/* ---- steps ----------------------------------------------------------------
 */

/* What became of reading a, with which a search can do without. */
static int diff_a(const struct tree_diff *d, struct diff_level *l, int rc)
{
    if (rc != E_CORRUPT || !d->search)
        return rc;
    l->a.open = false;
    l->a.at = NULL;
    return 0;
}

static int diff_push(struct tree_diff *d)
{
    struct diff_level *l;
    int rc = 0;

    d->into = false;
    if (d->depth == TREE_WALK_DEPTH_MAX)
        return err_set(E_LIMIT, "directories nested too deeply");
    if (d->depth == d->made) {
        l = mem_resize(d->level, (d->made + 1) * sizeof *d->level);
        if (!l)
            return err_set(E_NOMEM, "out of memory");
        d->level = l;
        l = &d->level[d->made];
        *l = (struct diff_level){.path_n = 0};
        l->a.reader = dir_reader_new(&d->source);
        l->b.reader = dir_reader_new(&d->source);
        if (!l->a.reader || !l->b.reader) {
            dir_reader_free(l->a.reader);
            dir_reader_free(l->b.reader);
            return err_set(E_NOMEM, "out of memory");
        }
        d->made++;
    }
    l = &d->level[d->depth++];
    l->path_n = d->path.n;
    l->a = (struct diff_side){
        .reader = l->a.reader, .open = d->into_a, .taken = true};
    l->b = (struct diff_side){
        .reader = l->b.reader, .open = d->into_b, .taken = true};
    if (d->into_a)
        rc = diff_a(d, l, dir_reader_open(l->a.reader, &d->root_a));
    if (rc == 0 && d->into_b)
        rc = dir_reader_open(l->b.reader, &d->root_b);
    return rc;
}

static int diff_advance(struct diff_side *s)
{
    int rc = 0;

    if (s->taken && s->open)
        rc = dir_reader_next(s->reader, &s->at);
    s->taken = false;
    return rc;
}

/* Notes what the next step leads into: below a, b or both. */
static void diff_enter(struct tree_diff *d, const struct tree_entry *a,
                       const struct tree_entry *b)
{
    d->into_a = a && a->e.type == ENTRY_DIR;
    d->into_b = b && b->e.type == ENTRY_DIR;
    if (d->into_a)
        d->root_a = a->dir.root;
    if (d->into_b)
        d->root_b = b->dir.root;
    d->into = d->into_a || d->into_b;
}

/* Two entries of one name, or one alone. Returns whether there is anything to
 * tell of them themselves. */
static bool diff_give(struct tree_diff *d, const struct tree_entry *a,
                      const struct tree_entry *b, struct tree_diff_item *item)
{
    enum tree_diff_how how;
    bool touched; /* of a directory, whose mtime does not count otherwise */

    item->a = a;
    item->b = b;
    if (!b && d->search)
        return false;
    if (!a || !b) {
        item->kind = a ? TREE_DIFF_REMOVED : TREE_DIFF_ADDED;
        diff_enter(d, a, b);
        return true;
    }
    how = tree_diff_compare(a, b);
    touched = d->search && entry_time_cmp(a->e.mtime, b->e.mtime) != 0;
    if (how == TREE_DIFF_OTHER_CONTENT && a->e.type == ENTRY_DIR) {
        diff_enter(d, a, b);
        item->kind = TREE_DIFF_META;
        return touched || !diff_same_meta(a, b);
    }
    if (how == TREE_DIFF_SAME && touched)
        how = TREE_DIFF_OTHER_META;
    item->kind =
        how == TREE_DIFF_OTHER_META ? TREE_DIFF_META : TREE_DIFF_CHANGED;
    return how != TREE_DIFF_SAME;
}

static int diff_set_path(struct tree_diff *d, size_t n, struct bytes name)
{
    buf_truncate(&d->path, n);
    buf_add_path(&d->path, name);
    return buf_status(&d->path);
}

/* The next name of the directory that we are in. told: item says something.
 * over: there is none. */
static int diff_step(struct tree_diff *d, struct tree_diff_item *item,
                     bool *told, bool *over)
{
    struct diff_level *l = &d->level[d->depth - 1];
    int rc = diff_a(d, l, diff_advance(&l->a));
    int order;

    if (rc == 0)
        rc = diff_advance(&l->b);
    if (rc < 0)
        return rc;
    *over = !l->a.at && !l->b.at;
    if (*over)
        return 0;
    order = !l->a.at   ? 1
            : !l->b.at ? -1
                       : bytes_cmp(l->a.at->e.name, l->b.at->e.name);
    /* one that became something else went, and came */
    if (order == 0 && l->a.at->e.type != l->b.at->e.type)
        order = -1;
    l->a.taken = order <= 0;
    l->b.taken = order >= 0;
    rc = diff_set_path(d, l->path_n,
                       order <= 0 ? l->a.at->e.name : l->b.at->e.name);
    if (rc == 0)
        *told = diff_give(d, order <= 0 ? l->a.at : NULL,
                          order >= 0 ? l->b.at : NULL, item);
    return rc;
}

/* The starts: of two types they are two things. */
static bool diff_begin(struct tree_diff *d, struct tree_diff_item *item)
{
    const struct tree_entry *a = d->start_a, *b = d->start_b;

    d->fresh = false;
    if (!a && !b)
        return false;
    if (a && b && a->e.type != b->e.type) {
        d->start_a = NULL; /* b follows */
        d->fresh = true;
        b = NULL;
    }
    return diff_give(d, a, b, item);
}

static int diff_next(struct tree_diff *d, struct tree_diff_item *item)
{
    bool told = false;
    int rc = 0;

    *item = (struct tree_diff_item){.kind = TREE_DIFF_END};
    while (rc == 0 && !told) {
        bool over = false;

        if (d->into) {
            rc = diff_push(d);
        } else if (d->depth > 0) {
            rc = diff_step(d, item, &told, &over);
            if (rc == 0 && over) {
                buf_truncate(&d->path, d->level[d->depth - 1].path_n);
                d->depth--;
            }
        } else if (d->fresh) {
            told = diff_begin(d, item);
        } else {
            *item = (struct tree_diff_item){.kind = TREE_DIFF_END};
            break;
        }
    }
    return rc;
}

int tree_diff_next(struct tree_diff *d, struct tree_diff_item *item)
{
    int rc = diff_next(d, item);

    if (rc == E_CORRUPT && d->depth > 0) {
        buf_truncate(&d->path, d->level[--d->depth].path_n);
        *item = (struct tree_diff_item){.kind = TREE_DIFF_DAMAGED};
        rc = 0;
    }
    item->path = buf_bytes(&d->path);
    return rc;
}

void tree_diff_skip(struct tree_diff *d)
{
    d->into = false;
}
