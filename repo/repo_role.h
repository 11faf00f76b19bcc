/* repo_role: what the key that opened a repository may do with it. */
#ifndef REPO_REPO_ROLE_H
#define REPO_REPO_ROLE_H

#include "repo/repo.h"

/* What commands do. */
enum repo_act {
    REPO_ACT_SNAPSHOTS,  /* which there are */
    REPO_ACT_LIST,       /* what they hold */
    REPO_ACT_CONTENT,    /* bytes of files */
    REPO_ACT_BACKUP,     /* a snapshot */
    REPO_ACT_CHECK,      /* all but content */
    REPO_ACT_CHECK_DATA, /* ... and that */
    REPO_ACT_LABEL,      /* tags and protection of snapshots */
    REPO_ACT_FORGET,     /* snapshots, and taking that back */
    REPO_ACT_COLLECT,    /* taking away what nothing needs */
    REPO_ACT_KEYS,       /* who is a member */
    REPO_ACT_OWN_KEY     /* a slot of one's own */
};

/*
 * repo_role_allows: whether the key may do that, by its role and, where
 * something is written, its standing in r's state.
 * Returns 0, or E_ROLE, which says what it would take and what the key is.
 */
MUST_CHECK int repo_role_allows(const struct repo *r, enum repo_act act);

/* repo_role_active: whether our key is an active member in r's state, as who
 * writes must be. Returns 0 or E_ROLE, which says what it is instead. */
MUST_CHECK int repo_role_active(const struct repo *r);

/* repo_role_name: "full", "read", "write", "maintain". */
const char *repo_role_name(enum keyring_role role);

/* repo_role_named: the reverse; false when there is none of that name. */
bool repo_role_named(const char *name, enum keyring_role *role);

#endif
