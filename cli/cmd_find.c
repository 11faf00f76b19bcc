#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/find_want.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "cli/snapshot_filter.h"
#include "cli/snapshot_gaps.h"
#include "cli/snapshot_ids.h"
#include "cli/when.h"
#include "repo/repo_role.h"
#include "repo/tree_diff.h"

enum { CMD_FIND_CACHE = 64 << 20 };

struct cmd_find {
    struct cli *cli;
    struct find_want want;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct tree_diff *diff;
    const struct snapshot_item *item; /* that is searched; NULL: only one is */
    size_t id_chars;
    struct buf path; /* in front of what the walk says */
    struct buf full;
    struct buf line;
    struct message_problems damage;
};

/* ---- entries --------------------------------------------------------------
 */

static int cmd_find_json(struct cmd_find *f, const struct tree_entry *te)
{
    struct json_out *j = f->cli->json;
    const struct snapshot_item *it = f->item;
    int rc;

    buf_reset(&f->line);
    buf_add(&f->line, "/", 1);
    buf_add_bytes(&f->line, buf_bytes(&f->full));
    rc = buf_status(&f->line);
    if (rc < 0)
        return rc;
    json_out_begin(j, "match");
    json_out_bytes(j, "path", buf_bytes(&f->line));
    entry_out_json_brief(j, te);
    if (it) {
        json_out_hex(j, "snapshot", bytes_of(it->id.b, sizeof it->id.b));
        json_out_time(j, "time", it->manifest.m.begin);
        json_out_bytes(j, "series", it->manifest.m.series);
    }
    return json_out_end(j);
}

static int cmd_find_show(struct cmd_find *f, const struct tree_entry *te)
{
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];
    int rc;

    if (f->cli->json)
        return cmd_find_json(f, te);
    buf_reset(&f->line);
    if (f->item) {
        (void)id_hex(f->item->id.b, sizeof f->item->id.b, hex);
        buf_add(&f->line, hex, f->id_chars);
        buf_add(&f->line, "  ", 2);
        buf_add_bytes(&f->line, bytes_of_str(when_local(
                                    f->item->manifest.m.begin, when)));
        buf_add(&f->line, "  ", 2);
    }
    entry_out_line(&f->line, buf_bytes(&f->full), te,
                   opt_has(f->cli->opt, OPT_LONG));
    rc = buf_status(&f->line);
    if (rc == 0)
        out_add(f->cli->out, buf_bytes(&f->line));
    return rc;
}

static void cmd_find_damage(struct cmd_find *f)
{
    char hex[ID_HEX_CHARS + 1] = "";

    if (f->item)
        (void)id_hex(f->item->id.b, sizeof f->item->id.b, hex);
    message_problem(&f->damage, "%s%.*s%s/%.*s: %s", f->item ? "snapshot " : "",
                    (int)f->id_chars, hex, f->item ? ": " : "", (int)f->full.n,
                    f->full.n ? (const char *)f->full.p : "", err_text());
}

static int cmd_find_item(struct cmd_find *f, const struct tree_diff_item *item)
{
    int rc;

    buf_reset(&f->full);
    buf_add_bytes(&f->full, buf_bytes(&f->path));
    buf_add_path(&f->full, item->path);
    rc = buf_status(&f->full);
    if (rc < 0)
        return rc;
    if (item->kind == TREE_DIFF_DAMAGED) {
        cmd_find_damage(f);
        return 0;
    }
    if (!find_want_matches(&f->want, buf_bytes(&f->full), item->b))
        return 0;
    return cmd_find_show(f, item->b);
}

/* All that b has and a has not, or not so. */
static int cmd_find_between(struct cmd_find *f, const struct tree_entry *a,
                            const struct tree_entry *b)
{
    struct tree_diff_item item = {.kind = TREE_DIFF_ADDED};
    int rc = 0;

    tree_diff_start(f->diff, a, b);
    while (rc == 0 && !out_failed(f->cli->out)) {
        rc = cancel_check(f->cli->cancel);
        if (rc == 0)
            rc = tree_diff_next(f->diff, &item);
        if (rc < 0 || item.kind == TREE_DIFF_END)
            break;
        rc = cmd_find_item(f, &item);
    }
    return rc;
}

/* ---- snapshots ------------------------------------------------------------
 */

static int cmd_find_root(const struct snapshot_item *it, struct tree_entry *te)
{
    struct codec c;

    codec_init(&c, it->manifest.m.root);
    return tree_entry_get(&c, te, true);
}

/* By series, and in each as the list, which both lie in, has them. */
static int cmd_find_order(const void *x, const void *y)
{
    const struct snapshot_item *a = *(const struct snapshot_item *const *)x;
    const struct snapshot_item *b = *(const struct snapshot_item *const *)y;
    int order = bytes_cmp(a->manifest.m.series, b->manifest.m.series);

    return order ? order : (a > b) - (a < b);
}

