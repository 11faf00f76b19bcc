#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/restore_claim.h"
#include "cli/restore_mirror.h"
#include "cli/restore_place.h"
#include "cli/restore_safety.h"
#include "cli/snap_pick.h"
#include "cli/words.h"
#include "repo/job/restore_job.h"
#include "repo/repo_role.h"

/* What one argument stands for. */
struct cmd_restore_part {
    struct snap_pick pick;
    struct buf target;            /* its path, with a NUL */
    struct restore_mirror mirror; /* --delete */
};

/* What one restore carries from entry to entry. */
struct cmd_restore {
    struct cli *cli;
    struct pattern_set *include;
    struct pattern_set *exclude;
    const char **xattr; /* patterns; what they point to is lent */
    size_t xattr_n;
    struct cmd_restore_part *part; /* one for each argument */
    size_t part_n;
    struct restore_safety safety;
    struct restore_job *job;       /* of the part that is being restored */
    struct restore_progress total; /* of those before it */
    bool dry_run;
    bool list; /* say on standard output what becomes of entries */
    bool all;  /* ... also of those that stay as they are */
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

static int cmd_restore_xattrs(struct cmd_restore *r, const struct opt_set *o)
{
    if (!opt_has(o, OPT_XATTR_INCLUDE))
        return 0;
    r->xattr = mem_alloc(o->value_n * sizeof *r->xattr);
    if (!r->xattr)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < o->value_n; i++) {
        if (o->value[i].id == OPT_XATTR_INCLUDE)
            r->xattr[r->xattr_n++] = o->value[i].text;
    }
    return 0;
}

