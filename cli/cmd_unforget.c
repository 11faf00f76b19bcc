#include <stdlib.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/session.h"
#include "cli/snap_pick.h"
#include "cli/snapshot_ids.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/repo_role.h"
#include "repo/unforget.h"

static const struct table_column cmd_unforget_columns[] = {
    {"id", false, false, 0},
    {"time", false, false, 0},
    {"series", false, true, 40},
    {"size", true, false, 60},
};

static void cmd_unforget_row(struct table *t, const struct snapshot_item *it,
                             size_t id_chars)
{
    const struct manifest *m = &it->manifest.m;
    bool known = !it->damaged && !it->sealed;
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];

    table_cell(t, bytes_of(id_hex(it->id.b, sizeof it->id.b, hex), id_chars));
    table_text(t, known ? when_local(m->begin, when) : "-");
    table_cell(t, m->series);
    if (known)
        table_size(t, m->stats.bytes);
    else
        table_text(t, "-");
}

static int cmd_unforget_json(struct json_out *j, const struct snapshot_list *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        const struct snapshot_item *it = &l->item[i];

        if (!it->manifest.m.complete)
            continue;
        json_out_begin(j, "forgotten");
        json_out_hex(j, "id", bytes_of(it->id.b, sizeof it->id.b));
        json_out_bytes(j, "series", it->manifest.m.series);
        json_out_time(j, "begin", it->manifest.m.begin);
        rc = json_out_end(j);
    }
    return rc;
}

/* What there is to bring back: complete ones. Whether each is whole still is
 * not asked: that costs a walk. */
static int cmd_unforget_list(struct cli *cli, const struct snapshot_list *l)
{
    size_t id_chars = snapshot_ids_chars(l);
    struct table t;
    size_t n = 0;
    int rc = 0;

    if (cli->json)
        return cmd_unforget_json(cli->json, l);
    table_init(&t, cmd_unforget_columns,
               sizeof cmd_unforget_columns / sizeof cmd_unforget_columns[0]);
    for (size_t i = 0; i < l->n; i++) {
        if (!l->item[i].manifest.m.complete)
            continue;
        cmd_unforget_row(&t, &l->item[i], id_chars);
        n++;
    }
    if (n > 0)
        rc =
            table_print(&t, cli->out, terminal_is(1) ? terminal_columns(1) : 0);
    else
        message_note("no snapshot is forgotten");
    table_release(&t);
    return rc;
}

static int cmd_unforget_tell(struct cli *cli, const struct object_id *id,
                             size_t n, bool changed)
{
    int rc = 0;

    if (changed)
        message_note("%zu snapshot%s brought back", n, words_plural(n));
    else
        message_note("not forgotten: nothing to do");
    for (size_t i = 0; i < n && rc == 0 && cli->json; i++) {
        json_out_begin(cli->json, "unforgotten");
        json_out_hex(cli->json, "id", bytes_of(id[i].b, sizeof id[i].b));
        json_out_bool(cli->json, "changed", changed);
        rc = json_out_end(cli->json);
    }
    return rc;
}

/* One that is named twice comes back once. */
static void cmd_unforget_add(struct object_id *id, size_t *n,
                             const struct object_id *one)
{
    for (size_t i = 0; i < *n; i++) {
        if (object_id_equal(&id[i], one))
            return;
    }
    id[(*n)++] = *one;
}

static int cmd_unforget_do(struct cli *cli, struct session *s,
                           const struct snapshot_list *l)
{
    const struct opt_set *o = cli->opt;
    struct object_id *id = mem_array(o->arg_n, sizeof *id);
    size_t n = 0;
    bool changed = false;
    int rc = id ? 0 : err_set(E_NOMEM, "out of memory");

    for (size_t i = 0; i < o->arg_n && rc == 0; i++) {
        const struct snapshot_item *it;

        rc = snap_pick_item(l, o->arg[i], false, &it);
        if (rc == 0)
            cmd_unforget_add(id, &n, &it->id);
        else if (rc == E_NOTFOUND)
            rc = err_set(E_NOTFOUND,
                         "'%s': no forgotten snapshot; 'dedup unforget' lists "
                         "them",
                         o->arg[i]);
    }
    if (rc == 0)
        rc = unforget(s->repo, id, n, cli->cancel, &changed);
    if (rc == 0)
        rc = cmd_unforget_tell(cli, id, n, changed);
    free(id);
    return rc;
}

int cmd_unforget(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct snapshot_list l = {.n = 0};
    int rc = session_open(cli, SESSION_WORK, &s);

    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_FORGET);
    if (rc == 0)
        rc = snapshot_list_load_forgotten(s.repo->index, &s.repo->state, &l);
    if (rc == 0)
        rc = cli->opt->arg_n > 0 ? cmd_unforget_do(cli, &s, &l)
                                 : cmd_unforget_list(cli, &l);
    snapshot_list_release(&l);
    session_close(&s);
    return rc;
}
