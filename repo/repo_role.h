/* repo_role: what the key that opened a repository may do with it. */
#ifndef REPO_REPO_ROLE_H
#define REPO_REPO_ROLE_H

#include "repo/repo.h"

/* repo_role_name: "full", "read", "write", "maintain". */
const char *repo_role_name(enum keyring_role role);

/* repo_role_active: whether our key is an active member in r's state, as who
 * writes must be. Returns 0 or E_ROLE, which says what it is instead. */
MUST_CHECK int repo_role_active(const struct repo *r);

#endif