static struct jail_choice cmd_restore_choice(const struct cmd_restore *r,
                                             const struct opt_set *o)
{
    return (struct jail_choice){.no_owner = opt_has(o, OPT_NO_OWNER),
                                .chosen_xattrs =
                                    r->xattr || opt_has(o, OPT_NO_XATTRS),
                                .xattr = r->xattr,
                                .xattr_n = r->xattr_n};
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

static int cmd_restore_check_options(const struct opt_set *o)
{
    if (opt_has(o, OPT_VERIFY) && cmd_restore_overwrite(o) != JAIL_IF_CHANGED)
        return err_set(E_USAGE, "--verify goes with --overwrite if-changed");
    if (opt_has(o, OPT_NO_XATTRS) && opt_has(o, OPT_XATTR_INCLUDE))
        return err_set(E_USAGE, "--no-xattrs and --xattr-include contradict "
                                "each other: give one");
    if (restore_mirror_wanted(o) && o->arg_n > 1 && !opt_has(o, OPT_IN_PLACE))
        return err_set(E_USAGE, "--delete goes with one SNAP:/path, or with "
                                "--in-place: each would delete the others'");
    return restore_place_check(o);
}

/* ---- entries ----------------------------------------------------------- */

static const char *cmd_restore_word(enum restore_event_kind kind)
{
    static const char *const word[] = {
        [RESTORE_WRITTEN] = "written", [RESTORE_SAME] = "same",
        [RESTORE_KEPT] = "kept",       [RESTORE_FAILED] = "failed",
        [RESTORE_DAMAGED] = "damaged", [RESTORE_SKIPPED] = "skipped",
        [RESTORE_DELETED] = "deleted"};

    return word[kind];
}

/* What changes by an event: how a list and JSON put it. */
struct cmd_restore_change {
    char mark;
    const char *name;
};

static struct cmd_restore_change cmd_restore_change(
    const struct restore_event *e)
{
    switch (e->kind) {
    case RESTORE_WRITTEN:
        return e->made ? (struct cmd_restore_change){'+', "new"}
                       : (struct cmd_restore_change){'M', "content"};
    case RESTORE_SAME:
        return e->meta ? (struct cmd_restore_change){'m', "metadata"}
                       : (struct cmd_restore_change){'=', "none"};
    case RESTORE_DELETED:
        return (struct cmd_restore_change){'-', "deleted"};
    case RESTORE_KEPT:
        return (struct cmd_restore_change){'k', "none"};
    case RESTORE_FAILED:
    case RESTORE_DAMAGED:
    case RESTORE_SKIPPED:
        break;
    }
    return (struct cmd_restore_change){'!', "none"};
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
    json_out_text(j, "change", cmd_restore_change(e).name);
    if (rc < 0) {
        json_out_cancel(j);
        return rc;
    }
    return json_out_end(j);
}

static void cmd_restore_line(struct cmd_restore *r,
                             const struct restore_event *e)
{
    char mark = cmd_restore_change(e).mark;

    if (!r->all && (mark == '=' || mark == 'k'))
        return;
    buf_reset(&r->line);
    buf_add(&r->line, (const char[]){mark, ' ', '/'}, 3);
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

/* Adds a part's counters to those of the whole. */
static void cmd_restore_add(struct restore_progress *to,
                            const struct restore_progress *p)
{
    atomic_fetch_add(&to->entries, atomic_load(&p->entries));
    atomic_fetch_add(&to->written, atomic_load(&p->written));
    atomic_fetch_add(&to->made, atomic_load(&p->made));
    atomic_fetch_add(&to->meta, atomic_load(&p->meta));
    atomic_fetch_add(&to->same, atomic_load(&p->same));
    atomic_fetch_add(&to->kept, atomic_load(&p->kept));
    atomic_fetch_add(&to->failed, atomic_load(&p->failed));
    atomic_fetch_add(&to->damaged, atomic_load(&p->damaged));
    atomic_fetch_add(&to->skipped, atomic_load(&p->skipped));
    atomic_fetch_add(&to->deleted, atomic_load(&p->deleted));
    atomic_fetch_add(&to->bytes_deleted, atomic_load(&p->bytes_deleted));
    atomic_fetch_add(&to->bytes, atomic_load(&p->bytes));
    atomic_fetch_add(&to->bytes_written, atomic_load(&p->bytes_written));
    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++)
        atomic_fetch_add(&to->lost[i], atomic_load(&p->lost[i]));
}

/* Called from other threads. */
static void cmd_restore_sample(void *arg, struct progress_sample *out)
{
    const struct cmd_restore *r = arg;
    struct restore_progress *p = restore_job_progress(r->job);
    const struct restore_progress *t = &r->total;

    out->phase = "restore";
    out->n.files_done = atomic_load(&t->entries) + atomic_load(&p->entries);
    out->n.files_total = r->expected_files;
    out->n.bytes_done = atomic_load(&t->bytes) + atomic_load(&p->bytes);
    out->n.bytes_total = r->expected_bytes;
    out->n.bytes_moved =
        atomic_load(&t->bytes_written) + atomic_load(&p->bytes_written);
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
    uint64_t n = atomic_load(&p->written);
    uint64_t made = atomic_load(&p->made);
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX], d[WORDS_MAX];
    char e[WORDS_MAX], f[WORDS_MAX], g[WORDS_MAX];

    message_note("%s %s %s (%s) in %s: %s new, %s changed; %s already as "
                 "stored, %s but for metadata, %s kept",
                 r->dry_run ? "would write" : "wrote", words_count(n, a),
                 n == 1 ? "entry" : "entries",
                 words_size(atomic_load(&p->bytes_written), b),
                 r->part_n > 1 && opt_has(r->cli->opt, OPT_IN_PLACE)
                     ? "their places"
                     : (const char *)r->part[0].target.p,
                 words_count(made, c), words_count(n - made, d),
                 words_count(atomic_load(&p->same) - atomic_load(&p->meta), e),
                 words_count(atomic_load(&p->meta), f),
                 words_count(atomic_load(&p->kept), g));
    if (restore_mirror_wanted(r->cli->opt))
        message_note("%s %s not in the snapshot (%s)",
                     r->dry_run ? "would delete" : "deleted",
                     words_count(atomic_load(&p->deleted), a),
                     words_size(atomic_load(&p->bytes_deleted), b));
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
    json_out_u64(j, "new", atomic_load(&p->made));
    json_out_u64(j, "metadata", atomic_load(&p->meta));
    json_out_u64(j, "deleted", atomic_load(&p->deleted));
    json_out_u64(j, "bytes_deleted", atomic_load(&p->bytes_deleted));
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
    const struct restore_progress *p = &r->total;
    int rc = 0;

    message_problems_end(&r->failed, "entries could not be restored");
    message_problems_end(&r->damaged, "entries are damaged in the repository");
    cmd_restore_tell_lost(r->cli, p);
    cmd_restore_summary(r, p);
    if (r->cli->json)
        rc = cmd_restore_json(r->cli->json, p);
    if (r->failed.n > 0)
        r->cli->incomplete = true;
    if (rc == 0 && r->damaged.n > 0)
        rc = err_set(E_CORRUPT,
                     "%zu of the entries are damaged in the repository; %s; "
                     "'dedup check' tells more",
                     r->damaged.n,
                     r->safety.dir ? "the others are restored without "
                                     "--safety-copy, or with --exclude for "
                                     "those that are damaged"
                                   : "all others were restored");
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

static int cmd_restore_job(struct cmd_restore *r, struct session *s, size_t at)
{
    struct cmd_restore_part *part = &r->part[at];
    const struct opt_set *o = r->cli->opt;
    struct restore_job_options opt = {
        .start = &part->pick.te,
        .start_path = buf_bytes(&part->pick.path),
        .target = (const char *)part->target.p,
        .include = r->include,
        .exclude = r->exclude,
        .overwrite = cmd_restore_overwrite(o),
        .verify = opt_has(o, OPT_VERIFY),
        .numeric_ids = opt_has(o, OPT_NUMERIC_IDS),
        .choice = cmd_restore_choice(r, o),
        .mirror = restore_mirror_wanted(o) ? &part->mirror.rules : NULL,
        .safety = restore_safety_of(&r->safety, at),
        .keep_whole = opt_has(o, OPT_SAFETY_COPY),
        .dry_run = r->dry_run,
        .cancel = r->cli->cancel,
        .event = cmd_restore_event,
        .ctx = r};
    int rc = restore_job_new(s->repo, &opt, &r->job);

    if (rc < 0)
        return rc;
    rc = cmd_restore_watch(r);
    cmd_restore_add(&r->total, restore_job_progress(r->job));
    restore_job_free(r->job);
    r->job = NULL;
    return rc;
}

static int cmd_restore_run(struct cmd_restore *r, struct session *s)
{
    int rc = 0;

    for (size_t i = 0; i < r->part_n && rc == 0; i++)
        rc = cmd_restore_job(r, s, i);
    if (rc < 0)
        return rc;
    if (r->include && atomic_load(&r->total.entries) == 0)
        return cmd_restore_nothing(r->cli->opt);
    return cmd_restore_tell(r);
}

/* The run, with what it overwrites kept. */
static int cmd_restore_safely(struct cmd_restore *r, struct session *s)
{
    const struct buf **target = mem_alloc(r->part_n * sizeof(*target));
    int rc;

    if (!target)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < r->part_n; i++)
        target[i] = &r->part[i].target;
    rc = restore_safety_open(&r->safety, r->cli->opt, target, r->part_n);
    free(target);
    if (rc == 0)
        rc = restore_safety_end(&r->safety, r->cli, cmd_restore_run(r, s));
    restore_safety_release(&r->safety);
    return rc;
}

