#include "base/cancel.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "repo/repo_role.h"
#include "repo/tree_walk.h"

/* What one listing carries from entry to entry. */
struct cmd_ls {
    struct cli *cli;
    struct snap_pick *pick;
    struct tree_walk *walk;
    struct buf path; /* of the entry at hand, in the snapshot */
    struct buf line;
    struct message_problems damage;
};

static int cmd_ls_path(struct cmd_ls *l, struct bytes below)
{
    buf_reset(&l->path);
    buf_add_bytes(&l->path, buf_bytes(&l->pick->path));
    buf_add_path(&l->path, below);
    return buf_status(&l->path);
}

static void cmd_ls_damaged(struct cmd_ls *l)
{
    message_problem(&l->damage, "/%.*s: %s", (int)l->path.n,
                    (const char *)l->path.p, err_text());
}

static int cmd_ls_show(struct cmd_ls *l, const struct tree_entry *te)
{
    int rc;

    if (l->cli->json) {
        rc = entry_out_json(l->cli->json, l->pick->lane, buf_bytes(&l->path),
                            te);
        if (rc == E_CORRUPT) {
            cmd_ls_damaged(l);
            return 0;
        }
        return rc;
    }
    buf_reset(&l->line);
    entry_out_line(&l->line, buf_bytes(&l->path), te,
                   opt_has(l->cli->opt, OPT_LONG));
    rc = buf_status(&l->line);
    if (rc == 0)
        out_add(l->cli->out, buf_bytes(&l->line));
    return rc;
}

/* A directory that was asked for is not listed itself, but what is in it. */
static int cmd_ls_item(struct cmd_ls *l, const struct tree_walk_item *item)
{
    bool is_start = item->path.n == 0;
    int rc;

    if (item->kind == TREE_WALK_LEAVE)
        return 0;
    rc = cmd_ls_path(l, item->path);
    if (rc < 0)
        return rc;
    if (item->kind == TREE_WALK_DAMAGED) {
        cmd_ls_damaged(l);
        return 0;
    }
    if (item->kind == TREE_WALK_ENTER && !is_start &&
        !opt_has(l->cli->opt, OPT_RECURSIVE))
        tree_walk_skip(l->walk);
    if (item->kind == TREE_WALK_ENTER && is_start)
        return 0;
    return cmd_ls_show(l, item->te);
}

static int cmd_ls_walk(struct cmd_ls *l)
{
    struct tree_walk_item item = {.kind = TREE_WALK_LEAVE};
    int rc = tree_walk_start(l->walk, &l->pick->te);

    while (rc == 0 && !out_failed(l->cli->out)) {
        rc = cancel_check(l->cli->cancel);
        if (rc == 0)
            rc = tree_walk_next(l->walk, &item);
        if (rc == 0 && item.kind == TREE_WALK_END)
            break;
        if (rc == 0)
            rc = cmd_ls_item(l, &item);
    }
    message_problems_end(&l->damage, "damaged places");
    if (rc == 0 && l->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the list is not complete",
                       l->damage.n);
    return rc;
}

static int cmd_ls_list(struct cli *cli, struct snap_pick *pick)
{
    struct node_source source = fetch_node_source(pick->lane);
    struct cmd_ls l = {.cli = cli, .pick = pick};
    int rc;

    buf_init(&l.path, TREE_WALK_PATH_MAX);
    buf_init(&l.line, ENTRY_OUT_LINE_MAX);
    l.walk = tree_walk_new(&source);
    rc = l.walk ? cmd_ls_walk(&l) : err_set(E_NOMEM, "out of memory");
    tree_walk_free(l.walk);
    buf_release(&l.path);
    buf_release(&l.line);
    return rc;
}

int cmd_ls(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct snap_pick pick = {.fetch = NULL};
    int rc = session_open(cli, SESSION_WORK, &s);

    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = snap_pick_open(&s, cli->opt->arg[0], false,
                            opt_has(cli->opt, OPT_ALL), &pick);
    if (rc == 0)
        rc = cmd_ls_list(cli, &pick);
    snap_pick_release(&pick);
    session_close(&s);
    return rc;
}
