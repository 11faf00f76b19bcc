#include <string.h>

#include "base/cancel.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/session.h"
#include "cli/snapshot_filter.h"
#include "cli/snapshot_gaps.h"
#include "cli/snapshot_ids.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "repo/repo_role.h"
#include "repo/tree_history.h"

enum { CMD_HISTORY_CACHE = 64 << 20 };

static const struct table_column cmd_history_columns[] = {
    {"time", false, false, 0},   {"id", false, false, 60},
    {"series", false, true, 40}, {"event", false, false, 0},
    {"size", true, false, 50},   {"modified", false, false, 80},
};

static const char *const cmd_history_event[] = {
    [TREE_HISTORY_NOTHING] = "nothing",
    [TREE_HISTORY_CAME] = "came",
    [TREE_HISTORY_CHANGED] = "changed",
    [TREE_HISTORY_META] = "metadata",
    [TREE_HISTORY_WENT] = "went"};

struct cmd_history {
    struct cli *cli;
    struct bytes path;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct tree_history *history;
    struct table table;
    size_t id_chars;
    size_t events;
    struct message_problems damage;
};

static int cmd_history_json(struct cmd_history *x,
                            const struct snapshot_item *it,
                            enum tree_history_event event,
                            const struct tree_entry *te)
{
    struct json_out *j = x->cli->json;

    json_out_begin(j, "version");
    json_out_text(j, "event", cmd_history_event[event]);
    json_out_hex(j, "snapshot", bytes_of(it->id.b, sizeof it->id.b));
    json_out_time(j, "time", it->manifest.m.begin);
    json_out_bytes(j, "series", it->manifest.m.series);
    json_out_bytes(j, "path", x->path);
    entry_out_json_brief(j, te);
    return json_out_end(j);
}

static void cmd_history_row(struct cmd_history *x,
                            const struct snapshot_item *it,
                            enum tree_history_event event,
                            const struct tree_entry *te)
{
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];
    struct table *t = &x->table;

    table_text(t, when_local(it->manifest.m.begin, when));
    (void)id_hex(it->id.b, sizeof it->id.b, hex);
    table_cell(t, bytes_of(hex, x->id_chars));
    table_cell(t, it->manifest.m.series);
    table_text(t, cmd_history_event[event]);
    if (event == TREE_HISTORY_WENT) {
        table_text(t, "");
        table_text(t, "");
        return;
    }
    if (te->e.type == ENTRY_FILE)
        table_size(t, te->e.size);
    else
        table_text(t, entry_out_type(te->e.type));
    table_text(t, when_local(te->e.mtime, when));
}

static int cmd_history_item(struct cmd_history *x,
                            const struct snapshot_item *it)
{
    enum tree_history_event event;
    const struct tree_entry *te;
    char hex[ID_HEX_CHARS + 1];
    int rc = tree_history_next(x->history, it->manifest.m.series,
                               it->manifest.m.root, &event, &te);

    if (rc == E_CORRUPT) {
        message_problem(&x->damage, "snapshot %.8s: %s",
                        id_hex(it->id.b, sizeof it->id.b, hex), err_text());
        return 0;
    }
    if (rc < 0 || event == TREE_HISTORY_NOTHING)
        return rc;
    x->events++;
    if (x->cli->json)
        return cmd_history_json(x, it, event, te);
    cmd_history_row(x, it, event, te);
    return 0;
}

static int cmd_history_walk(struct cmd_history *x,
                            const struct snapshot_list *l)
{
    int rc = 0;

    snapshot_gaps_tell(l, &x->damage);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        rc = cancel_check(x->cli->cancel);
        if (rc == 0 && !snapshot_gaps_has(&l->item[i]))
            rc = cmd_history_item(x, &l->item[i]);
    }
    message_problems_end(&x->damage, "snapshots that cannot be read there");
    if (rc == 0 && x->events == 0 && x->damage.n == 0)
        return err_set(E_NOTFOUND, "%.*s: in none of %zu snapshots",
                       (int)x->path.n, (const char *)x->path.p, l->n);
    if (rc == 0 && !x->cli->json && x->events > 0)
        rc = table_print(&x->table, x->cli->out,
                         terminal_is(1) ? terminal_columns(1) : 0);
    if (rc == 0 && x->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the history is not complete",
                       x->damage.n);
    return rc;
}

static int cmd_history_run(struct cmd_history *x, struct session *s,
                           const struct snapshot_list *l)
{
    struct node_source source;
    int rc = session_fetch(s, CMD_HISTORY_CACHE, &x->fetch, &x->lane);

    if (rc == 0) {
        source = fetch_node_source(x->lane);
        x->history = tree_history_new(&source, x->path);
        if (!x->history)
            rc = err_set(E_NOMEM, "out of memory");
    }
    x->id_chars = snapshot_ids_chars(l);
    table_init(&x->table, cmd_history_columns,
               sizeof cmd_history_columns / sizeof cmd_history_columns[0]);
    if (rc == 0)
        rc = cmd_history_walk(x, l);
    table_release(&x->table);
    tree_history_free(x->history);
    fetch_lane_free(x->lane);
    fetch_free(x->fetch);
    return rc;
}

int cmd_history(struct cli *cli)
{
    struct cmd_history x = {.cli = cli, .path = bytes_of_str(cli->opt->arg[0])};
    struct session s = {.store = NULL};
    struct snapshot_list list = {.n = 0};
    struct snapshot_filter filter;
    int rc = snapshot_filter_make(cli->opt, &filter);
    size_t all = 0;

    if (rc == 0 && *cli->opt->arg[0] != '/')
        rc = err_set(E_USAGE, "%s: a path in a snapshot begins with '/'",
                     cli->opt->arg[0]);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = snapshot_list_load(s.repo->index, &s.repo->state, &list);
    if (rc == 0)
        rc = snapshot_list_recall_all(s.repo->store, s.repo->keys, &list);
    all = list.n;
    if (rc == 0)
        rc = snapshot_filter_series(&filter, &list);
    if (rc == 0) {
        (void)snapshot_filter_apply(&filter, &s.repo->state, &list);
        rc = cmd_history_run(&x, &s, &list);
    }
    list.n = all;
    snapshot_list_release(&list);
    session_close(&s);
    return rc;
}
