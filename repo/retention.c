#include "repo/retention.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

/* What keeps a snapshot whatever the policy's limits are. */
enum {
    RETENTION_FIRM = RETENTION_TAGGED | RETENTION_NAMED | RETENTION_PROTECTED |
                     RETENTION_FUTURE | RETENTION_DAMAGED | RETENTION_GOES_ON
};

int retention_rule_parse(const char *text, struct retention_rule *out)
{
    struct retention_rule rule = {.reach = RETENTION_COUNT};
    uint64_t n = 0;

    if (strcmp(text, "all") == 0)
        rule.reach = RETENTION_ALL;
    else if (text_parse_uint(text, 0, RETENTION_COUNT_MAX, &n) == 0)
        rule.count = (uint32_t)n;
    else if (retention_span_parse(text, &rule.span) == 0)
        rule.reach = RETENTION_SPAN;
    else
        return err_set(E_USAGE,
                       "'%.100s' is neither a number, nor all, nor a time back "
                       "(like 30d or 1y6mo)",
                       text);
    *out = rule;
    return 0;
}

bool retention_is_firm(const struct retention_item *it)
{
    return (it->reason & RETENTION_FIRM) != 0;
}

bool retention_has_rule(const struct retention_policy *p)
{
    bool any = p->has_within || p->tags_n > 0 || p->has_max_age ||
               p->has_max_count || p->has_max_size;

    for (size_t i = 0; i < RETENTION_UNITS; i++)
        any = any || p->rule[i].reach != RETENTION_NONE;
    return any;
}

static bool retention_counts(const struct retention_item *it)
{
    return it->complete && !it->damaged && !(it->reason & RETENTION_FUTURE);
}

/* ---- order -------------------------------------------------------------- */

/* By group, series, number: the order in which a series came to be. */
static int retention_by_number(const void *a, const void *b)
{
    const struct retention_item *x = *(struct retention_item *const *)a;
    const struct retention_item *y = *(struct retention_item *const *)b;
    int c = bytes_cmp(x->group, y->group);

    if (c == 0)
        c = bytes_cmp(x->series, y->series);
    if (c == 0)
        c = (x->number > y->number) - (x->number < y->number);
    if (c == 0)
        c = entry_time_cmp(x->time, y->time);
    return c ? c : memcmp(x->id.b, y->id.b, ID_BYTES);
}

/* By group; in it what counts first, then the newest first. */
static int retention_by_time(const void *a, const void *b)
{
    const struct retention_item *x = *(struct retention_item *const *)a;
    const struct retention_item *y = *(struct retention_item *const *)b;
    int c = bytes_cmp(x->group, y->group);

    if (c == 0)
        c = retention_counts(y) - retention_counts(x);
    if (c == 0)
        c = entry_time_cmp(y->counted, x->counted);
    if (c == 0)
        c = bytes_cmp(x->series, y->series);
    if (c == 0)
        c = (x->number < y->number) - (x->number > y->number);
    if (c == 0)
        c = entry_time_cmp(y->time, x->time);
    return c ? c : memcmp(y->id.b, x->id.b, ID_BYTES);
}

/* The longest run of one series whose times agree with its order, and room for
 * finding it. */
struct retention_run {
    size_t *last;   /* of the runs of each length, the item that one ends with
                       earliest */
    size_t *before; /* of each item: that in front of it in the longest run that
                       it ends */
    size_t n;       /* the longest */
};

/* Puts an item at the end of the longest run that it can follow. */
static void retention_run_add(struct retention_run *r,
                              struct retention_item *const *it, size_t at)
{
    size_t lo = 0;
    size_t hi = r->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (entry_time_cmp(it[r->last[mid]]->time, it[at]->time) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    r->before[at] = lo > 0 ? r->last[lo - 1] : SIZE_MAX;
    r->last[lo] = at;
    if (lo == r->n)
        r->n++;
}

/*
 * What contradicts the order of its series, because a clock was wrong, or
 * somebody lies, is taken to be from the time of the one in front of it that
 * does not; of the first one, if there is none. it: one series, by number.
 */
static void retention_date(struct retention_run *r,
                           struct retention_item *const *it, size_t n)
{
    const struct retention_item *next = NULL;
    size_t at;
    size_t i;

