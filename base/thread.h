/*
 * thread: a thread that takes no signals: these are for the one that asks for
 * them; and a mutex for what takes less time than to fall asleep and be woken.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/err.h"

/*
 * thread_start: runs run(arg) on a thread of its own.
 *   out  out: to be joined
 * Returns 0, or why not, as an errno.
 */
MUST_CHECK int thread_start(pthread_t *out, void *(*run)(void *arg), void *arg);

/* thread_mutex_brief: begins a mutex; who finds it taken looks a few times more
 * before he sleeps, where the C library has such ones. */
void thread_mutex_brief(pthread_mutex_t *mutex);

#endif
