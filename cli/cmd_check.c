#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/when.h"
#include "cli/words.h"
#include "cli/wrote_out.h"
#include "repo/check.h"
#include "repo/repo_role.h"

enum {
    CMD_CHECK_ID_CHARS = 8,
    CMD_CHECK_SHOWN = 100, /* findings of one kind; of paths, of one snapshot */
    CMD_CHECK_TEXT = 512
};

/* What one check carries from finding to finding. */
struct cmd_check {
    struct cli *cli;
    struct session s;
    struct check_options opt;
    struct check_progress progress;
    struct check_summary sum;
    uint64_t found[CHECK_NAME + 1];   /* by kind: damage or unread */
    uint64_t damaged[CHECK_NAME + 1]; /* ... damage */
};

/* ---- findings ---------------------------------------------------------- */

/* "snapshot 3fa0c1d2 (web1@srv-www, 2026-11-20 18:30:05)" */
static void cmd_check_snapshot(const struct check_finding *f, char *out,
                               size_t n)
{
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];

    (void)id_hex(f->snapshot.b, sizeof f->snapshot.b, hex);
    if (f->series.n)
        (void)snprintf(out, n, "snapshot %.*s (%.*s, %s)", CMD_CHECK_ID_CHARS,
                       hex, (int)f->series.n, (const char *)f->series.p,
                       when_local(f->begin, when));
    else
        (void)snprintf(out, n, "snapshot %.*s", CMD_CHECK_ID_CHARS, hex);
}

static void cmd_check_say(const struct check_finding *f)
{
    void (*say)(const char *, ...) __attribute__((format(printf, 1, 2))) =
        f->damage   ? message_damage
        : f->unread ? message_warn
                    : message_note;
    char snapshot[256] = "";

    if (f->has_snapshot)
        cmd_check_snapshot(f, snapshot, sizeof snapshot);
    if (f->kind == CHECK_PATH && f->more)
        say("%s: %" PRIu64 " more paths", snapshot, f->more);
    else if (f->kind == CHECK_PATH)
        say("%s: /%.*s: %s", snapshot, (int)f->path.n, (const char *)f->path.p,
            f->text);
    else if (f->has_snapshot)
        say("%s: %s", snapshot, f->text);
    else if (*f->object)
        say("%s: %s", f->object, f->text);
    else
        say("%s: %s", check_kind_name(f->kind), f->text);
}

static int cmd_check_json_finding(struct json_out *j,
                                  const struct check_finding *f)
{
    json_out_begin(j, "finding");
    json_out_text(j, "kind", check_kind_name(f->kind));
    json_out_bool(j, "damage", f->damage);
    json_out_bool(j, "unread", f->unread);
    if (*f->object)
        json_out_text(j, "object", f->object);
    json_out_bytes(j, "message", bytes_of_str(f->text));
    if (f->has_snapshot) {
        json_out_hex(j, "snapshot",
                     bytes_of(f->snapshot.b, sizeof f->snapshot.b));
        json_out_bytes(j, "series", f->series);
        json_out_time(j, "begin", f->begin);
    }
    if (f->kind == CHECK_PATH && f->more) {
        json_out_u64(j, "more_paths", f->more);
    } else if (f->kind == CHECK_PATH) {
        json_out_bytes(j, "path", f->path);
        json_out_bool(j, "is_dir", f->is_dir);
    }
    return json_out_end(j);
}

/* Called for one finding at a time, from any of the check's threads. */
static int cmd_check_finding(void *ctx, const struct check_finding *f)
{
    struct cmd_check *c = ctx;
    bool note = !f->damage && !f->unread;

    c->found[f->kind] += !note;
    c->damaged[f->kind] += f->damage;
    if (note || f->kind == CHECK_PATH || c->found[f->kind] <= CMD_CHECK_SHOWN)
        cmd_check_say(f);
    return c->cli->json ? cmd_check_json_finding(c->cli->json, f) : 0;
}

/* What was not said, one by one. */
static void cmd_check_more(const struct cmd_check *c)
{
    char n[WORDS_MAX];

    for (unsigned kind = 0; kind <= CHECK_NAME; kind++) {
        if (kind != CHECK_PATH && c->found[kind] > CMD_CHECK_SHOWN)
            message_warn("and %s more of kind '%s'; --json names each",
                         words_count(c->found[kind] - CMD_CHECK_SHOWN, n),
                         check_kind_name((enum check_kind)kind));
    }
}

