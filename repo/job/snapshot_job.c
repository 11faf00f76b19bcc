#include "repo/job/snapshot_job.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "repo/job/snap_plan.h"
#include "repo/job/snap_store.h"
#include "repo/node.h"
#include "repo/snapshot_list.h"
#include "repo/writer.h"

enum {
    SNAPSHOT_JOB_CACHE_BYTES = 16 << 20, /* decoded frames of the parent */
    SNAPSHOT_JOB_UNITS_PER_THREAD = 4
};

/* What a kill -9 may cost: docs/invariants.md I2. */
#define SNAPSHOT_JOB_PUBLISH_BYTES ((uint64_t)1 << 30)
#define SNAPSHOT_JOB_PUBLISH_NS    INT64_C(60000000000)

struct snapshot_job {
    struct repo *r;
    struct snapshot_job_options opt;
    struct snapshot_job_result result;
    struct snap_progress progress;
    struct problems *problems;
    struct chunker chunker;
    /* the parent */
    struct snapshot_list list;
    const struct snapshot_item *previous; /* in the series, also checkpoints */
    struct snapshot parent;
    struct tree_entry parent_root;
    bool has_parent;
    bool must_check; /* its trees may not be taken over unasked (I6) */
    /* the run */
    struct writer *writer;
    struct intake *intake;
    struct fetch *fetch;
    struct fetch_lane *parent_lane;
    struct parent *tree;
    struct owner_cache *owners;
    struct attrs_cache *attrs;
    struct walk *walk;
    struct snap_plan *plan;
    struct intake_lane *meta;
    struct snap_build *build;
};

int snapshot_job_new(struct repo *r, const struct snapshot_job_options *options,
                     struct snapshot_job **out)
{
    struct snapshot_job *j = mem_alloc(sizeof *j);

    *out = NULL;
    if (!j)
        return err_set(E_NOMEM, "out of memory");
    j->r = r;
    j->opt = *options;
    if (j->opt.level == 0)
        j->opt.level = r->config.level;
    if (j->opt.publish_bytes == 0)
        j->opt.publish_bytes = SNAPSHOT_JOB_PUBLISH_BYTES;
    j->opt.threads = pipe_threads(j->opt.threads);
    j->problems = problems_new();
    if (!j->problems) {
        snapshot_job_free(j);
        return err_set(E_NOMEM, "out of memory");
    }
    *out = j;
    return 0;
}

void snapshot_job_free(struct snapshot_job *j)
{
    if (!j)
        return;
    /* in the order in which one depends on the other */
    snap_build_free(j->build);
    snap_plan_free(j->plan);
    walk_free(j->walk);
    parent_free(j->tree);
    intake_lane_free(j->meta);
    fetch_lane_free(j->parent_lane);
    fetch_free(j->fetch);
    intake_free(j->intake);
    writer_free(j->writer);
    owner_cache_free(j->owners);
    attrs_cache_free(j->attrs);
    tree_entry_release(&j->parent_root);
    snapshot_list_drop(&j->parent);
    snapshot_list_release(&j->list);
    chunker_release(&j->chunker);
    problems_free(j->problems);
    free(j);
}

const struct snap_progress *snapshot_job_progress(struct snapshot_job *j)
{
    return &j->progress;
}

struct problems *snapshot_job_problems(struct snapshot_job *j)
{
    return j->problems;
}

const struct snapshot_job_result *snapshot_job_result(
    const struct snapshot_job *j)
{
    return &j->result;
}

static struct entry_time snapshot_job_now(void)
{
    int64_t ns = clock_realtime_ns();

    return (struct entry_time){ns / 1000000000, (uint32_t)(ns % 1000000000)};
}

