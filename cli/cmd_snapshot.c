#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/backup_set.h"
#include "cli/cli.h"
#include "cli/hook.h"
#include "cli/input.h"
#include "cli/job_run.h"
#include "cli/message.h"
#include "cli/piped.h"
#include "cli/preview_out.h"
#include "cli/problems_out.h"
#include "cli/progress.h"
#include "cli/running.h"
#include "cli/session.h"
#include "cli/words.h"
#include "repo/job/snapshot_job.h"
#include "repo/repo_role.h"
#include "source/walk_prime.h"

enum { CMD_SNAPSHOT_ID_CHARS = 8, CMD_SNAPSHOT_CHECKPOINT_S = 300 };

/* ---- how far it is ----------------------------------------------------- */

_Static_assert(CURRENT_MAX <= PROGRESS_PATH_MAX, "a path fits");

/* Called from other threads. */
static void cmd_snapshot_sample(void *arg, struct progress_sample *out)
{
    struct snap_progress *p = snapshot_job_progress(arg);
    uint64_t kept = atomic_load(&p->kept_bytes);

    out->phase = "snapshot";
    out->n.files_done = atomic_load(&p->files);
    out->n.files_total = atomic_load(&p->expected_files);
    out->n.bytes_done = atomic_load(&p->bytes) + atomic_load(&p->part_bytes);
    out->n.bytes_total = atomic_load(&p->expected_bytes);
    out->n.bytes_moved =
        out->n.bytes_done > kept ? out->n.bytes_done - kept : 0;
    out->path_n = current_path(&p->current, out->path);
}

/* ---- what went wrong --------------------------------------------------- */

/* Whether a trouble of that kind leaves the snapshot incomplete; else it is
 * the ordinary life of a file system. */
static bool cmd_snapshot_counts(const struct cli *cli,
                                enum manifest_problem_kind kind)
{
    return kind == MANIFEST_UNREADABLE || kind == MANIFEST_METADATA ||
           opt_has(cli->opt, OPT_STRICT);
}

static void cmd_snapshot_problem(struct cli *cli,
                                 const struct manifest_problem *p,
                                 struct message_problems *shown)
{
    static const char *const gone[] = {
        [MANIFEST_VANISHED] = "vanished while it was read",
        [MANIFEST_CHANGING] = "kept changing while it was read"};

    if (p->kind == MANIFEST_UNREADABLE || p->kind == MANIFEST_METADATA)
        message_problem(shown, "%.*s", (int)p->text.n, (const char *)p->text.p);
    else if (cmd_snapshot_counts(cli, p->kind))
        message_problem(shown, "%.*s: %s", (int)p->path.n,
                        (const char *)p->path.p, gone[p->kind]);
    else
        message_detail("%.*s: %s", (int)p->path.n, (const char *)p->path.p,
                       gone[p->kind]);
}

/* Names the first of them, and settles the exit code. */
static int cmd_snapshot_problems(struct cli *cli, struct problems *problems)
{
    size_t n;
    const struct manifest_problem *list = problems_list(problems, &n);
    struct message_problems shown = {.n = 0};
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        cmd_snapshot_problem(cli, &list[i], &shown);
        if (cli->json)
            rc = problems_out_json(cli->json, &list[i]);
    }
    shown.n = 0;
    for (unsigned k = MANIFEST_UNREADABLE; k < PROBLEMS_KINDS; k++) {
        if (cmd_snapshot_counts(cli, k))
            shown.n += problems_count(problems, k);
    }
    message_problems_end(&shown, "troubles in all");
    cli->incomplete |= shown.n > 0;
    return rc;
}

/* ---- what was done ----------------------------------------------------- */

static void cmd_snapshot_summary(const struct backup_set *b,
                                 const struct snapshot_job_result *r,
                                 struct problems *problems)
{
    const struct manifest_stats *s = &r->stats;
    char a[WORDS_MAX], c[WORDS_MAX], d[WORDS_MAX], hex[ID_HEX_CHARS + 1];
    uint64_t gone = problems_count(problems, MANIFEST_VANISHED);
    uint64_t changing = problems_count(problems, MANIFEST_CHANGING);

