#include "fuse/top.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/idmap.h"

enum {
    TOP_SHORT = 8,     /* hex digits of an id */
    TOP_DAY_CHARS = 11 /* "2026-11-20T" */
};

/* Texts with numbers that stay: series, tags. */
struct top_words {
    char **word;
    size_t n;
    size_t cap;
};

struct top {
    struct top_snap *snap;
    size_t n;
    size_t cap;
    struct idmap by_id; /* numbers */
    struct top_words series;
    struct top_words tags;
    struct entry_time changed;
    uint64_t edition;
};

struct top *top_new(void)
{
    return mem_alloc(sizeof(struct top));
}

static void words_release(struct top_words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->word[i]);
    free(w->word);
}

void top_free(struct top *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->snap[i].root_raw);
        free(t->snap[i].tag);
    }
    free(t->snap);
    idmap_release(&t->by_id);
    words_release(&t->series);
    words_release(&t->tags);
    free(t);
}

/* ---- what there is ------------------------------------------------------- */

static int words_number(struct top_words *w, struct bytes text, uint32_t *no)
{
    char *copy;

    for (size_t i = 0; i < w->n; i++) {
        if (bytes_equal(bytes_of_str(w->word[i]), text)) {
            *no = (uint32_t)i;
            return 0;
        }
    }
    copy = mem_dup(text);
    if (!copy || !MEM_GROW(w->word, w->n, w->cap)) {
        free(copy);
        return err_set(E_NOMEM, "out of memory");
    }
    *no = (uint32_t)w->n;
    w->word[w->n++] = copy;
    return 0;
}

/* A date and a time of day. */
struct top_date {
    int64_t year;
    unsigned month, day;
    unsigned hour, minute, second;
};

