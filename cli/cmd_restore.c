#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/inside.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/snap_pick.h"
#include "cli/words.h"
#include "repo/job/restore_job.h"
#include "repo/repo_role.h"

/* What one restore carries from entry to entry. */
struct cmd_restore {
    struct cli *cli;
    struct pattern_set *include;
    struct pattern_set *exclude;
    struct restore_job *job;
    bool dry_run;
    bool list; /* say on standard output what becomes of each entry */
    struct buf line;
    struct message_problems failed;
    struct message_problems damaged;
    uint64_t expected_files;
    uint64_t expected_bytes;
};

/* ---- options ----------------------------------------------------------- */

static int cmd_restore_pattern_set(const struct opt_set *o, enum opt_id id,
                                   struct pattern_set **set)
{
    int rc = 0;

    if (!opt_has(o, id))
        return 0;
    rc = pattern_set_new(false, set);
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        if (o->value[i].id == id)
            rc = pattern_set_add(*set, bytes_of_str(o->value[i].text));
    }
    return err_add(rc, "--%s", opt_info(id)->name);
}

static enum jail_overwrite cmd_restore_overwrite(const struct opt_set *o)
{
    static const char *const word[] = {[JAIL_IF_CHANGED] = "if-changed",
                                       [JAIL_ALWAYS] = "always",
                                       [JAIL_IF_NEWER] = "if-newer",
                                       [JAIL_NEVER] = "never"};
    const char *said = opt_text(o, OPT_OVERWRITE);

    for (unsigned i = 0; said && i < sizeof word / sizeof word[0]; i++) {
        if (strcmp(word[i], said) == 0)
            return (enum jail_overwrite)i;
    }
    return JAIL_IF_CHANGED;
}

/* A repository's directory is no place for anybody's files, nor is a file. */
static int cmd_restore_check_target(const struct opt_set *o)
{
    const char *place = opt_text(o, OPT_REPO);
    const char *target = opt_text(o, OPT_TARGET);
    struct stat st;
    bool inside;
    int rc;

    if (fileop_fstatat(AT_FDCWD, target, &st, 0) < 0)
        st.st_mode = errno == ENOTDIR ? S_IFREG : S_IFDIR;
    if (!S_ISDIR(st.st_mode))
        return err_set(E_USAGE, "--target: %s: is not a directory", target);
    rc = inside_dir(target, place, true, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "%s: is inside the repository %s", target, place);
    return rc;
}

static int cmd_restore_check_options(const struct opt_set *o)
{
    if (!opt_text(o, OPT_TARGET))
        return err_set(E_USAGE, "--target DIR is missing: where to restore");
    if (opt_has(o, OPT_VERIFY) && cmd_restore_overwrite(o) != JAIL_IF_CHANGED)
        return err_set(E_USAGE, "--verify goes with --overwrite if-changed");
    return 0;
}

/* ---- entries ----------------------------------------------------------- */

static const char *cmd_restore_word(enum restore_event_kind kind)
{
    static const char *const word[] = {
        [RESTORE_WRITTEN] = "written", [RESTORE_SAME] = "same",
        [RESTORE_KEPT] = "kept",       [RESTORE_FAILED] = "failed",
        [RESTORE_DAMAGED] = "damaged", [RESTORE_SKIPPED] = "skipped"};

    return word[kind];
}

static void cmd_restore_json_lost(struct json_out *j, unsigned lost)
{
    json_out_list(j, "lost");
    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++) {
        if (lost >> i & 1)
            json_out_text(j, NULL, jail_lost_name(i));
    }
    json_out_close(j);
}

static int cmd_restore_json_event(struct json_out *j,
                                  const struct restore_event *e)
{
    struct buf path;
    int rc;

    buf_init(&path, e->path.n + 1);
    buf_add(&path, "/", 1);
    buf_add_bytes(&path, e->path);
    rc = buf_status(&path);
    json_out_begin(j, "entry");
    json_out_text(j, "outcome", cmd_restore_word(e->kind));
    json_out_bytes(j, "path", buf_bytes(&path));
    buf_release(&path);
    if (e->e)
        json_out_text(j, "kind", entry_out_type(e->e->type));
    if (e->e && e->e->type == ENTRY_FILE)
        json_out_u64(j, "size", e->e->size);
    if (*e->text)
        json_out_bytes(j, "message", bytes_of_str(e->text));
    if (e->lost)
        cmd_restore_json_lost(j, e->lost);
    if (rc < 0) {
        json_out_cancel(j);
        return rc;
    }
    return json_out_end(j);
}