/* ---- how far it is, and what it came to --------------------------------- */

/* Called from other threads. */
static void cmd_check_sample(void *arg, struct progress_sample *out)
{
    const struct cmd_check *c = arg;

    out->phase = "check";
    out->n.files_done = atomic_load(&c->progress.entries);
    out->n.bytes_done = atomic_load(&c->progress.bytes);
    out->n.bytes_total = atomic_load(&c->progress.byte_total);
    out->n.bytes_moved = out->n.bytes_done;
}

static void cmd_check_summary(const struct cmd_check *c)
{
    const struct check_summary *s = &c->sum;
    char a[WORDS_MAX], b[WORDS_MAX], d[WORDS_MAX];

    if (opt_has(c->cli->opt, OPT_KEYLESS))
        message_note("%s objects, %s: %s", words_count(s->objects, a),
                     words_size(s->read_bytes, b),
                     s->damages  ? "damaged"
                     : s->unread ? "not all of it could be read"
                                 : "each is what its name says");
    else
        message_note("%s snapshots, %s packs (%s read): %s",
                     words_count(s->snapshots, a), words_count(s->packs, b),
                     words_size(s->read_bytes, d),
                     s->damages  ? "damaged"
                     : s->unread ? "not all of it could be read"
                     : s->snapshots_sealed
                         ? "no damage in what this key may read"
                         : "no damage");
    if (s->vouched)
        message_note("vouched for %s pack%s that others wrote",
                     words_count(s->vouched, a), words_plural(s->vouched));
}

static int cmd_check_json(struct json_out *j, const struct check_summary *s)
{
    json_out_begin(j, "summary");
    json_out_u64(j, "damages", s->damages);
    json_out_u64(j, "unread", s->unread);
    json_out_u64(j, "notes", s->notes);
    json_out_u64(j, "log_records", s->log_records);
    json_out_u64(j, "journals", s->journals);
    json_out_u64(j, "segments", s->segments);
    json_out_u64(j, "packs", s->packs);
    json_out_u64(j, "pack_bytes", s->pack_bytes);
    json_out_u64(j, "read_bytes", s->read_bytes);
    json_out_u64(j, "snapshots", s->snapshots);
    json_out_u64(j, "snapshots_hurt", s->snapshots_hurt);
    json_out_u64(j, "snapshots_unreadable", s->snapshots_unreadable);
    json_out_u64(j, "snapshots_unlisted", s->snapshots_unlisted);
    json_out_u64(j, "paths_hurt", s->paths_hurt);
    json_out_u64(j, "entries", s->entries);
    json_out_u64(j, "chunks", s->chunks);
    json_out_u64(j, "objects", s->objects);
    json_out_u64(j, "snapshots_sealed", s->snapshots_sealed);
    json_out_u64(j, "vouched", s->vouched);
    return json_out_end(j);
}

/* ---- the run ----------------------------------------------------------- */

static int cmd_check_run(struct cmd_check *c)
{
    enum progress_show show = progress_wanted(c->cli->opt);
    struct progress *p;
    int rc = progress_start(&p, cmd_check_sample, c, show, c->cli->signals);

    if (rc < 0)
        return rc;
    if (opt_has(c->cli->opt, OPT_KEYLESS))
        rc = check_keyless(c->s.store, &c->opt, cmd_check_finding, c, &c->sum);
    else
        rc = check_run(c->s.repo, &c->opt, cmd_check_finding, c, &c->sum);
    progress_stop(p);
    return rc;
}

/* Puts a clause behind what text says already. */
static void cmd_check_clause(char text[CMD_CHECK_TEXT], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void cmd_check_clause(char text[CMD_CHECK_TEXT], const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text + n, CMD_CHECK_TEXT - n, fmt, ap);
    va_end(ap);
}

