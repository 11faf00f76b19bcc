#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/own_size.h"
#include "cli/problems_out.h"
#include "cli/session.h"
#include "cli/snapshot_filter.h"
#include "cli/snapshot_ids.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "repo/repo_role.h"
#include "repo/snapshot_own.h"

enum { CMD_SNAPSHOTS_REMARK_MAX = 1 << 20 };

/* What one looks for is the id; a narrow terminal has room for little else. */
static const struct table_column cmd_snapshots_columns[] = {
    {"id", false, false, 0},     {"time", false, false, 0},
    {"series", false, true, 40}, {"files", true, false, 80},
    {"size", true, false, 60},   {"added", true, false, 100},
    {"own", true, false, 0},     {"tags", false, true, 50},
};

enum {
    CMD_SNAPSHOTS_COLUMNS =
        sizeof cmd_snapshots_columns / sizeof cmd_snapshots_columns[0],
    CMD_SNAPSHOTS_OWN = 6 /* column that is there when asked for */
};

/* ---- remarks ----------------------------------------------------------- */

static void cmd_snapshots_add_tag(void *ctx, struct bytes tag)
{
    struct buf *out = ctx;

    if (out->n)
        buf_add(out, ",", 1);
    buf_add_bytes(out, tag);
}

static void cmd_snapshots_add_remark(struct buf *out, const char *text)
{
    if (out->n)
        buf_add(out, " ", 1);
    buf_add_bytes(out, bytes_of_str(text));
}

/* Tags, and what else one should know of a snapshot, in one cell. */
static void cmd_snapshots_remarks(const struct state *s,
                                  const struct snapshot_item *it,
                                  struct buf *out)
{
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;

    snapshot_list_tags(s, it, cmd_snapshots_add_tag, out);
    if (state_label_protects(&s->labels, &it->id, now))
        cmd_snapshots_add_remark(out, "(protected)");
    if (!it->manifest.m.complete)
        cmd_snapshots_add_remark(out, it->superseded ? "(superseded checkpoint)"
                                                     : "(checkpoint)");
}

static void cmd_snapshots_own_cell(struct table *t, const uint64_t *own)
{
    if (own && *own == UINT64_MAX)
        table_text(t, "-");
    else if (own)
        table_size(t, *own);
}

/* own: what it alone takes; NULL: not asked for. */
static int cmd_snapshots_row(struct table *t, const struct state *s,
                             const struct snapshot_item *it, size_t id_chars,
                             const uint64_t *own)
{
    const struct manifest *m = &it->manifest.m;
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];
    struct buf remarks;
    int rc;

    (void)id_hex(it->id.b, sizeof it->id.b, hex);
    table_cell(t, bytes_of(hex, id_chars));
    if (it->damaged) {
        for (int i = 0; i < 5; i++)
            table_text(t, "-");
        cmd_snapshots_own_cell(t, own);
        table_text(t, "(damaged)");
        return 0;
    }
    table_text(t, when_local(m->begin, when));
    table_cell(t, m->series);
    if (it->sealed) {
        table_text(t, "-");
        table_text(t, "-");
        table_text(t, "-");
        cmd_snapshots_own_cell(t, own);
        table_text(t, m->complete ? "(sealed)" : "(sealed checkpoint)");
        return 0;
    }
    table_u64(t, m->stats.files);
    table_size(t, m->stats.bytes);
    table_size(t, m->stats.stored_bytes);
    cmd_snapshots_own_cell(t, own);
    buf_init(&remarks, CMD_SNAPSHOTS_REMARK_MAX);
    cmd_snapshots_remarks(s, it, &remarks);
    rc = buf_status(&remarks);
    table_cell(t, buf_bytes(&remarks));
    buf_release(&remarks);
    return rc;
}

static int cmd_snapshots_table(struct cli *cli, const struct state *s,
                               const struct snapshot_list *l,
                               const uint64_t *own)
{
    size_t id_chars = snapshot_ids_chars(l);
    struct table_column column[CMD_SNAPSHOTS_COLUMNS];
    struct table t;
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < CMD_SNAPSHOTS_COLUMNS; i++) {
        if (own || i != CMD_SNAPSHOTS_OWN)
            column[n++] = cmd_snapshots_columns[i];
    }
    table_init(&t, column, n);
    for (size_t i = 0; i < l->n && rc == 0; i++)
        rc = cmd_snapshots_row(&t, s, &l->item[i], id_chars,
                               own ? &own[i] : NULL);
    if (rc == 0 && l->n > 0)
        rc =
            table_print(&t, cli->out, terminal_is(1) ? terminal_columns(1) : 0);
    table_release(&t);
    return rc;
}

/* ---- JSON -------------------------------------------------------------- */

static void cmd_snapshots_json_names(struct json_out *j, const char *key,
                                     const char *member, const struct bytes *x,
                                     size_t n)
{
    json_out_list(j, key);
    for (size_t i = 0; i < n; i++) {
        json_out_object(j, NULL);
        json_out_bytes(j, member, x[i]);
        json_out_close(j);
    }
    json_out_close(j);
}

static void cmd_snapshots_json_tag(void *ctx, struct bytes tag)
{
    struct json_out *j = ctx;

    json_out_object(j, NULL);
    json_out_bytes(j, "tag", tag);
    json_out_close(j);
}

