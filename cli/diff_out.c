#include "cli/diff_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/entry_out.h"
#include "cli/words.h"

static const struct {
    char mark;
    const char *name;
} diff_out_word[] = {[DIFF_OUT_ADDED] = {'+', "added"},
                     [DIFF_OUT_REMOVED] = {'-', "removed"},
                     [DIFF_OUT_RENAMED] = {'R', "renamed"},
                     [DIFF_OUT_CHANGED] = {'M', "changed"},
                     [DIFF_OUT_META] = {'m', "metadata"}};

void diff_out_init(struct diff_out *d, struct cli *cli, struct bytes before,
                   struct bytes after)
{
    *d = (struct diff_out){.cli = cli, .before = before, .after = after};
    buf_init(&d->path, TREE_WALK_PATH_MAX);
    buf_init(&d->from, TREE_WALK_PATH_MAX);
    buf_init(&d->line, 2 * (size_t)ENTRY_OUT_LINE_MAX);
}

void diff_out_release(struct diff_out *d)
{
    buf_release(&d->path);
    buf_release(&d->from);
    buf_release(&d->line);
}

/* A path below a start as its snapshot has it, "/srv/www/x". */
static int diff_out_path(struct bytes top, struct bytes below, struct buf *out)
{
    buf_reset(out);
    buf_add(out, "/", 1);
    buf_add_bytes(out, top);
    if (top.n > 0 && below.n > 0)
        buf_add(out, "/", 1);
    buf_add_bytes(out, below);
    return buf_status(out);
}

/* ---- a line -------------------------------------------------------------- */

static void diff_out_name(struct diff_out *d, const struct buf *path,
                          const struct tree_entry *te)
{
    text_escape(&d->line, buf_bytes(path));
    if (te->e.type == ENTRY_DIR && path->n > 1)
        buf_add(&d->line, "/", 1);
}

/* was: RENAMED; else NULL. */
static int diff_out_text(struct diff_out *d, enum diff_out_kind kind,
                         const struct tree_diff_item *item,
                         const struct tree_renames_mate *was)
{
    const struct tree_entry *te = item->b ? item->b : item->a;
    int rc;

    buf_reset(&d->line);
    buf_add(&d->line, &diff_out_word[kind].mark, 1);
    if (was && was->meta)
        buf_add(&d->line, &diff_out_word[DIFF_OUT_META].mark, 1);
    buf_add(&d->line, " ", 1);
    if (was) {
        diff_out_name(d, &d->from, te);
        buf_add(&d->line, " -> ", 4);
    }
    diff_out_name(d, &d->path, te);
    buf_add(&d->line, "\n", 1);
    rc = buf_status(&d->line);
    if (rc == 0)
        out_add(d->cli->out, buf_bytes(&d->line));
    return rc;
}

static void diff_out_side(struct json_out *j, const char *key,
                          const struct tree_entry *te)
{
    if (!te)
        return;
    json_out_object(j, key);
    entry_out_json_brief(j, te);
    json_out_u64(j, "uid", te->e.uid);
    json_out_u64(j, "gid", te->e.gid);
    json_out_close(j);
}

static int diff_out_json(struct diff_out *d, enum diff_out_kind kind,
                         const struct tree_diff_item *item,
                         const struct tree_renames_mate *was)
{
    struct json_out *j = d->cli->json;

    json_out_begin(j, "difference");
    json_out_text(j, "change", diff_out_word[kind].name);
    json_out_bytes(j, "path", buf_bytes(&d->path));
    if (was)
        json_out_bytes(j, "from", buf_bytes(&d->from));
    diff_out_side(j, "before", item->a);
    diff_out_side(j, "after", item->b);
    if (was)
        json_out_bool(j, "metadata", was->meta);
    return json_out_end(j);
}

static uint64_t diff_out_bytes(const struct tree_entry *te)
{
    return te && te->e.type == ENTRY_FILE ? te->e.size : 0;
}

static int diff_out_say(struct diff_out *d, enum diff_out_kind kind,
                        const struct tree_diff_item *item,
                        const struct tree_renames_mate *was)
{
    struct diff_out_sum *sum = &d->sum[kind];

    sum->n++;
    sum->bytes += diff_out_bytes(item->b ? item->b : item->a);
    sum->before += diff_out_bytes(item->a);
    return d->cli->json ? diff_out_json(d, kind, item, was)
                        : diff_out_text(d, kind, item, was);
}

/* Which of the two trees is damaged there is not known. */
static int diff_out_damaged(struct diff_out *d, struct bytes below)
{
    int rc = diff_out_path(d->before, below, &d->from);

    if (rc == 0)
        rc = diff_out_path(d->after, below, &d->path);
    if (rc < 0)
        return rc;
    if (bytes_equal(d->before, d->after))
        message_problem(&d->damage, "%.*s: %s", (int)d->path.n,
                        (const char *)d->path.p, err_text());
    else
        message_problem(&d->damage, "%.*s or %.*s: %s", (int)d->from.n,
                        (const char *)d->from.p, (int)d->path.n,
                        (const char *)d->path.p, err_text());
    return 0;
}

