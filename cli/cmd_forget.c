#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/backup_set.h"
#include "cli/forget_out.h"
#include "cli/forget_simulate.h"
#include "cli/job_run.h"
#include "cli/keep.h"
#include "cli/message.h"
#include "cli/prune_out.h"
#include "cli/session.h"
#include "cli/snap_pick.h"
#include "cli/snap_spec.h"
#include "cli/snapshot_filter.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "repo/forget_fit.h"
#include "repo/repo_role.h"

enum { CMD_FORGET_TRIES = 10 };

/* One forget, of the command line or of a job. */
struct cmd_forget {
    struct keep keep;
    struct snapshot_filter filter;
    struct backup_set of; /* a job: whose series is meant */
    struct forget_ask ask;
    struct object_id *id; /* that ask has */
    const char *drop;     /* a series that goes as a whole */
    struct forget_fit fit;
};

static void cmd_forget_release(struct cmd_forget *f)
{
    keep_release(&f->keep);
    backup_set_release(&f->of);
    forget_fit_release(&f->fit);
    free(f->id);
}

/* ---- what is asked ------------------------------------------------------ */

static int cmd_forget_group(const struct opt_set *o, unsigned *by)
{
    static const char *const names[] = {"series", "host", "paths", "tags"};
    const char *said = opt_text(o, OPT_GROUP_BY);

    *by = said ? 0 : FORGET_BY_SERIES;
    if (!said || strcmp(said, "none") == 0)
        return 0;
    for (const char *at = said; at;) {
        const char *comma = strchr(at, ',');
        size_t n = comma ? (size_t)(comma - at) : strlen(at);
        unsigned bit = 0;

        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strlen(names[i]) == n && memcmp(names[i], at, n) == 0)
                bit = 1U << i;
        }
        if (bit == 0)
            return err_set(E_USAGE,
                           "--group-by '%s': of series, host, paths, tags, "
                           "split by commas; or none",
                           said);
        *by |= bit;
        at = comma ? comma + 1 : NULL;
    }
    return 0;
}

/* "12" or "10%" */
static int cmd_forget_limit(const struct opt_set *o, struct forget_ask *ask)
{
    const char *said = opt_text(o, OPT_MAX_REMOVE);
    size_t n = said ? strlen(said) : 0;
    char number[24];
    uint64_t v = 0;
    bool percent = n > 0 && said[n - 1] == '%';
    bool fits = n > 0 && n < sizeof number;

    if (!said)
        return 0;
    if (fits) {
        memcpy(number, said, n + 1);
        if (percent)
            number[n - 1] = 0;
        fits = text_parse_uint(number, 0, percent ? 100 : UINT64_MAX, &v) == 0;
    }
    if (!fits)
        return err_set(E_USAGE,
                       "--max-remove '%s': neither a number of snapshots nor a "
                       "share of them, such as 10%%",
                       said);
    ask->has_max_remove = true;
    ask->max_remove = percent ? 0 : v;
    ask->max_remove_percent = percent ? (unsigned)v : 0;
    return 0;
}

static bool cmd_forget_wants(void *ctx, const struct state *s,
                             const struct snapshot_item *it)
{
    const struct snapshot_filter *f = ctx;

    return snapshot_filter_wants(f, s, it);
}

/* What a command line without a job may not say at once. */
static int cmd_forget_check(const struct opt_set *o, bool rules)
{
    bool filter =
        opt_has(o, OPT_SERIES) || opt_has(o, OPT_HOST) || opt_has(o, OPT_TAG);
    bool named = o->arg_n > 0;
    const char *drop = opt_text(o, OPT_DROP_SERIES);

    if (named && (rules || filter || opt_has(o, OPT_KEEP_ID) ||
                  opt_has(o, OPT_GROUP_BY)))
        return err_set(E_USAGE,
                       "name the snapshots that are to go, or give rules that "
                       "choose, not both");
    if (drop && (named || rules || filter || opt_has(o, OPT_KEEP_ID) ||
                 opt_has(o, OPT_GROUP_BY)))
        return err_set(E_USAGE,
                       "--drop-series goes without snapshots and rules");
    if (!opt_has(o, OPT_PRUNE) &&
        (opt_has(o, OPT_MAX_UNUSED) || opt_has(o, OPT_MAX_REPACK)))
        return err_set(E_USAGE, "--max-unused and --max-repack go with "
                                "--prune");
    if (drop && !snap_spec_series_ok(drop))
        return err_set(E_USAGE, "--drop-series '%s': not a series", drop);
    return 0;
}

