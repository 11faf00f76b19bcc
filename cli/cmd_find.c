#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "cli/snapshot_filter.h"
#include "cli/snapshot_ids.h"
#include "cli/when.h"
#include "repo/repo_role.h"
#include "repo/tree_diff.h"
#include "source/pattern.h"

enum { CMD_FIND_CACHE = 64 << 20 };

/* What is looked for. */
struct cmd_find_want {
    struct pattern_set *names;
    bool has_type;
    enum entry_type type;
    uint64_t size_min, size_max;
    bool has_newer, has_older;
    struct entry_time newer, older;
};

struct cmd_find {
    struct cli *cli;
    struct cmd_find_want want;
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

/* ---- options --------------------------------------------------------------
 */

static int cmd_find_type(const struct opt_set *o, struct cmd_find_want *w)
{
    static const enum entry_type all[] = {
        ENTRY_FILE,  ENTRY_DIR,  ENTRY_SYMLINK, ENTRY_CHAR,
        ENTRY_BLOCK, ENTRY_FIFO, ENTRY_SOCKET};
    const char *said = opt_text(o, OPT_TYPE);

    w->has_type = said != NULL;
    for (size_t i = 0; said && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(said, entry_out_type(all[i])) == 0)
            w->type = all[i];
    }
    return 0;
}

/* "+SIZE": more than that, "-SIZE": less, "SIZE": just that. */
static int cmd_find_size(const struct opt_set *o, struct cmd_find_want *w)
{
    const char *said = opt_text(o, OPT_SIZE);
    uint64_t size = 0;
    int rc;

    w->size_max = UINT64_MAX;
    if (!said)
        return 0;
    rc = text_parse_size(said + strspn(said, "+-"), 0, INT64_MAX, &size);
    if (rc == 0 && strspn(said, "+-") > 1)
        rc = err_set(E_USAGE, "'%s' is no size", said);
    if (rc < 0)
        return err_add(rc, "--size");
    if (*said != '-')
        w->size_min = size + (*said == '+');
    if (*said != '+')
        w->size_max = size - (*said == '-' && size > 0);
    return 0;
}

/* A date, or how long ago. */
static int cmd_find_date(const struct opt_set *o, enum opt_id id, bool *has,
                         struct entry_time *t)
{
    const char *said = opt_text(o, id);
    uint64_t ago;
    bool of_day;

    *has = said != NULL;
    if (!said)
        return 0;
    if (text_parse_duration(said, 0, INT64_MAX / CLOCK_SECOND_NS, &ago) == 0) {
        t->s = clock_realtime_ns() / CLOCK_SECOND_NS - (int64_t)ago;
        return 0;
    }
    return err_add(when_parse_start(said, &of_day, t), "--%s",
                   opt_info(id)->name);
}

static int cmd_find_options(const struct opt_set *o, struct cmd_find_want *w)
{
    int rc = pattern_set_new(opt_has(o, OPT_IGNORE_CASE), &w->names);

    if (rc == 0)
        rc = pattern_set_add(w->names, bytes_of_str(o->arg[0]));
    if (rc == 0)
        rc = cmd_find_type(o, w);
    if (rc == 0)
        rc = cmd_find_size(o, w);
    if (rc == 0)
        rc = cmd_find_date(o, OPT_NEWER, &w->has_newer, &w->newer);
    if (rc == 0)
        rc = cmd_find_date(o, OPT_OLDER, &w->has_older, &w->older);
    return rc;
}

/* ---- entries --------------------------------------------------------------
 */

static bool cmd_find_wanted(const struct cmd_find_want *w, struct bytes path,
                            const struct tree_entry *te)
{
    const struct entry *e = &te->e;

    if (path.n == 0 || (w->has_type && e->type != w->type) ||
        e->size < w->size_min || e->size > w->size_max ||
        (w->has_newer && entry_time_cmp(e->mtime, w->newer) < 0) ||
        (w->has_older && entry_time_cmp(e->mtime, w->older) >= 0))
        return false;
    /* a size is that of a file */
    if ((w->size_min > 0 || w->size_max < UINT64_MAX) && e->type != ENTRY_FILE)
        return false;
    return pattern_set_match(w->names, path, e->type == ENTRY_DIR) ==
           PATTERN_EXCLUDE;
}

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

static int cmd_find_item(struct cmd_find *f, const struct tree_diff_item *item)
{
    int rc;

    buf_reset(&f->full);
    buf_add_bytes(&f->full, buf_bytes(&f->path));
    if (f->full.n > 0 && item->path.n > 0)
        buf_add(&f->full, "/", 1);
    buf_add_bytes(&f->full, item->path);
    rc = buf_status(&f->full);
    if (rc < 0)
        return rc;
    if (item->kind == TREE_DIFF_DAMAGED) {
        message_problem(&f->damage, "/%.*s: %s", (int)f->full.n,
                        f->full.n ? (const char *)f->full.p : "", err_text());
        return 0;
    }
    if (!item->b || !cmd_find_wanted(&f->want, buf_bytes(&f->full), item->b))
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

/* The one before it in its series; NULL: it is the first. */
static const struct snapshot_item *cmd_find_before(
    const struct snapshot_list *l, size_t i)
{
    struct bytes series = l->item[i].manifest.m.series;

    while (i-- > 0) {
        const struct snapshot_item *it = &l->item[i];

        if (!it->damaged && !it->sealed &&
            bytes_equal(it->manifest.m.series, series))
            return it;
    }
    return NULL;
}

static int cmd_find_snapshot(struct cmd_find *f, const struct snapshot_list *l,
                             size_t i)
{
    const struct snapshot_item *before = cmd_find_before(l, i);
    struct tree_entry a = {.attr = NULL}, b = {.attr = NULL};
    int rc = cmd_find_root(&l->item[i], &b);

    if (rc == 0 && before)
        rc = cmd_find_root(before, &a);
    f->item = &l->item[i];
    if (rc == 0)
        rc = cmd_find_between(f, before ? &a : NULL, &b);
    tree_entry_release(&a);
    tree_entry_release(&b);
    return rc;
}

static int cmd_find_all(struct cmd_find *f, struct session *s)
{
    struct snapshot_list list = {.n = 0};
    struct snapshot_filter filter;
    int rc = snapshot_filter_make(f->cli->opt, &filter);
    size_t all;

    if (rc == 0)
        rc = snapshot_list_load(s->repo->index, &s->repo->state, &list);
    all = list.n;
    if (rc == 0)
        (void)snapshot_filter_apply(&filter, &s->repo->state, &list);
    f->id_chars = snapshot_ids_chars(&list);
    for (size_t i = 0; i < list.n && rc == 0; i++) {
        if (!list.item[i].damaged && !list.item[i].sealed)
            rc = cmd_find_snapshot(f, &list, i);
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
    message_problems_end(&f->damage, "directories that cannot be searched");
    if (rc == 0 && f->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the search is not complete",
                       f->damage.n);
    return rc;
}

int cmd_find(struct cli *cli)
{
    struct cmd_find f = {.cli = cli};
    struct session s = {.store = NULL};
    int rc = cmd_find_options(cli->opt, &f.want);

    buf_init(&f.path, TREE_WALK_PATH_MAX);
    buf_init(&f.full, TREE_WALK_PATH_MAX);
    buf_init(&f.line, ENTRY_OUT_LINE_MAX);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = cmd_find_run(&f, &s);
    session_close(&s);
    pattern_set_free(f.want.names);
    buf_release(&f.path);
    buf_release(&f.full);
    buf_release(&f.line);
    return rc;
}
