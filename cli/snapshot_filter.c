#include "cli/snapshot_filter.h"

#include <stdio.h>

#include "cli/message.h"
#include "cli/snap_spec.h"
#include "cli/when.h"
#include "cli/words.h"

static int snapshot_filter_date(const struct opt_set *o, enum opt_id id,
                                bool *has, struct entry_time *t)
{
    const char *said = opt_text(o, id);
    bool is_date;
    int rc;

    *has = said != NULL;
    if (!said)
        return 0;
    if (id == OPT_SINCE) {
        rc = when_parse_start(said, &is_date, t);
    } else {
        rc = when_parse(said, &is_date, t);
        if (rc == 0 && !is_date)
            rc = err_set(E_USAGE,
                         "'%s': not a date, such as 2026-11-20 or "
                         "2026-11-20T18:30",
                         said);
    }
    return err_add(rc, "--%s", opt_info(id)->name);
}

int snapshot_filter_make(const struct opt_set *o, struct snapshot_filter *f)
{
    int rc;

    *f = (struct snapshot_filter){.series = opt_text(o, OPT_SERIES),
                                  .host = opt_text(o, OPT_HOST),
                                  .tags = opt_has(o, OPT_TAG) ? o : NULL,
                                  .checkpoints = opt_has(o, OPT_ALL)};
    if (f->series && !snap_spec_series_ok(f->series))
        return err_set(E_USAGE, "--series '%s': not a series", f->series);
    rc = snapshot_filter_date(o, OPT_SINCE, &f->has_since, &f->since);
    if (rc == 0)
        rc = snapshot_filter_date(o, OPT_UNTIL, &f->has_until, &f->until);
    return rc;
}

static bool snapshot_filter_said(const struct opt_set *o, enum opt_id id)
{
    bool said = false;

    for (size_t i = 0; i < o->value_n && !said; i++)
        said = o->value[i].id == id && o->value[i].origin == OPT_FROM_ARGV;
    return said;
}

int snapshot_filter_refuse(const struct opt_set *o)
{
    static const enum opt_id choose[] = {OPT_SERIES, OPT_HOST, OPT_TAG,
                                         OPT_SINCE, OPT_UNTIL};
    char names[128] = "";
    size_t n = 0;

    for (size_t i = 0; i < sizeof choose / sizeof choose[0]; i++) {
        if (snapshot_filter_said(o, choose[i]))
            n += (size_t)snprintf(names + n, sizeof names - n, "%s--%s",
                                  n ? ", " : "", opt_info(choose[i])->name);
    }
    if (n == 0)
        return 0;
    return err_set(E_USAGE,
                   "%s: for a choice among all snapshots, but one is named; "
                   "leave out the one or the other",
                   names);
}

int snapshot_filter_series(const struct snapshot_filter *f,
                           const struct snapshot_list *l)
{
    bool has = !f->series;

    for (size_t i = 0; i < l->n && !has; i++)
        has = l->item[i].damaged || bytes_equal(l->item[i].manifest.m.series,
                                                bytes_of_str(f->series));
    if (has)
        return 0;
    return err_set(E_NOTFOUND,
                   "--series '%s': no snapshot is of that series; 'dedup "
                   "snapshots' lists what there is",
                   f->series);
}

bool snapshot_filter_is_all(const struct snapshot_filter *f)
{
    return !f->series && !f->host && !f->tags && !f->has_since && !f->has_until;
}

struct snapshot_filter_asked {
    const struct opt_set *o;
    bool has;
};

static void snapshot_filter_tag(void *ctx, struct bytes tag)
{
    struct snapshot_filter_asked *a = ctx;

    for (size_t i = 0; i < a->o->value_n && !a->has; i++)
        a->has = a->o->value[i].id == OPT_TAG &&
                 bytes_equal(tag, bytes_of_str(a->o->value[i].text));
}

static bool snapshot_filter_has_tag(const struct snapshot_filter *f,
                                    const struct state *s,
                                    const struct snapshot_item *it)
{
    struct snapshot_filter_asked a = {.o = f->tags};

    snapshot_list_tags(s, it, snapshot_filter_tag, &a);
    return a.has;
}

bool snapshot_filter_wants(const struct snapshot_filter *f,
                           const struct state *s,
                           const struct snapshot_item *it)
{
    const struct manifest *m = &it->manifest.m;

    return (!f->series || bytes_equal(m->series, bytes_of_str(f->series))) &&
           (!f->host || bytes_equal(m->host, bytes_of_str(f->host))) &&
           (!f->tags || snapshot_filter_has_tag(f, s, it)) &&
           (!f->has_since || entry_time_cmp(m->begin, f->since) >= 0) &&
           (!f->has_until || entry_time_cmp(m->begin, f->until) <= 0);
}

size_t snapshot_filter_apply(const struct snapshot_filter *f,
                             const struct state *s, struct snapshot_list *l)
{
    size_t kept = 0;
    size_t left = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct snapshot_item it = l->item[i];

        if (!it.damaged && !snapshot_filter_wants(f, s, &it))
            continue;
        if (!it.damaged && !it.manifest.m.complete && !f->checkpoints) {
            left += !it.superseded;
            continue;
        }
        l->item[i] = l->item[kept]; /* swapped: all stay to be released */
        l->item[kept++] = it;
    }
    l->n = kept;
    return left;
}

void snapshot_filter_none(const struct snapshot_filter *f, size_t left)
{
    bool all = snapshot_filter_is_all(f);

    if (left)
        message_warn("there are no complete snapshots%s, but %zu checkpoint%s: "
                     "see --all",
                     all ? "" : " of that kind", left, words_plural(left));
    else
        message_note("there are no snapshots%s",
                     all ? " yet" : " of that kind");
}