    r->n = 0;
    for (i = 0; i < n; i++) {
        it[i]->counted = it[i]->time;
        if (retention_counts(it[i]))
            retention_run_add(r, it, i);
    }
    at = r->n > 0 ? r->last[r->n - 1] : SIZE_MAX;
    for (i = n; i-- > 0;) {
        if (!retention_counts(it[i]))
            continue;
        if (i == at) {
            next = it[i];
            at = r->before[i];
        } else if (at != SIZE_MAX) {
            it[i]->counted = it[at]->time;
        } else {
            it[i]->counted = next->time;
        }
    }
}

static int retention_date_all(struct retention_item **it, size_t n)
{
    struct retention_run r = {.last = mem_alloc((n + 1) * sizeof *r.last),
                              .before = mem_alloc((n + 1) * sizeof *r.before)};
    int rc = 0;

    if (!r.last || !r.before)
        rc = err_set(E_NOMEM, "out of memory for the snapshots");
    for (size_t i = 0; i < n && rc == 0;) {
        size_t end = i + 1;

        while (end < n && bytes_equal(it[i]->group, it[end]->group) &&
               bytes_equal(it[i]->series, it[end]->series))
            end++;
        retention_date(&r, it + i, end - i);
        i = end;
    }
    free(r.last);
    free(r.before);
    return rc;
}

/* ---- rules -------------------------------------------------------------- */

static bool retention_has_tag(const struct retention_item *it, struct bytes tag)
{
    for (size_t i = 0; i < it->tag_n; i++) {
        if (bytes_equal(it->tag[i], tag))
            return true;
    }
    return false;
}

static bool retention_has_tags(const struct retention_item *it,
                               const struct retention_tags *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!retention_has_tag(it, t->tag[i]))
            return false;
    }
    return t->n > 0;
}

/* What does not depend on others. */
static void retention_alone(const struct retention_policy *p,
                            struct entry_time now, struct retention_item *it)
{
    it->keep = false;
    it->reason = 0;
    memset(it->rank, 0, sizeof it->rank);
    if (it->damaged)
        it->reason |= RETENTION_DAMAGED;
    else if (entry_time_cmp(it->time, now) > 0 && !it->superseded)
        it->reason |= RETENTION_FUTURE;
    if (it->named)
        it->reason |= RETENTION_NAMED;
    if (it->is_protected)
        it->reason |= RETENTION_PROTECTED;
    if (!it->complete && !it->superseded)
        it->reason |= RETENTION_GOES_ON;
    for (size_t i = 0; it->complete && i < p->tags_n; i++) {
        if (retention_has_tags(it, &p->tags[i]))
            it->reason |= RETENTION_TAGGED;
    }
}

/* One rule over one group, newest first. *room: it could keep more. */
static void retention_unit(const struct retention_rule *rule,
                           enum retention_unit unit, int64_t since,
                           struct retention_item *const *it, size_t n,
                           bool *room)
{
    int64_t last = 0;
    uint32_t used = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t period = unit == RETENTION_LAST
                             ? (int64_t)i
                             : retention_period(unit, it[i]->counted.s);
        bool reached =
            rule->reach == RETENTION_ALL ||
            (rule->reach == RETENTION_COUNT && used < rule->count) ||
            (rule->reach == RETENTION_SPAN && it[i]->counted.s >= since);

        if (!reached)
            break;
        if (i > 0 && period == last)
            continue;
        last = period;
        it[i]->rank[unit] = ++used;
        it[i]->reason |= RETENTION_BY_RULE;
    }
    if (rule->reach == RETENTION_COUNT && used < rule->count)
        *room = true;
}

/* The policy's limits: what they outdo goes. it: what counts of one group. */
static void retention_limit(const struct retention_policy *p,
                            struct entry_time now,
                            struct retention_item *const *it, size_t n)
{
    int64_t since = p->has_max_age ? retention_before(now.s, &p->max_age) : 0;
    uint32_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (p->has_max_age && it[i]->counted.s < since)
            it[i]->reason |= RETENTION_TOO_OLD;
        else if (it[i]->keep && ++count > p->max_count && p->has_max_count)
            it[i]->reason |= RETENTION_TOO_MANY;
        if ((it[i]->reason & (RETENTION_TOO_OLD | RETENTION_TOO_MANY)) &&
            !retention_is_firm(it[i]))
            it[i]->keep = false;
    }
}

