#include "cli/prune_out.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/message.h"
#include "cli/words.h"
#include "repo/collect.h"

enum { PRUNE_OUT_UNUSED_PERCENT = 5, PRUNE_OUT_LINE_MAX = 200 };

static void prune_out_sum(struct json_out *j, const char *key,
                          const struct collect_sum *s)
{
    json_out_object(j, key);
    json_out_u64(j, "packs", s->n);
    json_out_u64(j, "bytes", s->bytes);
    json_out_close(j);
}

static int prune_out_json(struct json_out *j, const struct collect_done *d,
                          bool dry)
{
    json_out_begin(j, "prune");
    json_out_bool(j, "done", !dry);
    prune_out_sum(j, "all", &d->all);
    json_out_object(j, "repacked");
    json_out_u64(j, "packs", d->repacked.packs);
    json_out_u64(j, "bytes", d->repacked.bytes);
    json_out_u64(j, "written", d->repacked.written);
    json_out_close(j);
    prune_out_sum(j, "condemned", &d->condemned);
    prune_out_sum(j, "doomed", &d->doomed);
    prune_out_sum(j, "rescued", &d->rescued);
    prune_out_sum(j, "deleted", &d->deleted);
    prune_out_sum(j, "undecided", &d->undecided);
    json_out_u64(j, "fenced", d->fenced);
    json_out_u64(j, "waiting", d->waiting);
    return json_out_end(j);
}

/* What is asked for is data. */
static void prune_out_dry(struct cli *cli, const struct collect_done *d)
{
    char n[WORDS_MAX], size[WORDS_MAX], line[PRUNE_OUT_LINE_MAX];

    (void)snprintf(line, sizeof line, "not needed     %s pack%s, %s\n",
                   words_count(d->condemned.n, n), words_plural(d->condemned.n),
                   words_size(d->condemned.bytes, size));
    out_text(cli->out, line);
    (void)snprintf(
        line, sizeof line, "in part        %s pack%s to be written anew, %s\n",
        words_count(d->repacked.packs, n), words_plural(d->repacked.packs),
        words_size(d->repacked.bytes, size));
    out_text(cli->out, line);
    (void)snprintf(line, sizeof line, "of all         %s pack%s, %s\n",
                   words_count(d->all.n, n), words_plural(d->all.n),
                   words_size(d->all.bytes, size));
    out_text(cli->out, line);
}

static void prune_out_tell(const struct collect_done *d)
{
    char n[WORDS_MAX], size[WORDS_MAX];

    if (d->repacked.packs)
        message_note("%s pack%s written anew, as %s",
                     words_count(d->repacked.packs, n),
                     words_plural(d->repacked.packs),
                     words_size(d->repacked.written, size));
    if (d->fenced)
        message_note("%s run%s that had fallen silent ended",
                     words_count(d->fenced, n), words_plural(d->fenced));
    message_note("%s deleted in %s pack%s", words_size(d->deleted.bytes, size),
                 words_count(d->deleted.n, n), words_plural(d->deleted.n));
    if (d->waiting)
        message_note("%s more can go once %s run%s at work %s on: the next "
                     "prune looks again",
                     words_size(d->undecided.bytes, size),
                     words_count(d->waiting, n), words_plural(d->waiting),
                     d->waiting == 1 ? "has gone" : "have gone");
}

/* "5%", or a size. */
static int prune_out_unused(const char *said, struct repack_limits *l)
{
    size_t n = strlen(said);
    char number[24];
    uint64_t v;
    int rc;

    if (n == 0 || said[n - 1] != '%') {
        l->unused_percent = 100;
        rc = text_parse_size(said, 0, UINT64_MAX, &l->unused_bytes);
    } else if (n < sizeof number) {
        memcpy(number, said, n - 1);
        number[n - 1] = 0;
        rc = text_parse_uint(number, 0, 100, &v);
        l->unused_percent = rc == 0 ? (unsigned)v : 0;
    } else {
        rc = E_USAGE;
    }
    return rc == 0 ? 0
                   : err_set(E_USAGE,
                             "--max-unused '%s': neither a share, such as 5%%, "
                             "nor a size",
                             said);
}

static int prune_out_limits(const struct opt_set *o, struct repack_limits *l)
{
    const char *unused = opt_text(o, OPT_MAX_UNUSED);

    *l = (struct repack_limits){.unused_percent = PRUNE_OUT_UNUSED_PERCENT,
                                .unused_bytes = UINT64_MAX,
                                .rewritten_bytes =
                                    opt_bytes(o, OPT_MAX_REPACK, UINT64_MAX)};
    return unused ? prune_out_unused(unused, l) : 0;
}

int prune_out_check(const struct opt_set *o)
{
    struct repack_limits l;

    return prune_out_limits(o, &l);
}

int prune_out(struct cli *cli, struct session *s)
{
    struct collect_options o = {.cancel = cli->cancel,
                                .dry_run = opt_has(cli->opt, OPT_DRY_RUN)};
    struct collect_done d;
    int rc = prune_out_limits(cli->opt, &o.repack);

    if (rc == 0)
        rc = collect_run(s->repo, &o, &d);
    if (rc < 0)
        return rc;
    if (cli->json)
        rc = prune_out_json(cli->json, &d, o.dry_run);
    else if (o.dry_run)
        prune_out_dry(cli, &d);
    if (!o.dry_run)
        prune_out_tell(&d);
    if (d.no_room) {
        message_warn("there is no room to write packs anew, so that what they "
                     "hold in vain stays: make room on the disk, and prune "
                     "again");
        cli->incomplete = true;
    }
    return rc;
}
