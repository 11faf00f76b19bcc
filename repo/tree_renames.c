#include "repo/tree_renames.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/blake3.h"
#include "base/mem.h"

/* One thing that went or came. */
struct renames_one {
    struct chunk_id content; /* a hash of all that must be the same */
    uint64_t weight;         /* of a directory: entries below, as the tree says;
                                else 0 */
    struct bytes path;       /* below the start */
    uint8_t meta[ID_BYTES];  /* a hash of what its mate may have otherwise */
    size_t base;             /* where its last name begins there */
    struct renames_one *up;  /* a directory of the same side that it is in */
    struct renames_one *mate;
    size_t order;
    bool went;
    bool covered; /* it is in a directory that has a mate */
};

enum {
    RENAMES_WENT,
    RENAMES_CAME,
    RENAMES_SIDES,
    /* What a thing costs besides its path: its row, its place in a list that
     * doubles, and what lies between two pieces of memory. */
    RENAMES_COST = sizeof(struct renames_one) + 2 * sizeof(void *) + 32
};

struct tree_renames {
    struct tree_diff *diff;
    size_t bytes_max;
    size_t bytes;
    bool over; /* more than that */
    struct arena arena;
    struct renames_one **one; /* the first `settled` of them have a mate each,
                                 and are sorted by side and path */
    size_t n;
    size_t cap;
    size_t settled;
    struct renames_one *last[RENAMES_SIDES]; /* directory that was added */
    bool has_files[RENAMES_SIDES];
    enum tree_renames_scope scope;
};

struct tree_renames *tree_renames_new(const struct node_source *source,
                                      size_t bytes_max)
{
    struct tree_renames *r = mem_alloc(sizeof *r);

    if (!r)
        return NULL;
    r->bytes_max = bytes_max;
    r->diff = tree_diff_new(source);
    if (!r->diff) {
        free(r);
        return NULL;
    }
    return r;
}

void tree_renames_free(struct tree_renames *r)
{
    if (!r)
        return;
    tree_diff_free(r->diff);
    arena_release(&r->arena);
    free(r->one);
    free(r);
}

/* ---- gathering ------------------------------------------------------------
 */

static struct chunk_id renames_content(const struct tree_entry *te)
{
    const struct content *ct = &te->content;
    struct chunk_id out;
    struct blake3 h;

    if (te->e.type == ENTRY_DIR)
        return te->dir.root;
    blake3_init(&h);
    blake3_update(&h, bytes_of(&te->e.size, sizeof te->e.size));
    blake3_update(&h, ct->is_list ? bytes_of(ct->root.b, sizeof ct->root.b)
                                  : ct->extents);
    blake3_final(&h, out.b);
    return out;
}

static bool renames_is_below(struct bytes path, struct bytes dir)
{
    return path.n > dir.n && path.p[dir.n] == '/' &&
           memcmp(path.p, dir.p, dir.n) == 0;
}

static int renames_add(struct tree_renames *r, const struct tree_diff_item *it)
{
    bool went = it->kind == TREE_DIFF_REMOVED;
    const struct tree_entry *te = went ? it->a : it->b;
    struct renames_one *one,
        **last = &r->last[went ? RENAMES_WENT : RENAMES_CAME];

    r->bytes += RENAMES_COST + it->path.n;
    r->over = r->bytes > r->bytes_max;
    if (r->over)
        return 0;
    one = arena_alloc(&r->arena, sizeof *one);
    if (!one || !MEM_GROW(r->one, r->n, r->cap))
        return err_set(E_NOMEM, "out of memory");
    *one = (struct renames_one){
        .content = renames_content(te), .order = r->n, .went = went};
    tree_diff_digest_meta(te, one->meta);
    r->one[r->n++] = one;
    if (te->e.type == ENTRY_DIR) {
        one->weight = te->dir.below;
        one->up = *last;
        while (one->up && !renames_is_below(it->path, one->up->path))
            one->up = one->up->up;
        *last = one;
    }
    for (one->base = it->path.n; one->base > 0; one->base--) {
        if (it->path.p[one->base - 1] == '/')
            break;
    }
    return arena_dup(&r->arena, it->path, &one->path);
}