/* Whether what no rule speaks of goes: there are rules that keep. */
static bool retention_chooses(const struct retention_policy *p)
{
    bool any = p->has_within || p->tags_n > 0;

    for (size_t i = 0; i < RETENTION_UNITS; i++)
        any = any || p->rule[i].reach != RETENTION_NONE;
    return any;
}

/* What counts of one group, newest first. */
static void retention_group(const struct retention_policy *p,
                            struct entry_time now,
                            struct retention_item *const *it, size_t n)
{
    bool chooses = retention_chooses(p);
    bool room = false;
    int64_t newest = n > 0 ? it[0]->counted.s : 0;
    int64_t since = p->has_within ? retention_before(newest, &p->within) : 0;

    for (unsigned unit = 0; unit < RETENTION_UNITS; unit++) {
        const struct retention_rule *rule = &p->rule[unit];
        int64_t from = rule->reach == RETENTION_SPAN
                           ? retention_before(newest, &rule->span)
                           : 0;

        retention_unit(rule, (enum retention_unit)unit, from, it, n, &room);
    }
    if (room && n > 0 && it[n - 1]->reason == 0)
        it[n - 1]->reason |= RETENTION_OLDEST;
    for (size_t i = 0; i < n; i++) {
        if (p->has_within && it[i]->counted.s >= since)
            it[i]->reason |= RETENTION_WITHIN;
        it[i]->keep = it[i]->reason != 0 || !chooses;
    }
    retention_limit(p, now, it, n);
}

/* ---- all ---------------------------------------------------------------- */

/* One group; what counts comes first. */
static void retention_decide(const struct retention_policy *p,
                             struct entry_time now,
                             struct retention_item *const *it, size_t n,
                             struct retention_result *out)
{
    size_t counts = 0;
    bool complete = false;
    bool kept = false;

    while (counts < n && retention_counts(it[counts]))
        counts++;
    retention_group(p, now, it, counts);
    for (size_t i = counts; i < n; i++)
        it[i]->keep = it[i]->reason != 0;
    for (size_t i = 0; i < n; i++) {
        bool whole = it[i]->complete && !it[i]->damaged;

        complete = complete || whole;
        kept = kept || (whole && it[i]->keep);
        out->kept += it[i]->keep;
        out->removed += !it[i]->keep && it[i]->complete;
    }
    if (complete && !kept) {
        if (out->groups_emptied++ == 0)
            out->emptied = it[0]->group;
    }
}

static void retention_unmatched(const struct retention_policy *p,
                                const struct retention_item *item, size_t n,
                                struct retention_result *out)
{
    for (size_t t = 0; t < p->tags_n; t++) {
        bool any = false;

        for (size_t i = 0; i < n && !any; i++)
            any = item[i].complete && retention_has_tags(&item[i], &p->tags[t]);
        if (!any && out->tags_unmatched++ == 0)
            out->tag_unmatched = t;
    }
}

int retention_apply(const struct retention_policy *p, struct entry_time now,
                    struct retention_item *item, size_t n,
                    struct retention_result *out)
{
    struct retention_item **it = mem_alloc((n + 1) * sizeof(*it));
    int rc;

    *out = (struct retention_result){.kept = 0};
    if (!it)
        return err_set(E_NOMEM, "out of memory for the snapshots");
    for (size_t i = 0; i < n; i++) {
        it[i] = &item[i];
        retention_alone(p, now, it[i]);
    }
    qsort(it, n, sizeof(*it), retention_by_number);
    rc = retention_date_all(it, n);
    if (rc == 0)
        qsort(it, n, sizeof(*it), retention_by_time);
    for (size_t i = 0; i < n && rc == 0;) {
        size_t end = i + 1;

        while (end < n && bytes_equal(it[i]->group, it[end]->group))
            end++;
        retention_decide(p, now, it + i, end - i, out);
        i = end;
    }
    if (rc == 0)
        retention_unmatched(p, item, n, out);
    free(it);
    return rc;
}
