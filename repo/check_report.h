/*
 * check_report: where the parts of a check bring their findings: counts them
 * and hands them to whoever asked for the check, one at a time.
 *
 * Locked: any thread.
 */
#ifndef REPO_CHECK_REPORT_H
#define REPO_CHECK_REPORT_H

#include <pthread.h>

#include "repo/check.h"

struct check_report {
    pthread_mutex_t lock; /* for all that follows, and around fn */
    check_report_fn *fn;
    void *ctx;
    struct check_summary *sum;
};

void check_report_init(struct check_report *r, check_report_fn *fn, void *ctx,
                       struct check_summary *sum);
void check_report_release(struct check_report *r);

/* check_report_end: what a check returns that came to its end. */
MUST_CHECK int check_report_end(const struct check_report *r);

/* check_report_put: count a finding and pass it on. Returns what fn does. */
MUST_CHECK int check_report_put(struct check_report *r,
                                const struct check_finding *f);

/* check_report_damage / check_report_note: a finding about one object.
 *   object  its name; "" for none */
MUST_CHECK int check_report_damage(struct check_report *r, enum check_kind kind,
                                   const char *object, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
MUST_CHECK int check_report_note(struct check_report *r, enum check_kind kind,
                                 const char *object, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* check_report_against: a finding about one object that follows from all that
 * was read so far: as check_report_damage(), but unread where something could
 * not be read, which may have said otherwise. */
MUST_CHECK int check_report_against(struct check_report *r,
                                    enum check_kind kind, const char *object,
                                    const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* check_report_is: whether rc is something to report and go on after:
 * E_CORRUPT, or E_STORE, of an object. */
bool check_report_is(int rc);

/* check_report_absent: E_CORRUPT for what is not there, though it should be;
 * but E_STORE when something could not be read before. */
int check_report_absent(struct check_report *r);

/*
 * check_report_reread: rc, what reading an object returned; where it is not
 * there at all, as check_report_absent() says. Keeps the error's text.
 */
MUST_CHECK int check_report_reread(struct check_report *r, struct store *s,
                                   const char *name, int rc);

/*
 * check_report_rc: what became of reading an object: E_CORRUPT, and E_LIMIT
 * (longer than it can be), is reported as damage with the text of the error
 * record, and over with; E_STORE the same as unread.
 *   rc  what the reading returned
 * Returns 0 for those, else rc.
 */
MUST_CHECK int check_report_rc(struct check_report *r, int rc,
                               enum check_kind kind, const char *object);

#endif
