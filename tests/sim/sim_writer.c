#include "tests/sim/sim_writer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/fetch.h"
#include "repo/intake.h"
#include "repo/job/snap_commit.h"
#include "repo/job/tree_builder.h"
#include "repo/reach.h"
#include "repo/writer.h"

enum {
    SIM_WRITER_CACHE_BYTES = 1 << 20,
    SIM_WRITER_DAWDLES = 120 /* of 256, at each file */
};

struct sim_writer {
    struct sim_world *w;
    struct repo *r;
    const struct sim_writer_options *opt;
    struct writer *writer;
    struct snap_previous previous;
    struct problems *problems;
    struct intake *intake;
    struct intake_lane *data;
    struct intake_lane *meta;
    struct intake_lane *ask;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct parent *parent;
    struct reach *reach;
    struct content_writer *content;
    struct tree_builder *tree;
    struct buf root;
    uint64_t files;
    struct object_id id; /* of what was committed last */
    bool missing;
};

static int sim_writer_publish(void *ctx, struct pack_info *pack, size_t n,
                              bool *indexed)
{
    struct sim_writer *x = ctx;

    return writer_publish(x->writer, pack, n, indexed);
}

static int sim_writer_open(struct sim_writer *x)
{
    struct intake_options opt = {.level = 1,
                                 .publish_bytes = (uint64_t)1 << 30,
                                 .publish_ns = 60 * CLOCK_SECOND_NS};
    struct repo *r = x->r;
    int rc = writer_open(r, bytes_of_str(x->opt->series), &x->writer);

    if (rc == 0)
        rc = snap_previous_find(r, bytes_of_str(x->opt->series), x->opt->force,
                                &x->previous);
    if (rc == 0)
        rc = intake_open(r->store, r->keys, r->index, &opt, sim_writer_publish,
                         x, &x->intake);
    if (rc == 0)
        rc = intake_lane_new(x->intake, PACK_DATA, &x->data);
    if (rc == 0)
        rc = intake_lane_new(x->intake, PACK_META, &x->meta);
    if (rc == 0)
        rc = intake_lane_new(x->intake, PACK_META, &x->ask);
    if (rc == 0)
        rc = fetch_open(r->store, r->keys, r->index, SIM_WRITER_CACHE_BYTES,
                        &x->fetch);
    return rc < 0 ? rc : fetch_lane_new(x->fetch, &x->lane);
}

static int sim_writer_build(struct sim_writer *x)
{
    struct node_source source = fetch_node_source(x->lane);
    struct node_sink sink = intake_node_sink(x->meta);
    struct node_key key;

    repo_node_key(x->r, &key);
    x->parent = parent_new(x->lane);
    x->reach = reach_new(&source);
    x->content = content_writer_new(&key, &sink);
    x->tree = tree_builder_new(&key, &sink);
    x->problems = problems_new();
    buf_init(&x->root, TREE_ENTRY_BYTES_MAX);
    ASSERT(x->parent && x->reach && x->content && x->tree && x->problems);
    for (size_t i = 0; i < x->previous.parent_n; i++)
        parent_add(x->parent, &x->previous.parent[i].root);
    return 0;
}

static void sim_writer_close(struct sim_writer *x)
{
    buf_release(&x->root);
    problems_free(x->problems);
    tree_builder_free(x->tree);
    content_writer_free(x->content);
    reach_free(x->reach);
    parent_free(x->parent);
    intake_lane_free(x->data);
    intake_lane_free(x->meta);
    intake_lane_free(x->ask);
    fetch_lane_free(x->lane);
    fetch_free(x->fetch);
    intake_free(x->intake);
    snap_previous_release(&x->previous);
    writer_free(x->writer);
}

/* ---- files ---- */

static int sim_writer_store(struct sim_writer *x, struct tree_entry *te,
                            unsigned version)
{
    unsigned char bytes[SIM_TREE_CHUNK_MAX];
    unsigned chunk[SIM_TREE_CHUNKS_MAX];
    size_t n = sim_tree_chunks(version, chunk);
    int rc = 0;

    content_writer_reset(x->content);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct extent e = {.kind = EXTENT_CHUNK};
        struct bytes b = bytes_of(bytes, sim_tree_chunk(chunk[i], bytes));

        keyring_chunk_id(x->r->keys, PACK_DATA, b, &e.id);
        e.length = b.n;
        rc = intake_put(x->data, b, &e.id, NULL);
        if (rc == 0)
            rc = content_writer_add(x->content, &e);
    }
    if (rc == 0)
        rc = content_writer_finish(x->content, &te->content);
    return rc < 0 ? rc : tree_builder_add(x->tree, te);
}