int diff_out_item(struct diff_out *d, const struct tree_diff_item *item)
{
    static const enum diff_out_kind of[] = {
        [TREE_DIFF_ADDED] = DIFF_OUT_ADDED,
        [TREE_DIFF_REMOVED] = DIFF_OUT_REMOVED,
        [TREE_DIFF_CHANGED] = DIFF_OUT_CHANGED,
        [TREE_DIFF_META] = DIFF_OUT_META};
    int rc;

    if (item->kind == TREE_DIFF_DAMAGED)
        return diff_out_damaged(d, item->path);
    rc = diff_out_path(item->b ? d->after : d->before, item->path, &d->path);
    return rc < 0 ? rc : diff_out_say(d, of[item->kind], item, NULL);
}

int diff_out_renamed(struct diff_out *d, const struct tree_diff_item *item,
                     const struct tree_renames_mate *was)
{
    int rc = diff_out_path(d->after, item->path, &d->path);

    if (rc == 0)
        rc = diff_out_path(d->before, was->path, &d->from);
    if (rc < 0)
        return rc;
    /* of a directory that is all that is in it, which no line tells of */
    if (item->b->e.type == ENTRY_DIR)
        d->sum[DIFF_OUT_RENAMED].bytes += item->b->dir.bytes;
    return diff_out_say(d, DIFF_OUT_RENAMED, item, was);
}

int diff_out_lost(struct diff_out *d, struct bytes from)
{
    int rc = diff_out_path(d->before, from, &d->from);

    if (rc == 0)
        message_problem(&d->damage, "%.*s: %s", (int)d->from.n,
                        (const char *)d->from.p, err_text());
    return rc;
}

/* ---- what it comes to ---------------------------------------------------- */

static const char *diff_out_reach(const enum tree_renames_scope *renames)
{
    static const char *const word[] = {[TREE_RENAMES_NONE] = "none",
                                       [TREE_RENAMES_DIRS] = "directories",
                                       [TREE_RENAMES_ALL] = "all"};

    return renames ? word[*renames] : "off";
}

static int diff_out_total_json(struct diff_out *d, const char *reach)
{
    static const enum diff_out_kind order[] = {DIFF_OUT_ADDED, DIFF_OUT_REMOVED,
                                               DIFF_OUT_CHANGED, DIFF_OUT_META,
                                               DIFF_OUT_RENAMED};
    struct json_out *j = d->cli->json;

    json_out_begin(j, "summary");
    for (size_t i = 0; i < DIFF_OUT_KINDS; i++) {
        const struct diff_out_sum *sum = &d->sum[order[i]];

        json_out_object(j, diff_out_word[order[i]].name);
        json_out_u64(j, "entries", sum->n);
        json_out_u64(j, "bytes", sum->bytes);
        if (order[i] == DIFF_OUT_CHANGED)
            json_out_u64(j, "bytes_before", sum->before);
        json_out_close(j);
    }
    json_out_text(j, "renames", reach);
    return json_out_end(j);
}

static void diff_out_total_text(const struct diff_out *d, bool renames)
{
    const struct diff_out_sum *s = d->sum;
    char came[WORDS_MAX], went[WORDS_MAX], moved[WORDS_MAX], was[WORDS_MAX],
        is[WORDS_MAX], renamed[2 * WORDS_MAX] = "";

    if (renames)
        (void)snprintf(renamed, sizeof renamed, ", %" PRIu64 " renamed (%s)",
                       s[DIFF_OUT_RENAMED].n,
                       words_size(s[DIFF_OUT_RENAMED].bytes, moved));
    message_note("%" PRIu64 " added (%s), %" PRIu64 " removed (%s)%s, %" PRIu64
                 " changed (%s -> %s), %" PRIu64 " in metadata alone",
                 s[DIFF_OUT_ADDED].n, words_size(s[DIFF_OUT_ADDED].bytes, came),
                 s[DIFF_OUT_REMOVED].n,
                 words_size(s[DIFF_OUT_REMOVED].bytes, went), renamed,
                 s[DIFF_OUT_CHANGED].n,
                 words_size(s[DIFF_OUT_CHANGED].before, was),
                 words_size(s[DIFF_OUT_CHANGED].bytes, is), s[DIFF_OUT_META].n);
}

int diff_out_end(struct diff_out *d, const enum tree_renames_scope *renames)
{
    int rc = 0;

    message_problems_end(&d->damage, "places that cannot be compared");
    if (d->damage.n > 0)
        return err_set(E_CORRUPT, "%zu damaged; the comparison is not complete",
                       d->damage.n);
    if (d->cli->json)
        rc = diff_out_total_json(d, diff_out_reach(renames));
    else
        diff_out_total_text(d, renames != NULL);
    if (renames && *renames != TREE_RENAMES_ALL)
        message_note("too many %s came and went to tell which of them were "
                     "renamed",
                     *renames == TREE_RENAMES_DIRS ? "files" : "directories");
    return rc;
}
