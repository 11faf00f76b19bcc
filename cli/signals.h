/*
 * signals: one thread waits for SIGINT, SIGTERM, SIGHUP and SIGUSR1; no handler
 * ever runs in the middle of other code. The first of the three that ask to
 * stop sets the cancel token, so that work ends between two steps; a second
 * one ends the process at once, which is as safe as a power cut. SIGUSR1 asks
 * for a line about how far things are. SIGPIPE is ignored: a write says EPIPE.
 * What was ignored when the program started stays ignored (nohup), but for
 * SIGCHLD: with that ignored nobody learns how a program that we start ends.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "base/cancel.h"
#include "base/err.h"

struct signals;

/* What SIGUSR1 asks for; runs in the signal thread. */
typedef void signals_report_fn(void *arg);

/*
 * signals_start: from the main thread before any other is started: these
 * signals are blocked from now on, in all threads that follow.
 *   c  set by the first signal; borrowed until signals_stop
 * Returns 0; E_NOMEM, E_IO.
 */
MUST_CHECK int signals_start(struct signals **out, struct cancel *c);

/* signals_on_report: from now on SIGUSR1 calls fn(arg); NULL: nothing. When it
 * returns no call of the former fn is under way. Any thread. */
void signals_on_report(struct signals *s, signals_report_fn *fn, void *arg);

/* signals_be_patient: from now on a second signal does not end the process:
 * what it does must be taken back in order. Any thread. */
void signals_be_patient(struct signals *s);

/* signals_stop: ends the thread; NULL is fine. The signals stay blocked. */
void signals_stop(struct signals *s);

#endif