static void cmd_restore_line(struct cmd_restore *r,
                             const struct restore_event *e)
{
    char word[16];

    if (r->dry_run && e->kind == RESTORE_WRITTEN)
        (void)snprintf(word, sizeof word, "would write /");
    else
        (void)snprintf(word, sizeof word, "%-*s /", r->dry_run ? 11 : 8,
                       cmd_restore_word(e->kind));
    buf_reset(&r->line);
    buf_add_bytes(&r->line, bytes_of_str(word));
    text_escape(&r->line, e->path);
    buf_add(&r->line, "\n", 1);
    if (r->line.rc == 0)
        out_add(r->cli->out, buf_bytes(&r->line));
}

/* Called for one entry at a time, from any of the job's threads. */
static void cmd_restore_event(void *ctx, const struct restore_event *e)
{
    struct cmd_restore *r = ctx;

    if (e->kind == RESTORE_FAILED || e->kind == RESTORE_DAMAGED)
        message_problem(e->kind == RESTORE_FAILED ? &r->failed : &r->damaged,
                        "/%.*s: %s", (int)e->path.n, (const char *)e->path.p,
                        e->text);
    if (r->cli->json)
        err_ignore(cmd_restore_json_event(r->cli->json, e),
                   "a line too long is left out; the counts tell");
    else if (r->list)
        cmd_restore_line(r, e);
}

/* ---- how far it is, and what became of it ------------------------------- */

/* Called from other threads. */
static void cmd_restore_sample(void *arg, struct progress_sample *out)
{
    const struct cmd_restore *r = arg;
    struct restore_progress *p = restore_job_progress(r->job);

    out->phase = "restore";
    out->n.files_done = atomic_load(&p->entries);
    out->n.files_total = r->expected_files;
    out->n.bytes_done = atomic_load(&p->bytes);
    out->n.bytes_total = r->expected_bytes;
    out->n.bytes_moved = atomic_load(&p->bytes_written);
    out->path_n = current_path(&p->current, out->path);
}

/* "owner of 12, ACL of 3": what entries lost on their way. */
static bool cmd_restore_lost(const struct restore_progress *p, char *out,
                             size_t n)
{
    size_t at = 0;

    out[0] = 0;
    for (unsigned i = 0; i < JAIL_LOST_KINDS && at < n; i++) {
        uint64_t k = atomic_load(&p->lost[i]);
        int len;

        if (k == 0)
            continue;
        len = snprintf(out + at, n - at, "%s%s of %" PRIu64, at ? ", " : "",
                       jail_lost_name(i), k);
        at += len > 0 ? (size_t)len : 0;
    }
    return at > 0;
}

static void cmd_restore_tell_lost(struct cli *cli,
                                  const struct restore_progress *p)
{
    char lost[512];

    if (!cmd_restore_lost(p, lost, sizeof lost))
        return;
    if (geteuid() != 0) {
        message_warn("not set, which only root can do: %s", lost);
        return;
    }
    message_warn("not set, because the target cannot hold it: %s", lost);
    cli->incomplete = true;
}

static void cmd_restore_summary(const struct cmd_restore *r,
                                const struct restore_progress *p)
{
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX], d[WORDS_MAX];

    uint64_t n = atomic_load(&p->written);

    message_note("%s %s %s (%s) in %s; %s already as stored, %s kept",
                 r->dry_run ? "would write" : "wrote", words_count(n, a),
                 n == 1 ? "entry" : "entries",
                 words_size(atomic_load(&p->bytes_written), b),
                 opt_text(r->cli->opt, OPT_TARGET),
                 words_count(atomic_load(&p->same), c),
                 words_count(atomic_load(&p->kept), d));
}

static int cmd_restore_json(struct json_out *j,
                            const struct restore_progress *p)
{
    json_out_begin(j, "summary");
    json_out_u64(j, "entries", atomic_load(&p->entries));
    json_out_u64(j, "written", atomic_load(&p->written));
    json_out_u64(j, "same", atomic_load(&p->same));
    json_out_u64(j, "kept", atomic_load(&p->kept));
    json_out_u64(j, "skipped", atomic_load(&p->skipped));
    json_out_u64(j, "failed", atomic_load(&p->failed));
    json_out_u64(j, "damaged", atomic_load(&p->damaged));
    json_out_u64(j, "bytes", atomic_load(&p->bytes));
    json_out_u64(j, "bytes_written", atomic_load(&p->bytes_written));
    json_out_object(j, "lost");
    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++)
        json_out_u64(j, jail_lost_name(i), atomic_load(&p->lost[i]));
    json_out_close(j);
    return json_out_end(j);
}

