#include "repo/retention_simulate.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    SIMULATE_DAY = 86400,
    SIMULATE_OFTEN = 900,     /* no rhythm is faster */
    SIMULATE_ENDED_DAYS = 30, /* one that is silent for so long, and for ... */
    SIMULATE_ENDED_TIMES = 3, /* ... so many times its rhythm, has ended */
    SIMULATE_MANY = 500 /* of more, each so many put the policy off by a day */
};

/* Where the snapshots of a group come from. */
struct simulate_source {
    struct retention_item like; /* what they are, but for time and number */
    struct bytes *tag;          /* owned; like has it */
    int64_t next;
    int64_t every; /* seconds; 0: none comes */
};

struct simulate {
    const struct retention_policy *policy;
    struct retention_item *item;
    size_t n;
    size_t cap;
    struct simulate_source *source;
    size_t source_n;
    struct retention_simulate_row row; /* that is to be told next */
};

static bool simulate_is_whole(const struct retention_item *it)
{
    return it->complete && !it->damaged;
}

/* ---- the rhythm of a group ---------------------------------------------- */

/* A time to come tells nothing of how they came. */
static bool simulate_is_past(const struct retention_item *it)
{
    return simulate_is_whole(it) && !(it->reason & RETENTION_FUTURE);
}

/* By group; in it what tells a rhythm first, then the newest first. */
static int simulate_order(const void *va, const void *vb)
{
    const struct retention_item *a = *(struct retention_item *const *)va;
    const struct retention_item *b = *(struct retention_item *const *)vb;
    int c = bytes_cmp(a->group, b->group);

    if (c == 0)
        c = simulate_is_past(b) - simulate_is_past(a);
    if (c == 0)
        c = entry_time_cmp(b->counted, a->counted);
    if (c == 0)
        c = bytes_cmp(a->series, b->series);
    return c ? c : (a->number < b->number) - (a->number > b->number);
}

static int simulate_shorter(const void *va, const void *vb)
{
    int64_t a = *(const int64_t *)va;
    int64_t b = *(const int64_t *)vb;

    return (a > b) - (a < b);
}

/* How far apart two were made that follow each other: those between them that
 * are gone have left their numbers. */
static int64_t simulate_gap(const struct retention_item *newer,
                            const struct retention_item *older)
{
    int64_t gap = newer->counted.s - older->counted.s;

    if (bytes_equal(newer->series, older->series) &&
        newer->number > older->number &&
        newer->number - older->number < (uint64_t)INT64_MAX)
        gap /= (int64_t)(newer->number - older->number);
    return gap;
}

/* it: n > 0 of one group, the newest first. */
static int64_t simulate_rhythm(struct retention_item *const *it, size_t n)
{
    int64_t gap[RETENTION_SIMULATE_RECENT];
    size_t gaps = 0;

    for (size_t i = 1; i < n; i++)
        gap[gaps++] = simulate_gap(it[i - 1], it[i]);
    if (gaps == 0)
        return SIMULATE_DAY;
    qsort(gap, gaps, sizeof *gap, simulate_shorter);
    return gap[gaps / 2] > SIMULATE_OFTEN ? gap[gaps / 2] : SIMULATE_OFTEN;
}

static bool simulate_has_tag(const struct retention_item *it, struct bytes tag)
{
    for (size_t i = 0; i < it->tag_n; i++) {
        if (bytes_equal(it->tag[i], tag))
            return true;
    }
    return false;
}

/* The tags that all of them have. */
static int simulate_tags(struct retention_item *const *it, size_t n,
                         struct simulate_source *to)
{
    to->tag = mem_array(it[0]->tag_n, sizeof *to->tag);
    if (!to->tag)
        return err_set(E_NOMEM, "out of memory for the tags");
    for (size_t t = 0; t < it[0]->tag_n; t++) {
        bool all = true;

        for (size_t i = 1; i < n && all; i++)
            all = simulate_has_tag(it[i], it[0]->tag[t]);
        if (all)
            to->tag[to->like.tag_n++] = it[0]->tag[t];
    }
    to->like.tag = to->tag;
    return 0;
}

/* it: past > 0 of one group, the newest first. */
static int simulate_source_make(struct retention_item *const *it, size_t past,
                                struct entry_time now,
                                struct simulate_source *to)
{
    size_t n =
        past < RETENTION_SIMULATE_RECENT ? past : RETENTION_SIMULATE_RECENT;
    int64_t silent = now.s - it[0]->counted.s;

    to->like = (struct retention_item){
        .group = it[0]->group, .series = it[0]->series, .complete = true};
    for (size_t i = 0; i < past; i++) {
        if (bytes_equal(it[i]->series, to->like.series) &&
            it[i]->number > to->like.number)
            to->like.number = it[i]->number;
    }
    to->every = simulate_rhythm(it, n);
    to->next = it[0]->counted.s + to->every;
    if (to->next <= now.s)
        to->next += (now.s - to->next) / to->every * to->every + to->every;
    if (silent > (int64_t)SIMULATE_ENDED_DAYS * SIMULATE_DAY &&
        silent / SIMULATE_ENDED_TIMES > to->every)
        to->every = 0;
    return simulate_tags(it, n, to);
}

/* it: all, in order. */
static int simulate_sources(struct simulate *s, struct entry_time now,
                            struct retention_item *const *it)
{
    int rc = 0;