/* before[i]: the one before the i-th in its series; NULL: it is the first. */
static int cmd_find_before(const struct snapshot_list *l,
                           const struct snapshot_item **before)
{
    const struct snapshot_item **sorted = mem_array(l->n, sizeof *sorted);
    size_t n = 0;

    if (!sorted)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        if (!snapshot_gaps_has(&l->item[i]))
            sorted[n++] = &l->item[i];
    }
    qsort(sorted, n, sizeof(*sorted), cmd_find_order);
    for (size_t i = 1; i < n; i++) {
        if (bytes_equal(sorted[i]->manifest.m.series,
                        sorted[i - 1]->manifest.m.series))
            before[sorted[i] - l->item] = sorted[i - 1];
    }
    free(sorted);
    return 0;
}

static int cmd_find_snapshot(struct cmd_find *f, const struct snapshot_item *it,
                             const struct snapshot_item *before)
{
    struct tree_entry a = {.attr = NULL}, b = {.attr = NULL};
    int rc = cmd_find_root(it, &b);

    if (rc == 0 && before)
        rc = cmd_find_root(before, &a);
    f->item = it;
    if (rc == 0)
        rc = cmd_find_between(f, before ? &a : NULL, &b);
    tree_entry_release(&a);
    tree_entry_release(&b);
    return rc;
}

static int cmd_find_list(struct cmd_find *f, const struct snapshot_list *l)
{
    const struct snapshot_item **before = mem_array(l->n, sizeof *before);
    int rc =
        before ? cmd_find_before(l, before) : err_set(E_NOMEM, "out of memory");

    f->id_chars = snapshot_ids_chars(l);
    if (rc == 0)
        snapshot_gaps_tell(l, &f->damage);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        if (!snapshot_gaps_has(&l->item[i]))
            rc = cmd_find_snapshot(f, &l->item[i], before[i]);
    }
    free(before);
    return rc;
}

static int cmd_find_all(struct cmd_find *f, struct session *s)
{
    struct snapshot_list list = {.n = 0};
    struct snapshot_filter filter;
    int rc = snapshot_filter_make(f->cli->opt, &filter);
    size_t all, left;

    if (rc == 0)
        rc = snapshot_list_load(s->repo->index, &s->repo->state, &list);
    if (rc == 0)
        rc = snapshot_list_recall_all(s->repo->store, s->repo->keys, &list);
    all = list.n;
    if (rc == 0)
        rc = snapshot_filter_series(&filter, &list);
    if (rc == 0) {
        left = snapshot_filter_apply(&filter, &s->repo->state, &list);
        if (list.n == 0)
            snapshot_filter_none(&filter, left);
        rc = cmd_find_list(f, &list);
    }
    list.n = all;
    snapshot_list_release(&list);
    return rc;
}

static int cmd_find_one(struct cmd_find *f, struct session *s)
{
    struct snap_pick pick = {.fetch = NULL};
    int rc = snap_pick_open(s, f->cli->opt->arg[1], false,
                            opt_has(f->cli->opt, OPT_ALL), &pick);

    if (rc == 0) {
        buf_add_bytes(&f->path, buf_bytes(&pick.path));
        rc = buf_status(&f->path);
    }
    if (rc == 0)
        rc = cmd_find_between(f, NULL, &pick.te);
    snap_pick_release(&pick);
    return rc;
}

static int cmd_find_run(struct cmd_find *f, struct session *s)
{
    struct node_source source;
    int rc = session_fetch(s, CMD_FIND_CACHE, &f->fetch, &f->lane);

    if (rc == 0) {
        source = fetch_node_source(f->lane);
        f->diff = tree_diff_new(&source);
        rc = f->diff ? 0 : err_set(E_NOMEM, "out of memory");
    }
    if (rc == 0)
        tree_diff_search(f->diff);
    if (rc == 0)
        rc = f->cli->opt->arg_n == 2 ? cmd_find_one(f, s) : cmd_find_all(f, s);
    tree_diff_free(f->diff);
    fetch_lane_free(f->lane);
    fetch_free(f->fetch);
    message_problems_end(&f->damage, "places that cannot be searched");
    if (rc == 0 && f->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the search is not complete",
                       f->damage.n);
    return rc;
}

int cmd_find(struct cli *cli)
{
    struct cmd_find f = {.cli = cli};
    struct session s = {.store = NULL};
    int rc = find_want_make(cli->opt, &f.want);

    buf_init(&f.path, TREE_WALK_PATH_MAX);
    buf_init(&f.full, TREE_WALK_PATH_MAX);
    buf_init(&f.line, ENTRY_OUT_LINE_MAX);
    if (rc == 0 && cli->opt->arg_n == 2)
        rc = snapshot_filter_refuse(cli->opt);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = cmd_find_run(&f, &s);
    session_close(&s);
    find_want_release(&f.want);
    buf_release(&f.path);
    buf_release(&f.full);
    buf_release(&f.line);
    return rc;
}
