#include "repo/job/restore_job.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/pipe.h"
#include "repo/job/restore_large.h"
#include "repo/job/restore_left.h"
#include "repo/job/restore_plan.h"
#include "repo/job/restore_write.h"
#include "repo/repo_log.h"

enum {
    RESTORE_JOB_CACHE_BYTES = 64 << 20, /* decoded frames */
    RESTORE_JOB_UNITS_PER_THREAD = 4
};

struct restore_job {
    struct repo *r;
    struct restore_job_options opt;
    struct restore_progress progress;
    struct owner_cache *owners;
    struct jail *jail;
    struct fetch *fetch;
    struct fetch_lane *lane; /* of the plan */
    struct restore_plan *plan;
    struct restore_write *write; /* of the consume stage: links that fail */
};

int restore_job_new(struct repo *r, const struct restore_job_options *options,
                    struct restore_job **out)
{
    struct restore_job *j = mem_alloc(sizeof *j);

    *out = NULL;
    if (!j)
        return err_set(E_NOMEM, "out of memory");
    j->r = r;
    j->opt = *options;
    j->opt.threads = pipe_threads(j->opt.threads);
    *out = j;
    return 0;
}

static void restore_job_clear(struct restore_job *j)
{
    restore_plan_free(j->plan);
    restore_write_free(j->write);
    fetch_lane_free(j->lane);
    fetch_free(j->fetch);
    jail_free(j->jail);
    owner_cache_free(j->owners);
    j->plan = NULL;
    j->write = NULL;
    j->lane = NULL;
    j->fetch = NULL;
    j->jail = NULL;
    j->owners = NULL;
}

void restore_job_free(struct restore_job *j)
{
    if (!j)
        return;
    restore_job_clear(j);
    free(j);
}

struct restore_progress *restore_job_progress(struct restore_job *j)
{
    return &j->progress;
}

/* --- consume --- */

static enum restore_event_kind restore_job_kind(const struct restore_item *it)
{
    static const enum restore_event_kind kind_of[] = {
        [JAIL_MADE] = RESTORE_WRITTEN,    [JAIL_REPLACED] = RESTORE_WRITTEN,
        [JAIL_SAME] = RESTORE_SAME,       [JAIL_KEPT] = RESTORE_KEPT,
        [JAIL_SKIPPED] = RESTORE_SKIPPED,
    };

    if (it->error.code == E_CORRUPT)
        return RESTORE_DAMAGED;
    if (it->error.code < 0)
        return RESTORE_FAILED;
    return kind_of[it->res.outcome];
}

static void restore_job_count(struct restore_job *j,
                              const struct restore_item *it,
                              enum restore_event_kind kind)
{
    struct restore_progress *p = &j->progress;
    atomic_uint_fast64_t *const counter[] = {
        [RESTORE_WRITTEN] = &p->written, [RESTORE_SAME] = &p->same,
        [RESTORE_KEPT] = &p->kept,       [RESTORE_FAILED] = &p->failed,
        [RESTORE_DAMAGED] = &p->damaged, [RESTORE_SKIPPED] = &p->skipped,
        [RESTORE_DELETED] = &p->deleted,
    };

    current_at(&p->current, it->path);
    atomic_fetch_add(counter[kind], 1);
    atomic_fetch_add(&p->made,
                     kind == RESTORE_WRITTEN && it->res.outcome == JAIL_MADE);
    atomic_fetch_add(&p->meta, kind == RESTORE_SAME && it->res.meta);
    atomic_fetch_add(&p->entries, 1);
    atomic_fetch_add(&p->bytes, it->te.e.size);
    if (kind == RESTORE_WRITTEN)
        atomic_fetch_add(&p->bytes_written, it->te.e.size);
    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++) {
        if (it->res.lost >> i & 1)
            atomic_fetch_add(&p->lost[i], 1);
    }
}

static void restore_job_report(struct restore_job *j,
                               const struct restore_item *it)
{
    struct restore_event e = {.kind = restore_job_kind(it),
                              .path = it->path,
                              .e = &it->te.e,
                              .text = it->error.code ? it->error.text : "",
                              .made = it->res.outcome == JAIL_MADE,
                              .meta = it->res.meta,
                              .lost = it->res.lost};

    if (it->what == RESTORE_NOTHING)
        e.e = NULL;
    if ((it->what == RESTORE_PART && !it->last) ||
        (it->what == RESTORE_PASS && it->error.code == 0))
        return;
    restore_job_count(j, it, e.kind);
    if (j->opt.event)
        j->opt.event(j->opt.ctx, &e);
}

static int restore_job_file(struct restore_job *j, struct restore_unit *u,
                            struct restore_item *it)
{
    struct jail_file *f;
    bool linked = false;
    int rc = 0;