/* No path in the snapshot is what was asked for. */
static int cmd_restore_nothing(const struct opt_set *o)
{
    char asked[512] = "";
    size_t at = 0;

    for (size_t i = 0; i < o->value_n && at < sizeof asked; i++) {
        int n = 0;

        if (o->value[i].id == OPT_INCLUDE)
            n = snprintf(asked + at, sizeof asked - at, " '%s'",
                         o->value[i].text);
        at += n > 0 ? (size_t)n : 0;
    }
    return err_set(E_USAGE, "nothing in %s matches --include%s%s", o->arg[0],
                   asked,
                   opt_has(o, OPT_EXCLUDE) ? " and none of --exclude" : "");
}

static int cmd_restore_tell(struct cmd_restore *r)
{
    const struct restore_progress *p = restore_job_progress(r->job);
    int rc = 0;

    message_problems_end(&r->failed, "entries could not be written");
    message_problems_end(&r->damaged, "entries are damaged in the repository");
    cmd_restore_tell_lost(r->cli, p);
    cmd_restore_summary(r, p);
    if (r->cli->json)
        rc = cmd_restore_json(r->cli->json, p);
    if (r->failed.n > 0)
        r->cli->incomplete = true;
    if (rc == 0 && r->damaged.n > 0)
        rc = err_set(E_CORRUPT,
                     "%zu of the entries are damaged in the repository; all "
                     "others were restored; 'dedup check' tells more",
                     r->damaged.n);
    return rc;
}

/* ---- the run ----------------------------------------------------------- */

static int cmd_restore_watch(struct cmd_restore *r)
{
    enum progress_show show = progress_wanted(r->cli->opt);
    struct progress *p;
    int rc = progress_start(&p, cmd_restore_sample, r, show, r->cli->signals);

    if (rc == 0)
        rc = restore_job_run(r->job);
    progress_stop(p);
    return rc;
}

static int cmd_restore_job(struct cmd_restore *r, struct session *s,
                           const struct snap_pick *pick)
{
    const struct opt_set *o = r->cli->opt;
    struct restore_job_options opt = {.start = &pick->te,
                                      .start_path = buf_bytes(&pick->path),
                                      .target = opt_text(o, OPT_TARGET),
                                      .include = r->include,
                                      .exclude = r->exclude,
                                      .overwrite = cmd_restore_overwrite(o),
                                      .verify = opt_has(o, OPT_VERIFY),
                                      .numeric_ids =
                                          opt_has(o, OPT_NUMERIC_IDS),
                                      .dry_run = r->dry_run,
                                      .cancel = r->cli->cancel,
                                      .event = cmd_restore_event,
                                      .ctx = r};
    int rc = restore_job_new(s->repo, &opt, &r->job);

    if (rc < 0)
        return rc;
    if (!r->include && !r->exclude && pick->te.e.type == ENTRY_DIR) {
        r->expected_files = pick->te.dir.below;
        r->expected_bytes = pick->te.dir.bytes;
    }
    rc = cmd_restore_watch(r);
    if (rc == 0 && r->include &&
        atomic_load(&restore_job_progress(r->job)->entries) == 0)
        rc = cmd_restore_nothing(o);
    else if (rc == 0)
        rc = cmd_restore_tell(r);
    restore_job_free(r->job);
    return rc;
}

int cmd_restore(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct snap_pick pick = {.fetch = NULL};
    struct cmd_restore r = {.cli = cli};
    int rc = cmd_restore_check_options(cli->opt);

    buf_init(&r.line, ENTRY_OUT_LINE_MAX);
    r.dry_run = opt_has(cli->opt, OPT_DRY_RUN);
    r.list = r.dry_run || opt_has(cli->opt, OPT_VERBOSE);
    if (rc == 0)
        rc = cmd_restore_pattern_set(cli->opt, OPT_INCLUDE, &r.include);
    if (rc == 0)
        rc = cmd_restore_pattern_set(cli->opt, OPT_EXCLUDE, &r.exclude);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_CONTENT);
    if (rc == 0)
        rc = snap_pick_open(&s, cli->opt->arg[0], true,
                            opt_has(cli->opt, OPT_ALL), &pick);
    if (rc == 0)
        rc = cmd_restore_check_target(cli->opt);
    if (rc == 0)
        rc = cmd_restore_job(&r, &s, &pick);
    snap_pick_release(&pick);
    session_close(&s);
    pattern_set_free(r.include);
    pattern_set_free(r.exclude);
    buf_release(&r.line);
    return rc;
}
