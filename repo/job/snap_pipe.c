#include "repo/job/snap_pipe.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "repo/job/snap_plan.h"
#include "repo/job/snap_store.h"
#include "repo/job/snap_stream.h"
#include "repo/node.h"
#include "source/walk_prime.h"

enum {
    SNAP_PIPE_CACHE_BYTES = 16 << 20, /* decoded frames of the parent */
    SNAP_PIPE_UNITS_PER_THREAD = 4
};

#define SNAP_PIPE_PUBLISH_NS INT64_C(60000000000)

struct snap_pipe {
    struct snap_pipe_config c;
    struct chunker chunker;
    /* the repository */
    struct intake *intake;
    struct intake_lane *meta;
    struct fetch *fetch;
    struct fetch_lane *parent_lane;
    struct parent *tree;
    struct snap_build *build;
    /* the source */
    struct owner_cache *owners;
    struct attrs_cache *attrs;
    struct walk *walk;          /* of paths */
    struct snap_plan *plan;     /* of paths */
    struct snap_stream *stream; /* NULL: paths */
    /* checkpoints */
    bool done;       /* the source has ended */
    uint64_t kept;   /* entries that were fresh at the last one */
    int64_t kept_at; /* monotonic ns: when that was, or the run began */
};

/* --- the stages --- */

struct snap_pipe_worker {
    struct snap_store *store;
};

/* What is read from a stream is kept as a whole or not at all. */
static bool snap_pipe_has_checkpoints(const struct snap_pipe *p)
{
    return p->c.opt->checkpoint_ns > 0 && !p->c.opt->stream;
}

bool snap_pipe_has_news(const struct snap_pipe *p)
{
    return atomic_load(&p->c.progress->fresh) > p->kept;
}

/* Whether all threads are to come to rest. */
static bool snap_pipe_pauses(const struct snap_pipe *p)
{
    if (!snap_pipe_has_checkpoints(p))
        return false;
    if (p->c.opt->cancel && cancel_signal(p->c.opt->cancel))
        return true;
    return snap_pipe_has_news(p) &&
           clock_monotonic_ns() - p->kept_at >= p->c.opt->checkpoint_ns;
}

static int snap_pipe_produce(void *ctx, void *unit, bool *end)
{
    struct snap_pipe *p = ctx;
    int rc;

    *end = snap_pipe_pauses(p);
    if (*end)
        return 0;
    rc = p->stream ? snap_stream_next(p->stream, unit, end)
                   : snap_plan_next(p->plan, unit, end);
    if (rc == E_CANCELED && snap_pipe_has_checkpoints(p)) {
        err_ignore(rc, "a stop is a pause");
        *end = true;
        return 0;
    }
    p->done = rc == 0 && *end;
    return rc;
}

static struct reader_options snap_pipe_reader(const struct snap_pipe *p)
{
    return (struct reader_options){.attrs = p->attrs, .owners = p->owners};
}

static int snap_pipe_worker_init(void *ctx, void *state)
{
    struct snap_pipe *p = ctx;
    struct snap_pipe_worker *w = state;
    struct snap_store_config config = {.keys = p->c.r->keys,
                                       .intake = p->intake,
                                       .fetch = p->fetch,
                                       .chunker = &p->chunker,
                                       .reader = snap_pipe_reader(p)};

    if (snap_pipe_has_checkpoints(p))
        config.stop = p->c.opt->cancel;
    return snap_store_new(&config, &w->store);
}

static void snap_pipe_worker_free(void *ctx, void *state)
{
    struct snap_pipe_worker *w = state;

    (void)ctx;
    snap_store_free(w->store);
}

static int snap_pipe_work(void *ctx, void *state, void *unit)
{
    struct snap_pipe_worker *w = state;

    (void)ctx;
    return snap_store_unit(w->store, unit);
}

static int snap_pipe_work_end(void *ctx, void *state)
{
    struct snap_pipe_worker *w = state;

    (void)ctx;
    return snap_store_flush(w->store);
}

static void snap_pipe_moved(void *ctx)
{
    struct snap_pipe *p = ctx;

    intake_look_again(p->intake);
}

static bool snap_pipe_relies(void *ctx, uint32_t pack)
{
    struct snap_pipe *p = ctx;

    return intake_hit(p->intake, pack);
}