    if (it->is_link && it->group->made)
        rc = jail_link(it->dir, &it->te.e, it->group->made, &linked, &it->res);
    if (rc < 0 || linked)
        return rc;
    if (it->is_link) {
        /* nothing to link to: a file of its own */
        it->is_link = false;
        rc = restore_write_item(j->write, u, it);
        if (rc < 0 || it->error.code < 0)
            return rc;
    }
    f = it->written;
    it->written = NULL;
    if (!f)
        return 0;
    return jail_file_finish(
        f, &it->te.e, it->group->made ? NULL : &it->group->made, &it->res);
}

/* One name of several was written, linked or left alone: the others. */
static int restore_job_group(struct restore_item *it)
{
    struct restore_group *g = it->group;

    if (!g || it->error.code < 0 || it->res.outcome == JAIL_KEPT)
        return 0;
    if (it->res.outcome == JAIL_SAME && !g->made)
        return restore_group_leave(g, it->dir, &it->te);
    return restore_group_join(g);
}

static int restore_job_node(struct restore_item *it)
{
    bool linked = false;
    int rc = 0;

    if (!it->group)
        return 0; /* made by the work stage */
    if (it->is_link && it->group->made)
        rc = jail_link(it->dir, &it->te.e, it->group->made, &linked, &it->res);
    if (rc < 0 || linked)
        return rc;
    return jail_node(it->dir, &it->te.e,
                     it->group->made ? NULL : &it->group->made, &it->res);
}

static int restore_job_part(struct restore_item *it)
{
    struct restore_large *l = it->large;
    struct jail_file *f = l->file;

    if (!it->last)
        return 0;
    l->file = NULL;
    if (it->error.code == 0 && l->why.code == 0)
        return jail_file_finish(f, &it->te.e, NULL, &it->res);
    jail_file_abandon(f);
    return it->error.code ? 0 : err_load(&l->why);
}

/* --- deleting --- */

/* One thing that stands in the target only. */
struct restore_job_removal {
    struct restore_job *j;
    struct ignore *ignore; /* of the directory that it is in */
};

/* What lies in a selected directory is selected; but what is excluded stays,
 * and what the backup left out is not known to be gone. */
static bool restore_job_stays(void *ctx, struct bytes path,
                              const struct entry *e)
{
    const struct restore_job_removal *r = ctx;
    const struct restore_job_options *o = &r->j->opt;
    bool is_dir = e->type == ENTRY_DIR;

    if (o->exclude && pattern_set_excluded(o->exclude, path, is_dir))
        return true;
    return restore_left_stays(o->mirror, r->ignore, path, is_dir,
                              e->type == ENTRY_FILE ? e->size : 0);
}

static void restore_job_removed(void *ctx, enum jail_removal what,
                                struct bytes path, const struct entry *e,
                                int rc)
{
    static const enum restore_event_kind kind_of[] = {
        [JAIL_REMOVED] = RESTORE_DELETED,
        [JAIL_SPARED] = RESTORE_KEPT,
        [JAIL_STUCK] = RESTORE_FAILED};
    const struct restore_job_removal *r = ctx;
    struct restore_job *j = r->j;
    struct restore_progress *p = &j->progress;
    struct restore_event event = {
        .kind = kind_of[what], .path = path, .e = e, .text = ""};

    if (rc < 0)
        event.text = err_text();
    if (what == JAIL_REMOVED) {
        atomic_fetch_add(&p->deleted, 1);
        atomic_fetch_add(&p->bytes_deleted, e->size);
    } else {
        atomic_fetch_add(what == JAIL_STUCK ? &p->failed : &p->kept, 1);
    }
    if (j->opt.event)
        j->opt.event(j->opt.ctx, &event);
}

static int restore_job_extra(struct restore_job *j, struct restore_item *it)
{
    struct restore_job_removal removal = {.j = j, .ignore = it->ignore};
    const struct jail_remove_rules rules = {.spare = j->opt.mirror->spare,
                                            .spare_n = j->opt.mirror->spare_n,
                                            .stays = restore_job_stays,
                                            .tell = restore_job_removed,
                                            .ctx = &removal};
    struct bytes name = it->path;
    int rc = cancel_check(j->opt.cancel);

    for (size_t i = it->path.n; i > 0 && name.n == it->path.n; i--) {
        if (it->path.p[i - 1] == '/')
            name = bytes_of(it->path.p + i, it->path.n - i);
    }
    return rc < 0 ? rc : jail_remove(it->dir, name, it->path, &rules);
}

static int restore_job_item(struct restore_job *j, struct restore_unit *u,
                            struct restore_item *it)
{
    int rc = 0;

