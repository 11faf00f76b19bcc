#include "tests/sim/sim_read.h"

#include "repo/content.h"
#include "repo/fetch.h"
#include "repo/snapshot_list.h"
#include "repo/tree_walk.h"
#include "tests/sim/sim_tree.h"

enum { SIM_READ_CACHE_BYTES = 1 << 20 };

struct sim_reading {
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct content_reader *content;
    struct tree_walk *walk;
    struct snapshot snapshot;
    struct tree_entry root;
    struct sim_tree want;
    size_t files;
};

static int sim_read_begin(struct sim_reading *x, struct repo *r,
                          const struct object_id *id)
{
    struct node_source source;
    struct codec c;
    int rc = snapshot_list_read(r->store, r->keys, id, &x->snapshot);

    if (rc < 0)
        return rc;
    if (!sim_tree_get(x->snapshot.manifest.m.options, &x->want))
        return err_set(E_CORRUPT, "the manifest is not one of ours");
    codec_init(&c, x->snapshot.manifest.m.root);
    rc = tree_entry_get(&c, &x->root, true);
    if (rc == 0)
        rc = fetch_open(r->store, r->keys, r->index, SIM_READ_CACHE_BYTES,
                        &x->fetch);
    if (rc == 0)
        rc = fetch_lane_new(x->fetch, &x->lane);
    if (rc < 0)
        return rc;
    source = fetch_node_source(x->lane);
    x->content = content_reader_new(&source);
    x->walk = tree_walk_new(&source);
    ASSERT(x->content && x->walk);
    return tree_walk_start(x->walk, &x->root);
}

static void sim_read_end(struct sim_reading *x)
{
    tree_walk_free(x->walk);
    content_reader_free(x->content);
    fetch_lane_free(x->lane);
    fetch_free(x->fetch);
    tree_entry_release(&x->root);
    snapshot_list_drop(&x->snapshot);
}

/* One extent, which must be that chunk of the pool. */
static int sim_read_chunk(struct sim_reading *x, const struct extent *e,
                          unsigned no)
{
    unsigned char want[SIM_TREE_CHUNK_MAX];
    size_t n = sim_tree_chunk(no, want);
    struct fetch_chunk got = {.frame = NULL};
    int rc = e->length == n ? fetch_get(x->lane, PACK_DATA, &e->id, n, &got)
                            : err_set(E_CORRUPT, "a chunk of another length");

    if (rc == 0 && !bytes_equal(got.bytes, bytes_of(want, n)))
        rc = err_set(E_CORRUPT, "another chunk");
    fetch_release(x->lane, &got);
    return rc;
}

static int sim_read_file(struct sim_reading *x, const struct tree_entry *te,
                         unsigned version)
{
    unsigned chunk[SIM_TREE_CHUNKS_MAX];
    size_t n = sim_tree_chunks(version, chunk);
    size_t i = 0;
    struct extent e;
    uint64_t at;
    bool more = true;
    int rc = content_reader_open(x->content, &te->content, te->e.size, 0);

    while (rc == 0 && more) {
        rc = content_reader_next(x->content, &e, &at, &more);
        if (rc < 0 || !more)
            break;
        rc = i < n ? sim_read_chunk(x, &e, chunk[i++])
                   : err_set(E_CORRUPT, "it is too long");
    }
    return rc == 0 && i < n ? err_set(E_CORRUPT, "it is too short") : rc;
}

/* path: "d0/f0" */
static int sim_read_entry(struct sim_reading *x,
                          const struct tree_walk_item *item)
{
    struct bytes path = item->path;
    size_t no;
    int rc;

    if (path.n != 5)
        return err_set(E_CORRUPT, "an entry that nobody made");
    no =
        (size_t)(path.p[1] - '0') * SIM_TREE_IN_DIR + (size_t)(path.p[4] - '0');
    if (no >= SIM_TREE_FILES || x->want.version[no] == 0)
        return err_set(E_CORRUPT, "an entry that should not be");
    rc = sim_read_file(x, item->te, x->want.version[no]);
    x->want.version[no] = 0;
    return err_add(rc, "%.5s", (const char *)path.p);
}

static int sim_read_all(struct sim_reading *x)
{
    struct tree_walk_item item = {.kind = TREE_WALK_ENTER};
    int rc = 0;

    while (rc == 0 && item.kind != TREE_WALK_END) {
        rc = tree_walk_next(x->walk, &item);
        if (rc == 0 && item.kind == TREE_WALK_DAMAGED)
            rc = err_add(E_CORRUPT, "directory %.*s", (int)item.path.n,
                         (const char *)item.path.p);
        else if (rc == 0 && item.kind == TREE_WALK_ENTRY)
            rc = sim_read_entry(x, &item);
    }
    for (size_t i = 0; i < SIM_TREE_FILES && rc == 0; i++) {
        if (x->want.version[i] != 0)
            rc = err_set(E_CORRUPT, "file %zu is not there", i);
    }
    return rc;
}

int sim_read(struct repo *r, const struct object_id *id)
{
    struct sim_reading x = {.fetch = NULL};
    char hex[ID_HEX_CHARS + 1];
    int rc = sim_read_begin(&x, r, id);

    if (rc == 0)
        rc = sim_read_all(&x);
    sim_read_end(&x);
    return err_add(rc, "snapshot %.8s", id_hex(id->b, sizeof id->b, hex));
}
