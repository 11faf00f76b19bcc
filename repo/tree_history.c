#include "repo/tree_history.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/tree_diff.h"

/* What a path was in the last snapshot of a series. */
struct history_line {
    char *series;
    bool there;
    struct buf raw; /* what te borrows */
    struct tree_entry te;
};

struct tree_history {
    struct node_source source;
    char *path;
    size_t path_n;
    struct history_line *line;
    size_t n;
    size_t cap;
    struct history_line now; /* of the snapshot at hand */
    struct tree_diff *diff;
};

static void line_init(struct history_line *l)
{
    *l = (struct history_line){.series = NULL};
    buf_init(&l->raw, (size_t)TREE_ENTRY_BYTES_MAX * 2);
}

static void line_release(struct history_line *l)
{
    free(l->series);
    buf_release(&l->raw);
    tree_entry_release(&l->te);
}

struct tree_history *tree_history_new(const struct node_source *source,
                                      struct bytes path)
{
    struct tree_history *h = mem_alloc(sizeof *h);

    if (!h)
        return NULL;
    h->source = *source;
    h->path = mem_dup(path);
    h->path_n = path.n;
    line_init(&h->now);
    h->diff = tree_diff_new(source);
    if (!h->path || !h->diff) {
        tree_history_free(h);
        return NULL;
    }
    return h;
}

void tree_history_free(struct tree_history *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        line_release(&h->line[i]);
    free(h->line);
    line_release(&h->now);
    tree_diff_free(h->diff);
    free(h->path);
    free(h);
}

static int history_line(struct tree_history *h, struct bytes series,
                        struct history_line **out)
{
    for (size_t i = 0; i < h->n; i++) {
        *out = &h->line[i];
        if (bytes_equal(bytes_of_str((*out)->series), series))
            return 0;
    }
    if (!MEM_GROW(h->line, h->n, h->cap))
        return err_set(E_NOMEM, "out of memory");
    *out = &h->line[h->n];
    line_init(*out);
    (*out)->series = mem_dup(series);
    if (!(*out)->series)
        return err_set(E_NOMEM, "out of memory");
    h->n++;
    return 0;
}

/* Where the path leads in a snapshot, into h->now. */
static int history_look(struct tree_history *h, struct bytes root)
{
    struct tree_entry top = {.attr = NULL};
    struct codec c;
    int rc;

    codec_init(&c, root);
    rc = tree_entry_get(&c, &top, true);
    if (rc == 0)
        rc = tree_walk_find(&h->source, &top,
                            bytes_of((const uint8_t *)h->path, h->path_n),
                            &h->now.raw, &h->now.te, &h->now.there);
    tree_entry_release(&top);
    return rc;
}

/* The next difference of two directories; where one of them is damaged nobody
 * knows whether there is any. */
static int history_step(struct tree_history *h, struct tree_diff_item *item)
{
    int rc = tree_diff_next(h->diff, item);

    if (rc == 0 && item->kind == TREE_DIFF_DAMAGED)
        rc = err_add(E_CORRUPT, "compared with the one before: %.*s%s",
                     (int)item->path.n,
                     item->path.n ? (const char *)item->path.p : "",
                     item->path.n ? ": " : "");
    return rc;
}

/* Two directories of other pages: whether something differs of which one would
 * want to hear. Pages also hold when files were looked at. */
static int history_dirs(struct tree_history *h, const struct history_line *a,
                        const struct history_line *b,
                        enum tree_history_event *event)
{
    struct tree_diff_item item;
    int rc;

    tree_diff_start(h->diff, &a->te, &b->te);
    rc = history_step(h, &item);
    *event = TREE_HISTORY_CHANGED;
    if (item.kind == TREE_DIFF_END)
        *event = TREE_HISTORY_NOTHING;
    /* of itself; something in it may differ, too */
    if (rc == 0 && item.kind == TREE_DIFF_META && item.path.n == 0) {
        rc = history_step(h, &item);
        if (item.kind == TREE_DIFF_END)
            *event = TREE_HISTORY_META;
    }
    return rc;
}

/* What happened between before and now, but for what directories hold. */
static enum tree_history_event history_event(const struct history_line *before,
                                             const struct history_line *now)
{
    if (!before->there)
        return now->there ? TREE_HISTORY_CAME : TREE_HISTORY_NOTHING;
    if (!now->there)
        return TREE_HISTORY_WENT;
    switch (tree_diff_compare(&before->te, &now->te)) {
    case TREE_DIFF_OTHER_TYPE:
        return TREE_HISTORY_CAME;
    case TREE_DIFF_OTHER_CONTENT:
        return TREE_HISTORY_CHANGED;
    case TREE_DIFF_OTHER_META:
        return TREE_HISTORY_META;
    case TREE_DIFF_SAME:
        break;
    }
    return TREE_HISTORY_NOTHING;
}

int tree_history_next(struct tree_history *h, struct bytes series,
                      struct bytes root, enum tree_history_event *event,
                      const struct tree_entry **te)
{
    struct history_line *l = NULL, before;
    int rc = history_line(h, series, &l);

    *event = TREE_HISTORY_NOTHING;
    *te = NULL;
    if (rc == 0)
        rc = history_look(h, root);
    if (rc < 0)
        return rc;
    *event = history_event(l, &h->now);
    if (*event == TREE_HISTORY_CHANGED && h->now.te.e.type == ENTRY_DIR)
        rc = history_dirs(h, l, &h->now, event);
    if (rc < 0)
        return rc;
    /* now becomes what was; its memory is used for the next one */
    before = *l;
    h->now.series = before.series;
    before.series = NULL;
    *l = h->now;
    h->now = before;
    if (*event != TREE_HISTORY_NOTHING)
        *te = *event == TREE_HISTORY_WENT ? &h->now.te : &l->te;
    return 0;
}