static int sim_writer_ask(void *ctx, enum pack_kind kind,
                          const struct chunk_id *id, uint64_t bytes, bool *stop)
{
    struct sim_writer *x = ctx;
    bool has = false;
    int rc = intake_has(kind == PACK_DATA ? x->data : x->ask, id, &has);

    (void)bytes;
    x->missing = !has;
    *stop = !has;
    return rc;
}

/* I6: as snap_store_kept(). */
static int sim_writer_may_keep(struct sim_writer *x,
                               const struct snap_parent *from,
                               const struct tree_entry *then, bool *may)
{
    int rc = 0;

    x->missing = false;
    if (from->must_check)
        rc = reach_entry(x->reach, then, sim_writer_ask, x);
    *may = rc == 0 && !x->missing;
    return rc == E_CORRUPT ? 0 : rc;
}

/* The best parent in which the file is the same. */
static int sim_writer_kept(struct sim_writer *x, const struct tree_entry *te,
                           bool *kept)
{
    struct parent_found found;
    int rc = parent_find(x->parent, te->e.name, &found);

    *kept = false;
    for (size_t i = 0; i < x->previous.parent_n && rc == 0; i++) {
        const struct tree_entry *then = found.te[i];

        if (!then || then->e.type != ENTRY_FILE ||
            entry_time_cmp(then->e.mtime, te->e.mtime) != 0)
            continue;
        rc = sim_writer_may_keep(x, &x->previous.parent[i], then, kept);
        return rc == 0 && *kept ? tree_builder_add(x->tree, then) : rc;
    }
    return rc;
}

static int sim_writer_file(struct sim_writer *x, size_t no)
{
    unsigned version = x->opt->tree->version[no];
    unsigned char bytes[SIM_TREE_CHUNK_MAX];
    unsigned chunk[SIM_TREE_CHUNKS_MAX];
    char name[4];
    struct tree_entry te = {
        .e = {.type = ENTRY_FILE, .mode = 0644, .nlink = 1}};
    bool kept = false;
    int rc;

    if (version == 0)
        return 0;
    sim_tree_name('f', no % SIM_TREE_IN_DIR, name);
    te.e.name = bytes_of_str(name);
    te.e.mtime.s = version;
    for (size_t n = sim_tree_chunks(version, chunk); n > 0; n--)
        te.e.size += sim_tree_chunk(chunk[n - 1], bytes);
    x->files++;
    rc = sim_writer_kept(x, &te, &kept);
    return rc < 0 || kept ? rc : sim_writer_store(x, &te, version);
}

/* ---- between files ---- */

static void sim_writer_moved(void *ctx)
{
    struct sim_writer *x = ctx;

    intake_look_again(x->intake);
}

static bool sim_writer_relies(void *ctx, uint32_t pack)
{
    struct sim_writer *x = ctx;

    return intake_hit(x->intake, pack);
}

static bool sim_writer_chance(struct sim_writer *x, unsigned of)
{
    return prng_below(&x->w->prng, 256) < of;
}

/* A third of the time in which one must be heard goes by. */
static int sim_writer_hurry(struct sim_writer *x)
{
    struct writer_reliance on = {.parent = x->previous.trusted,
                                 .parent_n = x->previous.trusted_n,
                                 .moved = sim_writer_moved,
                                 .on_pack = sim_writer_relies,
                                 .ctx = x};
    int rc = 0;

    clock_fake_advance(WRITER_SILENCE_NS / 3 + 1);
    if (sim_writer_chance(x, 128))
        rc = intake_lane_flush(x->data);
    if (rc == 0 && sim_writer_chance(x, 128))
        rc = intake_lane_flush(x->meta);
    if (rc == 0)
        rc = intake_publish_due(x->intake);
    return rc < 0 ? rc : writer_renew(x->writer, &on);
}

