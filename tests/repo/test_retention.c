/*
 * Retention: golden cases, one line each, and what holds for any policy and
 * history.
 *
 * A history, and what is to be kept of it, is written in words: a local time
 * "2026-01-31T12:00"; "T/STEP*N": N times from T on, each STEP later (h: hours
 * that pass; d, mo: by the calendar). Behind it: "!" protected, "#TAG" (more
 * than once), "~" a checkpoint, "?" damaged, "@SERIES" (a group of its own).
 * Numbers follow the order of the words, in each series from 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "repo/retention.h"
#include "tests/support/prng.h"

enum { ITEMS = 4000, TAGS = 4, TEXT = 64 };

struct history {
    struct retention_item item[ITEMS];
    struct bytes tag[ITEMS][TAGS];
    char text[ITEMS][TEXT]; /* series and tags */
    size_t n;
};

static struct history have, want;

static void zone(const char *tz)
{
    assert_int_equal(setenv("TZ", tz, 1), 0);
    tzset();
}

/* ---- histories ---------------------------------------------------------- */

static struct tm read_time(const char *word)
{
    struct tm tm = {.tm_isdst = -1, .tm_mday = 1};
    int n = sscanf(word, "%d-%d-%dT%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                   &tm.tm_hour, &tm.tm_min);

    if (n != 5)
        fail_msg("'%s' is no time", word);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return tm;
}

/* The i-th time of a word. */
static int64_t nth_time(const char *word, int i)
{
    struct tm tm = read_time(word);
    const char *slash = strchr(word, '/');
    char *unit = NULL;
    int step = slash ? (int)strtol(slash + 1, &unit, 10) * i : 0;

    if (!slash)
        return mktime(&tm);
    if (*unit == 'h')
        return mktime(&tm) + (int64_t)step * 3600;
    if (*unit == 'd')
        tm.tm_mday += step;
    else
        tm.tm_mon += step;
    return mktime(&tm);
}

static void mark(struct history *h, size_t at, const char *word)
{
    struct retention_item *it = &h->item[at];
    char *text = h->text[at];
    const char *p = strpbrk(word, "!#~?@");

    (void)snprintf(text, TEXT, "%s", p ? p : "");
    it->complete = true;
    it->series = it->group = bytes_of_str("main");
    while (*text) {
        char kind = *text;
        size_t n = strcspn(text + 1, "!#~?@");
        struct bytes value = bytes_of((uint8_t *)text + 1, n);

        it->is_protected = it->is_protected || kind == '!';
        it->damaged = it->damaged || kind == '?';
        if (kind == '~')
            it->complete = false;
        if (kind == '@')
            it->series = it->group = value;
        if (kind == '#')
            h->tag[at][it->tag_n++] = value;
        text += 1 + n;
    }
    it->tag = h->tag[at];
}

static void add_word(struct history *h, const char *word)
{
    const char *star = strchr(word, '*');
    long times = star ? strtol(star + 1, NULL, 10) : 1;

    for (int i = 0; i < times; i++) {
        struct retention_item *it = &h->item[h->n];

        assert_true(h->n < ITEMS);
        *it = (struct retention_item){.time = {.s = nth_time(word, i)}};
        (void)memcpy(it->id.b, &h->n, sizeof h->n);
        mark(h, h->n, word);
        it->number = 1;
        for (size_t k = 0; k < h->n; k++)
            it->number += bytes_equal(h->item[k].series, it->series) ? 1U : 0U;
        h->n++;
    }
}

static void read_history(struct history *h, const char *text)
{
    char all[2048];
    char *rest = NULL;

    h->n = 0;
    assert_true(strlen(text) < sizeof all);
    (void)snprintf(all, sizeof all, "%s", text);
    for (char *w = strtok_r(all, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        add_word(h, w);
}

/* ---- policies ----------------------------------------------------------- */

struct policy {
    struct retention_policy p;
    struct retention_tags tags[TAGS];
    struct bytes tag[TAGS][TAGS];
    char text[256];
};

static void read_tags(struct policy *p, char *value)
{
    size_t at = p->p.tags_n++;
    char *rest = NULL;

    p->tags[at].tag = p->tag[at];
    for (char *t = strtok_r(value, ",", &rest); t;
         t = strtok_r(NULL, ",", &rest))
        p->tag[at][p->tags[at].n++] = bytes_of_str(t);
    p->p.tags = p->tags;
}

static void read_rule(struct policy *p, const char *name, const char *value)
{
    struct retention_rule rule;

    assert_int_equal(retention_rule_parse(value, &rule), 0);
    for (unsigned i = 0; i < RETENTION_UNITS; i++) {
        if (strcmp(name, retention_unit_name((enum retention_unit)i)) == 0) {
            p->p.rule[i] = rule;
            return;
        }
    }
    fail_msg("'%s' is no rule", name);
}

static void read_policy(struct policy *p, const char *text)
{
    char *rest = NULL;

    *p = (struct policy){.p = {.has_within = false}};
    (void)snprintf(p->text, sizeof p->text, "%s", text);
    for (char *w = strtok_r(p->text, " ", &rest); w;
         w = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(w, '=');

        assert_non_null(value);
        *value++ = 0;
        if (strcmp(w, "tag") == 0) {
            read_tags(p, value);
        } else if (strcmp(w, "within") == 0) {
            p->p.has_within = true;
            assert_int_equal(retention_span_parse(value, &p->p.within), 0);
        } else if (strcmp(w, "max-age") == 0) {
            p->p.has_max_age = true;
            assert_int_equal(retention_span_parse(value, &p->p.max_age), 0);
        } else if (strcmp(w, "max-count") == 0) {
            p->p.has_max_count = true;
            p->p.max_count = (uint32_t)strtoul(value, NULL, 10);
        } else {
            read_rule(p, w, value);
        }
    }
}

/* ---- golden ------------------------------------------------------------- */

struct golden {
    const char *policy;
    const char *history;
    const char *kept;
};

/* Now is 2026-11-28 12:00 in Berlin. */
static const struct golden golden[] = {
    /* nothing, and little */
    {"last=1", "", ""},
    {"last=1", "2026-11-28T02:00", "2026-11-28T02:00"},
    {"daily=7", "2026-11-28T02:00", "2026-11-28T02:00"},
    {"last=0", "2026-11-28T02:00", ""},

    /* the newest, whatever their times */
    {"last=3", "2026-11-01T02:00/1d*10", "2026-11-08T02:00/1d*3"},
    {"last=3", "2026-11-01T02:00/1h*5", "2026-11-01T04:00/1h*3"},
    {"last=3",
     "2026-11-01T02:00 2026-11-01T02:00 2026-11-01T02:00 2026-11-01T02:00",
     "2026-11-01T02:00 2026-11-01T02:00 2026-11-01T02:00"},
    {"last=all", "2026-11-01T02:00/1d*10", "2026-11-01T02:00/1d*10"},
    {"last=3d", "2026-11-01T02:00/1d*10", "2026-11-07T02:00/1d*4"},

    /* one for each period, its newest; the oldest while there is room */
    {"hourly=2",
     "2026-11-28T08:10 2026-11-28T08:50 2026-11-28T09:10 2026-11-28T09:50",
     "2026-11-28T08:50 2026-11-28T09:50"},
    {"hourly=3",
     "2026-11-28T08:10 2026-11-28T08:50 2026-11-28T09:10 2026-11-28T09:50",
     "2026-11-28T08:10 2026-11-28T08:50 2026-11-28T09:50"},
    {"daily=3", "2026-11-01T02:00/12h*10", "2026-11-03T14:00/1d*3"},
    {"daily=2", "2026-11-27T23:59 2026-11-28T00:00",
     "2026-11-27T23:59 2026-11-28T00:00"},
    {"daily=1", "2026-11-27T23:59 2026-11-28T00:00", "2026-11-28T00:00"},
    {"weekly=2", "2026-11-16T12:00/1d*13", "2026-11-22T12:00 2026-11-28T12:00"},
    {"weekly=2", "2026-11-22T23:59 2026-11-23T00:00 2026-11-28T12:00",
     "2026-11-22T23:59 2026-11-28T12:00"},
    {"monthly=3", "2026-01-15T12:00/1mo*11", "2026-09-15T12:00/1mo*3"},
    {"quarterly=2", "2026-01-15T12:00/1mo*11",
     "2026-09-15T12:00 2026-11-15T12:00"},
    {"quarterly=9", "2026-01-15T12:00/1mo*11",
     "2026-01-15T12:00 2026-03-15T12:00 2026-06-15T12:00 2026-09-15T12:00 "
     "2026-11-15T12:00"},
    {"yearly=2", "2020-06-01T12:00/1mo*70",
     "2025-12-01T12:00 2026-03-01T12:00"},
    {"yearly=10", "2020-06-01T12:00/1mo*70",
     "2020-06-01T12:00 2020-12-01T12:00 2021-12-01T12:00 2022-12-01T12:00 "
     "2023-12-01T12:00 2024-12-01T12:00 2025-12-01T12:00 2026-03-01T12:00"},
    {"yearly=all", "2020-06-01T12:00/1mo*13",
     "2020-12-01T12:00 2021-06-01T12:00"},

    /* periods without a snapshot do not count; a span counts by the calendar */
    {"daily=3", "2026-01-01T12:00 2026-03-01T12:00 2026-11-01T12:00",
     "2026-01-01T12:00 2026-03-01T12:00 2026-11-01T12:00"},
    {"daily=3d", "2026-01-01T12:00 2026-10-30T12:00 2026-11-01T12:00",
     "2026-10-30T12:00 2026-11-01T12:00"},
    {"daily=1w", "2026-11-01T02:00/12h*40", "2026-11-13T14:00/1d*8"},
    {"monthly=1y", "2024-01-05T12:00/1mo*34", "2025-10-05T12:00/1mo*13"},
    {"weekly=1mo", "2026-10-01T12:00/1d*50",
     "2026-10-25T12:00 2026-11-01T12:00 2026-11-08T12:00 2026-11-15T12:00 "
     "2026-11-19T12:00"},

    /* rules are or'ed: what one keeps does not use up another */
    {"last=2 daily=2", "2026-11-01T02:00/12h*8",
     "2026-11-03T14:00 2026-11-04T02:00 2026-11-04T14:00"},
    {"daily=2 last=2", "2026-11-01T02:00/12h*8",
     "2026-11-03T14:00 2026-11-04T02:00 2026-11-04T14:00"},
    {"daily=2 weekly=2 monthly=2", "2026-09-01T12:00/1d*61",
     "2026-09-30T12:00 2026-10-25T12:00 2026-10-30T12:00 2026-10-31T12:00"},
    {"daily=1 yearly=2", "2026-11-01T12:00/1d*5",
     "2026-11-01T12:00 2026-11-05T12:00"},

    /* restic's manual: a daily backup for long, 7 daily, 5 weekly, 12 monthly,
     * 75 yearly; here over a hundred years of month ends */
    {"daily=7 weekly=5 monthly=12 yearly=75", "2024-01-01T12:00/1d*366",
     "2024-12-25T12:00/1d*7 2024-12-22T12:00 2024-12-15T12:00 2024-12-08T12:00 "
     "2024-01-01T12:00 2024-01-31T12:00 2024-02-29T12:00 "
     "2024-03-31T12:00 "
     "2024-04-30T12:00 2024-05-31T12:00 2024-06-30T12:00 2024-07-31T12:00 "
     "2024-08-31T12:00 2024-09-30T12:00 2024-10-31T12:00 2024-11-30T12:00"},
    /* restic's manual: Sundays only, 4 daily ones: those are four weeks */
    {"daily=4", "2026-09-06T11:00/7d*10", "2026-10-18T11:00/7d*4"},
    /* borg's manual: a daily archive of 2015 and one of 2016-01-01, 14 daily, 6
     * monthly, 1 yearly; where later rules do not pass over what earlier ones
     * kept, two months and a year more say the same */
    {"daily=14 monthly=8 yearly=2", "2015-01-01T12:00/1d*366",
     "2015-12-19T12:00/1d*14 2015-11-30T12:00 2015-10-31T12:00 "
     "2015-09-30T12:00 "
     "2015-08-31T12:00 2015-07-31T12:00 2015-06-30T12:00"},
    /* ... and with a year to spare the oldest stays, as there */
    {"daily=14 monthly=8 yearly=3", "2015-01-01T12:00/1d*366",
     "2015-12-19T12:00/1d*14 2015-11-30T12:00 2015-10-31T12:00 "
     "2015-09-30T12:00 "
     "2015-08-31T12:00 2015-07-31T12:00 2015-06-30T12:00 2015-01-01T12:00"},
    /* borg's manual: 10 of the newest, and all of two days */
    {"within=2d last=3", "2026-11-01T02:00/12h*20", "2026-11-08T14:00/12h*5"},

    /* within */
    {"within=1d", "2026-11-27T11:59 2026-11-27T12:00 2026-11-28T12:00",
     "2026-11-27T12:00 2026-11-28T12:00"},
    {"within=1mo", "2026-02-15T12:00 2026-02-28T12:00 2026-03-31T12:00",
     "2026-02-28T12:00 2026-03-31T12:00"},
    {"within=2h", "2026-11-28T02:00/1h*8", "2026-11-28T07:00/1h*3"},

    /* clocks that change: no day and no hour is lost */
    {"hourly=7", "2026-10-25T00:00/1h*8", "2026-10-25T06:00/-1h*7"},
    {"daily=3",
     "2026-10-24T23:30 2026-10-25T00:30 2026-10-25T23:30 2026-10-26T00:30",
     "2026-10-24T23:30 2026-10-25T23:30 2026-10-26T00:30"},
    {"daily=3", "2026-03-28T02:30/1d*3", "2026-03-28T02:30/1d*3"},

    /* tags, protection */
    {"tag=gold",
     "2026-11-01T12:00#gold 2026-11-02T12:00 2026-11-03T12:00#silver",
     "2026-11-01T12:00#gold"},
    {"tag=a,b", "2026-11-01T12:00#a 2026-11-02T12:00#b#a 2026-11-03T12:00#b",
     "2026-11-02T12:00#b#a"},
    {"tag=a tag=b", "2026-11-01T12:00#a 2026-11-02T12:00 2026-11-03T12:00#b",
     "2026-11-01T12:00#a 2026-11-03T12:00#b"},
    {"last=1 tag=a", "2026-11-01T12:00#a 2026-11-02T12:00 2026-11-03T12:00",
     "2026-11-01T12:00#a 2026-11-03T12:00"},
    {"last=1", "2026-11-01T12:00! 2026-11-02T12:00 2026-11-03T12:00",
     "2026-11-01T12:00! 2026-11-03T12:00"},

    /* groups do not see each other */
    {"last=1", "2026-11-01T12:00@x 2026-11-02T12:00@y 2026-11-03T12:00@y",
     "2026-11-01T12:00@x 2026-11-03T12:00@y"},
    {"daily=2", "2026-11-01T12:00/1d*3@x 2026-11-01T13:00/1d*3@y",
     "2026-11-02T12:00/1d*2@x 2026-11-02T13:00/1d*2@y"},

    /* times to come: kept, and no reason to remove others */
    {"last=1", "2026-11-28T02:00 2099-01-01T12:00",
     "2026-11-28T02:00 2099-01-01T12:00"},
    {"yearly=1", "2026-11-27T02:00 2099-01-01T12:00 2026-11-28T02:00",
     "2099-01-01T12:00 2026-11-28T02:00"},
    {"within=1d", "2026-11-01T02:00 2099-01-01T12:00",
     "2026-11-01T02:00 2099-01-01T12:00"},

    /* a time that the order contradicts is that of the one in front of it */
    {"daily=2",
     "2026-11-01T12:00 2026-11-20T12:00 2026-11-02T12:00 2026-11-03T12:00",
     "2026-11-02T12:00 2026-11-03T12:00"},
    {"last=2", "2026-11-01T12:00 2026-11-02T12:00 1970-01-02T12:00",
     "2026-11-02T12:00 1970-01-02T12:00"},
    {"within=3d",
     "2026-11-25T12:00 2026-11-26T12:00 1970-01-02T12:00 2026-11-27T12:00",
     "2026-11-25T12:00 2026-11-26T12:00 1970-01-02T12:00 2026-11-27T12:00"},

    /* checkpoints and damage take nobody's place */
    {"last=1", "2026-11-01T12:00 2026-11-02T12:00~",
     "2026-11-01T12:00 2026-11-02T12:00~"},
    {"last=1", "2026-11-01T12:00 2026-11-02T12:00?",
     "2026-11-01T12:00 2026-11-02T12:00?"},

    /* limits */
    {"max-age=10d", "2026-11-01T12:00/1d*28", "2026-11-18T12:00/1d*11"},
    {"max-count=3", "2026-11-01T12:00/1d*28", "2026-11-26T12:00/1d*3"},
    {"daily=5 max-count=3", "2026-11-01T12:00/1d*28", "2026-11-26T12:00/1d*3"},
    {"monthly=12 max-age=2mo", "2026-01-15T12:00/1mo*11",
     "2026-10-15T12:00 2026-11-15T12:00"},
    {"max-age=10d", "2026-11-01T12:00! 2026-11-02T12:00 2026-11-27T12:00",
     "2026-11-01T12:00! 2026-11-27T12:00"},
    {"max-count=1 tag=a", "2026-11-01T12:00#a 2026-11-02T12:00#a",
     "2026-11-01T12:00#a 2026-11-02T12:00#a"},
    {"max-age=10d", "2026-01-01T12:00 2026-01-02T12:00", ""},
    {"max-age=10d", "2026-01-01T12:00 2026-01-02T12:00?", "2026-01-02T12:00?"},
};

static struct entry_time now(void)
{
    struct tm tm = read_time("2026-11-28T12:00");

    return (struct entry_time){.s = mktime(&tm)};
}

static struct retention_result decide(const struct policy *p, struct history *h)
{
    struct retention_result r;

    assert_int_equal(retention_apply(&p->p, now(), h->item, h->n, &r), 0);
    return r;
}

static bool is_wanted(const struct retention_item *it, bool *used)
{
    for (size_t i = 0; i < want.n; i++) {
        if (!used[i] && want.item[i].time.s == it->time.s &&
            bytes_equal(want.item[i].series, it->series)) {
            used[i] = true;
            return true;
        }
    }
    return false;
}

static bool is_as_wanted(const struct golden *g)
{
    static bool used[ITEMS];
    bool ok = true;
    struct policy p;

    read_policy(&p, g->policy);
    read_history(&have, g->history);
    read_history(&want, g->kept);
    (void)decide(&p, &have);
    memset(used, 0, sizeof used);
    /* of equal times the newest counts */
    for (size_t i = have.n; i-- > 0;) {
        if (have.item[i].keep == is_wanted(&have.item[i], used))
            continue;
        ok = false;
        time_t t = (time_t)have.item[i].time.s;
        print_message("%s | %s: %s %s", g->policy, g->history,
                      have.item[i].keep ? "kept" : "removed", ctime(&t));
    }
    for (size_t i = 0; i < want.n; i++) {
        if (!used[i]) {
            time_t t = (time_t)want.item[i].time.s;

            print_message("%s | %s: no %s", g->policy, g->history, ctime(&t));
            ok = false;
        }
    }
    return ok;
}

static void test_retention__golden(void **state)
{
    unsigned wrong = 0;

    (void)state;
    zone("Europe/Berlin");
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        wrong += !is_as_wanted(&golden[i]);
    assert_int_equal(wrong, 0);
    assert_true(sizeof golden / sizeof *golden >= 60);
}

/* ---- properties --------------------------------------------------------- */

/* A year of snapshots at any times, in two groups, of all kinds. */
static void random_history(struct prng *r, struct history *h)
{
    size_t n = 1 + prng_below(r, 120);

    h->n = 0;
    while (h->n < n) {
        struct retention_item *it = &h->item[h->n];
        uint64_t kind = prng_below(r, 40);

        *it = (struct retention_item){
            .time = {.s = now().s - (int64_t)prng_below(r, 400 * 86400)},
            .number = prng_below(r, 4) ? h->n : prng_below(r, n),
            .complete = kind != 0,
            .superseded = kind == 0 && prng_below(r, 2),
            .damaged = kind == 1,
            .is_protected = kind == 2,
            .named = kind == 3,
            .tag = h->tag[h->n],
            .tag_n = prng_below(r, 5) == 0};
        if (kind == 4)
            it->time.s = now().s + 1 + (int64_t)prng_below(r, 86400);
        it->group = bytes_of_str(prng_below(r, 3) ? "a" : "b");
        it->series = bytes_of_str(prng_below(r, 3) ? "a" : "b");
        if (prng_below(r, 2)) /* often the same */
            it->time.s -= it->time.s % (30 * 86400);
        h->tag[h->n][0] = bytes_of_str(prng_below(r, 2) ? "x" : "y");
        (void)memcpy(it->id.b, &h->n, sizeof h->n);
        h->n++;
    }
}

static struct retention_rule random_rule(struct prng *r)
{
    return (struct retention_rule){
        .reach = (enum retention_reach)prng_below(r, RETENTION_ALL + 1),
        .count = (uint32_t)prng_below(r, 9),
        .span = {.days = 1 + (uint32_t)prng_below(r, 60)}};
}

static void random_policy(struct prng *r, struct policy *p)
{
    read_policy(p, "");
    for (size_t i = 0; i < RETENTION_UNITS; i++) {
        if (prng_below(r, 3) == 0)
            p->p.rule[i] = random_rule(r);
    }
    if (prng_below(r, 4) == 0) {
        p->p.has_within = true;
        p->p.within.days = (uint32_t)prng_below(r, 50);
    }
    if (prng_below(r, 4) == 0) {
        p->tag[0][0] = bytes_of_str("x");
        p->tags[0] = (struct retention_tags){p->tag[0], 1};
        p->p.tags = p->tags;
        p->p.tags_n = 1;
    }
}

/* Makes the policy keep more, in one respect. */
static void keep_more(struct prng *r, struct retention_policy *p)
{
    struct retention_rule *rule = &p->rule[prng_below(r, RETENTION_UNITS)];

    switch (rule->reach) {
    case RETENTION_NONE:
        *rule = random_rule(r);
        break;
    case RETENTION_COUNT:
        rule->count += 1 + (uint32_t)prng_below(r, 5);
        break;
    case RETENTION_SPAN:
        rule->span.days += 1 + (uint32_t)prng_below(r, 30);
        break;
    case RETENTION_ALL:
        if (p->has_within)
            p->within.days++;
        break;
    }
}

enum { RUNS = 3000 };

/* Who asks for more to be kept, never loses one for it: but where nothing was
 * chosen before, and so all stayed. */
static void test_retention__more_keeps_never_remove_more(void **state)
{
    struct prng r;
    struct policy p;

    (void)state;
    zone("America/New_York");
    prng_init(&r, 1);
    for (int run = 0; run < RUNS; run++) {
        random_history(&r, &have);
        random_policy(&r, &p);
        if (!retention_has_rule(&p.p))
            continue;
        (void)decide(&p, &have);
        want = have;
        keep_more(&r, &p.p);
        (void)decide(&p, &have);
        for (size_t i = 0; i < have.n; i++)
            assert_true(have.item[i].keep || !want.item[i].keep);
    }
}

static void swap_items(struct retention_item *a, struct retention_item *b)
{
    struct retention_item c = *a;

    *a = *b;
    *b = c;
}

/* The order in which snapshots are given does not matter; nor does one group
 * to the other. */
static void test_retention__order_does_not_matter(void **state)
{
    static bool keep[ITEMS];
    struct prng r;
    struct policy p;

    (void)state;
    zone("Europe/Berlin");
    prng_init(&r, 2);
    for (int run = 0; run < RUNS; run++) {
        random_history(&r, &have);
        random_policy(&r, &p);
        p.p.has_max_count = prng_below(&r, 4) == 0;
        p.p.max_count = (uint32_t)prng_below(&r, 20);
        (void)decide(&p, &have);
        for (size_t i = 0; i < have.n; i++)
            keep[i] = have.item[i].keep;
        for (size_t i = have.n; i > 1; i--)
            swap_items(&have.item[i - 1], &have.item[prng_below(&r, i)]);
        (void)decide(&p, &have);
        for (size_t i = 0; i < have.n; i++) {
            size_t at;

            (void)memcpy(&at, have.item[i].id.b, sizeof at);
            assert_int_equal(have.item[i].keep, keep[at]);
        }
    }
}

/* What must not go does not, and the count of what goes is right. */
static void test_retention__never_removed(void **state)
{
    struct prng r;
    struct policy p;

    (void)state;
    zone("Australia/Lord_Howe"); /* clocks change by half an hour */
    prng_init(&r, 3);
    for (int run = 0; run < RUNS; run++) {
        struct retention_result result;
        size_t removed = 0;
        bool counts = false;

        random_history(&r, &have);
        random_policy(&r, &p);
        p.p.has_max_age = prng_below(&r, 4) == 0;
        p.p.max_age.days = 1 + (uint32_t)prng_below(&r, 300);
        result = decide(&p, &have);
        for (size_t i = 0; i < RETENTION_UNITS; i++)
            counts = counts || (p.p.rule[i].reach == RETENTION_COUNT &&
                                p.p.rule[i].count > 0);
        for (size_t i = 0; i < have.n; i++) {
            const struct retention_item *it = &have.item[i];

            removed += it->complete && !it->keep;
            assert_true(it->keep || !(it->damaged || it->is_protected ||
                                      it->named || it->time.s > now().s));
            assert_true(it->keep || it->complete || it->superseded);
            assert_true(
                it->keep == (it->reason != 0) ||
                (it->reason & (RETENTION_TOO_OLD | RETENTION_TOO_MANY)) ||
                !retention_has_rule(&p.p) || p.p.has_max_age);
        }
        assert_int_equal(result.removed, removed);
        if (counts && !p.p.has_max_age)
            assert_int_equal(result.groups_emptied, 0);
    }
}

static void test_retention__what_is_to_be_refused(void **state)
{
    static const char *const bad[] = {"", "-1", "1000001", "7 ", "every"};
    struct retention_result r;
    struct policy p;

    (void)state;
    zone("Europe/Berlin");
    read_policy(&p, "");
    assert_false(retention_has_rule(&p.p));
    read_policy(&p, "max-age=1d");
    assert_true(retention_has_rule(&p.p));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct retention_rule rule;

        assert_int_equal(retention_rule_parse(bad[i], &rule), E_USAGE);
    }
    read_history(&have, "2026-11-01T12:00@x 2026-11-28T01:00@y");
    r = decide(&p, &have);
    assert_int_equal(r.groups_emptied, 1);
    assert_true(bytes_equal(r.emptied, bytes_of_str("x")));
    assert_int_equal(r.kept, 1);
    assert_int_equal(r.removed, 1);
    /* a damaged one is no last one */
    read_history(&have, "2026-11-01T12:00 2026-11-02T12:00?");
    assert_int_equal(decide(&p, &have).groups_emptied, 1);
    read_policy(&p, "tag=gold tag=glod,x tag=silver");
    read_history(&have, "2026-11-01T12:00#gold 2026-11-02T12:00#silver");
    r = decide(&p, &have);
    assert_int_equal(r.tags_unmatched, 1);
    assert_int_equal(r.tag_unmatched, 1);
}

/* Which of a rule's periods keeps it. */
static void test_retention__ranks(void **state)
{
    struct policy p;

    (void)state;
    zone("Europe/Berlin");
    read_policy(&p, "daily=3 weekly=2");
    read_history(&have, "2026-11-20T12:00/1d*6");
    (void)decide(&p, &have);
    /* Sunday the 22nd is the newest of the week before */
    assert_int_equal(have.item[2].rank[RETENTION_WEEKLY], 2);
    assert_int_equal(have.item[2].rank[RETENTION_DAILY], 0);
    assert_int_equal(have.item[3].rank[RETENTION_DAILY], 3);
    assert_int_equal(have.item[5].rank[RETENTION_DAILY], 1);
    assert_int_equal(have.item[5].rank[RETENTION_WEEKLY], 1);
    assert_int_equal(have.item[5].reason, RETENTION_BY_RULE);
    assert_int_equal(have.item[0].reason, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention__golden),
        cmocka_unit_test(test_retention__more_keeps_never_remove_more),
        cmocka_unit_test(test_retention__order_does_not_matter),
        cmocka_unit_test(test_retention__never_removed),
        cmocka_unit_test(test_retention__what_is_to_be_refused),
        cmocka_unit_test(test_retention__ranks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
