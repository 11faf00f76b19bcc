#include "repo/check_tree.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "repo/check_nodes.h"
#include "repo/seen.h"
#include "repo/tree_walk.h"

enum { CHECK_TREE_PATHS = 100, CHECK_TREE_PAGE = 1 };

/* A directory on the way down. Its nodes stay for the next use. */
struct check_level {
    struct check_nodes *pages;
    struct chunk_id root;
    struct tree_dir said; /* by its entry */
    uint64_t below;       /* found */
    uint64_t bytes;
    size_t path_n; /* of this directory */
    bool known;    /* the page we are in was found sound before */
    bool hurt;     /* something in it or below is not sound */
    bool cut;      /* a part of it could not be read: no sums */
};

struct check_tree {
    struct check_view *v;
    struct check_late *late;
    const struct check_options *opt;
    struct check_chunks *chunks;
    struct node_source source;
    struct check_nodes *list;
    struct seen pages; /* CHECK_TREE_PAGE: nothing is wrong with a page
                                and what its entries need, but directories;
                                check_tree_sums(): nor with the whole directory
                                of which it is the root */
    struct seen lists; /* sound: bytes below a list node */
    struct check_level *level;
    size_t depth;
    size_t made;
    struct buf path;
    struct tree_entry te;
    /* the snapshot that is walked */
    const struct check_tree_snapshot *s;
    uint64_t hurt;          /* paths */
    bool damaged;           /* one of them is, surely */
    bool gone;              /* forgotten or superseded meanwhile */
    uint64_t lost_n;        /* of the entry at hand: what cannot be had */
    struct err_record lost; /* ... the first of it */
};

static uint64_t check_tree_list_known(void *ctx, const struct chunk_id *id)
{
    const struct check_tree *t = ctx;

    return seen_get(&t->lists, id);
}