/* By H. Hinnant's civil_from_days: years that begin in March, eras of 400. */
static struct top_date date_of(int64_t s)
{
    int64_t days = s / 86400, of_day = s % 86400, era;
    unsigned doe, yoe, doy, mp;
    struct top_date d;

    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = (unsigned)(days - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    d.day = doy - (153 * mp + 2) / 5 + 1;
    d.month = mp < 10 ? mp + 3 : mp - 9;
    d.year = (int64_t)yoe + era * 400 + (d.month <= 2);
    d.hour = (unsigned)(of_day / 3600);
    d.minute = (unsigned)(of_day / 60 % 60);
    d.second = (unsigned)(of_day % 60);
    return d;
}

/* Years that a directory cannot be named after fall to the nearest. */
static void snap_set_time(struct top_snap *sn, const struct manifest *m)
{
    const int64_t first = INT64_C(-62135596800); /* 0001-01-01 */
    const int64_t last = INT64_C(253402300799);  /* 9999-12-31T23:59:59 */
    int64_t s = m->begin.s;
    struct top_date d;

    s = s < first + 86400 ? first + 86400 : s > last - 86400 ? last - 86400 : s;
    d = date_of(s + m->utc_offset);
    sn->begin = m->begin;
    sn->date = (uint32_t)d.year * 10000 + d.month * 100 + d.day;
    (void)snprintf(sn->time, sizeof sn->time,
                   "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u", d.year, d.month,
                   d.day, d.hour, d.minute, d.second);
}

static struct top_snap *top_find(const struct top *t,
                                 const struct object_id *id)
{
    uint64_t no;

    return idmap_get(&t->by_id, id->b, &no) ? &t->snap[no] : NULL;
}

bool top_knows(const struct top *t, const struct object_id *id)
{
    return top_find(t, id) != NULL;
}

/* Those of one second are told apart. */
static void snap_set_nth(const struct top *t, struct top_snap *sn)
{
    unsigned n = 1;

    for (size_t i = 0; i < t->n; i++)
        n += t->snap[i].series == sn->series &&
             strcmp(t->snap[i].time, sn->time) == 0;
    if (n > 1)
        (void)snprintf(sn->nth, sizeof sn->nth, "#%02u", n);
}

/* How many hex digits two ids have in common. */
static size_t ids_alike(const struct object_id *a, const struct object_id *b)
{
    size_t n = 0;

    while (n < sizeof a->b && a->b[n] == b->b[n])
        n++;
    if (n == sizeof a->b)
        return 2 * n;
    return 2 * n + (a->b[n] >> 4 == b->b[n] >> 4);
}

/* As short as `snapshots` shows it, longer where an earlier one begins alike.
 */
static void snap_set_short_id(const struct top *t, struct top_snap *sn)
{
    size_t n = TOP_SHORT;

    for (size_t i = 0; i < t->n; i++) {
        size_t alike = ids_alike(&t->snap[i].id, &sn->id);

        n = alike >= n && alike < ID_HEX_CHARS ? alike + 1 : n;
    }
    (void)id_hex(sn->id.b, sizeof sn->id.b, sn->short_id);
    sn->short_id[n] = 0;
}

static int top_add(struct top *t, const struct snapshot_item *it)
{
    struct top_snap sn = {.id = it->id, .complete = it->manifest.m.complete};
    int rc = words_number(&t->series, it->manifest.m.series, &sn.series);

    if (rc < 0)
        return rc;
    snap_set_time(&sn, &it->manifest.m);
    snap_set_nth(t, &sn);
    snap_set_short_id(t, &sn);
    sn.root_raw = mem_dup(it->manifest.m.root);
    sn.root = bytes_of(sn.root_raw, it->manifest.m.root.n);
    if (!sn.root_raw || !MEM_GROW(t->snap, t->n, t->cap))
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = idmap_put(&t->by_id, sn.id.b, t->n);
    if (rc < 0) {
        free(sn.root_raw);
        return rc;
    }
    t->snap[t->n++] = sn;
    return 0;
}

struct top_tagging {
    struct top *t;
    uint32_t *tag;
    size_t n;
    size_t cap;
    int rc;
};

static void top_tag(void *ctx, struct bytes tag)
{
    struct top_tagging *x = ctx;
    uint32_t no;

    /* what cannot be a name of a directory is not shown as one */
    if (x->rc < 0 || !entry_name_ok(tag) || tag.n >= TOP_NAME_MAX)
        return;
    x->rc = words_number(&x->t->tags, tag, &no);
    if (x->rc < 0)
        return;
    if (!MEM_GROW(x->tag, x->n, x->cap))
        x->rc = err_set(E_NOMEM, "out of memory");
    else
        x->tag[x->n++] = no;
}

static int snap_set_tags(struct top *t, struct top_snap *sn,
                         const struct state *s, const struct snapshot_item *it,
                         bool *changed)
{
    struct top_tagging x = {.t = t};

    snapshot_list_tags(s, it, top_tag, &x);
    if (x.rc < 0) {
        free(x.tag);
        return x.rc;
    }
    if (x.n != sn->tag_n ||
        (x.n > 0 && memcmp(x.tag, sn->tag, x.n * sizeof *x.tag) != 0))
        *changed = true;
    free(sn->tag);
    sn->tag = x.tag;
    sn->tag_n = x.n;
    return 0;
}

static bool top_shows(const struct snapshot_item *it, bool all)
{
    return !it->damaged && !it->sealed && !it->superseded &&
           (all || it->manifest.m.complete);
}

/* Whether what is noted of a snapshot tells its tags. */
static bool top_has_tags(const struct snapshot_item *it, const struct state *s)
{
    struct record_strings tags;

    return !snapshot_list_is_brief(it) ||
           state_label_tags(&s->labels, &it->id, &tags);
}

int top_update(struct top *t, const struct snapshot_list *l,
               const struct state *s, bool all, bool *changed)
{
    const size_t before = t->n;
    bool *seen = mem_array(before + l->n, sizeof *seen);
    int rc = seen ? 0 : err_set(E_NOMEM, "out of memory");

    *changed = false;
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        const struct snapshot_item *it = &l->item[i];
        struct top_snap *sn;

        if (!top_shows(it, all))
            continue;
        sn = top_find(t, &it->id);
        if (!sn) {
            rc = top_add(t, it);
            sn = rc == 0 ? &t->snap[t->n - 1] : NULL;
            *changed = true;
        }
        if (sn) {
            *changed |= sn->gone;
            sn->gone = false;
            seen[sn - t->snap] = true;
            if (top_has_tags(it, s))
                rc = snap_set_tags(t, sn, s, it, changed);
        }
    }
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        *changed |= !seen[i] && !t->snap[i].gone;
        t->snap[i].gone = !seen[i];
    }
    free(seen);
    t->edition += *changed || rc < 0;
    if (*changed || t->changed.s == 0) {
        int64_t now = clock_realtime_ns();

        t->changed =
            (struct entry_time){now / 1000000000, (uint32_t)(now % 1000000000)};
    }
    return rc;
}

struct entry_time top_changed(const struct top *t)
{
    return t->changed;
}

uint64_t top_edition(const struct top *t)
{
    return t->edition;
}

const struct top_snap *top_snap(const struct top *t, uint32_t no)
{
    return no < t->n ? &t->snap[no] : NULL;
}

int top_snap_entry(const struct top_snap *sn, struct tree_entry *te)
{
    struct codec c;

    codec_init(&c, sn->root);
    return tree_entry_get(&c, te, true);
}

