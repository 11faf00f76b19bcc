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

void thread_mutex_brief(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    (void)pthread_mutex_init(mutex, &attr);
    (void)pthread_mutexattr_destroy(&attr);
}