/* What the log says of it. */
static void cmd_snapshots_json_labels(struct json_out *j, const struct state *s,
                                      const struct snapshot_item *it)
{
    struct state_protection p;
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;

    json_out_list(j, "tags");
    snapshot_list_tags(s, it, cmd_snapshots_json_tag, j);
    json_out_close(j);
    json_out_bool(j, "protected",
                  state_label_protects(&s->labels, &it->id, now));
    if (!state_label_protects(&s->labels, &it->id, now) ||
        !state_label_protection(&s->labels, &it->id, &p))
        return;
    if (p.until)
        json_out_time(j, "protected_until", (struct entry_time){.s = p.until});
    if (p.reason.n)
        json_out_bytes(j, "protect_reason", p.reason);
}

static void cmd_snapshots_json_stats(struct json_out *j,
                                     const struct manifest *m)
{
    json_out_u64(j, "files", m->stats.files);
    json_out_u64(j, "directories", m->stats.directories);
    json_out_u64(j, "others", m->stats.others);
    json_out_u64(j, "bytes", m->stats.bytes);
    json_out_u64(j, "new_chunks", m->stats.new_chunks);
    json_out_u64(j, "new_bytes", m->stats.new_bytes);
    json_out_u64(j, "stored_bytes", m->stats.stored_bytes);
    json_out_u64(j, "problems", m->problem_total);
}

static int cmd_snapshots_json_item(struct json_out *j, const struct state *s,
                                   const struct snapshot_item *it,
                                   const uint64_t *own)
{
    const struct manifest *m = &it->manifest.m;

    json_out_begin(j, "snapshot");
    json_out_hex(j, "id", bytes_of(it->id.b, sizeof it->id.b));
    json_out_bool(j, "damaged", it->damaged);
    if (it->damaged)
        return json_out_end(j);
    json_out_bool(j, "sealed", it->sealed);
    json_out_bytes(j, "series", m->series);
    json_out_u64(j, "number", m->number);
    json_out_bool(j, "complete", m->complete);
    json_out_bool(j, "superseded", it->superseded);
    if (it->sealed) {
        json_out_time(j, "committed", m->begin);
        return json_out_end(j);
    }
    json_out_time(j, "begin", m->begin);
    json_out_time(j, "end", m->end);
    json_out_i64(j, "utc_offset", m->utc_offset);
    json_out_bytes(j, "host", m->host);
    json_out_bytes(j, "user", m->user);
    json_out_bytes(j, "program", m->program);
    cmd_snapshots_json_names(j, "paths", "path", m->paths, m->path_n);
    cmd_snapshots_json_labels(j, s, it);
    cmd_snapshots_json_stats(j, m);
    if (own && *own != UINT64_MAX)
        json_out_u64(j, "own_bytes", *own);
    return json_out_end(j);
}

static int cmd_snapshots_json(struct json_out *j, const struct state *s,
                              const struct snapshot_list *l,
                              const uint64_t *own)
{
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++)
        rc = cmd_snapshots_json_item(j, s, &l->item[i], own ? &own[i] : NULL);
    return rc;
}

/* ---- all of it --------------------------------------------------------- */

static int cmd_snapshots_damage(const struct snapshot_list *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->item[i].damaged;
    if (n == 0)
        return 0;
    return err_set(E_CORRUPT,
                   "%zu snapshot%s cannot be read; 'dedup check' tells more", n,
                   n == 1 ? "" : "s");
}

/* own: out: of each in the list; the caller's. */
static int cmd_snapshots_sizes(struct cli *cli, struct session *s,
                               const struct snapshot_list *l, uint64_t **own)
{
    int rc = own_size_ready(cli, s);

    *own = mem_array(l->n, sizeof **own);
    if (rc == 0 && !*own)
        rc = err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        struct usage_own one;

        (*own)[i] = UINT64_MAX;
        if (l->item[i].superseded)
            continue; /* counts for nothing */
        rc = usage_own(s->repo, &l->item[i].id, cli->cancel, &one);
        (*own)[i] = one.bytes;
    }
    return rc;
}

static int cmd_snapshots_show(struct cli *cli, struct session *s,
                              const struct snapshot_filter *f,
                              struct snapshot_list *l)
{
    const struct state *state = &s->repo->state;
    size_t all = l->n;
    size_t left = snapshot_filter_apply(f, state, l);
    uint64_t *own = NULL;
    int rc = 0;

    if (opt_has(cli->opt, OPT_SIZES))
        rc = cmd_snapshots_sizes(cli, s, l, &own);
    if (rc == 0)
        rc = cli->json ? cmd_snapshots_json(cli->json, state, l, own)
                       : cmd_snapshots_table(cli, state, l, own);
    free(own);
    if (rc == 0 && l->n == 0)
        snapshot_filter_none(f, left);
    if (rc == 0)
        rc = cmd_snapshots_damage(l);
    l->n = all;
    return rc;
}

int cmd_snapshots(struct cli *cli)
{
    const char *problems = opt_text(cli->opt, OPT_PROBLEMS);
    bool reads = problems || opt_has(cli->opt, OPT_SIZES);
    struct session s = {.store = NULL};
    struct snapshot_list l = {.n = 0};
    struct snapshot_filter f;
    int rc = snapshot_filter_make(cli->opt, &f);

    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo,
                              reads ? REPO_ACT_LIST : REPO_ACT_SNAPSHOTS);
    if (rc == 0)
        rc = snapshot_list_load(s.repo->index, &s.repo->state, &l);
    if (rc == 0)
        rc = snapshot_list_recall_all(s.repo->store, s.repo->keys, &l);
    if (rc == 0)
        rc = snapshot_own_fill(s.repo, &l);
    if (rc == 0 && problems)
        rc = problems_out(cli, &s, &l, problems);
    else if (rc == 0)
        rc = cmd_snapshots_show(cli, &s, &f, &l);
    snapshot_list_release(&l);
    session_close(&s);
    return rc;
}
