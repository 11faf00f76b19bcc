#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/check.h"

enum { CMD_CHECK_ID_CHARS = 8 };

/* What one check carries from finding to finding. */
struct cmd_check {
    struct cli *cli;
    struct session s;
    struct check_options opt;
    struct check_progress progress;
    struct check_summary sum;
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

    cmd_check_say(f);
    return c->cli->json ? cmd_check_json_finding(c->cli->json, f) : 0;
}

/* ---- how far it is, and what it came to --------------------------------- */

/* Called from other threads. */
static void cmd_check_sample(void *arg, struct progress_sample *out)
{
    const struct cmd_check *c = arg;

    out->phase = "check";
    out->files_done = atomic_load(&c->progress.entries);
    out->bytes_done = atomic_load(&c->progress.bytes);
    out->bytes_total = atomic_load(&c->progress.byte_total);
    out->bytes_moved = out->bytes_done;
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
                                 : "no damage");
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
    json_out_u64(j, "paths_hurt", s->paths_hurt);
    json_out_u64(j, "entries", s->entries);
    json_out_u64(j, "chunks", s->chunks);
    json_out_u64(j, "objects", s->objects);
    return json_out_end(j);
}

/* ---- the run ----------------------------------------------------------- */

static int cmd_check_run(struct cmd_check *c)
{
    bool show = terminal_can_redraw(2) && !opt_has(c->cli->opt, OPT_QUIET);
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

/* rc is what the check returned. */
static int cmd_check_tell(struct cmd_check *c, int rc)
{
    int told = 0;

    cmd_check_summary(c);
    if (c->cli->json)
        told = cmd_check_json(c->cli->json, &c->sum);
    if (rc == 0)
        return told;
    if (rc == E_STORE)
        return err_set(rc,
                       "no damage was seen, but %" PRIu64 " thing%s could not "
                       "be read; see to the storage, and check again",
                       c->sum.unread, words_plural(c->sum.unread));
    if (c->sum.snapshots_hurt)
        return err_set(E_CORRUPT,
                       "damage was found; it hurts %" PRIu64 " path%s in "
                       "%" PRIu64 " of %" PRIu64 " snapshots",
                       c->sum.paths_hurt, words_plural(c->sum.paths_hurt),
                       c->sum.snapshots_hurt, c->sum.snapshots);
    return err_set(E_CORRUPT, "damage was found%s",
                   opt_has(c->cli->opt, OPT_KEYLESS)
                       ? "; a check with the key tells which files it hurts"
                       : "; no snapshot is hurt by it");
}

int cmd_check(struct cli *cli)
{
    struct cmd_check c = {.cli = cli};
    int rc;

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
    if (rc == 0) {
        rc = cmd_check_run(&c);
        if (rc == 0 || rc == E_CORRUPT || (rc == E_STORE && c.sum.unread > 0))
            rc = cmd_check_tell(&c, rc);
    }
    session_close(&c.s);
    return rc;
}