/* The rules of a job, and its series. */
static int cmd_forget_job(struct cli *cli, struct cmd_forget *f, bool rules)
{
    const struct config_job *job;
    int rc = config_file_job(cli->config, cli->job, &job);

    if (rc == 0 && !rules)
        rc = keep_job(job, &f->keep);
    if (rc == 0)
        rc = backup_set_name(cli->opt, &f->of);
    if (rc == 0)
        f->filter = (struct snapshot_filter){.series = f->of.series};
    return rc;
}

static int cmd_forget_make(struct cli *cli, struct cmd_forget *f)
{
    const struct opt_set *o = cli->opt;
    int64_t now = clock_realtime_ns();
    bool rules;
    int rc = keep_options(o, &f->keep, &rules);

    f->ask.force = opt_has(o, OPT_FORCE);
    f->ask.now.s = now / CLOCK_SECOND_NS;
    f->ask.now.ns = (uint32_t)(now % CLOCK_SECOND_NS);
    if (rc == 0)
        rc = cmd_forget_group(o, &f->ask.group_by);
    if (rc == 0)
        rc = cmd_forget_limit(o, &f->ask);
    if (rc == 0 && cli->job)
        rc = cmd_forget_job(cli, f, rules);
    else if (rc == 0)
        rc = cmd_forget_check(o, rules);
    if (rc == 0 && !cli->job)
        rc = snapshot_filter_make(o, &f->filter);
    f->drop = cli->job ? NULL : opt_text(o, OPT_DROP_SERIES);
    if (rc == 0 && (cli->job || (o->arg_n == 0 && !f->drop))) {
        f->ask.policy = &f->keep.policy;
        f->ask.wants = cmd_forget_wants;
        f->ask.ctx = &f->filter;
    }
    return rc;
}

/* ---- which are named ----------------------------------------------------- */

static int cmd_forget_one_id(struct cmd_forget *f,
                             const struct snapshot_list *l, const char *spec)
{
    const struct snapshot_item *it;
    int rc = snap_pick_item(l, spec, false, &it);

    if (rc == 0)
        f->id[f->ask.id_n++] = it->id;
    return rc;
}

static int cmd_forget_drop_ids(struct cmd_forget *f,
                               const struct snapshot_list *l)
{
    f->ask.drop = true;
    for (size_t i = 0; i < l->n; i++) {
        if (bytes_equal(l->item[i].manifest.m.series, bytes_of_str(f->drop)))
            f->id[f->ask.id_n++] = l->item[i].id;
    }
    if (f->ask.id_n == 0)
        return err_set(E_NOTFOUND, "there is no snapshot of series '%s'",
                       f->drop);
    return 0;
}

/* The snapshots that the command line names, to go or to stay. */
static int cmd_forget_ids(struct cli *cli, const struct session *s,
                          struct cmd_forget *f)
{
    const struct opt_set *o = cli->opt;
    struct snapshot_list l = {.n = 0};
    int rc = snapshot_list_load(s->repo->index, &s->repo->state, &l);

    if (rc == 0) {
        f->id = mem_array(l.n + o->arg_n + o->value_n, sizeof *f->id);
        rc = f->id ? 0 : err_set(E_NOMEM, "out of memory");
    }
    if (rc == 0 && f->drop)
        rc = cmd_forget_drop_ids(f, &l);
    for (size_t i = 0; i < o->arg_n && rc == 0 && !f->ask.policy && !f->drop;
         i++)
        rc = cmd_forget_one_id(f, &l, o->arg[i]);
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        if (o->value[i].id == OPT_KEEP_ID)
            rc = err_add(cmd_forget_one_id(f, &l, o->value[i].text),
                         "--keep-id");
    }
    f->ask.id = f->id;
    snapshot_list_release(&l);
    return rc;
}

/* ---- doing it, and telling ----------------------------------------------- */

static int cmd_forget_show(struct cli *cli, const struct cmd_forget *f,
                           const struct forget_plan *p, bool done)
{
    if (cli->json)
        return forget_out_json(cli->json, p, f->ask.fit, done);
    if (done && !opt_has(cli->opt, OPT_VERBOSE) &&
        (opt_has(cli->opt, OPT_QUIET) || !terminal_is(1)))
        return 0;
    return forget_out_table(cli, p);
}

static void cmd_forget_tell(const struct forget_plan *p, bool done)
{
    char n[WORDS_MAX], left[WORDS_MAX];
    size_t stays;
    size_t goes = forget_out_count(p, &stays);

    message_note("%s snapshot%s %s, %s stay%s", words_count(goes, n),
                 words_plural(goes), done ? "forgotten" : "would go",
                 words_count(stays, left), stays == 1 ? "s" : "");
}

/* What would be refused today is refused; else what the days to come bring. */
static int cmd_forget_simulate(struct cli *cli, struct session *s,
                               struct cmd_forget *f)
{
    struct forget_plan p = {.n = 0};
    int rc = forget_plan_make(s->repo, &f->ask, &p);