    message_note("%s%.*s of %s: %s file%s, %s director%s, %s",
                 r->skipped ? "nothing has changed since " : "",
                 CMD_SNAPSHOT_ID_CHARS, id_hex(r->id.b, sizeof r->id.b, hex),
                 b->series, words_count(s->files, a), words_plural(s->files),
                 words_count(s->directories, c),
                 s->directories == 1 ? "y" : "ies", words_size(s->bytes, d));
    message_note("%s file%s unchanged; %s new, %s stored",
                 words_count(r->kept_files, a), words_plural(r->kept_files),
                 words_size(s->new_bytes, c), words_size(s->stored_bytes, d));
    if (r->excluded)
        message_note("%s left out, %s of them by .dedupignore",
                     words_count(r->excluded, a), words_count(r->ignored, c));
    if (r->foreign_parent)
        message_detail("the newest snapshot of %s was not relied on: the key "
                       "that wrote it is another, and not full; %s",
                       b->series,
                       r->has_parent ? "an older one was"
                                     : "everything was read");
    if (r->has_resumed)
        message_note("resumed from checkpoint %.*s: %s files of it, %s, were "
                     "not read again",
                     CMD_SNAPSHOT_ID_CHARS,
                     id_hex(r->resumed.b, sizeof r->resumed.b, hex),
                     words_count(r->resumed_files, a),
                     words_size(r->resumed_bytes, c));
    message_note("done in %s; %" PRIu64 " unreadable, %" PRIu64
                 " vanished, %" PRIu64 " changing",
                 words_duration(r->took_ns, a),
                 problems_total(problems) - gone - changing, gone, changing);
    if (r->parent_damaged)
        message_warn("%" PRIu64 " director%s of the last snapshot could not "
                     "be read and %s stored anew; run 'dedup check'",
                     r->parent_damaged, r->parent_damaged == 1 ? "y" : "ies",
                     r->parent_damaged == 1 ? "was" : "were");
}

/* job: its name, or NULL */
static int cmd_snapshot_json(struct json_out *j, const struct backup_set *b,
                             const struct snapshot_job_result *r,
                             struct problems *problems, const char *job)
{
    json_out_begin(j, "snapshot");
    json_out_hex(j, "id", bytes_of(r->id.b, sizeof r->id.b));
    json_out_text(j, "series", b->series);
    json_out_time(j, "begin", r->begin);
    json_out_time(j, "end", r->end);
    json_out_u64(j, "files", r->stats.files);
    json_out_u64(j, "directories", r->stats.directories);
    json_out_u64(j, "others", r->stats.others);
    json_out_u64(j, "bytes", r->stats.bytes);
    json_out_u64(j, "unchanged_files", r->kept_files);
    json_out_u64(j, "unchanged_bytes", r->kept_bytes);
    json_out_u64(j, "new_chunks", r->stats.new_chunks);
    json_out_u64(j, "new_bytes", r->stats.new_bytes);
    json_out_u64(j, "stored_bytes", r->stats.stored_bytes);
    json_out_u64(j, "excluded", r->excluded);
    json_out_bool(j, "skipped", r->skipped);
    json_out_bool(j, "had_parent", r->has_parent);
    json_out_u64(j, "parent_damaged", r->parent_damaged);
    json_out_u64(j, "checkpoints", r->checkpoints);
    if (r->has_resumed) {
        json_out_hex(j, "resumed_from",
                     bytes_of(r->resumed.b, sizeof r->resumed.b));
        json_out_u64(j, "resumed_files", r->resumed_files);
        json_out_u64(j, "resumed_bytes", r->resumed_bytes);
    }
    json_out_object(j, "problems");
    for (unsigned k = MANIFEST_UNREADABLE; k < PROBLEMS_KINDS; k++)
        json_out_u64(j, problems_out_kind(k), problems_count(problems, k));
    json_out_close(j);
    json_out_u64(j, "ignored", r->ignored);
    if (job)
        json_out_text(j, "job", job);
    return json_out_end(j);
}

