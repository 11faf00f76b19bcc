/*
 * forget: which snapshots exist no longer, as records of the log: by a policy
 * (docs/retention.md), or named one by one; and unforget, the way back as long
 * as nothing of them is doomed. docs/concurrency.md 6 (F1, F2). Nothing stored
 * is deleted here. Confined to one thread; nothing else may use the repository
 * meanwhile.
 */
#ifndef REPO_FORGET_H
#define REPO_FORGET_H

#include "repo/repo.h"
#include "repo/retention.h"
#include "repo/snapshot_list.h"

/* What a policy counts together: snapshots that agree in all of these; bits.
 * 0: all are one group. */
enum forget_by {
    FORGET_BY_SERIES = 1 << 0,
    FORGET_BY_HOST = 1 << 1,
    FORGET_BY_PATHS = 1 << 2,
    FORGET_BY_TAGS = 1 << 3
};

/* Whether a policy is to look at a snapshot, which is sound. */
typedef bool forget_wants(void *ctx, const struct state *s,
                          const struct snapshot_item *it);

struct forget_fit;

/* forget_stands_in: whether a snapshot can be what is left of a series when
 * another one has gone: under `trust = own` only one of the same write key, and
 * none of a removed key for one of a key in good standing. */
bool forget_stands_in(const struct state *s, const struct snapshot_item *it,
                      const struct snapshot_item *gone);

/* What is asked; all lent. */
struct forget_ask {
    const struct retention_policy *policy; /* NULL: id alone says what goes */
    const struct forget_fit *fit;          /* NULL: nothing goes for its size */
    unsigned group_by;                     /* of the policy */
    forget_wants *wants;                   /* NULL: it looks at all */
    void *ctx;
    const struct object_id *id; /* without policy: these go; else they stay */
    size_t id_n;
    struct entry_time now; /* since 1970 */
    bool force;            /* no guard but the first ones (forget_guard()) */
    bool drop;             /* without policy: a series may go as a whole */
    bool has_max_remove;   /* more complete ones than ... */
    uint64_t max_remove;   /* ... that, or ... */
    unsigned max_remove_percent; /* ... if not 0, than that share of those
                                    looked at, are not to go */
    size_t batch; /* snapshots of one record; 0: as many as fit */
};

/* What is decided. Zeroed: nothing. */
struct forget_plan {
    struct snapshot_list list;   /* all that exist */
    struct retention_item *item; /* those looked at, n, in the list's order */
    size_t *at;                  /* of each item: its place in the list */
    size_t n;
    bool *goes; /* of each in the list */
    struct retention_result result;
    struct object_id *go; /* what is forgotten: superseded checkpoints first,
                             then as the list has them */
    size_t go_n;
    struct buf text;   /* what the items borrow */
    struct bytes *tag; /* what they borrow of the state, until it changes: if
                          the policy asks for tags */
};

void forget_plan_release(struct forget_plan *p);

/*
 * forget_plan_make: decide, as r's state is; nothing is written.
 *   p  zeroed; to be released whatever is returned
 * Returns 0; E_NOMEM; what the index returned.
 */
MUST_CHECK int forget_plan_make(const struct repo *r,
                                const struct forget_ask *ask,
                                struct forget_plan *p);

/*
 * forget_guard: whether a plan may be carried out. Returns 0; E_NOTFOUND: one
 * that is named is not there; E_NOMEM; E_REFUSED:
 * - a series would be without a complete snapshot; under `trust = own` the
 *   snapshots of each write key are held apart, here as in groups;
 * - one that is named is protected;
 * - the newest complete one of a series would go while a snapshot is damaged,
 *   which may be a checkpoint that it supersedes;
 * and unless the caller forces it
 * - no rule is given; a tag is asked for that nothing has; a group would be
 *   without a complete snapshot; more would go than may.
 */
MUST_CHECK int forget_guard(const struct repo *r, const struct forget_ask *ask,
                            const struct forget_plan *p);

/*
 * forget_run: plan, guard, and put records until there is nothing to forget.
 *   p  zeroed; out: what was decided; to be released whatever is returned
 * Returns 0: what the plan names is forgotten, durably; as the two above;
 * E_ROLE; E_LATER: the log has moved since fit was chosen; as
 * repo_log_append().
 */
MUST_CHECK int forget_run(struct repo *r, const struct forget_ask *ask,
                          struct forget_plan *p);

#endif