/* Directories of one pass; what is in those is known by their pages. */
static int renames_take_dir(struct tree_renames *r,
                            const struct tree_diff_item *it)
{
    const struct tree_entry *te = it->a ? it->a : it->b;

    if (te->e.type == ENTRY_DIR)
        return te->dir.entries > 0 ? renames_add(r, it) : 0;
    if (te->e.type == ENTRY_FILE && te->e.size > 0)
        r->has_files[it->a ? RENAMES_WENT : RENAMES_CAME] = true;
    return 0;
}

/* Files of another, which are not in a directory that has its mate. */
static int renames_take_file(struct tree_renames *r,
                             const struct tree_diff_item *it)
{
    const struct tree_entry *te = it->a ? it->a : it->b;
    struct tree_renames_mate mate;

    if (te->e.type == ENTRY_FILE)
        return te->e.size > 0 ? renames_add(r, it) : 0;
    if (te->e.type == ENTRY_DIR && tree_renames_other(r, it, &mate))
        tree_diff_skip(r->diff);
    return 0;
}

typedef int renames_take(struct tree_renames *r,
                         const struct tree_diff_item *it);

static int renames_gather(struct tree_renames *r, const struct tree_entry *a,
                          const struct tree_entry *b, renames_take *take,
                          const struct cancel *cancel)
{
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    int rc = 0;

    tree_diff_start(r->diff, a, b);
    while (rc == 0 && !r->over) {
        rc = cancel_check(cancel);
        if (rc == 0)
            rc = tree_diff_next(r->diff, &it);
        if (rc < 0 || it.kind == TREE_DIFF_END)
            break;
        if (it.path.n > 0 &&
            (it.kind == TREE_DIFF_ADDED || it.kind == TREE_DIFF_REMOVED))
            rc = take(r, &it);
    }
    return rc;
}

/* ---- pairs ----------------------------------------------------------------
 */

static struct bytes renames_base(const struct renames_one *x)
{
    return bytes_of(x->path.p + x->base, x->path.n - x->base);
}

static int renames_content_cmp(const struct renames_one *x,
                               const struct renames_one *y)
{
    /* what holds another directory comes before it, unless the tree lies */
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return memcmp(x->content.b, y->content.b, sizeof x->content.b);
}

static int renames_by_order(const void *a, const void *b)
{
    const struct renames_one *x = *(struct renames_one *const *)a;
    const struct renames_one *y = *(struct renames_one *const *)b;

    return (x->order > y->order) - (x->order < y->order);
}

static int renames_by_content(const void *a, const void *b)
{
    const struct renames_one *x = *(struct renames_one *const *)a;
    const struct renames_one *y = *(struct renames_one *const *)b;
    int c = renames_content_cmp(x, y);

    if (c == 0)
        c = bytes_cmp(renames_base(x), renames_base(y));
    return c ? c : renames_by_order(a, b);
}

static int renames_path_cmp(const struct renames_one *x, bool went,
                            struct bytes path)
{
    return x->went != went ? (x->went ? -1 : 1) : bytes_cmp(x->path, path);
}

static int renames_by_path(const void *a, const void *b)
{
    const struct renames_one *x = *(struct renames_one *const *)a;
    const struct renames_one *y = *(struct renames_one *const *)b;

    return renames_path_cmp(x, y->went, y->path);
}

/* The next from i on of one side that has no mate and may have one; n: none. */
static size_t renames_free_one(struct renames_one **one, size_t i, size_t n,
                               bool went)
{
    while (i < n && (one[i]->went != went || one[i]->mate || one[i]->covered))
        i++;
    return i;
}

