#include "base/thread.h"

#include <signal.h>

int thread_start(pthread_t *out, void *(*run)(void *arg), void *arg)
{
    sigset_t all;
    sigset_t old;
    int errnum;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    errnum = pthread_create(out, NULL, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum;
}