static int snap_pipe_consume(void *ctx, void *unit)
{
    struct snap_pipe *p = ctx;
    /* subtrees are taken over unseen, unless each of their chunks is asked for
     */
    struct writer_reliance on = {.parent = p->c.previous->trusted,
                                 .parent_n = p->c.previous->trusted_n,
                                 .moved = snap_pipe_moved,
                                 .on_pack = snap_pipe_relies,
                                 .ctx = p};
    int rc = snap_build_take(p->build, unit);

    if (rc == 0)
        rc = intake_publish_due(p->intake);
    if (rc == 0)
        rc = writer_renew(p->c.writer, &on);
    return rc;
}

static void snap_pipe_unit_free(void *ctx, void *unit)
{
    (void)ctx;
    snap_unit_release(unit);
}

static int snap_pipe_stages(struct snap_pipe *p)
{
    struct pipe_config config = {.produce = snap_pipe_produce,
                                 .work = snap_pipe_work,
                                 .work_end = snap_pipe_work_end,
                                 .consume = snap_pipe_consume,
                                 .state_init = snap_pipe_worker_init,
                                 .state_free = snap_pipe_worker_free,
                                 .unit_free = snap_pipe_unit_free,
                                 .ctx = p,
                                 .unit_bytes = sizeof(struct snap_unit),
                                 .state_bytes = sizeof(struct snap_pipe_worker),
                                 .threads = p->c.opt->threads,
                                 .depth = p->c.opt->threads *
                                          SNAP_PIPE_UNITS_PER_THREAD};

    /* where there are checkpoints a stop is a pause */
    if (!snap_pipe_has_checkpoints(p))
        config.cancel = p->c.opt->cancel;
    return pipe_run(&config);
}

/* --- life --- */

static int snap_pipe_publish(void *ctx, struct pack_info *pack, size_t n,
                             bool *indexed)
{
    struct snap_pipe *p = ctx;

    return writer_publish(p->c.writer, pack, n, indexed);
}

static int snap_pipe_open_repo(struct snap_pipe *p)
{
    struct intake_options intake = {.level = p->c.opt->level,
                                    .publish_bytes = p->c.opt->publish_bytes,
                                    .publish_ns = SNAP_PIPE_PUBLISH_NS,
                                    .kept = p->c.previous->kept};
    struct chunker_params params;
    struct node_key key;
    int rc = chunker_params_of(p->c.r->config.chunk_bytes, &params);

    if (rc == 0)
        rc = chunker_init(&p->chunker, &params, p->c.r->keys->k_cut);
    if (rc == 0)
        rc = intake_open(p->c.r->store, p->c.r->keys, p->c.r->index, &intake,
                         snap_pipe_publish, p, &p->intake);
    if (rc == 0)
        rc = intake_lane_new(p->intake, PACK_META, &p->meta);
    if (rc == 0)
        rc = fetch_open(p->c.r->store, p->c.r->keys, p->c.r->index,
                        SNAP_PIPE_CACHE_BYTES, &p->fetch);
    if (rc == 0 && p->c.previous->kept)
        rc = fetch_keep(p->fetch, p->c.previous->kept);
    if (rc == 0)
        rc = fetch_lane_new(p->fetch, &p->parent_lane);
    if (rc < 0)
        return rc;
    repo_node_key(p->c.r, &key);
    p->tree = parent_new(p->parent_lane);
    p->build = snap_build_new(&key, p->meta, p->c.problems, p->c.progress);
    if (!p->tree || !p->build)
        return err_set(E_NOMEM, "out of memory");
    snap_build_keep(p->build, p->c.previous->kept);
    return 0;
}

static int snap_pipe_open_stream(struct snap_pipe *p)
{
    struct snap_stream_config config = {.path = p->c.opt->root[0],
                                        .input = *p->c.opt->stream,
                                        .owners = p->owners,
                                        .chunker = &p->chunker};

    return snap_stream_new(&config, &p->stream);
}