static int cmd_snapshot_tell(struct cli *cli, const struct backup_set *b,
                             struct snapshot_job *job)
{
    const struct snapshot_job_result *r = snapshot_job_result(job);
    struct problems *problems = snapshot_job_problems(job);
    char hex[ID_HEX_CHARS + 1];
    int rc = cmd_snapshot_problems(cli, problems);

    cmd_snapshot_summary(b, r, problems);
    if (rc == 0 && cli->json)
        return cmd_snapshot_json(cli->json, b, r, problems, cli->job);
    if (rc == 0 && opt_has(cli->opt, OPT_PRINT_ID)) {
        out_text(cli->out, id_hex(r->id.b, sizeof r->id.b, hex));
        out_text(cli->out, "\n");
    }
    return rc;
}

/* ---- what was kept ----------------------------------------------------- */

static int cmd_snapshot_checkpoint(void *arg,
                                   const struct snapshot_job_result *r)
{
    struct cli *cli = arg;
    char a[WORDS_MAX], c[WORDS_MAX], hex[ID_HEX_CHARS + 1];
    int rc;

    message_detail("checkpoint %.*s: %s files, %s", CMD_SNAPSHOT_ID_CHARS,
                   id_hex(r->checkpoint.b, sizeof r->checkpoint.b, hex),
                   words_count(r->stats.files, a),
                   words_size(r->stats.bytes, c));
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "checkpoint");
    json_out_hex(cli->json, "id",
                 bytes_of(r->checkpoint.b, sizeof r->checkpoint.b));
    json_out_time(cli->json, "time", r->end);
    json_out_u64(cli->json, "files", r->stats.files);
    json_out_u64(cli->json, "bytes", r->stats.bytes);
    json_out_u64(cli->json, "unchanged_files", r->kept_files);
    json_out_u64(cli->json, "new_bytes", r->stats.new_bytes);
    rc = json_out_end(cli->json);
    if (rc == 0) /* whoever watches wants to know it now */
        err_ignore(out_flush(cli->out), "it is tried again at the end");
    return rc;
}

/* One line says that it was stopped, what is left of it, and how to go on. */
static int cmd_snapshot_stopped(const struct snapshot_job_options *opt,
                                const struct snapshot_job_result *r)
{
    const struct object_id *id = r->checkpoints ? &r->checkpoint : &r->resumed;
    char a[WORDS_MAX], c[WORDS_MAX], hex[ID_HEX_CHARS + 1];

    (void)id_hex(id->b, sizeof id->b, hex);
    if (r->checkpoints)
        return err_set(E_CANCELED,
                       "%s; kept as checkpoint %.*s: %s files, %s; the same "
                       "command goes on from there",
                       err_text(), CMD_SNAPSHOT_ID_CHARS, hex,
                       words_count(r->stats.files, a),
                       words_size(r->stats.bytes, c));
    if (opt->stream || opt->checkpoint_ns == 0)
        return err_set(E_CANCELED, "%s; there is no snapshot", err_text());
    if (r->has_resumed)
        return err_set(E_CANCELED,
                       "%s; nothing new was finished; the same command goes on "
                       "from checkpoint %.*s",
                       err_text(), CMD_SNAPSHOT_ID_CHARS, hex);
    return err_set(E_CANCELED, "%s; nothing new was finished, and nothing kept",
                   err_text());
}

/* ---- the run ----------------------------------------------------------- */

static int cmd_snapshot_watch(struct cli *cli, struct snapshot_job *job)
{
    enum progress_show show = progress_wanted(cli->opt);
    struct progress *p;
    int rc = progress_start(&p, cmd_snapshot_sample, job, show, cli->signals);

    if (rc == 0)
        rc = snapshot_job_run(job);
    progress_stop(p);
    return rc;
}

/* Who runs it, for the record; the number where there is no name. */
static void cmd_snapshot_user(char out[64])
{
    struct passwd pw, *found = NULL;
    char space[4096];

    if (getpwuid_r(geteuid(), &pw, space, sizeof space, &found) == 0 && found)
        (void)snprintf(out, 64, "%s", found->pw_name);
    else
        (void)snprintf(out, 64, "%u", (unsigned)geteuid());
}

