#include "cli/job_run.h"

#include "base/cancel.h"
#include "cli/config_apply.h"
#include "cli/job_series.h"
#include "cli/manners.h"
#include "cli/message.h"

/* Whether the command line itself says what is backed up. */
static bool job_run_named(const struct opt_set *o)
{
    return o->arg_n > 0 || opt_has(o, OPT_STDIN) || opt_has(o, OPT_COMMAND) ||
           opt_has(o, OPT_FILES_FROM) || opt_has(o, OPT_FILES_FROM0);
}

static int job_run_check(const struct cli *cli)
{
    const struct opt_set *o = cli->opt;
    bool job = opt_has(o, OPT_JOB), all = opt_has(o, OPT_ALL_JOBS);

    if (job && all)
        return err_set(E_USAGE, "give one of --job and --all-jobs, not both");
    if ((job || all) && job_run_named(o))
        return err_set(E_USAGE, "--%s does not go with %s",
                       job ? "job" : "all-jobs",
                       o->command == OPT_CMD_FORGET ? "snapshots"
                       : o->arg_n > 0               ? "paths"
                                                    : "--stdin and --command");
    if ((job || all) && !cli->config->path)
        return err_set(E_USAGE,
                       "there is no configuration file, and so no job: "
                       "--config FILE names one");
    if (all && opt_has(o, OPT_SERIES))
        return err_set(E_USAGE,
                       "--series does not go with --all-jobs: each job would "
                       "get the same");
    if (all && cli->config->job_n == 0)
        return err_set(E_USAGE, "%s: no job stands there", cli->config->path);
    return all ? job_series_check(o, cli->config) : 0;
}

/* The job of a command line that names none. */
static int job_run_default(const struct config_file *c,
                           const struct config_job **job)
{
    if (!c->path)
        return err_set(E_USAGE,
                       "PATH... is missing: dedup snapshot PATH..., or jobs in "
                       "a configuration file");
    if (c->default_job.text)
        return config_file_job(c, c->default_job.text, job);
    if (c->job_n == 0)
        return err_set(E_USAGE, "PATH... is missing, and no job stands in %s",
                       c->path);
    if (c->job_n > 1)
        return err_set(E_USAGE,
                       "%s: %zu jobs, and no default-job: give --job NAME or "
                       "--all-jobs",
                       c->path, c->job_n);
    *job = &c->job[0];
    return 0;
}

/* shown: of several jobs, so that each message tells which. What the job leaves
 * incomplete is its own while it runs, and the whole's afterwards. */
static int job_run_one(struct cli *cli, const struct config_job *job,
                       bool shown, int (*one)(struct cli *cli))
{
    const struct opt_set *asked = cli->opt;
    bool before = cli->incomplete;
    struct opt_set o;
    int rc = opt_copy(asked, &o);

    if (rc == 0)
        rc = config_apply_snapshot(&o, cli->config, job);
    if (rc == 0) {
        cli_messages(&o, shown ? job->name : NULL);
        cli->opt = &o;
        cli->job = job ? job->name : NULL;
        cli->incomplete = false;
        rc = manners_apply(cli);
        if (rc == 0)
            rc = one(cli);
        cli->incomplete |= before;
        cli->job = NULL;
        cli->opt = asked;
    }
    opt_release(&o);
    return rc;
}

/* What became of all jobs, of those that ended badly the first of a kind. */
struct job_run_sum {
    size_t failed, later;
    struct err_record first_failed, first_later;
};

/* Tells that a job ended badly, in its name. */
static void job_run_tell(const struct cli *cli, const struct config_job *job,
                         int rc, struct job_run_sum *sum)
{
    bool later = rc == E_LATER;
    struct err_record err;

    err_save(rc, &err);
    if ((later ? sum->later++ : sum->failed++) == 0)
        *(later ? &sum->first_later : &sum->first_failed) = err;
    if (cli->json) {
        json_out_begin(cli->json, "error");
        json_out_i64(cli->json, "exit", cli_exit_code(cli, rc));
        json_out_bytes(cli->json, "message", bytes_of_str(err.text));
        json_out_text(cli->json, "job", job->name);
        err_ignore(json_out_end(cli->json), "the message below says it too");
    }
    (void)err_load(&err);
    message_error();
}

/* The gravest of it: a failure, then what is incomplete, then what another run
 * stands in the way of. */
static int job_run_verdict(const struct cli *cli, const struct job_run_sum *sum)
{
    size_t n = cli->config->job_n;

    if (sum->failed)
        return err_set(sum->first_failed.code,
                       "%zu of %zu jobs failed, the first with: %s",
                       sum->failed, n, sum->first_failed.text);
    if (sum->later && !cli->incomplete)
        return err_set(E_LATER, "%zu of %zu jobs put off, the first with: %s",
                       sum->later, n, sum->first_later.text);
    return 0;
}

static int job_run_all(struct cli *cli, int (*one)(struct cli *cli))
{
    const struct config_file *c = cli->config;
    struct job_run_sum sum = {.failed = 0};

    for (size_t i = 0; i < c->job_n; i++) {
        /* a signal that came too late for the job before is for this one */
        int rc = cancel_check(cli->cancel);

        if (rc == 0)
            rc = job_run_one(cli, &c->job[i], true, one);
        if (rc == E_CANCELED)
            return rc;
        if (rc < 0)
            job_run_tell(cli, &c->job[i], rc, &sum);
    }
    cli_messages(cli->opt, NULL);
    return job_run_verdict(cli, &sum);
}

int job_run(struct cli *cli, int (*one)(struct cli *cli))
{
    const struct opt_set *o = cli->opt;
    const struct config_job *job = NULL;
    int rc = job_run_check(cli);

    if (rc < 0)
        return rc;
    if (opt_has(o, OPT_ALL_JOBS))
        return job_run_all(cli, one);
    if (opt_has(o, OPT_JOB))
        rc = config_file_job(cli->config, opt_text(o, OPT_JOB), &job);
    else if (!job_run_named(o))
        rc = job_run_default(cli->config, &job);
    return rc < 0 ? rc : job_run_one(cli, job, false, one);
}
