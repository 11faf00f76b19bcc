/*
 * forget_fit: which snapshots go, beside those that rules take, so that what
 * is stored for the others fits a size: the oldest first (docs/retention.md).
 * Confined to one thread; nothing else may use the repository meanwhile.
 */
#ifndef REPO_FORGET_FIT_H
#define REPO_FORGET_FIT_H

#include "base/cancel.h"
#include "repo/forget.h"

/* What was chosen, for forget_ask.fit. Zeroed: nothing. */
struct forget_fit {
    struct object_id *id;
    size_t n;
    size_t cap;
    struct chain_tip tip; /* as the log was then */
    uint64_t max_bytes;
    uint64_t before_bytes; /* stored for what exists; and ... */
    uint64_t after_bytes;  /* ... for what would be left: more than max where
                              nothing else may go */
};

void forget_fit_release(struct forget_fit *f);

/*
 * forget_fit_choose: as r's state is. Never chosen: what is protected, named,
 * has a tag that the policy keeps, bears a time to come, or can be gone on
 * from; the newest complete one of a group, or of a series
 * (forget_stands_in()).
 *   ask   its policy says the size
 *   f     zeroed
 * Returns as forget_plan_make(), usage_catch_up() and usage_turn_take():
 * E_CORRUPT: a snapshot or a tree is damaged, and nobody knows what it takes;
 * E_BUSY.
 */
MUST_CHECK int forget_fit_choose(struct repo *r, const struct forget_ask *ask,
                                 struct cancel *cancel, struct forget_fit *f);

#endif
