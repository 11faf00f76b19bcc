#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/own_size.h"
#include "cli/session.h"
#include "cli/stats.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/repo_role.h"

enum { CMD_STATS_LINE_MAX = 200 };

/* All that is stored. */
static uint64_t cmd_stats_stored(const struct stats *s)
{
    return s->packs.bytes + s->segments.bytes + s->records.bytes +
           s->journal_records.bytes + s->manifests.bytes + s->others.bytes;
}

/* ---- for people -------------------------------------------------------- */

static void cmd_stats_line(struct cli *cli, const char *what, const char *fmt,
                           ...) __attribute__((format(printf, 3, 4)));

static void cmd_stats_line(struct cli *cli, const char *what, const char *fmt,
                           ...)
{
    char text[CMD_STATS_LINE_MAX];
    va_list ap;

    (void)snprintf(text, sizeof text, "%-14s", what);
    out_text(cli->out, text);
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    out_text(cli->out, text);
    out_text(cli->out, "\n");
}

/* "3 packs, 96 MB" */
static void cmd_stats_sum(struct cli *cli, const char *what, const char *thing,
                          const struct stats_sum *s)
{
    char n[WORDS_MAX], size[WORDS_MAX];

    cmd_stats_line(cli, what, "%s %s%s, %s", words_count(s->n, n), thing,
                   words_plural(s->n), words_size(s->bytes, size));
}

static void cmd_stats_chunks(struct cli *cli, const char *what,
                             const struct stats_chunks *c)
{
    char n[WORDS_MAX], size[WORDS_MAX], stored[WORDS_MAX];
    uint64_t percent = stats_ratio_percent(c->plain.bytes, c->stored_bytes);

    cmd_stats_line(
        cli, what,
        "%s chunk%s, %s, compressed %s (1:%" PRIu64 ".%02" PRIu64 ")",
        words_count(c->plain.n, n), words_plural(c->plain.n),
        words_size(c->plain.bytes, size), words_size(c->stored_bytes, stored),
        percent / 100, percent % 100);
}

static void cmd_stats_ratio(struct cli *cli, const char *what, uint64_t whole,
                            uint64_t part)
{
    uint64_t percent = stats_ratio_percent(whole, part);

    if (part)
        cmd_stats_line(cli, what, "1:%" PRIu64 ".%02" PRIu64, percent / 100,
                       percent % 100);
}

static void cmd_stats_weeks(struct cli *cli, const struct stats *s)
{
    for (int i = 0; i < STATS_WEEKS; i++) {
        const struct stats_week *w = &s->week[i];
        char name[WHEN_TEXT_MAX];

        if (w->stored.n || w->stored.bytes)
            cmd_stats_sum(cli, when_week(w->monday, name), "snapshot",
                          &w->stored);
    }
}

static void cmd_stats_latest(struct cli *cli, const struct stats_sum *s)
{
    char n[WORDS_MAX], size[WORDS_MAX];

    cmd_stats_line(cli, "latest", "%s series, %s", words_count(s->n, n),
                   words_size(s->bytes, size));
}

static void cmd_stats_text(struct cli *cli, const struct stats *s)
{
    char size[WORDS_MAX];

    cmd_stats_sum(cli, "snapshots", "snapshot", &s->snapshots);
    if (s->checkpoints)
        cmd_stats_line(cli, "", "and %" PRIu64 " checkpoint%s, not counted",
                       s->checkpoints, words_plural(s->checkpoints));
    if (s->unread)
        cmd_stats_line(cli, "", "and %" PRIu64 " that cannot be read",
                       s->unread);
    cmd_stats_latest(cli, &s->latest);
    cmd_stats_chunks(cli, "data", &s->data);
    cmd_stats_chunks(cli, "metadata", &s->meta);
    cmd_stats_ratio(cli, "deduplication", s->snapshots.bytes,
                    s->data.plain.bytes);
    cmd_stats_ratio(cli, "all in all", s->snapshots.bytes, cmd_stats_stored(s));
    cmd_stats_line(cli, "stored", "%s", words_size(cmd_stats_stored(s), size));
    cmd_stats_sum(cli, "  packs", "pack", &s->packs);
    cmd_stats_sum(cli, "  index", "segment", &s->segments);
    cmd_stats_sum(cli, "  log", "record", &s->records);
    cmd_stats_sum(cli, "  journals", "record", &s->journal_records);
    out_text(cli->out, "dead\n");
    cmd_stats_sum(cli, "  condemned", "pack", &s->condemned);
    cmd_stats_sum(cli, "  doomed", "pack", &s->doomed);
    cmd_stats_sum(cli, "  unlisted", "pack", &s->unlisted);
    cmd_stats_sum(cli, "  twice", "chunk", &s->twice);
    cmd_stats_weeks(cli, s);
}