uint32_t top_snap_n(const struct top *t)
{
    return (uint32_t)t->n;
}

/* ---- the directories ----------------------------------------------------- */

static const struct {
    const char *name;
    enum top_kind kind;
} top_fixed[] = {
    {"by-id", TOP_BY_ID},        {"by-series", TOP_BY_SERIES},
    {"by-date", TOP_BY_DATE},    {"by-tag", TOP_BY_TAG},
    {".versions", TOP_VERSIONS},
};

enum { TOP_FIXED_N = sizeof top_fixed / sizeof top_fixed[0] };

static void child_set(struct top_child *c, enum top_kind kind, uint32_t arg,
                      uint32_t key)
{
    *c = (struct top_child){
        .kind = kind, .arg = arg, .key = key, .next = (uint64_t)key + 1};
}

static bool snap_has_tag(const struct top_snap *sn, uint32_t tag)
{
    for (size_t i = 0; i < sn->tag_n; i++) {
        if (sn->tag[i] == tag)
            return true;
    }
    return false;
}

/* Where "latest" stands in its directory: behind all keys. */
#define TOP_LATEST_AT (UINT64_C(1) << 32)

/* The newest complete one, of a series or (UINT32_MAX) of all. */
static bool top_newest(const struct top *t, uint32_t series,
                       struct top_child *out)
{
    size_t best = t->n;

    for (size_t i = 0; i < t->n; i++) {
        const struct top_snap *sn = &t->snap[i];

        if (sn->gone || !sn->complete ||
            (series != UINT32_MAX && sn->series != series))
            continue;
        if (best == t->n || entry_time_cmp(sn->begin, t->snap[best].begin) >= 0)
            best = i;
    }
    if (best == t->n)
        return false;
    child_set(out, TOP_SNAPSHOT, (uint32_t)best, (uint32_t)best | TOP_LATEST);
    out->next = TOP_LATEST_AT + 1;
    (void)snprintf(out->name, sizeof out->name, "latest");
    return true;
}

/* Whether a snapshot is in a directory of that kind, and as what. */
static bool snap_key(const struct top_snap *sn, uint32_t no, enum top_kind kind,
                     uint32_t arg, uint32_t *key)
{
    if (sn->gone)
        return false;
    *key = no;
    switch (kind) {
    case TOP_BY_ID:
    case TOP_VERSIONS:
        return true;
    case TOP_BY_SERIES:
        *key = sn->series;
        return true;
    case TOP_SERIES:
        return sn->series == arg;
    case TOP_BY_DATE:
        *key = sn->date / 10000;
        return true;
    case TOP_YEAR:
        *key = sn->date / 100;
        return sn->date / 10000 == arg;
    case TOP_MONTH:
        *key = sn->date;
        return sn->date / 100 == arg;
    case TOP_DAY:
        return sn->date == arg;
    case TOP_TAG:
        return snap_has_tag(sn, arg);
    case TOP_ROOT:
    case TOP_BY_TAG:
    case TOP_SNAPSHOT:
        break;
    }
    return false;
}

/* The child by which a snapshot is in such a directory. */
static void snap_child(const struct top *t, const struct top_snap *sn,
                       enum top_kind kind, uint32_t key, struct top_child *c)
{
    const char *series = t->series.word[sn->series];
    char *name = c->name;

    child_set(c, TOP_SNAPSHOT, key, key);
    switch (kind) {
    case TOP_BY_ID:
        (void)snprintf(name, TOP_NAME_MAX, "%s", sn->short_id);
        break;
    case TOP_BY_SERIES:
        c->kind = TOP_SERIES;
        (void)snprintf(name, TOP_NAME_MAX, "%s", series);
        break;
    case TOP_SERIES:
        (void)snprintf(name, TOP_NAME_MAX, "%s%s", sn->time, sn->nth);
        break;
    case TOP_BY_DATE:
        c->kind = TOP_YEAR;
        (void)snprintf(name, TOP_NAME_MAX, "%04u", key);
        break;
    case TOP_YEAR:
        c->kind = TOP_MONTH;
        (void)snprintf(name, TOP_NAME_MAX, "%02u", key % 100);
        break;
    case TOP_MONTH:
        c->kind = TOP_DAY;
        (void)snprintf(name, TOP_NAME_MAX, "%02u", key % 100);
        break;
    case TOP_DAY:
        (void)snprintf(name, TOP_NAME_MAX, "%s_%s%s", sn->time + TOP_DAY_CHARS,
                       series, sn->nth);
        break;
    case TOP_TAG:
    case TOP_VERSIONS:
        (void)snprintf(name, TOP_NAME_MAX, "%s_%s%s", sn->time, series,
                       sn->nth);
        break;
    case TOP_ROOT:
    case TOP_BY_TAG:
    case TOP_SNAPSHOT:
        break;
    }
}

