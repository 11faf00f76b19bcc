/*
 * retention: which snapshots a policy keeps, and why: docs/retention.md. Pure:
 * nothing is read but the arguments and the local time zone. Any thread.
 */
#ifndef REPO_RETENTION_H
#define REPO_RETENTION_H

#include "base/bytes.h"
#include "base/entry.h"
#include "base/id.h"
#include "repo/retention_time.h"

/* How many periods of one length are kept, by their newest snapshots. */
enum { RETENTION_COUNT_MAX = 1000000 };

enum retention_reach {
    RETENTION_NONE,  /* no such rule */
    RETENTION_COUNT, /* the newest `count` that hold a snapshot */
    RETENTION_SPAN,  /* those of snapshots up to `span` older than the newest */
    RETENTION_ALL
};

struct retention_rule {
    enum retention_reach reach;
    uint32_t count;
    struct retention_span span;
};

/* retention_rule_parse: a number of periods, "all", or a span. Returns 0;
 * E_USAGE, quoting text. */
MUST_CHECK int retention_rule_parse(const char *text,
                                    struct retention_rule *out);

/* A snapshot that has all of these tags is kept. */
struct retention_tags {
    const struct bytes *tag;
    size_t n;
};

struct retention_policy {
    struct retention_rule rule[RETENTION_UNITS];
    bool has_within;
    struct retention_span within; /* all up to that older than the newest */
    const struct retention_tags *tags;
    size_t tags_n;
    bool has_max_age; /* what is older than that goes */
    struct retention_span max_age;
    bool has_max_count; /* of more than so many in a group the oldest go */
    uint32_t max_count;
    bool has_max_size; /* what all that exists takes is limited, in bytes: see
                          repo/forget_fit.h; not looked at here */
    uint64_t max_size;
};

/* Why a snapshot stays, or goes; bits. */
enum retention_reason {
    RETENTION_BY_RULE = 1 << 0, /* rank tells which */
    RETENTION_WITHIN = 1 << 1,
    RETENTION_TAGGED = 1 << 2,
    RETENTION_NAMED = 1 << 3,
    RETENTION_PROTECTED = 1 << 4,
    RETENTION_FUTURE = 1 << 5,  /* it bears a time that has not come yet */
    RETENTION_DAMAGED = 1 << 6, /* what it is cannot be told */
    RETENTION_OLDEST = 1 << 7,  /* and a rule has room for more periods */
    RETENTION_GOES_ON = 1 << 8, /* a checkpoint that a run can go on from */
    RETENTION_TOO_OLD =
        1 << 9, /* these three outdo the rules, within and oldest */
    RETENTION_TOO_MANY = 1 << 10,
    RETENTION_TOO_LARGE = 1 << 11 /* all that stays would be */
};

struct retention_item {
    struct bytes group;  /* what is counted together */
    struct bytes series; /* in it; with number it tells the order */
    uint64_t number;
    struct object_id id;
    struct entry_time time; /* as the snapshot says */
    bool complete;
    bool superseded; /* a checkpoint that nobody needs */
    bool damaged;
    bool is_protected; /* now */
    bool named;        /* --keep-id */
    const struct bytes *tag;
    size_t tag_n;
    /* out: */
    bool keep;
    unsigned reason;                /* enum retention_reason, or'ed; 0 and not
                                       kept: no rule keeps it */
    uint32_t rank[RETENTION_UNITS]; /* which of the periods that the rule keeps,
                                       from 1; 0: it does not */
    struct entry_time counted;      /* the time that it was taken to be from */
};

/* What a caller may have to refuse. */
struct retention_result {
    size_t kept;
    size_t removed; /* checkpoints that nobody needs are not among them */
    size_t groups_emptied; /* had complete snapshots, and would have none */
    struct bytes emptied;  /* the first of those groups */
    size_t tags_unmatched; /* of the policy's, by no snapshot */
    size_t tag_unmatched;  /* the first of them */
};

/* retention_has_rule: whether a policy says what is to be kept or to go. */
bool retention_has_rule(const struct retention_policy *p);

/* retention_is_firm: whether no limit outdoes what keeps an item, on which was
 * decided. */
bool retention_is_firm(const struct retention_item *it);

/*
 * retention_apply: decide on all items, which stay where they are.
 *   now  since 1970
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int retention_apply(const struct retention_policy *p,
                               struct entry_time now,
                               struct retention_item *item, size_t n,
                               struct retention_result *out);

#endif
