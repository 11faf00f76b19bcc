#include "cli/problems_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/message.h"
#include "cli/snap_pick.h"

enum { PROBLEMS_OUT_LINE_MAX = 1 << 16 };

const char *problems_out_kind(enum manifest_problem_kind kind)
{
    static const char *const name[] = {[MANIFEST_UNREADABLE] = "unreadable",
                                       [MANIFEST_VANISHED] = "vanished",
                                       [MANIFEST_CHANGING] = "changing",
                                       [MANIFEST_METADATA] = "metadata"};

    return name[kind];
}

int problems_out_json(struct json_out *j, const struct manifest_problem *p)
{
    json_out_begin(j, "problem");
    json_out_text(j, "kind", problems_out_kind(p->kind));
    json_out_bytes(j, "path", p->path);
    json_out_bytes(j, "message", p->text);
    return json_out_end(j);
}

/* Whether the text names the path itself, as that of what could not be read
 * does. */
static bool problems_out_names(const struct manifest_problem *p)
{
    return p->text.n > p->path.n && p->text.p[p->path.n] == ':' &&
           memcmp(p->text.p, p->path.p, p->path.n) == 0;
}

static int problems_out_line(struct out *out, const struct manifest_problem *p)
{
    char kind[16];
    struct buf line;
    int rc;

    (void)snprintf(kind, sizeof kind, "%-12s", problems_out_kind(p->kind));
    buf_init(&line, PROBLEMS_OUT_LINE_MAX);
    buf_add_bytes(&line, bytes_of_str(kind));
    if (!problems_out_names(p)) {
        text_escape(&line, p->path);
        buf_add(&line, ": ", 2);
    }
    text_escape(&line, p->text);
    buf_add(&line, "\n", 1);
    rc = buf_status(&line);
    if (rc == 0)
        out_add(out, buf_bytes(&line));
    buf_release(&line);
    return rc;
}

int problems_out(struct cli *cli, const struct session *s,
                 const struct snapshot_list *l, const char *spec)
{
    const struct snapshot_item *item = NULL;
    struct snapshot snapshot;
    const struct manifest *m;
    int rc = snap_pick_item(l, spec, opt_has(cli->opt, OPT_ALL), &item);

    if (rc < 0)
        return rc;
    rc = snapshot_list_read(s->store, s->repo->keys, &item->id, &snapshot);
    m = &snapshot.manifest.m;
    for (size_t i = 0; rc == 0 && i < m->problem_n; i++) {
        rc = cli->json ? problems_out_json(cli->json, &m->problems[i])
                       : problems_out_line(cli->out, &m->problems[i]);
    }
    if (rc == 0 && m->problem_total > m->problem_n)
        message_warn("%" PRIu64 " more were only counted",
                     m->problem_total - m->problem_n);
    snapshot_list_drop(&snapshot);
    return rc;
}
