/*
 * repo_log: appends to the repository's one log. A record is valid only on the
 * predecessor it was computed from (I11): whoever loses a number reads what won
 * it, and computes anew; nothing is ever put a second time under the next.
 */
#ifndef REPO_REPO_LOG_H
#define REPO_REPO_LOG_H

#include "repo/record_log.h"
#include "repo/repo.h"

/* What is to be said. */
struct repo_log_draft {
    enum record_log_type type;
    struct record_log says; /* what it borrows must last until the callback is
                               called again, or repo_log_append() returns */
    bool nothing;           /* there is nothing to say (any more) */
};

/*
 * Computes a record from r->state, which is that of the record before it. May
 * be called several times, each time with a newer state; must not change r. One
 * that ends in E_CORRUPT while the log has moved is called again.
 *   d  zeroed
 * A raised E_* ends the attempt.
 */
typedef int repo_log_compute(void *ctx, const struct repo *r,
                             struct repo_log_draft *d);

/* repo_log_has_moved: whether somebody has put a record since r's state was
 * read: what looked like damage may be what was deleted because of it. Returns
 * what the store did. */
MUST_CHECK int repo_log_has_moved(const struct repo *r, bool *moved);

/*
 * repo_log_overtaken: E_CORRUPT was raised by who computed on r's state. If it
 * is not the last one any more, what was missed may have been doomed and
 * deleted since: says so, and 0, and it is to be computed on a newer one; else
 * the same error again.
 */
MUST_CHECK int repo_log_overtaken(const struct repo *r, bool *again);

/* repo_log_follow: a fetch_refresh for who reads while others may collect; ctx
 * is the struct repo, whose state nobody else may use then. */
MUST_CHECK int repo_log_follow(void *ctx, bool *moved);

/*
 * repo_log_append: refresh, compute, put; again when somebody was faster.
 *   r       on return its state includes the new record
 *   number  out: of the new record; 0: there was nothing to say; may be NULL
 * Returns 0: the record is durable; E_ROLE: this key may not sign the log;
 * E_BUSY: others were faster a hundred times; what repo_refresh(), compute() or
 * the store returned: the record may or may not be there then.
 */
MUST_CHECK int repo_log_append(struct repo *r, repo_log_compute *compute,
                               void *ctx, uint64_t *number);

#endif