/* ---- the arguments ------------------------------------------------------ */

static int cmd_restore_part(struct cmd_restore *r, struct session *s,
                            const char *spec, struct cmd_restore_part *part)
{
    const struct opt_set *o = r->cli->opt;
    int rc = snap_pick_open(s, spec, true, opt_has(o, OPT_ALL), &part->pick);

    if (rc == 0)
        rc = restore_place_find(o, &part->pick, &part->target);
    if (rc == 0 && restore_mirror_wanted(o))
        rc = restore_mirror_init(o, s, &part->pick.snapshot.manifest.m,
                                 &part->mirror);
    if (rc == 0 && !r->include && !r->exclude &&
        part->pick.te.e.type == ENTRY_DIR) {
        r->expected_files += part->pick.te.dir.below;
        r->expected_bytes += part->pick.te.dir.bytes;
    }
    return rc;
}

/* No two parts may write the same path: which one stays would be chance. */
static int cmd_restore_disjoint(const struct cmd_restore *r)
{
    bool in_place = opt_has(r->cli->opt, OPT_IN_PLACE);
    struct restore_claim c;
    int rc = 0;

    restore_claim_init(&c);
    for (size_t i = 0; i < r->part_n && rc == 0; i++) {
        const struct snap_pick *pick = &r->part[i].pick;

        rc = in_place ? restore_claim_path(&c, buf_bytes(&pick->path))
                      : restore_claim_pick(&c, pick);
    }
    if (rc == 0)
        rc = restore_claim_check(&c);
    restore_claim_release(&c);
    return rc;
}

static int cmd_restore_parts(struct cmd_restore *r, struct session *s)
{
    const struct opt_set *o = r->cli->opt;
    int rc = 0;

    r->part = mem_alloc(o->arg_n * sizeof *r->part);
    if (!r->part)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < o->arg_n && rc == 0; i++) {
        buf_init(&r->part[i].target, TREE_ENTRY_BYTES_MAX);
        r->part_n++;
        rc = cmd_restore_part(r, s, o->arg[i], &r->part[i]);
    }
    return rc == 0 && r->part_n > 1 ? cmd_restore_disjoint(r) : rc;
}

static void cmd_restore_release(struct cmd_restore *r)
{
    for (size_t i = 0; i < r->part_n; i++) {
        snap_pick_release(&r->part[i].pick);
        buf_release(&r->part[i].target);
        restore_mirror_release(&r->part[i].mirror);
    }
    free(r->part);
    pattern_set_free(r->include);
    pattern_set_free(r->exclude);
    free(r->xattr);
    buf_release(&r->line);
}

int cmd_restore(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct cmd_restore r = {.cli = cli};
    int rc = cmd_restore_check_options(cli->opt);

    buf_init(&r.line, ENTRY_OUT_LINE_MAX);
    r.dry_run = opt_has(cli->opt, OPT_DRY_RUN);
    r.all = opt_has(cli->opt, OPT_VERBOSE);
    r.list = r.dry_run || r.all;
    if (rc == 0)
        rc = cmd_restore_pattern_set(cli->opt, OPT_INCLUDE, &r.include);
    if (rc == 0)
        rc = cmd_restore_pattern_set(cli->opt, OPT_EXCLUDE, &r.exclude);
    if (rc == 0)
        rc = cmd_restore_xattrs(&r, cli->opt);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_CONTENT);
    if (rc == 0)
        rc = cmd_restore_parts(&r, &s);
    if (rc == 0)
        rc = cmd_restore_safely(&r, &s);
    cmd_restore_release(&r);
    session_close(&s);
    return rc;
}