int check_tree_open(struct check_view *v, struct check_late *late,
                    const struct check_options *opt, struct check_tree **out)
{
    struct check_tree *t = mem_alloc(sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return err_set(E_NOMEM, "out of memory");
    t->v = v;
    t->late = late;
    t->opt = opt;
    buf_init(&t->path, TREE_WALK_PATH_MAX);
    rc = check_chunks_open(v, late, &t->chunks);
    if (rc == 0) {
        t->source = check_chunks_source(t->chunks);
        t->list =
            check_nodes_new(NODE_LIST, &t->source, check_tree_list_known, t);
        if (!t->list)
            rc = err_set(E_NOMEM, "out of memory");
    }
    if (rc < 0) {
        check_tree_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

void check_tree_close(struct check_tree *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->made; i++)
        check_nodes_free(t->level[i].pages);
    free(t->level);
    check_nodes_free(t->list);
    check_chunks_close(t->chunks);
    seen_release(&t->pages);
    seen_release(&t->lists);
    buf_release(&t->path);
    tree_entry_release(&t->te);
    free(t);
}

/* --- what is hurt --- */

static struct check_finding check_tree_finding(const struct check_tree *t,
                                               int rc, const char *text)
{
    return (struct check_finding){.kind = CHECK_PATH,
                                  .damage = rc == E_CORRUPT,
                                  .unread = rc == E_STORE,
                                  .object = "",
                                  .text = text,
                                  .has_snapshot = true,
                                  .snapshot = t->s->id,
                                  .series = t->s->series,
                                  .begin = t->s->begin};
}

/* Whether what is hurt is not needed any more: who collects may have been
 * faster. */
static int check_tree_is_gone(struct check_tree *t)
{
    enum check_late_fate fate;
    int rc = check_chains_more(t->v->chains);

    if (rc < 0)
        return rc;
    t->gone = state_is_forgotten(&t->v->chains->state, &t->s->id);
    if (t->gone)
        return 0;
    rc = check_late_snapshot(t->late, &t->s->id, &fate);
    t->gone = rc == 0 && fate == CHECK_LATE_NEEDLESS;
    return rc;
}

/* Reports the path at hand, with the error record: that of why_rc. */
static int check_tree_hurt(struct check_tree *t, int why_rc, bool is_dir)
{
    uint64_t max = t->opt->path_max ? t->opt->path_max : CHECK_TREE_PATHS;
    struct err_record why;
    struct check_finding f;
    int rc = 0;

    err_save(why_rc, &why);
    if (t->hurt == 0)
        rc = check_tree_is_gone(t);
    if (rc == E_STORE) { /* nobody knows whether it is needed */
        why.code = rc;
        why_rc = rc;
        rc = 0;
    }
    if (rc < 0 || t->gone)
        return rc;
    t->damaged |= why_rc == E_CORRUPT;
    if (++t->hurt > max)
        return 0;
    f = check_tree_finding(t, why_rc, why.text);
    f.path = buf_bytes(&t->path);
    f.is_dir = is_dir;
    return check_report_put(t->v->report, &f);
}

/* What could not be had of the entry at hand: rc is E_CORRUPT, E_STORE or an
 * error. Damage is told before what could not be read. */
static int check_tree_lost(struct check_tree *t, int rc)
{
    if (!check_report_is(rc))
        return rc;
    if (t->lost_n++ == 0 || (rc == E_CORRUPT && t->lost.code != rc))
        err_save(rc, &t->lost);
    return 0;
}

/* --- content --- */

static int check_tree_extent(struct check_tree *t, const struct extent *e)
{
    if (e->kind == EXTENT_HOLE)
        return 0;
    return check_tree_lost(
        t, check_chunks_test(
               t->chunks, &e->id, e->kind == EXTENT_CHUNK ? e->length : 0,
               e->kind == EXTENT_SLICE ? e->offset + e->length : 0));
}

static int check_tree_list_element(struct check_tree *t, struct codec *c)
{
    uint64_t before = t->lost_n;
    struct extent e;
    int rc;

    extent_get(c, &e, NODE_CHUNK_MAX);
    rc = codec_ok(c, "extent");
    if (rc < 0) {
        check_nodes_broken(t->list);
        return 0;
    }
    check_nodes_took(t->list, bytes_of(NULL, 0), e.length);
    rc = check_tree_extent(t, &e);
    if (t->lost_n > before)
        check_nodes_hurt(t->list);
    return rc;
}

static int check_tree_list(struct check_tree *t, const struct tree_entry *te)
{
    struct check_nodes_item item;
    int rc = 0;

    check_nodes_open(t->list, &te->content.root, te->e.size);
    while (rc == 0) {
        rc = check_nodes_next(t->list, &item);
        if (rc < 0 || item.kind == CHECK_NODES_END)
            break;
        if (item.kind == CHECK_NODES_ELEMENT)
            rc = check_tree_list_element(t, item.c);
        else if (item.kind == CHECK_NODES_DAMAGED)
            rc = check_tree_lost(t, item.rc);
        else if (item.sound)
            rc = seen_put(&t->lists, &item.id, item.weight);
        if (rc == 0)
            rc = cancel_check(t->opt->cancel);
    }
    return rc;
}

static int check_tree_content(struct check_tree *t, const struct tree_entry *te)
{
    struct codec run;
    int rc = 0;

    if (te->content.is_list)
        return check_tree_list(t, te);
    codec_init(&run, te->content.extents);
    for (size_t i = 0; i < te->content.extent_n && rc == 0; i++) {
        struct extent e;

        extent_get(&run, &e, NODE_CHUNK_MAX);
        rc = check_tree_extent(t, &e);
    }
    return rc;
}

/* Everything that an entry needs besides the pages of a directory. Reports it
 * when something cannot be had. */
static int check_tree_needs(struct check_tree *t, const struct tree_entry *te)
{
    int rc = 0;

    t->lost_n = 0;
    for (size_t i = 0; i < te->attr_n && rc == 0; i++) {
        const struct tree_attr *a = &te->attr[i];

        if (a->is_chunk)
            rc = check_tree_lost(
                t, check_chunks_test(t->chunks, &a->id, a->length, 0));
    }
    if (rc == 0 && te->e.type == ENTRY_FILE)
        rc = check_tree_content(t, te);
    if (rc < 0 || t->lost_n == 0)
        return rc;
    rc = err_load(&t->lost);
    if (t->lost_n > 1)
        rc =
            err_set(rc, "%s (and %" PRIu64 " more)", err_text(), t->lost_n - 1);
    return check_tree_hurt(t, rc, false);
}

/* --- directories --- */

/* What an entry says about its directory, in a number that is not 0 and not
 * CHECK_TREE_PAGE. */
static uint64_t check_tree_sums(const struct tree_dir *d)
{
    static const struct siphash_key key = {0, 0};
    uint64_t x[] = {d->entries, d->below, d->bytes};

    return siphash(&key, bytes_of(x, sizeof x)) | 2;
}

static struct check_level *check_tree_top(struct check_tree *t)
{
    return &t->level[t->depth - 1];
}

static int check_tree_push(struct check_tree *t, const struct tree_dir *said)
{
    struct check_level *l;

    if (t->depth == TREE_WALK_DEPTH_MAX) {
        int rc = err_set(E_CORRUPT, "directories nested too deeply");

        check_tree_top(t)->hurt = true;
        return check_tree_hurt(t, rc, true);
    }
    if (t->depth == t->made) {
        l = mem_resize(t->level, (t->made + 1) * sizeof *l);
        if (!l)
            return err_set(E_NOMEM, "out of memory");
        t->level = l;
        l[t->made].pages = check_nodes_new(NODE_PAGE, &t->source, NULL, NULL);
        if (!l[t->made].pages)
            return err_set(E_NOMEM, "out of memory");
        t->made++;
    }
    l = &t->level[t->depth++];
    *l = (struct check_level){.pages = l->pages,
                              .root = said->root,
                              .said = *said,
                              .path_n = t->path.n};
    check_nodes_open(l->pages, &said->root, said->entries);
    return 0;
}

static int check_tree_pop(struct check_tree *t)
{
    struct check_level *l = check_tree_top(t);
    int rc = 0;

    buf_truncate(&t->path, l->path_n);
    if (!l->cut && (l->below != l->said.below || l->bytes != l->said.bytes)) {
        l->hurt = true;
        rc = err_set(E_CORRUPT,
                     "holds %" PRIu64 " entries with %" PRIu64
                     " bytes, not the %" PRIu64 " with %" PRIu64
                     " that are said",
                     l->below, l->bytes, l->said.below, l->said.bytes);
        rc = check_tree_hurt(t, rc, true);
    }
    if (rc == 0 && !l->hurt)
        rc = seen_put(&t->pages, &l->root, check_tree_sums(&l->said));
    t->depth--;
    if (l->hurt && t->depth > 0)
        check_tree_top(t)->hurt = true;
    return rc;
}

/* The entry in t->te, of the directory we are in. */
static int check_tree_entry(struct check_tree *t)
{
    struct check_level *l = check_tree_top(t);
    const struct tree_entry *te = &t->te;
    uint64_t hurt = t->hurt;
    bool is_dir = te->e.type == ENTRY_DIR;
    int rc;

    l->below += 1 + (is_dir ? te->dir.below : 0);
    l->bytes += is_dir ? te->dir.bytes : te->e.size;
    buf_truncate(&t->path, l->path_n);
    buf_add_path(&t->path, te->e.name);
    rc = buf_status(&t->path);
    if (rc == 0 && !l->known) {
        t->v->report->sum->entries++;
        rc = check_tree_needs(t, te);
    }
    if (t->hurt > hurt) {
        l->hurt = true;
        check_nodes_hurt(l->pages);
    }
    if (rc < 0 || !is_dir ||
        seen_get(&t->pages, &te->dir.root) == check_tree_sums(&te->dir))
        return rc;
    return check_tree_push(t, &te->dir);
}

static int check_tree_element(struct check_tree *t,
                              const struct check_nodes_item *item)
{
    struct check_level *l = check_tree_top(t);
    int rc;

    if (item->first)
        l->known = seen_get(&t->pages, &item->id) != 0;
    rc = tree_entry_get(item->c, &t->te, false);
    if (rc == E_CORRUPT) {
        check_nodes_broken(l->pages);
        return 0;
    }
    if (rc < 0)
        return rc;
    check_nodes_took(l->pages, t->te.e.name, 1);
    return check_tree_entry(t);
}

static int check_tree_step(struct check_tree *t)
{
    struct check_level *l = check_tree_top(t);
    struct check_nodes_item item;
    int rc = check_nodes_next(l->pages, &item);

    if (rc < 0)
        return rc;
    switch (item.kind) {
    case CHECK_NODES_ELEMENT:
        return check_tree_element(t, &item);
    case CHECK_NODES_LEFT:
        if (item.sound && seen_get(&t->pages, &item.id) == 0)
            return seen_put(&t->pages, &item.id, CHECK_TREE_PAGE);
        return 0;
    case CHECK_NODES_DAMAGED:
        l->hurt = true;
        l->cut = true;
        buf_truncate(&t->path, l->path_n);
        return check_tree_hurt(t, item.rc, true);
    case CHECK_NODES_END:
        break;
    }
    return check_tree_pop(t);
}

/* Starts at the entry of `/`. */
static int check_tree_start(struct check_tree *t)
{
    struct codec c;
    int rc;

    t->depth = 0;
    t->hurt = 0;
    t->damaged = false;
    t->gone = false;
    buf_reset(&t->path);
    codec_init(&c, t->s->root);
    rc = tree_entry_get(&c, &t->te, true);
    if (rc == 0)
        rc = codec_end(&c, "entry of the root");
    if (rc == E_CORRUPT)
        return check_tree_hurt(t, rc, true);
    if (rc == 0)
        rc = check_tree_needs(t, &t->te);
    if (rc < 0 ||
        seen_get(&t->pages, &t->te.dir.root) == check_tree_sums(&t->te.dir))
        return rc;
    return check_tree_push(t, &t->te.dir);
}

int check_tree_walk(struct check_tree *t, const struct check_tree_snapshot *s)
{
    uint64_t max = t->opt->path_max ? t->opt->path_max : CHECK_TREE_PATHS;
    struct check_summary *sum = t->v->report->sum;
    struct check_finding f;
    int rc;

    t->s = s;
    rc = check_tree_start(t);
    while (rc == 0 && t->depth > 0 && !t->gone) {
        rc = cancel_check(t->opt->cancel);
        if (rc == 0)
            rc = check_tree_step(t);
        if (t->opt->progress)
            atomic_store(&t->opt->progress->entries, sum->entries);
    }
    if (rc < 0 || t->gone || t->hurt == 0)
        return rc;
    sum->snapshots_hurt++;
    sum->paths_hurt += t->hurt;
    if (t->hurt <= max)
        return 0;
    f = check_tree_finding(t, t->damaged ? E_CORRUPT : E_STORE,
                           "more paths are hurt");
    f.more = t->hurt - max;
    return check_report_put(t->v->report, &f);
}
