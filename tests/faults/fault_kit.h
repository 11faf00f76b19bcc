/*
 * fault_kit: what the fault tests share: a tree, a repository with two
 * snapshots of it, runs of snapshot and restore in children that may fail or
 * die, and the audit that must pass afterwards.
 *
 * The process that uses a kit has one thread and no index open: everything
 * that touches a repository happens in a forked child, as it would in another
 * process. Failures of the kit itself fail the test.
 */
#ifndef TESTS_FAULTS_FAULT_KIT_H
#define TESTS_FAULTS_FAULT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "repo/repo.h"
#include "tests/support/scratch.h"

enum {
    FAULT_KIT_PATH = SCRATCH_PATH + 128,
    FAULT_KIT_TEXT = 512,
    FAULT_KIT_EXTRA = 6 /* snapshots of another series, before the two: the
                           next run merges segments */
};

/* What a child tells, also one that is killed half way. In shared memory. */
struct fault_report {
    bool begun; /* the repository was opened */
    bool done;  /* the run came to its end: rc is valid */
    int rc;     /* 0 or E_* */
    char text[ERR_TEXT_MAX];
    uint64_t count;    /* operations that the plan, if any, selected */
    uint64_t fired;    /* of them, tampered with */
    uint64_t problems; /* snapshot: files that were not stored as they are */
    uint64_t new_bytes;
    uint64_t failed; /* restore: entries */
    uint64_t damaged;
    uint64_t lost;
    char problem[FAULT_KIT_TEXT]; /* the first problem or failure */
    uint64_t snapshots;           /* audit: how many exist, of the tree */
    uint64_t checkpoints;         /* audit: besides, of interrupted runs */
    bool third_restored;          /* audit: that of the failed run */
    uint64_t rebuilt;             /* audit: how many exist for a new cache */
    uint64_t kept;                /* snapshot: files that were not opened */
    uint64_t resumed;             /* ... of them, known from a checkpoint */
};

struct fault_kit {
    char plan[128]; /* of the last child that had one */
    char dir[SCRATCH_PATH];
    char source[FAULT_KIT_PATH]; /* the tree, version 3 */
    char repo[FAULT_KIT_PATH];   /* of a run; fault_kit_reset makes them anew */
    char cache[FAULT_KIT_PATH];  /* of who backs up, and without host of all */
    char out[FAULT_KIT_PATH];    /* where audits restore to */
    struct fault_report *report; /* of the last child */
    uint64_t publish_bytes;      /* of snapshot jobs; 0: as usual */
    unsigned threads;            /* of jobs; 0: one */
    bool force;                  /* snapshot jobs read everything */
    bool mirror;                 /* restore jobs delete what else is there */
    struct jail_keep *safety;    /* ... and keep what they take away; NULL */
    bool checkpoints;            /* they leave one every few entries */
    bool host;                   /* who backs up has a write key */
    bool interrupted;            /* of fault_kit_interrupt() */
};

/* fault_kit_make: in memory (/dev/shm) where there is some, below TMPDIR
 * otherwise. Two snapshots are in the repository, the tree is at version 3. */
void fault_kit_make(struct fault_kit *k);

/* fault_kit_make_host: the same, backed up by a host with a write key; who
 * looks at it and restores has the full one, and a cache of its own. */
void fault_kit_make_host(struct fault_kit *k);

/* fault_kit_interrupt: and a run of the third version was killed when it had
 * left checkpoints. */
void fault_kit_interrupt(struct fault_kit *k);

/* fault_kit_make_small: an empty repository instead, a tree of one file: for
 * what looks at neither. */
void fault_kit_make_small(struct fault_kit *k);
void fault_kit_remove(struct fault_kit *k);

/* fault_kit_reset: repository and cache as fault_kit_make left them; outputs
 * of audits gone. */
void fault_kit_reset(struct fault_kit *k);

/* fault_kit_keep: from now on fault_kit_reset makes them as they are now. */
void fault_kit_keep(struct fault_kit *k);

/* What a child does. It works with the paths of k and fills k->report. */
typedef void fault_kit_run(struct fault_kit *k, void *ctx);

/*
 * fault_kit_child: run `run` in a child with a fault plan ("" for none).
 * Returns whether it was killed by SIGKILL; any other unhappy end (a crash, a
 * leak found by a sanitizer) fails the test.
 */
