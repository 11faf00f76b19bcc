#include "repo/job/snapshot_job.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "repo/job/snap_commit.h"
#include "repo/job/snap_pipe.h"

/* What a kill -9 may cost: docs/invariants.md I2. */
#define SNAPSHOT_JOB_PUBLISH_BYTES ((uint64_t)1 << 30)

struct snapshot_job {
    struct repo *r;
    struct snapshot_job_options opt;
    struct snapshot_job_result result;
    struct snap_progress progress;
    struct problems *problems;
    struct snap_previous previous;
    struct writer *writer;
    struct snap_pipe *pipe;
    int64_t begun_ns; /* monotonic */
};

struct walk_options snapshot_job_walk(const struct snapshot_job_options *o,
                                      struct owner_cache *owners)
{
    return (struct walk_options){.patterns = o->patterns,
                                 .owners = owners,
                                 .skip = o->skip,
                                 .skip_n = o->skip_n,
                                 .marker = o->marker,
                                 .marker_n = o->marker_n,
                                 .larger = o->larger,
                                 .ignore_files = o->ignore_files,
                                 .one_fs = o->one_fs,
                                 .ahead = pipe_threads(o->threads) != 1,
                                 .from = o->from,
                                 .cancel = o->cancel};
}

int snapshot_job_new(struct repo *r, const struct snapshot_job_options *options,
                     struct snapshot_job **out)
{
    struct snapshot_job *j = mem_alloc(sizeof *j);

    *out = NULL;
    if (!j)
        return err_set(E_NOMEM, "out of memory");
    j->r = r;
    j->opt = *options;
    if (j->opt.stream)
        j->opt.force = true; /* there is nothing to compare it with */
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
    snap_pipe_free(j->pipe);
    writer_free(j->writer);
    snap_previous_release(&j->previous);
    problems_free(j->problems);
    free(j);
}

struct snap_progress *snapshot_job_progress(struct snapshot_job *j)
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

static int snapshot_job_find_previous(struct snapshot_job *j)
{
    struct snap_previous *p = &j->previous;
    int rc = snap_previous_find(j->r, j->opt.series, j->opt.force, p);

    j->result.foreign_parent = p->foreign;
    for (size_t i = 0; i < p->parent_n && rc == 0; i++) {
        const struct snap_parent *s = &p->parent[i];
        const struct manifest_stats *had = &s->manifest->stats;

        j->result.has_parent = true;
        if (s->checkpoint && !j->result.has_resumed) {
            j->result.has_resumed = true;
            j->result.resumed = s->id;
        }
        if (s->checkpoint)
            continue;
        atomic_store(&j->progress.expected_files, had->files);
        atomic_store(&j->progress.expected_bytes, had->bytes);
    }
    return rc;
}

/* Of what has ended so far. */
static int snapshot_job_commit(struct snapshot_job *j, bool complete)
{
    struct snap_commit c = {.r = j->r,
                            .opt = &j->opt,
                            .previous = &j->previous,
                            .problems = j->problems,
                            .complete = complete};
    int rc = snap_pipe_root(j->pipe, &c.root);

    if (rc < 0)
        return rc;
    snap_pipe_stats(j->pipe, &j->result);
    return snap_commit(j->writer, &c, &j->result);
}

static int snapshot_job_checkpoint(struct snapshot_job *j)
{
    int rc = snapshot_job_commit(j, false);

    if (rc < 0)
        return err_add(rc, "checkpoint");
    snap_pipe_kept(j->pipe);
    j->result.checkpoints++;
    j->result.checkpoint = j->result.id;
    if (j->opt.on_checkpoint)
        rc = j->opt.on_checkpoint(j->opt.ctx, &j->result);
    return rc;
}

static int snapshot_job_build(struct snapshot_job *j)
{
    struct snap_pipe_config config = {.r = j->r,
                                      .writer = j->writer,
                                      .opt = &j->opt,
                                      .previous = &j->previous,
                                      .problems = j->problems,
                                      .progress = &j->progress,
                                      .begun_ns = j->begun_ns};
    bool done = false;
    int rc = snap_pipe_open(&config, &j->pipe);

    while (rc == 0 && !done) {
        rc = snap_pipe_run(j->pipe, &done);
        if (rc < 0 || done)
            break;
        if (snap_pipe_has_news(j->pipe))
            rc = snapshot_job_checkpoint(j);
        if (rc == 0)
            rc = cancel_check(j->opt.cancel);
    }
    return rc;
}

/* The snapshot before, if its tree was the one parent, and may be relied on;
 * NULL: else. */
static const struct snap_parent *snapshot_job_before(
    const struct snapshot_job *j)
{
    const struct snap_previous *p = &j->previous;
    const struct snap_parent *s = &p->parent[0];

    if (p->parent_n != 1 || s->checkpoint || s->must_check || !p->item ||
        !object_id_equal(&s->id, &p->item->id))
        return NULL;
    return s;
}

/* Each entry is one of the parent's, and there are as many: they are the same.
 * Directories above the roots may have changed. */
static bool snapshot_job_adds_nothing(const struct snapshot_job *j,
                                      const struct snap_parent *before)
{
    const struct manifest_stats *had = &before->manifest->stats;
    const struct snap_progress *p = &j->progress;

    return atomic_load(&p->fresh) == 0 && atomic_load(&p->fresh_dirs) == 0 &&
           atomic_load(&p->files) == had->files &&
           atomic_load(&p->directories) == had->directories &&
           atomic_load(&p->others) == had->others;
}

/*
 * Whether the snapshot before says all that a new one would. Somebody may have
 * forgotten it, or removed who signed it, while we ran: where the log
 * has moved on, a new one is made.
 */
static int snapshot_job_is_same(struct snapshot_job *j, bool *same)
{
    const struct snap_parent *before = snapshot_job_before(j);
    uint64_t tip = j->r->state.tip.number;
    int rc;

    *same = false;
    if (!j->opt.skip_unchanged || !before || problems_total(j->problems) > 0 ||
        !snapshot_job_adds_nothing(j, before))
        return 0;
    rc = repo_refresh_in_use(j->r);
    *same = rc == 0 && j->r->state.tip.number == tip;
    j->result.id = before->id;
    return rc;
}

static int snapshot_job_finish(struct snapshot_job *j)
{
    int rc = snapshot_job_is_same(j, &j->result.skipped);

    if (rc < 0)
        return rc;
    if (!j->result.skipped)
        return snapshot_job_commit(j, true);
    snap_pipe_stats(j->pipe, &j->result);
    j->result.end = snap_commit_now();
    return 0;
}

static int snapshot_job_body(struct snapshot_job *j)
{
    int rc = writer_open(j->r, j->opt.series, &j->writer);

    if (rc == 0)
        rc = snapshot_job_find_previous(j);
    if (rc == 0)
        rc = snapshot_job_build(j);
    if (rc == 0)
        rc = snapshot_job_finish(j);
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
    if (j->pipe)
        err_ignore(snap_pipe_salvage(j->pipe), "the run has failed already");
    err_ignore(writer_end(j->writer), "only a courtesy");
    err_ignore(err_load(&why), "the first error stands");
}

int snapshot_job_run(struct snapshot_job *j)
{
    int rc;

    j->result.begin = j->opt.has_time ? j->opt.time : snap_commit_now();
    j->begun_ns = clock_monotonic_ns();
    rc = snapshot_job_body(j);
    j->result.took_ns = clock_monotonic_ns() - j->begun_ns;
    if (rc < 0 && j->writer && rc != E_FENCED)
        snapshot_job_salvage(j, rc);
    return rc;
}