/* Whether the snapshots of such a directory stand there by their numbers. */
static bool kind_is_by_number(enum top_kind kind)
{
    return kind == TOP_BY_ID || kind == TOP_SERIES || kind == TOP_DAY ||
           kind == TOP_TAG || kind == TOP_VERSIONS;
}

/* The first child from a key on that snapshots make. */
static bool snaps_next(const struct top *t, enum top_kind kind, uint32_t arg,
                       uint64_t from, struct top_child *out)
{
    const bool by_number = kind_is_by_number(kind);
    size_t best = t->n;
    uint32_t best_key = 0;

    for (size_t i = by_number ? from : 0; i < t->n; i++) {
        uint32_t key;

        if (!snap_key(&t->snap[i], (uint32_t)i, kind, arg, &key) || key < from)
            continue;
        if (best == t->n || key < best_key) {
            best = i;
            best_key = key;
        }
        if (by_number)
            break;
    }
    if (best == t->n)
        return false;
    snap_child(t, &t->snap[best], kind, best_key, out);
    return true;
}

/* ... and that tags make. */
static bool tags_next(const struct top *t, uint64_t from, struct top_child *out)
{
    for (size_t tag = from; tag < t->tags.n; tag++) {
        for (size_t i = 0; i < t->n; i++) {
            if (t->snap[i].gone || !snap_has_tag(&t->snap[i], (uint32_t)tag))
                continue;
            child_set(out, TOP_TAG, (uint32_t)tag, (uint32_t)tag);
            (void)snprintf(out->name, TOP_NAME_MAX, "%s", t->tags.word[tag]);
            return true;
        }
    }
    return false;
}

static bool fixed_next(uint64_t from, struct top_child *out)
{
    if (from >= TOP_FIXED_N)
        return false;
    child_set(out, top_fixed[from].kind, 0, (uint32_t)from);
    (void)snprintf(out->name, TOP_NAME_MAX, "%s", top_fixed[from].name);
    return true;
}

/* "latest", where there is one. */
static bool latest_next(const struct top *t, enum top_kind kind, uint32_t arg,
                        uint64_t from, struct top_child *out)
{
    if ((kind != TOP_ROOT && kind != TOP_SERIES) || from > TOP_LATEST_AT)
        return false;
    return top_newest(t, kind == TOP_ROOT ? UINT32_MAX : arg, out);
}

bool top_next(const struct top *t, enum top_kind kind, uint32_t arg,
              uint64_t from, struct top_child *out)
{
    bool found = kind == TOP_ROOT     ? fixed_next(from, out)
                 : kind == TOP_BY_TAG ? tags_next(t, from, out)
                                      : snaps_next(t, kind, arg, from, out);

    return found || latest_next(t, kind, arg, from, out);
}

void top_name(const struct top *t, uint32_t no, enum top_kind kind,
              uint32_t key, char name[TOP_NAME_MAX])
{
    struct top_child c;

    child_set(&c, TOP_SNAPSHOT, no, key);
    if (key & TOP_LATEST)
        (void)snprintf(c.name, sizeof c.name, "latest");
    else
        snap_child(t, &t->snap[no], kind, key, &c);
    memcpy(name, c.name, TOP_NAME_MAX);
}

/* The same as going through the names of all, but for a file of which there are
 * many versions each is looked up. */
static bool version_named(const struct top *t, const char *name,
                          struct top_child *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct top_snap *sn = &t->snap[i];
        const char *series = t->series.word[sn->series];
        const size_t n = strlen(sn->time), m = strlen(series);

        if (!sn->gone && strncmp(name, sn->time, n) == 0 && name[n] == '_' &&
            strncmp(name + n + 1, series, m) == 0 &&
            strcmp(name + n + 1 + m, sn->nth) == 0) {
            snap_child(t, sn, TOP_VERSIONS, (uint32_t)i, out);
            return true;
        }
    }
    return false;
}

bool top_named(const struct top *t, enum top_kind kind, uint32_t arg,
               const char *name, struct top_child *out)
{
    uint64_t from = 0;

    if (kind == TOP_VERSIONS)
        return version_named(t, name, out);
    if (strcmp(name, "latest") == 0 && latest_next(t, kind, arg, 0, out))
        return true;
    while (top_next(t, kind, arg, from, out)) {
        if (strcmp(out->name, name) == 0)
            return true;
        from = out->next;
    }
    return false;
}
