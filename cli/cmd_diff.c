#include <inttypes.h>
#include <string.h>

#include "base/cancel.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "cli/words.h"
#include "repo/repo_role.h"
#include "repo/tree_diff.h"

/* How many of a kind, and their bytes. */
struct cmd_diff_sum {
    uint64_t n;
    uint64_t bytes;
    uint64_t before; /* of what is in both: what it was */
};

struct cmd_diff {
    struct cli *cli;
    struct snap_pick a;
    struct snap_pick b;
    struct cmd_diff_sum sum[TREE_DIFF_META + 1];
    struct buf path;
    struct buf line;
    struct message_problems damage;
};

static const struct {
    char mark;
    const char *name;
} cmd_diff_kind[] = {[TREE_DIFF_ADDED] = {'+', "added"},
                     [TREE_DIFF_REMOVED] = {'-', "removed"},
                     [TREE_DIFF_CHANGED] = {'M', "changed"},
                     [TREE_DIFF_META] = {'m', "metadata"}};

static int cmd_diff_line(struct cmd_diff *d, const struct tree_diff_item *item)
{
    const struct tree_entry *te = item->b ? item->b : item->a;
    int rc;

    buf_reset(&d->line);
    buf_add(&d->line, &cmd_diff_kind[item->kind].mark, 1);
    buf_add(&d->line, " /", 2);
    text_escape(&d->line, buf_bytes(&d->path));
    if (te->e.type == ENTRY_DIR && d->path.n > 0)
        buf_add(&d->line, "/", 1);
    buf_add(&d->line, "\n", 1);
    rc = buf_status(&d->line);
    if (rc == 0)
        out_add(d->cli->out, buf_bytes(&d->line));
    return rc;
}

static void cmd_diff_json_side(struct json_out *j, const char *key,
                               const struct tree_entry *te)
{
    if (!te)
        return;
    json_out_object(j, key);
    json_out_text(j, "kind", entry_out_type(te->e.type));
    if (te->e.type == ENTRY_FILE)
        json_out_u64(j, "size", te->e.size);
    json_out_u64(j, "mode", te->e.mode);
    json_out_u64(j, "uid", te->e.uid);
    json_out_u64(j, "gid", te->e.gid);
    json_out_time(j, "mtime", te->e.mtime);
    json_out_close(j);
}

static int cmd_diff_json(struct cmd_diff *d, const struct tree_diff_item *item)
{
    struct json_out *j = d->cli->json;
    int rc;

    buf_reset(&d->line);
    buf_add(&d->line, "/", 1);
    buf_add_bytes(&d->line, buf_bytes(&d->path));
    rc = buf_status(&d->line);
    if (rc < 0)
        return rc;
    json_out_begin(j, "difference");
    json_out_text(j, "change", cmd_diff_kind[item->kind].name);
    json_out_bytes(j, "path", buf_bytes(&d->line));
    cmd_diff_json_side(j, "before", item->a);
    cmd_diff_json_side(j, "after", item->b);
    return json_out_end(j);
}

static void cmd_diff_count(struct cmd_diff *d,
                           const struct tree_diff_item *item)
{
    const struct tree_entry *te = item->b ? item->b : item->a;
    struct cmd_diff_sum *sum = &d->sum[item->kind];

    sum->n++;
    if (te->e.type == ENTRY_FILE)
        sum->bytes += te->e.size;
    if (item->a && item->a->e.type == ENTRY_FILE)
        sum->before += item->a->e.size;
}

static int cmd_diff_item(struct cmd_diff *d, const struct tree_diff_item *item)
{
    int rc;

    buf_reset(&d->path);
    buf_add_bytes(&d->path, buf_bytes(&d->b.path));
    if (d->path.n > 0 && item->path.n > 0)
        buf_add(&d->path, "/", 1);
    buf_add_bytes(&d->path, item->path);
    rc = buf_status(&d->path);
    if (rc < 0)
        return rc;
    if (item->kind == TREE_DIFF_DAMAGED) {
        message_problem(&d->damage, "/%.*s: %s", (int)d->path.n,
                        d->path.n ? (const char *)d->path.p : "", err_text());
        return 0;
    }
    cmd_diff_count(d, item);
    return d->cli->json ? cmd_diff_json(d, item) : cmd_diff_line(d, item);
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
        rc = cmd_diff_item(d, &item);
    }
    message_problems_end(&d->damage, "directories that cannot be compared");
    if (rc == 0 && d->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the comparison is not complete",
                       d->damage.n);
    return rc;
}

/* What it comes to, for people, or as the last line of JSON. */
static int cmd_diff_total(struct cmd_diff *d)
{
    struct json_out *j = d->cli->json;
    char came[WORDS_MAX], went[WORDS_MAX], was[WORDS_MAX], is[WORDS_MAX];

    if (j) {
        json_out_begin(j, "summary");
        for (unsigned k = 0; k <= TREE_DIFF_META; k++) {
            json_out_object(j, cmd_diff_kind[k].name);
            json_out_u64(j, "entries", d->sum[k].n);
            json_out_u64(j, "bytes", d->sum[k].bytes);
            if (k == TREE_DIFF_CHANGED)
                json_out_u64(j, "bytes_before", d->sum[k].before);
            json_out_close(j);
        }
        return json_out_end(j);
    }
    message_note("%" PRIu64 " added (%s), %" PRIu64 " removed (%s), %" PRIu64
                 " changed (%s -> %s), %" PRIu64 " in metadata alone",
                 d->sum[TREE_DIFF_ADDED].n,
                 words_size(d->sum[TREE_DIFF_ADDED].bytes, came),
                 d->sum[TREE_DIFF_REMOVED].n,
                 words_size(d->sum[TREE_DIFF_REMOVED].bytes, went),
                 d->sum[TREE_DIFF_CHANGED].n,
                 words_size(d->sum[TREE_DIFF_CHANGED].before, was),
                 words_size(d->sum[TREE_DIFF_CHANGED].bytes, is),
                 d->sum[TREE_DIFF_META].n);
    return 0;
}

static int cmd_diff_run(struct cmd_diff *d)
{
    struct node_source source = fetch_node_source(d->b.lane);
    struct tree_diff *t = tree_diff_new(&source);
    int rc = t ? 0 : err_set(E_NOMEM, "out of memory");

    buf_init(&d->path, TREE_WALK_PATH_MAX);
    buf_init(&d->line, ENTRY_OUT_LINE_MAX);
    if (rc == 0)
        rc = cmd_diff_walk(d, t);
    if (rc == 0)
        rc = cmd_diff_total(d);
    tree_diff_free(t);
    buf_release(&d->path);
    buf_release(&d->line);
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

int cmd_diff(struct cli *cli)
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