    for (size_t i = 0; i < s->n && rc == 0;) {
        size_t end = i;
        size_t past = 0;

        for (; end < s->n && bytes_equal(it[i]->group, it[end]->group); end++)
            past += simulate_is_past(it[end]);
        if (past > 0)
            rc = simulate_source_make(it + i, past, now,
                                      &s->source[s->source_n++]);
        i = end;
    }
    return rc;
}

/* Decided on already: the times that they count as are known. */
static int simulate_listen(struct simulate *s, struct entry_time now)
{
    struct retention_item **it = mem_array(s->n, sizeof(*it));
    int rc;

    s->source = mem_array(s->n, sizeof *s->source);
    for (size_t i = 0; it && i < s->n; i++)
        it[i] = &s->item[i];
    if (it && s->source) {
        qsort(it, s->n, sizeof(*it), simulate_order);
        rc = simulate_sources(s, now, it);
    } else {
        rc = err_set(E_NOMEM, "out of memory for the snapshots");
    }
    free(it);
    return rc;
}

/* ---- day by day --------------------------------------------------------- */

/* What comes until then. */
static int simulate_come(struct simulate *s, int64_t until)
{
    for (size_t i = 0; i < s->source_n; i++) {
        struct simulate_source *from = &s->source[i];

        while (from->every > 0 && from->next <= until) {
            if (!MEM_GROW(s->item, s->n, s->cap))
                return err_set(E_NOMEM, "out of memory for the snapshots");
            from->like.number++;
            from->like.time.s = from->next;
            from->next += from->every;
            s->item[s->n++] = from->like;
        }
    }
    return 0;
}

static int simulate_decide(struct simulate *s, struct entry_time now,
                           struct retention_result *result)
{
    int rc = retention_apply(s->policy, now, s->item, s->n, result);

    if (result->groups_emptied > 0 || result->tags_unmatched > 0)
        s->row.refused = true;
    return rc;
}

/* What goes stays gone. */
static void simulate_drop(struct simulate *s,
                          const struct retention_result *result)
{
    size_t n = 0;

    if (result->groups_emptied > 0 || result->tags_unmatched > 0)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->item[i].keep)
            s->item[n++] = s->item[i];
        else
            s->row.gone += simulate_is_whole(&s->item[i]);
    }
    s->n = n;
}

static void simulate_count(const struct retention_item *it,
                           struct retention_simulate_row *row)
{
    if (row->kept++ == 0 || entry_time_cmp(it->counted, row->oldest) < 0)
        row->oldest = it->counted;
    for (size_t unit = 0; unit < RETENTION_UNITS; unit++)
        row->by_unit[unit] += it->keep && it->rank[unit] > 0;
    row->within += it->keep && (it->reason & RETENTION_WITHIN) != 0;
    row->tagged += it->keep && (it->reason & RETENTION_TAGGED) != 0;
    row->named += it->keep && (it->reason & RETENTION_NAMED) != 0;
}

static int simulate_tell(struct simulate *s, struct entry_time now,
                         retention_simulate_each *each, void *ctx)
{
    int rc;

    s->row.time = now;
    for (size_t i = 0; i < s->n; i++) {
        if (simulate_is_whole(&s->item[i]))
            simulate_count(&s->item[i], &s->row);
    }
    rc = each(ctx, &s->row);
    s->row = (struct retention_simulate_row){.kept = 0};
    return rc;
}

/* Now: the rhythm is that of all, also of what goes at once. */
static int simulate_first(struct simulate *s, struct entry_time now,
                          const struct retention_item *item, size_t n)
{
    struct retention_result result;
    int rc;

    s->item = mem_array(n, sizeof *s->item);
    if (!s->item)
        return err_set(E_NOMEM, "out of memory for the snapshots");
    if (n > 0)
        memcpy(s->item, item, n * sizeof *item);
    s->n = n;
    s->cap = n;
    rc = simulate_decide(s, now, &result);
    if (rc == 0)
        rc = simulate_listen(s, now);
    if (rc == 0)
        simulate_drop(s, &result);
    return rc;
}

static int simulate_day(struct simulate *s, struct entry_time now)
{
    struct retention_result result;
    int rc = simulate_come(s, now.s);

    if (rc == 0)
        rc = simulate_decide(s, now, &result);
    if (rc == 0)
        simulate_drop(s, &result);
    return rc;
}

static void simulate_release(struct simulate *s)
{
    for (size_t i = 0; i < s->source_n; i++)
        free(s->source[i].tag);
    free(s->source);
    free(s->item);
}

int retention_simulate(const struct retention_policy *p, struct entry_time now,
                       const struct retention_item *item, size_t n,
                       uint32_t days, retention_simulate_each *each, void *ctx)
{
    struct simulate s = {.policy = p};
    uint32_t every =
        (days + RETENTION_SIMULATE_ROWS - 1) / RETENTION_SIMULATE_ROWS;
    uint32_t last = 0;
    int rc;

    ASSERT(days >= 1 && days <= RETENTION_SIMULATE_DAYS_MAX);
    rc = simulate_first(&s, now, item, n);
    if (rc == 0)
        rc = simulate_tell(&s, now, each, ctx);
    for (uint32_t day = 1; day <= days && rc == 0; day++) {
        bool told = day % every == 0 || day == days;

        now.s += SIMULATE_DAY;
        if (!told && day - last <= s.n / SIMULATE_MANY)
            continue;
        last = day;
        rc = simulate_day(&s, now);
        if (rc == 0 && told)
            rc = simulate_tell(&s, now, each, ctx);
    }
    simulate_release(&s);
    return rc;
}
