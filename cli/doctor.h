/* doctor: whether backups would work: `config check` and `doctor`. Confined to
 * the main thread. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/cli.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

/*
 * doctor_clock: what to think of a clock that says now. Pure.
 *   now, newest  seconds since 1970; newest: when the newest snapshot began, 0:
 *                there is none
 */
enum doctor_verdict doctor_clock(int64_t now, int64_t newest);

/*
 * doctor_run: make of each job what its run would make, look at its paths and
 * its program, and for each job, or for the command line if there is none: is
 * the secret's file for nobody else, can the repository be reached and opened,
 * may the key back up, is there room in it and in the cache, does the clock go
 * right. One line each on standard output; nothing is changed but the cache.
 * Returns 0: all is well, or there are warnings only; the first failure, after
 * all has been looked at.
 */
MUST_CHECK int doctor_run(struct cli *cli);

#endif