    if (it->what == RESTORE_EXTRA)
        return it->error.code ? err_load(&it->error) : restore_job_extra(j, it);
    switch (it->what) {
    case RESTORE_FILE:
        rc = it->error.code ? 0 : restore_job_file(j, u, it);
        break;
    case RESTORE_PART:
        rc = restore_job_part(it);
        break;
    case RESTORE_NODE:
        rc = it->error.code ? 0 : restore_job_node(it);
        break;
    case RESTORE_LEAVE:
        rc = it->error.code ? 0 : jail_dir_finish(it->dir, &it->te.e, &it->res);
        break;
    case RESTORE_PASS:
        rc = jail_dir_pass(it->dir);
        break;
    case RESTORE_EXTRA:
    case RESTORE_NOTHING:
        break;
    }
    if (rc == 0)
        rc = restore_job_group(it);
    if (restore_write_fatal(rc))
        return rc;
    if (rc < 0)
        restore_unit_fail(it, rc);
    restore_job_report(j, it);
    return 0;
}

static int restore_job_consume(void *ctx, void *unit)
{
    struct restore_job *j = ctx;
    struct restore_unit *u = unit;
    int rc = 0;

    for (size_t i = 0; i < u->n && rc == 0; i++)
        rc = restore_job_item(j, u, &u->item[i]);
    return rc;
}

/* --- produce, work --- */

static int restore_job_produce(void *ctx, void *unit, bool *end)
{
    struct restore_job *j = ctx;

    return restore_plan_next(j->plan, unit, end);
}

struct restore_job_worker {
    struct restore_write *write;
};

static int restore_job_worker_init(void *ctx, void *state)
{
    struct restore_job *j = ctx;
    struct restore_job_worker *w = state;

    return restore_write_new(j->fetch, j->opt.verify, j->opt.dry_run,
                             j->opt.cancel, &w->write);
}

static void restore_job_worker_free(void *ctx, void *state)
{
    struct restore_job_worker *w = state;

    (void)ctx;
    restore_write_free(w->write);
}

static int restore_job_work(void *ctx, void *state, void *unit)
{
    struct restore_job_worker *w = state;

    (void)ctx;
    return restore_write_unit(w->write, unit);
}

static void restore_job_unit_free(void *ctx, void *unit)
{
    (void)ctx;
    restore_unit_release(unit);
}

static int restore_job_pipe(struct restore_job *j)
{
    struct pipe_config config = {
        .produce = restore_job_produce,
        .work = restore_job_work,
        .consume = restore_job_consume,
        .state_init = restore_job_worker_init,
        .state_free = restore_job_worker_free,
        .unit_free = restore_job_unit_free,
        .ctx = j,
        .unit_bytes = sizeof(struct restore_unit),
        .state_bytes = sizeof(struct restore_job_worker),
        .threads = j->opt.threads,
        .depth = j->opt.threads * RESTORE_JOB_UNITS_PER_THREAD,
        .cancel = j->opt.cancel};

    return pipe_run(&config);
}

/* --- the run --- */

static int restore_job_open(struct restore_job *j)
{
    struct jail_options jail = {.overwrite = j->opt.overwrite,
                                .dry_run = j->opt.dry_run,
                                .safety = j->opt.safety,
                                .keep_whole = j->opt.keep_whole,
                                .choice = j->opt.choice,
                                .target_later = true};
    int rc = 0;

    if (!j->opt.numeric_ids)
        rc = owner_cache_new(&j->owners);
    jail.owners = j->owners;
    if (rc == 0)
        rc = jail_open(j->opt.target, &jail, &j->jail);
    if (rc == 0)
        rc = fetch_open(j->r->store, j->r->keys, j->r->index,
                        RESTORE_JOB_CACHE_BYTES, &j->fetch);
    if (rc == 0)
        fetch_follow(j->fetch, repo_log_follow, j->r);
    if (rc == 0)
        rc = fetch_lane_new(j->fetch, &j->lane);
    if (rc == 0)
        rc = restore_plan_new(&j->opt, j->jail, j->lane, &j->plan);
    if (rc == 0)
        rc = restore_write_new(j->fetch, j->opt.verify, j->opt.dry_run,
                               j->opt.cancel, &j->write);
    return rc;
}

static int restore_job_finish(struct restore_job *j)
{
    unsigned lost = 0;
    int rc = jail_finish(j->jail, &lost);

    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++) {
        if (lost >> i & 1)
            atomic_fetch_add(&j->progress.lost[i], 1);
    }
    if (rc == 0 && !j->opt.dry_run)
        rc = jail_sync(j->jail);
    return rc;
}

int restore_job_run(struct restore_job *j)
{
    int rc = restore_job_open(j);

    if (rc == 0)
        rc = restore_job_pipe(j);
    if (rc == 0)
        rc = restore_job_finish(j);
    restore_job_clear(j);
    return rc;
}