    if (f->ask.policy && f->ask.policy->has_max_size)
        message_warn("nobody knows how large snapshots to come are: max-size "
                     "is left out");
    if (rc == 0)
        rc = forget_guard(s->repo, &f->ask, &p);
    if (rc == 0)
        rc = forget_simulate(cli, &f->ask, &p);
    forget_plan_release(&p);
    return rc;
}

/* What goes for its size, as things are now. */
static int cmd_forget_fit(struct cli *cli, struct session *s,
                          struct cmd_forget *f)
{
    if (!f->ask.policy || !f->ask.policy->has_max_size)
        return 0;
    forget_fit_release(&f->fit);
    f->ask.fit = &f->fit;
    return forget_fit_choose(s->repo, &f->ask, cli->cancel, &f->fit);
}

/* Whoever writes the log meanwhile may have changed what takes how much. */
static int cmd_forget_run(struct cli *cli, struct session *s,
                          struct cmd_forget *f, struct forget_plan *p)
{
    int rc = E_LATER;

    for (int i = 0; i < CMD_FORGET_TRIES && rc == E_LATER; i++) {
        forget_plan_release(p);
        rc = cmd_forget_fit(cli, s, f);
        if (rc == 0)
            rc = forget_run(s->repo, &f->ask, p);
    }
    return rc;
}

/* What no rule may take is larger than it should be. */
static void cmd_forget_tell_fit(struct cli *cli, const struct forget_fit *f)
{
    char is[WORDS_MAX], want[WORDS_MAX];

    if (f->after_bytes <= f->max_bytes)
        return;
    message_warn("what stays takes %s, which is more than %s (--max-size): "
                 "nothing else may go",
                 words_size(f->after_bytes, is),
                 words_size(f->max_bytes, want));
    cli->incomplete = true;
}

static int cmd_forget_do(struct cli *cli, struct session *s,
                         struct cmd_forget *f)
{
    bool dry = opt_has(cli->opt, OPT_DRY_RUN);
    struct forget_plan p = {.n = 0};
    int rc;

    if (dry) {
        rc = cmd_forget_fit(cli, s, f);
        if (rc == 0)
            rc = forget_plan_make(s->repo, &f->ask, &p);
    } else {
        rc = cmd_forget_run(cli, s, f, &p);
    }
    if (rc == 0)
        rc = cmd_forget_show(cli, f, &p, !dry);
    if (rc == 0 && dry)
        rc = forget_guard(s->repo, &f->ask, &p);
    if (rc == 0)
        cmd_forget_tell(&p, !dry);
    if (rc == 0)
        cmd_forget_tell_fit(cli, &f->fit);
    if (rc == 0 && f->ask.policy && p.n == 0 && !cli->job &&
        !snapshot_filter_is_all(&f->filter))
        message_warn("no snapshot is of that series, host or tag: nothing was "
                     "looked at");
    forget_plan_release(&p);
    if (rc == 0 && opt_has(cli->opt, OPT_PRUNE) && dry)
        message_note("how much room that would give is not computed");
    else if (rc == 0 && opt_has(cli->opt, OPT_PRUNE))
        rc = prune_out(cli, s);
    return rc;
}

static int cmd_forget_one(struct cli *cli)
{
    struct cmd_forget f = {.id = NULL};
    struct session s = {.store = NULL};
    int rc = cmd_forget_make(cli, &f);

    if (rc == 0 && cli->job && opt_has(cli->opt, OPT_ALL_JOBS) &&
        !retention_has_rule(&f.keep.policy)) {
        message_detail("no rule says what to keep: nothing is forgotten");
        cmd_forget_release(&f);
        return 0;
    }
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_FORGET);
    if (rc == 0)
        rc = cmd_forget_ids(cli, &s, &f);
    if (rc == 0)
        rc = opt_has(cli->opt, OPT_SIMULATE) ? cmd_forget_simulate(cli, &s, &f)
                                             : cmd_forget_do(cli, &s, &f);
    session_close(&s);
    cmd_forget_release(&f);
    return rc;
}

int cmd_forget(struct cli *cli)
{
    const struct opt_set *o = cli->opt;
    bool job = opt_has(o, OPT_JOB) || opt_has(o, OPT_ALL_JOBS);
    int rc = forget_simulate_check(o);

    if (rc == 0 && opt_has(o, OPT_PRUNE))
        rc = prune_out_check(o);
    if (rc < 0)
        return rc;
    if (job && (opt_has(o, OPT_HOST) || opt_has(o, OPT_TAG) ||
                opt_has(o, OPT_DROP_SERIES)))
        return err_set(E_USAGE,
                       "a job says itself whose snapshots are meant: --host, "
                       "--tag and --drop-series do not go with it");
    return job ? job_run(cli, cmd_forget_one) : cmd_forget_one(cli);
}