/* What the damage means for the snapshots. */
static int cmd_check_damage(const struct cmd_check *c)
{
    const struct check_summary *s = &c->sum;
    uint64_t unreadable = s->snapshots_unreadable;
    char text[CMD_CHECK_TEXT] = "";

    if (c->damaged[CHECK_LOG])
        cmd_check_clause(text, "; the log is damaged: %s",
                         c->s.trouble.code
                             ? "nothing can be opened until what is named "
                               "above is copied back from a mirror"
                             : "copy what is named above back from a mirror");
    if (s->snapshots_unlisted)
        cmd_check_clause(text, "; %" PRIu64 " snapshot%s missing from the list",
                         s->snapshots_unlisted,
                         s->snapshots_unlisted == 1 ? " is" : "s are");
    if (unreadable)
        cmd_check_clause(text, "; %" PRIu64 " snapshot%s cannot be read at all",
                         unreadable, words_plural(unreadable));
    if (s->paths_hurt)
        cmd_check_clause(text,
                         "; it hurts %" PRIu64 " path%s in %" PRIu64
                         " of %" PRIu64 " snapshots",
                         s->paths_hurt, words_plural(s->paths_hurt),
                         s->snapshots_hurt - unreadable, s->snapshots);
    if (!*text && s->unread)
        cmd_check_clause(text,
                         "; %" PRIu64 " thing%s could not be read: nothing is "
                         "known of what that hurts",
                         s->unread, words_plural(s->unread));
    return err_set(E_CORRUPT, "damage was found%s",
                   *text ? text : "; no snapshot is hurt by it");
}

static int cmd_check_damage_keyless(const struct cmd_check *c)
{
    const char *next = "a check with the key tells which files it hurts";

    if (c->damaged[CHECK_CONFIG])
        next = "without its config the repository cannot be opened: copy that "
               "back from a mirror first";
    else if (c->damaged[CHECK_KEY])
        next = "with a damaged key slot it cannot be opened: copy that back "
               "from a mirror first";
    return err_set(E_CORRUPT, "damage was found; %s", next);
}

/* rc is what the check returned. */
static int cmd_check_tell(struct cmd_check *c, int rc)
{
    int told = 0;

    cmd_check_more(c);
    if (c->s.trouble.code && !c->sum.damages)
        message_warn("%s", c->s.trouble.text);
    cmd_check_summary(c);
    if (c->cli->json)
        told = cmd_check_json(c->cli->json, &c->sum);
    c->cli->incomplete |= c->sum.snapshots_sealed > 0;
    if (rc == 0)
        return told;
    if (rc == E_STORE)
        return err_set(rc,
                       "no damage was seen, but %" PRIu64 " thing%s could not "
                       "be read; see to the storage, and check again",
                       c->sum.unread, words_plural(c->sum.unread));
    return opt_has(c->cli->opt, OPT_KEYLESS) ? cmd_check_damage_keyless(c)
                                             : cmd_check_damage(c);
}

/* What one key wrote, instead of a check. */
static int cmd_check_writer(struct cli *cli, const char *name)
{
    struct session s = {.store = NULL};
    int rc;

    if (opt_has(cli->opt, OPT_KEYLESS) || opt_has(cli->opt, OPT_READ_DATA))
        return err_set(E_USAGE, "--writer lists what a key wrote, and checks "
                                "nothing: give neither --read-data nor "
                                "--keyless with it");
    rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = wrote_out_show(cli, s.repo, name);
    session_close(&s);
    return rc;
}

int cmd_check(struct cli *cli)
{
    struct cmd_check c = {.cli = cli};
    int rc;

    if (opt_has(cli->opt, OPT_WRITER))
        return cmd_check_writer(cli, opt_text(cli->opt, OPT_WRITER));

    if (opt_has(cli->opt, OPT_KEYLESS) && opt_has(cli->opt, OPT_READ_DATA))
        return err_set(E_USAGE, "--read-data needs the key: give it or "
                                "--keyless, not both");
    c.opt.read_data = opt_has(cli->opt, OPT_READ_DATA);
    c.opt.cancel = cli->cancel;
    c.opt.progress = &c.progress;
    if (opt_has(cli->opt, OPT_KEYLESS))
        rc = session_open_store(cli, &c.s);
    else
        rc = session_open(cli, SESSION_CHECK, &c.s);
    if (rc == 0 && c.s.repo)
        rc = repo_role_allows(c.s.repo, c.opt.read_data ? REPO_ACT_CHECK_DATA
                                                        : REPO_ACT_CHECK);
    if (rc == 0) {
        rc = cmd_check_run(&c);
        if (rc == 0 || rc == E_CORRUPT || (rc == E_STORE && c.sum.unread > 0))
            rc = cmd_check_tell(&c, rc);
    }
    session_close(&c.s);
    return rc;
}
