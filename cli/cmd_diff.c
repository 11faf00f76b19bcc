#include <string.h>

#include "base/cancel.h"
#include "cli/cli.h"
#include "cli/diff_live.h"
#include "cli/diff_out.h"
#include "cli/snap_pick.h"
#include "repo/repo_role.h"
#include "repo/tree_diff.h"
#include "repo/tree_renames.h"

enum { CMD_DIFF_RENAMES_BYTES = 32 << 20 /* for what went and came */ };

struct cmd_diff {
    struct cli *cli;
    struct snap_pick a;
    struct snap_pick b;
    struct diff_out out;
    struct tree_renames *renames; /* NULL: not wanted */
};

/* A thing that came, and stood at another path before: JSON tells, as what. */
static int cmd_diff_renamed(struct cmd_diff *d, struct tree_diff_item *item,
                            const struct tree_renames_mate *mate)
{
    struct node_source source = fetch_node_source(d->a.lane);
    struct tree_entry was = {.attr = NULL};
    struct buf raw;
    bool found = false;
    int rc;

    if (!d->cli->json)
        return diff_out_renamed(&d->out, item, mate);
    buf_init(&raw, (size_t)TREE_ENTRY_BYTES_MAX * 2);
    rc = tree_walk_find(&source, &d->a.te, mate->path, &raw, &was, &found);
    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "is not there any more");
    if (rc == E_CORRUPT) {
        rc = diff_out_lost(&d->out, mate->path);
    } else if (rc == 0) {
        item->a = &was;
        rc = diff_out_renamed(&d->out, item, mate);
    }
    tree_entry_release(&was);
    buf_release(&raw);
    return rc;
}

static int cmd_diff_item(struct cmd_diff *d, struct tree_diff *t,
                         struct tree_diff_item *item)
{
    struct tree_renames_mate mate;

    if (!d->renames || !tree_renames_other(d->renames, item, &mate))
        return diff_out_item(&d->out, item);
    if ((item->a ? item->a : item->b)->e.type == ENTRY_DIR)
        tree_diff_skip(t);
    /* what went is told of where it came */
    return item->a ? 0 : cmd_diff_renamed(d, item, &mate);
}

static int cmd_diff_walk(struct cmd_diff *d, struct tree_diff *t)
{
    struct tree_diff_item item = {.kind = TREE_DIFF_ADDED};
    int rc = 0;

    tree_diff_start(t, &d->a.te, &d->b.te);
    while (rc == 0 && !out_failed(d->cli->out)) {
        rc = cancel_check(d->cli->cancel);
        if (rc == 0)
            rc = tree_diff_next(t, &item);
        if (rc < 0 || item.kind == TREE_DIFF_END)
            break;
        rc = cmd_diff_item(d, t, &item);
    }
    return rc;
}

static int cmd_diff_find_renames(struct cmd_diff *d,
                                 const struct node_source *source)
{
    if (opt_has(d->cli->opt, OPT_NO_RENAMES))
        return 0;
    d->renames = tree_renames_new(source, CMD_DIFF_RENAMES_BYTES);
    if (!d->renames)
        return err_set(E_NOMEM, "out of memory");
    return tree_renames_find(d->renames, &d->a.te, &d->b.te, d->cli->cancel);
}

static int cmd_diff_run(struct cmd_diff *d)
{
    struct node_source source = fetch_node_source(d->b.lane);
    struct tree_diff *t = tree_diff_new(&source);
    enum tree_renames_scope reach = TREE_RENAMES_NONE;
    int rc = t ? cmd_diff_find_renames(d, &source)
               : err_set(E_NOMEM, "out of memory");

    diff_out_init(&d->out, d->cli, buf_bytes(&d->a.path),
                  buf_bytes(&d->b.path));
    if (rc == 0)
        rc = cmd_diff_walk(d, t);
    if (d->renames)
        reach = tree_renames_reach(d->renames);
    if (rc == 0)
        rc = diff_out_end(&d->out, d->renames ? &reach : NULL);
    tree_renames_free(d->renames);
    tree_diff_free(t);
    diff_out_release(&d->out);
    return rc;
}

/* A snapshot, with the path that stands apart behind it, if there is one. */
static int cmd_diff_pick(struct session *s, const struct opt_set *o, size_t i,
                         struct snap_pick *pick)
{
    const char *path = o->arg_n > 2 ? o->arg[2] : "";
    struct buf spec;
    int rc;

    if (*path && *path != '/')
        return err_set(E_USAGE, "%s: a path in a snapshot begins with '/'",
                       path);
    buf_init(&spec, TREE_WALK_PATH_MAX);
    buf_add(&spec, o->arg[i], strlen(o->arg[i]));
    if (*path)
        buf_add(&spec, ":", 1);
    buf_add(&spec, path, strlen(path));
    buf_add_zeros(&spec, 1);
    rc = buf_status(&spec);
    if (rc == 0)
        rc = snap_pick_open(s, (const char *)spec.p, false, opt_has(o, OPT_ALL),
                            pick);
    buf_release(&spec);
    return rc;
}

static int cmd_diff_snapshots(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct cmd_diff d = {.cli = cli};
    int rc = session_open(cli, SESSION_WORK, &s);

    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = cmd_diff_pick(&s, cli->opt, 0, &d.a);
    if (rc == 0)
        rc = cmd_diff_pick(&s, cli->opt, 1, &d.b);
    if (rc == 0)
        rc = cmd_diff_run(&d);
    snap_pick_release(&d.a);
    snap_pick_release(&d.b);
    session_close(&s);
    return rc;
}

int cmd_diff(struct cli *cli)
{
    int rc = diff_live_options(cli->opt);

    if (rc < 0)
        return rc;
    return opt_has(cli->opt, OPT_LIVE) ? diff_live_run(cli)
                                       : cmd_diff_snapshots(cli);
}
