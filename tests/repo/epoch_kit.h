/*
 * epoch_kit: a repository with hand-made members of every role, over
 * repo_fixture, and epochs that are begun for some of them. Every failure
 * fails the test.
 */
#ifndef TESTS_REPO_EPOCH_KIT_H
#define TESTS_REPO_EPOCH_KIT_H

#include "repo/epoch.h"
#include "tests/repo/repo_fixture.h"

enum { EPOCH_KIT_MEMBERS = KEYRING_MAINTAIN + 1 };

struct epoch_kit {
    struct repo_fixture f;
    struct repo *r; /* the founder's, with the cache "a" */
    /* by role; the founder's stands at KEYRING_FULL */
    struct member_id member[EPOCH_KIT_MEMBERS];
    char file[EPOCH_KIT_MEMBERS][33]; /* their key files */
};

/* epoch_kit_open: a repository, and a slot for one more member of each role but
 * full. epoch_kit_close: NULL r is fine. */
void epoch_kit_open(struct epoch_kit *k);
void epoch_kit_close(struct epoch_kit *k);

/* epoch_kit_put_slot: a slot of k's member of that role with the epochs that
 * `from` holds; the role's earlier slots go. */
void epoch_kit_put_slot(struct epoch_kit *k, const struct keyring *from,
                        enum keyring_role role);

/* epoch_kit_repo: what comes of opening with a role's key; cache as in
 * repo_fixture_repo(). */
int epoch_kit_repo(struct epoch_kit *k, enum keyring_role role,
                   const char *cache, struct repo **r);

/* Changes what is going to be said of the keys e. */
typedef void epoch_kit_change(void *ctx, const struct keyring_epoch *e,
                              struct record_epoch *says);

/*
 * epoch_kit_begin: begin the next epoch as rotate does.
 *   without  this role's member gets no share; 0: all do
 *   change   may be NULL
 * Returns what repo_log_append() does.
 */
int epoch_kit_begin(struct epoch_kit *k, enum keyring_role without,
                    epoch_kit_change *change, void *ctx);

#endif