bool fault_kit_child(struct fault_kit *k, const char *plan, fault_kit_run *run,
                     void *ctx);

/* fault_kit_must: run it in a child without a plan; rc < 0, or a kill, fails
 * the test. */
void fault_kit_must(struct fault_kit *k, fault_kit_run *run, void *ctx,
                    const char *what);

/* fault_kit_demand: in a child, where nothing is to be assumed of cmocka: end
 * it unhappily unless ok, with the error at hand. */
void fault_kit_demand(bool ok, const char *what);

/* fault_kit_open: open store and repository; in a child.
 *   cache  NULL: k->cache */
MUST_CHECK int fault_kit_open(const struct fault_kit *k, const char *cache,
                              struct store **s, struct repo **r);

/* fault_kit_init: make the repository in store s. */
MUST_CHECK int fault_kit_init(struct store *s);

/* fault_kit_open_in: open the repository in an open store. */
MUST_CHECK int fault_kit_open_in(struct store *s, const char *cache,
                                 struct repo **r);

/* fault_kit_back_up: a snapshot job over a directory; tells problems. */
MUST_CHECK int fault_kit_back_up(const struct fault_kit *k, struct repo *r,
                                 const char *source);

/* fault_kit_bring_back: a restore job of the n-th oldest snapshot to target;
 * tells failed, damaged. */
MUST_CHECK int fault_kit_bring_back(const struct fault_kit *k, struct repo *r,
                                    size_t n, const char *target);

/* fault_kit_check: a full check with all data; the first finding in
 * k->report->problem. */
MUST_CHECK int fault_kit_check(const struct fault_kit *k, struct repo *r);

/* fault_kit_count: how many snapshots of the tree exist, and (not NULL) how
 * many checkpoints, the superseded ones included. */
MUST_CHECK int fault_kit_count(struct repo *r, uint64_t *n,
                               uint64_t *checkpoints);

/* fault_kit_superseded: nothing is left to go on from, or E_INTERNAL. */
MUST_CHECK int fault_kit_superseded(struct repo *r);

/* Runs for fault_kit_child. fault_kit_snapshot: open, back up the tree, close.
 * fault_kit_restore: of the newest snapshot to the path in ctx. */
void fault_kit_snapshot(struct fault_kit *k, void *ctx);
void fault_kit_restore(struct fault_kit *k, void *ctx);

/*
 * fault_kit_audit: what must hold after whatever happened to a snapshot run,
 * without a human: the repository opens; both older snapshots restore bit for
 * bit; a third that exists does so too when `third`; the next run succeeds and
 * restores; a check is clean; a fresh cache sees the same. Each checkpoint
 * restores to a part of the tree (unless `third` is false), and with the next
 * run's snapshot all are superseded. A host's run after that opens no file that
 * is unchanged, and has left no file of its keepsakes half done.
 *   third  the third snapshot, if it is there, must equal the tree
 * Returns how many snapshots existed before the next run.
 */
uint64_t fault_kit_audit(struct fault_kit *k, bool third);

/* fault_kit_wrong: fail the test, naming the last child's plan and report. */
_Noreturn void fault_kit_wrong(const struct fault_kit *k, const char *what);

/* fault_kit_same: two trees are equal (treecmp); fails the test if not. */
void fault_kit_same(const char *a, const char *b, const char *options);

/* fault_kit_back: where the n-th snapshot of the tree stands below a restore's
 * target. */
void fault_kit_back(const struct fault_kit *k, const char *target,
                    char out[2 * FAULT_KIT_PATH]);

/* fault_kit_expected: what the n-th snapshot must restore to (n from 0). */
void fault_kit_expected(const struct fault_kit *k, size_t n,
                        char out[2 * FAULT_KIT_PATH]);

/*
 * fault_kit_step: every how many operations is tried: 1 with --all or
 * FAULTS_ALL=1, else `usual`.
 */
uint64_t fault_kit_step(uint64_t usual);

/* fault_kit_stride: the same; three times as much, but for 1, where the build
 * is slow. */
uint64_t fault_kit_stride(uint64_t usual);

/* fault_kit_is_slow: a sanitizer watches: each step takes many times longer. */
bool fault_kit_is_slow(void);

/* fault_kit_args: looks for --all, and for a pattern of the tests to run;
 * before the tests. */
void fault_kit_args(int argc, char **argv);

#endif