static int32_t snapshot_job_utc_offset(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;

    return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* --- the parent --- */

/* Reads the parent's manifest; one that is damaged is no parent. */
static int snapshot_job_read_parent(struct snapshot_job *j)
{
    struct codec c;
    int rc = snapshot_list_read(j->r->store, j->r->keys, &j->previous->id,
                                &j->parent);

    if (rc == 0) {
        codec_init(&c, j->parent.manifest.m.root);
        rc = tree_entry_get(&c, &j->parent_root, true);
    }
    if (rc == E_CORRUPT || rc == E_ROLE) {
        log_debug("no parent: %s", err_text());
        return 0;
    }
    j->has_parent = rc == 0;
    return rc;
}

static int snapshot_job_find_parent(struct snapshot_job *j)
{
    int rc = snapshot_list_load(j->r->index, &j->r->state, &j->list);

    if (rc < 0)
        return rc;
    j->previous = snapshot_list_newest(&j->list, j->opt.series, true);
    if (!j->previous || j->opt.force)
        return 0;
    rc = snapshot_job_read_parent(j);
    if (rc < 0 || !j->has_parent)
        return rc;
    j->result.has_parent = true;
    atomic_store(&j->progress.expected_files, j->parent.manifest.m.stats.files);
    atomic_store(&j->progress.expected_bytes, j->parent.manifest.m.stats.bytes);
    /* after damage, too, nothing is taken on trust: what is missing is read
     * again and so comes back */
    j->must_check = !state_trusts_tree(&j->r->state, &j->previous->id) ||
                    j->r->index_rebuilt || j->r->hurt ||
                    j->r->state.suspect_n > 0;
    return 0;
}

/* --- the pipeline --- */

struct snapshot_job_worker {
    struct snap_store *store;
};

static int snapshot_job_produce(void *ctx, void *unit, bool *end)
{
    struct snapshot_job *j = ctx;

    return snap_plan_next(j->plan, unit, end);
}

static struct reader_options snapshot_job_reader(const struct snapshot_job *j)
{
    return (struct reader_options){.attrs = j->attrs, .owners = j->owners};
}

static int snapshot_job_worker_init(void *ctx, void *state)
{
    struct snapshot_job *j = ctx;
    struct snapshot_job_worker *w = state;
    struct snap_store_config config = {.keys = j->r->keys,
                                       .intake = j->intake,
                                       .fetch = j->fetch,
                                       .chunker = &j->chunker,
                                       .reader = snapshot_job_reader(j)};

    return snap_store_new(&config, &w->store);
}

static void snapshot_job_worker_free(void *ctx, void *state)
{
    struct snapshot_job_worker *w = state;

    (void)ctx;
    snap_store_free(w->store);
}

static int snapshot_job_work(void *ctx, void *state, void *unit)
{
    struct snapshot_job_worker *w = state;

    (void)ctx;
    return snap_store_unit(w->store, unit);
}

static int snapshot_job_work_end(void *ctx, void *state)
{
    struct snapshot_job_worker *w = state;

    (void)ctx;
    return snap_store_flush(w->store);
}

static void snapshot_job_moved(void *ctx)
{
    struct snapshot_job *j = ctx;

    intake_look_again(j->intake);
}

static bool snapshot_job_relies(void *ctx, uint32_t pack)
{
    struct snapshot_job *j = ctx;

    return intake_hit(j->intake, pack);
}

static int snapshot_job_consume(void *ctx, void *unit)
{
    struct snapshot_job *j = ctx;
    struct writer_reliance on = {
        .moved = snapshot_job_moved, .on_pack = snapshot_job_relies, .ctx = j};
    int rc = snap_build_take(j->build, unit);

    /* subtrees are taken over unseen, unless each of their chunks is asked for
     */
    if (j->has_parent && !j->must_check)
        on.parent = &j->previous->id;
    if (rc == 0)
        rc = intake_publish_due(j->intake);
    if (rc == 0)
        rc = writer_renew(j->writer, &on);
    return rc;
}

static void snapshot_job_unit_free(void *ctx, void *unit)
{
    (void)ctx;
    snap_unit_release(unit);
}

static int snapshot_job_pipe(struct snapshot_job *j)
{
    struct pipe_config config = {
        .produce = snapshot_job_produce,
        .work = snapshot_job_work,
        .work_end = snapshot_job_work_end,
        .consume = snapshot_job_consume,
        .state_init = snapshot_job_worker_init,
        .state_free = snapshot_job_worker_free,
        .unit_free = snapshot_job_unit_free,
        .ctx = j,
        .unit_bytes = sizeof(struct snap_unit),
        .state_bytes = sizeof(struct snapshot_job_worker),
        .threads = j->opt.threads,
        .depth = j->opt.threads * SNAPSHOT_JOB_UNITS_PER_THREAD,
        .cancel = j->opt.cancel};

    return pipe_run(&config);
}

/* --- the run --- */

static int snapshot_job_publish(void *ctx, struct pack_info *pack, size_t n,
                                bool *indexed)
{
    struct snapshot_job *j = ctx;

    return writer_publish(j->writer, pack, n, indexed);
}

static int snapshot_job_open_repo(struct snapshot_job *j)
{
    struct intake_options intake = {.level = j->opt.level,
                                    .publish_bytes = j->opt.publish_bytes,
                                    .publish_ns = SNAPSHOT_JOB_PUBLISH_NS};
    struct chunker_params params;
    struct node_key key;
    int rc = chunker_params_of(j->r->config.chunk_bytes, &params);

    if (rc == 0)
        rc = chunker_init(&j->chunker, &params, j->r->keys->k_cut);
    if (rc == 0)
        rc = intake_open(j->r->store, j->r->keys, j->r->index, &intake,
                         snapshot_job_publish, j, &j->intake);
    if (rc == 0)
        rc = intake_lane_new(j->intake, PACK_META, &j->meta);
    if (rc == 0)
        rc = fetch_open(j->r->store, j->r->keys, j->r->index,
                        SNAPSHOT_JOB_CACHE_BYTES, &j->fetch);
    if (rc == 0)
        rc = fetch_lane_new(j->fetch, &j->parent_lane);
    if (rc < 0)
        return rc;
    repo_node_key(j->r, &key);
    j->tree = parent_new(j->parent_lane);
    j->build = snap_build_new(&key, j->meta, j->problems, &j->progress);
    if (!j->tree || !j->build)
        return err_set(E_NOMEM, "out of memory");
    return 0;
}

static int snapshot_job_open_source(struct snapshot_job *j)
{
    struct walk_options walk = {.patterns = j->opt.patterns,
                                .skip = j->opt.skip,
                                .skip_n = j->opt.skip_n,
                                .one_fs = j->opt.one_fs};
    struct snap_plan_config plan = {
        .parent = j->tree, .chunker = &j->chunker, .must_check = j->must_check};
    int rc = owner_cache_new(&j->owners);

    if (rc == 0)
        rc = attrs_cache_new(&j->attrs);
    walk.owners = j->owners;
    if (rc == 0)
        rc = walk_new(j->opt.root, j->opt.root_n, &walk, &j->walk);
    if (rc < 0)
        return rc;
    plan.walk = j->walk;
    plan.parent_root = j->has_parent ? &j->parent_root : NULL;
    plan.reader = snapshot_job_reader(j);
    return snap_plan_new(&plan, &j->plan);
}

static void snapshot_job_stats(struct snapshot_job *j)
{
    struct snapshot_job_result *res = &j->result;
    struct intake_stats in;

    intake_stats_get(j->intake, &in);
    res->stats.files = atomic_load(&j->progress.files);
    res->stats.directories = atomic_load(&j->progress.directories);
    res->stats.others = atomic_load(&j->progress.others);
    res->stats.bytes = atomic_load(&j->progress.bytes);
    res->stats.new_chunks = in.new_chunks;
    res->stats.new_bytes = in.new_bytes;
    res->stats.stored_bytes = in.stored_bytes;
    res->kept_files = atomic_load(&j->progress.kept_files);
    res->kept_bytes = atomic_load(&j->progress.kept_bytes);
    res->excluded = walk_count(j->walk).excluded;
    res->parent_damaged = parent_damaged(j->tree);
}

static int snapshot_job_commit(struct snapshot_job *j)
{
    struct manifest m = {.series = j->opt.series,
                         .number = 1,
                         .begin = j->result.begin,
                         .complete = true,
                         .host = j->opt.host,
                         .user = j->opt.user,
                         .program = j->opt.program,
                         .options = j->opt.options,
                         .paths = j->opt.root,
                         .path_n = j->opt.root_n,
                         .tags = j->opt.tag,
                         .tag_n = j->opt.tag_n};
    int rc = snap_build_root(j->build, &m.root);

    if (rc < 0)
        return rc;
    snapshot_job_stats(j);
    j->result.end = snapshot_job_now();
    m.end = j->result.end;
    m.utc_offset = snapshot_job_utc_offset(m.begin.s);
    m.stats = j->result.stats;
    if (j->previous) {
        m.number = j->previous->manifest.m.number + 1;
        m.has_previous = true;
        m.previous = j->previous->id;
    }
    m.problem_total = problems_total(j->problems);
    m.problems = problems_list(j->problems, &m.problem_n);
    writer_log_tip(j->writer, &m.log_number, &m.log_id);
    return writer_commit(j->writer, &m, &j->result.id);
}

static int snapshot_job_body(struct snapshot_job *j)
{
    int rc = writer_open(j->r, j->opt.series, &j->writer);

    if (rc == 0)
        rc = snapshot_job_find_parent(j);
    if (rc == 0)
        rc = snapshot_job_open_repo(j);
    if (rc == 0)
        rc = snapshot_job_open_source(j);
    if (rc == 0)
        rc = snapshot_job_pipe(j);
    if (rc == 0)
        rc = intake_lane_flush(j->meta);
    if (rc == 0)
        rc = intake_finish(j->intake);
    if (rc == 0)
        rc = snapshot_job_commit(j);
    if (rc == 0) {
        bool merged;

        err_ignore(writer_merge(j->writer, &merged), "the next run may do it");
        err_ignore(writer_end(j->writer), "the snapshot is committed");
    }
    return rc;
}

/* A run that failed leaves what it has stored for the next one to find, and
 * says to collectors that it is over, as far as either can still be done. */
static void snapshot_job_salvage(struct snapshot_job *j, int rc)
{
    struct err_record why;

    err_save(rc, &why);
    if (j->intake)
        err_ignore(intake_finish(j->intake), "the run has failed already");
    err_ignore(writer_end(j->writer), "only a courtesy");
    err_ignore(err_load(&why), "the first error stands");
}

int snapshot_job_run(struct snapshot_job *j)
{
    int rc;

    j->result.begin = snapshot_job_now();
    rc = snapshot_job_body(j);
    if (rc < 0 && j->writer && rc != E_FENCED)
        snapshot_job_salvage(j, rc);
    return rc;
}
