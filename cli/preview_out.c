#include "cli/preview_out.h"

#include "base/text.h"
#include "cli/entry_out.h"
#include "cli/message.h"
#include "cli/words.h"
#include "repo/job/snap_preview.h"

enum { PREVIEW_OUT_LINE_MAX = 16 << 20 };

struct preview_out {
    struct cli *cli;
    bool list;
    struct buf line;
    struct message_problems problems;
};

/* How a list and JSON put it. */
static const struct preview_out_word {
    const char *mark, *outcome, *change;
} preview_out_words[] = {
    [SNAP_PREVIEW_NEW] = {"+ ", "new", "new"},
    [SNAP_PREVIEW_CHANGED] = {"M ", "changed", "content"},
    [SNAP_PREVIEW_METADATA] = {"m ", "changed", "metadata"},
    [SNAP_PREVIEW_GONE] = {"- ", "gone", "deleted"}};

static int preview_out_json(struct json_out *j,
                            const struct snap_preview_entry *x)
{
    json_out_begin(j, "entry");
    json_out_text(j, "outcome", preview_out_words[x->kind].outcome);
    json_out_bytes(j, "path", x->path);
    json_out_text(j, "kind", entry_out_type(x->e->type));
    if (x->e->type == ENTRY_FILE)
        json_out_u64(j, "size", x->e->size);
    json_out_text(j, "change", preview_out_words[x->kind].change);
    return json_out_end(j);
}

static int preview_out_entry(void *ctx, const struct snap_preview_entry *x)
{
    struct preview_out *p = ctx;
    int rc;

    if (p->cli->json)
        return preview_out_json(p->cli->json, x);
    if (!p->list)
        return 0;
    buf_reset(&p->line);
    buf_add_bytes(&p->line, bytes_of_str(preview_out_words[x->kind].mark));
    text_escape(&p->line, x->path);
    if (x->e->type == ENTRY_DIR && x->path.n > 1)
        buf_add(&p->line, "/", 1);
    buf_add(&p->line, "\n", 1);
    rc = buf_status(&p->line);
    if (rc == 0)
        out_add(p->cli->out, buf_bytes(&p->line));
    return rc;
}

static int preview_out_problem(void *ctx, const char *text)
{
    struct preview_out *p = ctx;

    message_problem(&p->problems, "%s", text);
    return 0;
}

static int preview_out_summary(struct cli *cli,
                               const struct snap_preview_result *r)
{
    struct json_out *j = cli->json;
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX], d[WORDS_MAX];

    message_note("would keep %s files, %s; would read %s new and %s changed "
                 "entries",
                 words_count(r->files, a), words_size(r->bytes, b),
                 words_count(r->new_n, c), words_count(r->changed_n, d));
    message_note("at most %s would be stored; %s left out, %s of them by "
                 ".dedupignore, %llu problems",
                 words_size(r->read_bytes, a), words_count(r->excluded, b),
                 words_count(r->ignored, c), (unsigned long long)r->problems);
    if (r->gone_n || r->metadata_n)
        message_note("%s gone since the last snapshot; %s with other metadata "
                     "alone",
                     words_count(r->gone_n, a), words_count(r->metadata_n, b));
    if (!j)
        return 0;
    json_out_begin(j, "preview");
    json_out_u64(j, "files", r->files);
    json_out_u64(j, "directories", r->directories);
    json_out_u64(j, "others", r->others);
    json_out_u64(j, "bytes", r->bytes);
    json_out_u64(j, "new", r->new_n);
    json_out_u64(j, "changed", r->changed_n);
    json_out_u64(j, "read_bytes", r->read_bytes);
    json_out_u64(j, "excluded", r->excluded);
    json_out_u64(j, "problems", r->problems);
    json_out_bool(j, "had_parent", r->has_parent);
    json_out_u64(j, "ignored", r->ignored);
    json_out_u64(j, "metadata", r->metadata_n);
    json_out_u64(j, "gone", r->gone_n);
    if (cli->job)
        json_out_text(j, "job", cli->job);
    return json_out_end(j);
}

int preview_out_run(struct cli *cli, struct repo *r,
                    const struct snapshot_job_options *o)
{
    struct preview_out p = {.cli = cli, .list = opt_has(cli->opt, OPT_VERBOSE)};
    struct snap_preview_events events = {preview_out_entry, preview_out_problem,
                                         &p};
    struct snap_preview_result result;
    int rc;

    buf_init(&p.line, PREVIEW_OUT_LINE_MAX);
    rc = snap_preview_run(r, o, &events, &result);
    buf_release(&p.line);
    if (rc < 0)
        return rc;
    message_problems_end(&p.problems, "troubles in all");
    cli->incomplete |= result.problems > 0;
    return preview_out_summary(cli, &result);
}