/* What a run holds from its beginning to its end. */
struct cmd_snapshot_run {
    const char *place; /* of the repository; lent */
    struct session s;
    struct running running;
    struct backup_set b; /* with hooks: only its names before --before was */
    struct walk *walk;   /* begun with already; NULL: not */
    bool hooked;
};

/* user: stays lent */
static struct snapshot_job_options cmd_snapshot_options(
    struct cli *cli, const struct backup_set *b, const char *user)
{
    return (struct snapshot_job_options){
        .root = b->paths.root,
        .root_n = b->paths.n,
        .from = b->paths.from,
        .series = bytes_of_str(b->series),
        .tag = b->tag,
        .tag_n = b->tag_n,
        .patterns = b->rules.patterns,
        .marker = b->rules.marker,
        .marker_n = b->rules.marker_n,
        .larger = b->rules.larger,
        .ignore_files = b->rules.ignore_files,
        .options = buf_bytes(&b->options),
        .program = bytes_of_str("dedup " DEDUP_VERSION),
        .host = bytes_of_str(b->host),
        .user = bytes_of_str(user),
        .skip = b->skip,
        .skip_n = b->skip_n,
        .one_fs = b->rules.one_fs,
        .force = opt_has(cli->opt, OPT_FORCE),
        .rules = {.ignore_ctime = opt_has(cli->opt, OPT_IGNORE_CTIME),
                  .ignore_inode = opt_has(cli->opt, OPT_IGNORE_INODE)},
        .skip_unchanged = opt_has(cli->opt, OPT_SKIP_IF_UNCHANGED),
        .has_time = b->has_time,
        .time = b->time,
        .checkpoint_ns = (int64_t)opt_seconds(cli->opt, OPT_CHECKPOINT,
                                              CMD_SNAPSHOT_CHECKPOINT_S) *
                         CLOCK_SECOND_NS,
        .cancel = cli->cancel,
        .on_checkpoint = cmd_snapshot_checkpoint,
        .ctx = cli};
}

/* The walk looks at the first files while the key is derived. */
static int cmd_snapshot_prime(struct cli *cli, struct cmd_snapshot_run *r)
{
    struct snapshot_job_options opt = cmd_snapshot_options(cli, &r->b, "");
    struct walk_options walk = snapshot_job_walk(&opt, NULL);
    int rc;

    if (!walk.ahead || r->b.is_stream || r->b.paths.from ||
        opt_has(cli->opt, OPT_DRY_RUN))
        return 0;
    rc = walk_new(opt.root, opt.root_n, &walk, &r->walk);
    return rc < 0 ? rc : walk_prime_begin(r->walk);
}

static int cmd_snapshot_job(struct cli *cli, struct cmd_snapshot_run *r,
                            const struct stream_input *stream)
{
    char user[64];
    const struct backup_set *b = &r->b;
    struct snapshot_job *job;
    struct snapshot_job_options opt;
    int rc;

    cmd_snapshot_user(user);
    opt = cmd_snapshot_options(cli, b, user);
    opt.stream = stream;
    opt.walk = r->walk;
    if (opt_has(cli->opt, OPT_DRY_RUN))
        return preview_out_run(cli, r->s.repo, &opt);
    rc = snapshot_job_new(r->s.repo, &opt, &job);
    if (rc < 0)
        return rc;
    rc = cmd_snapshot_watch(cli, job);
    if (rc == E_CANCELED)
        rc = cmd_snapshot_stopped(&opt, snapshot_job_result(job));
    if (rc == 0)
        rc = cmd_snapshot_tell(cli, b, job);
    snapshot_job_free(job);
    return rc;
}

/* A program is started last, when nothing else stands in the way. */
static int cmd_snapshot_stream(struct cli *cli, struct cmd_snapshot_run *r)
{
    struct piped *p;
    struct stream_input input;
    int rc = piped_open(cli->opt, cli->cancel, &p);

    if (rc < 0)
        return rc;
    input = (struct stream_input){.read = piped_read, .ctx = p};
    rc = cmd_snapshot_job(cli, r, &input);
    piped_close(p);
    return rc;
}