static int snap_pipe_open_walk(struct snap_pipe *p)
{
    struct walk_options walk = snapshot_job_walk(p->c.opt, p->owners);
    struct snap_plan_config plan = {.parent = p->tree,
                                    .previous = p->c.previous,
                                    .chunker = &p->chunker,
                                    .rules = p->c.opt->rules,
                                    .unit_items = p->c.opt->unit_items};
    int rc = 0;

    p->walk = p->c.opt->walk;
    if (!p->walk)
        rc = walk_new(p->c.opt->root, p->c.opt->root_n, &walk, &p->walk);
    if (rc < 0)
        return rc;
    walk_prime_end(p->walk, &walk);
    plan.walk = p->walk;
    for (size_t i = 0; i < p->c.previous->parent_n; i++)
        parent_add(p->tree, &p->c.previous->parent[i].root);
    plan.reader = snap_pipe_reader(p);
    return snap_plan_new(&plan, &p->plan);
}

static int snap_pipe_open_source(struct snap_pipe *p)
{
    int rc = owner_cache_new(&p->owners);

    if (rc == 0)
        rc = attrs_cache_new(&p->attrs);
    if (rc < 0)
        return rc;
    return p->c.opt->stream ? snap_pipe_open_stream(p) : snap_pipe_open_walk(p);
}

int snap_pipe_open(const struct snap_pipe_config *config,
                   struct snap_pipe **out)
{
    struct snap_pipe *p = mem_alloc(sizeof *p);
    int rc;

    *out = NULL;
    if (!p)
        return err_set(E_NOMEM, "out of memory");
    p->c = *config;
    p->kept_at = config->begun_ns;
    rc = snap_pipe_open_repo(p);
    if (rc == 0)
        rc = snap_pipe_open_source(p);
    if (rc < 0) {
        snap_pipe_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void snap_pipe_free(struct snap_pipe *p)
{
    if (!p)
        return;
    /* in the order in which one depends on the other */
    snap_build_free(p->build);
    snap_stream_free(p->stream);
    snap_plan_free(p->plan);
    if (p->walk != p->c.opt->walk)
        walk_free(p->walk);
    parent_free(p->tree);
    intake_lane_free(p->meta);
    fetch_lane_free(p->parent_lane);
    fetch_free(p->fetch);
    intake_free(p->intake);
    owner_cache_free(p->owners);
    attrs_cache_free(p->attrs);
    chunker_release(&p->chunker);
    free(p);
}

/* --- the run --- */

int snap_pipe_run(struct snap_pipe *p, bool *done)
{
    int rc = snap_pipe_stages(p);

    /* the source may have been at its end when the work stage was stopped */
    p->done = rc == 0 && p->done && !snap_build_is_cut(p->build);
    *done = p->done;
    return rc;
}

int snap_pipe_salvage(struct snap_pipe *p)
{
    return intake_finish(p->intake);
}

/* I2: each thread has handed over what it had gathered when it came to rest. */
int snap_pipe_root(struct snap_pipe *p, struct bytes *root)
{
    int rc = p->done ? snap_build_root(p->build, root)
                     : snap_build_so_far(p->build, root);

    if (rc == 0)
        rc = intake_lane_flush(p->meta);
    if (rc == 0)
        rc = intake_finish(p->intake);
    return rc;
}

void snap_pipe_kept(struct snap_pipe *p)
{
    p->kept = atomic_load(&p->c.progress->fresh);
    p->kept_at = clock_monotonic_ns();
}

void snap_pipe_stats(struct snap_pipe *p, struct snapshot_job_result *result)
{
    struct snap_progress *from = p->c.progress;
    struct intake_stats in;

    intake_stats_get(p->intake, &in);
    result->stats.files = atomic_load(&from->files);
    result->stats.directories = atomic_load(&from->directories);
    result->stats.others = atomic_load(&from->others);
    result->stats.bytes = atomic_load(&from->bytes);
    result->stats.new_chunks = in.new_chunks;
    result->stats.new_bytes = in.new_bytes;
    result->stats.stored_bytes = in.stored_bytes;
    result->kept_files = atomic_load(&from->kept_files);
    result->kept_bytes = atomic_load(&from->kept_bytes);
    result->resumed_files = atomic_load(&from->resumed_files);
    result->resumed_bytes = atomic_load(&from->resumed_bytes);
    if (p->walk) {
        result->excluded = walk_count(p->walk).excluded;
        result->ignored = walk_count(p->walk).ignored;
    }
    result->parent_damaged = parent_damaged(p->tree);
}