/* The first that went with the first that came, and so on. */
static void renames_pair(struct renames_one **one, size_t n)
{
    size_t i = renames_free_one(one, 0, n, true);
    size_t j = renames_free_one(one, 0, n, false);

    while (i < n && j < n) {
        one[i]->mate = one[j];
        one[j]->mate = one[i];
        i = renames_free_one(one, i, n, true);
        j = renames_free_one(one, j, n, false);
    }
}

static void renames_cover(struct renames_one *x)
{
    x->covered = x->up && (x->up->mate || x->up->covered);
}

/* n things with the same content, by their last names. */
static void renames_equals(struct renames_one **one, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i < n; i++)
        renames_cover(one[i]);
    if (n == 1)
        return;
    for (size_t i = 1; i <= n; i++) {
        if (i == n ||
            !bytes_equal(renames_base(one[i]), renames_base(one[from]))) {
            renames_pair(one + from, i - from);
            from = i;
        }
    }
    qsort(one, n, sizeof(struct renames_one *), renames_by_order);
    renames_pair(one, n);
}

/* Where a tree lies about how much is below its directories, one may have found
 * a mate before the one that holds it did: it goes with that, and is no pair of
 * its own. */
static void renames_part_covered(struct renames_one **one, size_t n)
{
    /* what holds another comes before it */
    qsort(one, n, sizeof(struct renames_one *), renames_by_order);
    for (size_t i = 0; i < n; i++)
        renames_cover(one[i]);
    for (size_t i = 0; i < n; i++) {
        if (one[i]->mate && one[i]->covered) {
            one[i]->mate->mate = NULL;
            one[i]->mate = NULL;
        }
    }
}

/* Finds the mates of those that are not settled, and forgets the others. */
static void renames_settle(struct tree_renames *r)
{
    size_t n = r->n - r->settled, from = 0;
    struct renames_one **one;

    if (n == 0)
        return;
    one = r->one + r->settled;
    qsort(one, n, sizeof(struct renames_one *), renames_by_content);
    for (size_t i = 1; i <= n; i++) {
        if (i == n || renames_content_cmp(one[i], one[from]) != 0) {
            renames_equals(one + from, i - from);
            from = i;
        }
    }
    renames_part_covered(one, n);
    for (size_t i = r->settled; i < r->n; i++) {
        if (r->one[i]->mate)
            r->one[r->settled++] = r->one[i];
    }
    r->n = r->settled;
    if (r->n > 0)
        qsort(r->one, r->n, sizeof(struct renames_one *), renames_by_path);
}

int tree_renames_find(struct tree_renames *r, const struct tree_entry *a,
                      const struct tree_entry *b, const struct cancel *cancel)
{
    int rc = renames_gather(r, a, b, renames_take_dir, cancel);

    if (rc < 0 || r->over)
        return rc;
    renames_settle(r);
    r->scope = TREE_RENAMES_DIRS;
    if (r->has_files[RENAMES_WENT] && r->has_files[RENAMES_CAME])
        rc = renames_gather(r, a, b, renames_take_file, cancel);
    if (rc < 0 || r->over)
        return rc;
    renames_settle(r);
    r->scope = TREE_RENAMES_ALL;
    return 0;
}

/* ---- answers --------------------------------------------------------------
 */

enum tree_renames_scope tree_renames_reach(const struct tree_renames *r)
{
    return r->scope;
}

bool tree_renames_other(const struct tree_renames *r,
                        const struct tree_diff_item *item,
                        struct tree_renames_mate *mate)
{
    bool went = item->kind == TREE_DIFF_REMOVED;
    size_t low = 0, high = r->settled;

    if (!went && item->kind != TREE_DIFF_ADDED)
        return false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = renames_path_cmp(r->one[mid], went, item->path);

        if (c == 0) {
            const struct renames_one *x = r->one[mid], *y = x->mate;

            mate->path = y->path;
            mate->meta = memcmp(x->meta, y->meta, sizeof x->meta) != 0;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
