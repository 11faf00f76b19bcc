#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

/* Wakes our own thread to end it. */
#define SIGNALS_WAKE SIGUSR2

struct signals {
    struct cancel *cancel;
    sigset_t set; /* those we wait for */
    pthread_t thread;
    pthread_mutex_t lock;
    signals_report_fn *report; /* locked */
    void *arg;                 /* locked */
    bool stopping;             /* locked */
    atomic_bool patient;
};

/* Whoever started us with a signal ignored (nohup, a shell's background job)
 * wants it ignored. */
static void signals_set(sigset_t *set)
{
    static const int asks[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

    (void)sigemptyset(set);
    (void)sigaddset(set, SIGNALS_WAKE);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct sigaction old;

        if (sigaction(asks[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaddset(set, asks[i]);
    }
}

static void signals_report(struct signals *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->report)
        s->report(s->arg);
    (void)pthread_mutex_unlock(&s->lock);
}

static bool signals_stopping(struct signals *s)
{
    bool stopping;

    (void)pthread_mutex_lock(&s->lock);
    stopping = s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return stopping;
}

static void signals_ask_to_stop(struct signals *s, int signal)
{
    if (cancel_signal(s->cancel) && !atomic_load(&s->patient))
        _exit(128 + signal);
    cancel_request(s->cancel, signal);
}

static void *signals_thread(void *arg)
{
    struct signals *s = arg;

    for (;;) {
        int signal;

        if (sigwait(&s->set, &signal) != 0)
            continue;
        if (signal == SIGUSR1)
            signals_report(s);
        else if (signal != SIGNALS_WAKE)
            signals_ask_to_stop(s, signal);
        else if (signals_stopping(s))
            return NULL;
    }
}

int signals_start(struct signals **out, struct cancel *c)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction normal = {.sa_handler = SIG_DFL};
    struct signals *s = mem_alloc(sizeof *s);
    int errnum;

    *out = NULL;
    if (!s)
        return err_set(E_NOMEM, "waiting for signals");
    s->cancel = c;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGCHLD, &normal, NULL);
    signals_set(&s->set);
    (void)pthread_sigmask(SIG_BLOCK, &s->set, NULL);
    errnum = pthread_create(&s->thread, NULL, signals_thread, s);
    if (errnum) {
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
        return err_set_errno(E_IO, errnum, "waiting for signals");
    }
    *out = s;
    return 0;
}

void signals_on_report(struct signals *s, signals_report_fn *fn, void *arg)
{
    (void)pthread_mutex_lock(&s->lock);
    s->report = fn;
    s->arg = arg;
    (void)pthread_mutex_unlock(&s->lock);
}

void signals_be_patient(struct signals *s)
{
    atomic_store(&s->patient, true);
}

void signals_stop(struct signals *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_kill(s->thread, SIGNALS_WAKE);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
