#include "cli/own_size.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/snap_pick.h"
#include "cli/when.h"
#include "cli/words.h"

enum { OWN_SIZE_HEAD_MAX = 20, OWN_SIZE_LINE_MAX = 200 };

int own_size_ready(struct cli *cli, struct session *s)
{
    struct roots roots = {.n = 0};
    int rc = roots_load(s->repo, &roots);

    if (rc == 0)
        rc = usage_catch_up(s->repo, &roots, cli->cancel, NULL);
    roots_release(&roots);
    return rc;
}

static void own_size_line(struct cli *cli, const char *what, const char *text)
{
    char head[OWN_SIZE_HEAD_MAX];

    (void)snprintf(head, sizeof head, "%-14s", what);
    out_text(cli->out, head);
    out_text(cli->out, text);
    out_text(cli->out, "\n");
}

static void own_size_text(struct cli *cli, const struct snapshot_item *it,
                          const struct usage_own *own)
{
    const struct manifest *m = &it->manifest.m;
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX], size[WORDS_MAX];
    char n[WORDS_MAX], line[OWN_SIZE_LINE_MAX];

    own_size_line(cli, "snapshot", id_hex(it->id.b, sizeof it->id.b, hex));
    own_size_line(cli, "time", when_local(m->begin, when));
    (void)snprintf(line, sizeof line, "%s file%s, %s",
                   words_count(m->stats.files, n), words_plural(m->stats.files),
                   words_size(m->stats.bytes, size));
    own_size_line(cli, "restores", line);
    own_size_line(cli, "added", words_size(m->stats.stored_bytes, size));
    (void)snprintf(line, sizeof line, "%s, in %s chunk%s",
                   words_size(own->bytes, size), words_count(own->chunks, n),
                   words_plural(own->chunks));
    own_size_line(cli, "its own", line);
}

static int own_size_json(struct json_out *j, const struct snapshot_item *it,
                         const struct usage_own *own)
{
    const struct manifest *m = &it->manifest.m;

    json_out_begin(j, "stats_snapshot");
    json_out_hex(j, "id", bytes_of(it->id.b, sizeof it->id.b));
    json_out_bytes(j, "series", m->series);
    json_out_time(j, "begin", m->begin);
    json_out_u64(j, "files", m->stats.files);
    json_out_u64(j, "bytes", m->stats.bytes);
    json_out_u64(j, "stored_bytes", m->stats.stored_bytes);
    json_out_u64(j, "own_bytes", own->bytes);
    json_out_u64(j, "own_chunks", own->chunks);
    return json_out_end(j);
}

int own_size_tell(struct cli *cli, struct session *s, const char *spec)
{
    struct snapshot_list l = {.n = 0};
    const struct snapshot_item *it = NULL;
    struct usage_own own;
    int rc = snapshot_list_load(s->repo->index, &s->repo->state, &l);

    if (rc == 0)
        rc = snap_pick_item(&l, spec, false, &it);
    if (rc == 0)
        rc = own_size_ready(cli, s);
    if (rc == 0)
        rc = usage_own(s->repo, &it->id, cli->cancel, &own);
    if (rc == 0 && cli->json)
        rc = own_size_json(cli->json, it, &own);
    else if (rc == 0)
        own_size_text(cli, it, &own);
    snapshot_list_release(&l);
    return rc;
}
