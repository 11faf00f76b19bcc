/* host_kit: a host with a write key, for tests of what it reads and keeps.
 * Every failure fails the test; confined to one thread. */
#ifndef TESTS_JOB_HOST_KIT_H
#define TESTS_JOB_HOST_KIT_H

#include "repo/repo_log.h"
#include "tests/job/job_fixture.h"

/* host_kit_open: a source of files, and a repository opened with a write key.
 */
void host_kit_open(struct job_fixture *f);

/* host_kit_returns: with the full key a snapshot is the source, to the last
 * bit; then with the write key again. */
void host_kit_returns(struct job_fixture *f, const struct job_snap *s);

/* host_kit_forget: the keepsakes are gone. */
void host_kit_forget(struct job_fixture *f);

/* host_kit_mark_nothing: for repo_log_append(): condemns a pack that is not
 * there, so that no tree may be taken over unseen. */
int host_kit_mark_nothing(void *ctx, const struct repo *r,
                          struct repo_log_draft *d);

#endif