/* Opens the repository and takes the series: until then nothing was done that
 * another run of it could notice. */
static int cmd_snapshot_begin(struct cli *cli, struct cmd_snapshot_run *r)
{
    int rc = session_open(cli, SESSION_WORK, &r->s);

    if (rc == 0)
        rc = repo_role_allows(r->s.repo, REPO_ACT_BACKUP);
    /* a dry run takes nothing, but its hooks are real */
    if (rc == 0 && (r->hooked || !opt_has(cli->opt, OPT_DRY_RUN)))
        rc = running_begin(cli, &r->s, r->b.series, &r->running);
    return rc < 0 ? rc : cancel_check(cli->cancel);
}

static int cmd_snapshot_do(struct cli *cli, struct cmd_snapshot_run *r)
{
    int rc = backup_set_keep_out(&r->b, r->place, r->s.repo->cache);

    if (rc == 0)
        rc = backup_set_follows(&r->b, r->s.repo);
    if (rc == 0)
        rc = r->b.is_stream ? cmd_snapshot_stream(cli, r)
                            : cmd_snapshot_job(cli, r, NULL);
    return rc;
}

static int cmd_snapshot_plain(struct cli *cli, struct cmd_snapshot_run *r)
{
    int rc = input_check(cli->opt);

    if (rc == 0)
        rc = backup_set_make(cli->opt, NULL, &r->b);
    if (rc == 0)
        rc = piped_check(cli->opt);
    if (rc == 0)
        rc = cmd_snapshot_prime(cli, r);
    if (rc == 0)
        rc = cmd_snapshot_begin(cli, r);
    return rc < 0 ? rc : cmd_snapshot_do(cli, r);
}

/* The paths may be there only now, and other ones than before. */
static int cmd_snapshot_made_ready(struct cli *cli, struct cmd_snapshot_run *r)
{
    char series[sizeof r->b.series];
    int rc;

    memcpy(series, r->b.series, sizeof series);
    backup_set_release(&r->b);
    rc = backup_set_make(cli->opt, series, &r->b);
    return rc < 0 ? rc : cmd_snapshot_do(cli, r);
}

/*
 * --before and --after are between taking the series and giving it back: under
 * a run that goes on, another one's would take away what it reads. --before may
 * be what brings the repository; then nobody can be writing into it yet.
 */
static int cmd_snapshot_hooked(struct cli *cli, struct cmd_snapshot_run *r)
{
    int rc = input_check(cli->opt);
    bool absent;

    if (rc == 0)
        rc = backup_set_name(cli->opt, &r->b);
    if (rc == 0)
        rc = piped_check(cli->opt);
    if (rc == 0)
        rc = cmd_snapshot_begin(cli, r);
    absent = rc == E_NOREPO && opt_has(cli->opt, OPT_BEFORE);
    if (absent)
        rc = cancel_check(cli->cancel);
    if (rc < 0)
        return rc;
    rc = hook_before(cli);
    if (rc == 0 && absent) {
        session_close(&r->s);
        rc = cmd_snapshot_begin(cli, r);
        if (rc == E_LATER || rc == E_BUSY)
            return rc;
    }
    if (rc == 0)
        rc = cmd_snapshot_made_ready(cli, r);
    session_close(&r->s); /* --after may unmount what it is on */
    return hook_after(cli, rc);
}

static int cmd_snapshot_one(struct cli *cli)
{
    struct cmd_snapshot_run r = {.hooked = opt_has(cli->opt, OPT_BEFORE) ||
                                           opt_has(cli->opt, OPT_AFTER)};
    int rc = session_place(cli, &r.place);

    if (rc == 0)
        rc = r.hooked ? cmd_snapshot_hooked(cli, &r)
                      : cmd_snapshot_plain(cli, &r);
    running_end(&r.running);
    session_close(&r.s);
    walk_free(r.walk);
    backup_set_release(&r.b);
    return rc;
}

int cmd_snapshot(struct cli *cli)
{
    return job_run(cli, cmd_snapshot_one);
}