/* ---- JSON -------------------------------------------------------------- */

static void cmd_stats_json_sum(struct json_out *j, const char *key,
                               const struct stats_sum *s)
{
    json_out_object(j, key);
    json_out_u64(j, "count", s->n);
    json_out_u64(j, "bytes", s->bytes);
    json_out_close(j);
}

static void cmd_stats_json_chunks(struct json_out *j, const char *key,
                                  const struct stats_chunks *c)
{
    json_out_object(j, key);
    json_out_u64(j, "count", c->plain.n);
    json_out_u64(j, "bytes", c->plain.bytes);
    json_out_u64(j, "stored_bytes", c->stored_bytes);
    json_out_close(j);
}

static int cmd_stats_json(struct json_out *j, const struct stats *s)
{
    json_out_begin(j, "stats");
    cmd_stats_json_sum(j, "snapshots", &s->snapshots);
    cmd_stats_json_sum(j, "latest", &s->latest);
    json_out_u64(j, "checkpoints", s->checkpoints);
    json_out_u64(j, "unread", s->unread);
    cmd_stats_json_chunks(j, "data", &s->data);
    cmd_stats_json_chunks(j, "metadata", &s->meta);
    json_out_u64(j, "stored_bytes", cmd_stats_stored(s));
    cmd_stats_json_sum(j, "packs", &s->packs);
    cmd_stats_json_sum(j, "segments", &s->segments);
    cmd_stats_json_sum(j, "log_records", &s->records);
    cmd_stats_json_sum(j, "journal_records", &s->journal_records);
    cmd_stats_json_sum(j, "manifests", &s->manifests);
    json_out_object(j, "dead");
    cmd_stats_json_sum(j, "condemned", &s->condemned);
    cmd_stats_json_sum(j, "doomed", &s->doomed);
    cmd_stats_json_sum(j, "unlisted", &s->unlisted);
    cmd_stats_json_sum(j, "twice", &s->twice);
    json_out_close(j);
    json_out_list(j, "weeks");
    for (int i = 0; i < STATS_WEEKS; i++) {
        char name[WHEN_TEXT_MAX];

        json_out_object(j, NULL);
        json_out_text(j, "week", when_week(s->week[i].monday, name));
        json_out_u64(j, "snapshots", s->week[i].stored.n);
        json_out_u64(j, "stored_bytes", s->week[i].stored.bytes);
        json_out_close(j);
    }
    json_out_close(j);
    return json_out_end(j);
}

static int cmd_stats_all(struct cli *cli, struct session *s)
{
    struct stats stats = {.unread = 0};
    int rc =
        stats_count(s->repo, clock_realtime_ns() / CLOCK_SECOND_NS, &stats);

    if (rc == 0 && cli->json)
        rc = cmd_stats_json(cli->json, &stats);
    else if (rc == 0)
        cmd_stats_text(cli, &stats);
    return rc;
}

int cmd_stats(struct cli *cli)
{
    struct session s = {.store = NULL};
    int rc = session_open(cli, SESSION_WORK, &s);

    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = cli->opt->arg_n > 0 ? own_size_tell(cli, &s, cli->opt->arg[0])
                                 : cmd_stats_all(cli, &s);
    session_close(&s);
    return rc;
}