/* What there is of the tree, and the first files of the source that it has. */
static int sim_writer_commit(struct sim_writer *x, bool complete, size_t files)
{
    char text[SIM_TREE_TEXT];
    struct snapshot_job_options opt = {.series = bytes_of_str(x->opt->series)};
    struct snapshot_job_result result = {.begin = snap_commit_now()};
    struct snap_commit c = {.r = x->r,
                            .opt = &opt,
                            .previous = &x->previous,
                            .problems = x->problems,
                            .complete = complete,
                            .root = buf_bytes(&x->root)};
    int rc = intake_lane_flush(x->data);

    sim_tree_put(x->opt->tree, files, text);
    opt.options = bytes_of_str(text);
    opt.host = bytes_of_str("sim");
    result.stats.files = x->files;
    if (rc == 0)
        rc = intake_lane_flush(x->meta);
    if (rc == 0)
        rc = intake_finish(x->intake);
    if (rc == 0)
        rc = snap_commit(x->writer, &c, &result);
    if (rc == 0)
        sim_world_committed(x->w, &result.id, complete);
    x->id = result.id;
    return rc;
}

static int sim_writer_between(struct sim_writer *x, size_t files)
{
    int rc = 0;

    clock_fake_advance(CLOCK_SECOND_NS);
    if (x->opt->dawdles > 0 && sim_writer_chance(x, SIM_WRITER_DAWDLES))
        sim_sched_sleep(&x->w->sched, prng_below(&x->w->prng, x->opt->dawdles));
    if (sim_writer_chance(x, x->opt->hurries))
        rc = sim_writer_hurry(x);
    if (rc < 0 || !sim_writer_chance(x, x->opt->leaves))
        return rc;
    buf_reset(&x->root);
    rc = tree_builder_so_far(x->tree, &x->root);
    if (rc == 0)
        rc = sim_writer_commit(x, false, files);
    buf_reset(&x->root);
    return rc;
}

/* ---- directories ---- */

static int sim_writer_dir(struct sim_writer *x, size_t dir)
{
    char name[4];
    struct tree_entry te = {.e = {.type = ENTRY_DIR, .mode = 0755, .nlink = 1}};
    struct parent_found found;
    int rc;

    sim_tree_name('d', dir, name);
    te.e.name = bytes_of_str(name);
    rc = parent_find(x->parent, te.e.name, &found);
    if (rc == 0)
        rc = parent_enter(x->parent, &found);
    if (rc == 0)
        rc = tree_builder_enter(x->tree, &te);
    for (size_t i = 0; i < SIM_TREE_IN_DIR && rc == 0; i++) {
        size_t no = dir * SIM_TREE_IN_DIR + i;

        rc = sim_writer_file(x, no);
        if (rc == 0)
            rc = sim_writer_between(x, no + 1);
    }
    if (rc < 0)
        return rc;
    parent_leave(x->parent);
    return tree_builder_leave(x->tree, &x->root);
}

static int sim_writer_all(struct sim_writer *x)
{
    struct tree_entry te = {.e = {.type = ENTRY_DIR, .mode = 0755, .nlink = 1}};
    struct parent_found found;
    int rc = parent_enter_root(x->parent, &found);

    if (rc == 0)
        rc = tree_builder_enter(x->tree, &te);
    for (size_t i = 0; i < SIM_TREE_DIRS && rc == 0; i++)
        rc = sim_writer_dir(x, i);
    if (rc == 0) {
        parent_leave(x->parent);
        buf_reset(&x->root);
        rc = tree_builder_leave(x->tree, &x->root);
    }
    return rc < 0 ? rc : sim_writer_commit(x, true, SIM_TREE_FILES);
}

/* As snapshot_job_salvage(). */
static void sim_writer_salvage(struct sim_writer *x, int rc)
{
    struct err_record why;

    err_save(rc, &why);
    if (x->tree)
        err_ignore(intake_finish(x->intake), "the run has failed already");
    err_ignore(writer_end(x->writer), "only a courtesy");
    err_ignore(err_load(&why), "the first error stands");
}

static int sim_writer_do(struct sim_writer *x, struct object_id *id)
{
    bool merged;
    int rc = sim_writer_open(x);

    if (rc == 0)
        rc = sim_writer_build(x);
    if (rc == 0)
        rc = sim_writer_all(x);
    if (rc == 0) {
        *id = x->id;
        err_ignore(writer_merge(x->writer, &merged), "the next run may do it");
        err_ignore(writer_end(x->writer), "the snapshot is committed");
    } else if (x->writer && rc != E_FENCED) {
        sim_writer_salvage(x, rc);
    }
    return rc;
}

int sim_writer_run(struct sim_world *w, struct repo *r,
                   const struct sim_writer_options *opt, struct object_id *id)
{
    struct sim_writer *x = mem_alloc(sizeof *x);
    int rc;

    ASSERT(x);
    x->w = w;
    x->r = r;
    x->opt = opt;
    rc = sim_writer_do(x, id);
    sim_writer_close(x);
    free(x);
    return rc;
}
