/* members_draft: a members record that changes one thing, and says all else
 * again. Confined to one thread. */
#ifndef REPO_MEMBERS_DRAFT_H
#define REPO_MEMBERS_DRAFT_H

#include "repo/repo_log.h"

/* What is to be changed. */
struct members_change {
    const struct record_member *added; /* NULL: nobody comes */
    const struct member_id *who;       /* NULL: nobody goes; else ... */
    enum record_standing standing;     /* ... so far */
    struct record_cuts cuts;           /* of who is removed */
    bool has_trust;
    enum record_trust trust; /* with has_trust */
};

/* The bytes of a record that was drafted. */
struct members_draft {
    struct buf list;
};

void members_draft_init(struct members_draft *d);
void members_draft_release(struct members_draft *d);

/*
 * members_draft_make: draft the record that follows r's state.
 *   d    emptied; lends its bytes to out
 *   out  zeroed
 * Returns 0; E_REFUSED: the label is taken, there are too many, or no full key
 * would be left; E_ROLE; E_LIMIT; E_NOMEM.
 */
MUST_CHECK int members_draft_make(struct members_draft *d, const struct repo *r,
                                  const struct members_change *c,
                                  struct repo_log_draft *out);

/* members_draft_label: what a member is called: the founder, whom no record
 * has named yet, as its slot says, if it is us. */
const char *members_draft_label(const struct repo *r,
                                const struct members_one *one);

/* members_draft_taken: who is called that, and is not removed; NULL: nobody. */
const struct members_one *members_draft_taken(const struct repo *r,
                                              struct bytes label);

#endif
