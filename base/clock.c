#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/err.h"

/* clock_faked alone is read without the lock, to keep real clocks cheap. */
static atomic_bool clock_faked;
static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t clock_changed = PTHREAD_COND_INITIALIZER;
static int64_t clock_fake_realtime;
static int64_t clock_fake_mono;

static int64_t clock_of(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);

    ASSERT(rc == 0); /* fails for unknown clocks only */
    return (int64_t)t.tv_sec * CLOCK_SECOND_NS + t.tv_nsec;
}

static int64_t clock_get(clockid_t id, const int64_t *fake)
{
    int64_t t = 0;
    bool faked;

    if (!atomic_load_explicit(&clock_faked, memory_order_relaxed))
        return clock_of(id);
    (void)pthread_mutex_lock(&clock_lock);
    faked = atomic_load(&clock_faked);
    if (faked)
        t = *fake;
    (void)pthread_mutex_unlock(&clock_lock);
    return faked ? t : clock_of(id);
}

int64_t clock_realtime_ns(void)
{
    return clock_get(CLOCK_REALTIME, &clock_fake_realtime);
}

int64_t clock_coarse_ns(void)
{
    return clock_get(CLOCK_REALTIME_COARSE, &clock_fake_realtime);
}

int64_t clock_monotonic_ns(void)
{
    return clock_get(CLOCK_MONOTONIC, &clock_fake_mono);
}

void clock_sleep_ns(int64_t ns)
{
    int64_t until = clock_of(CLOCK_MONOTONIC);
    struct timespec at;

    if (ns <= 0)
        return;
    until = ns < INT64_MAX - until ? until + ns : INT64_MAX;
    at.tv_sec = (time_t)(until / CLOCK_SECOND_NS);
    at.tv_nsec = (long)(until % CLOCK_SECOND_NS);
    (void)pthread_mutex_lock(&clock_lock);
    if (atomic_load(&clock_faked)) {
        clock_fake_realtime += ns;
        clock_fake_mono += ns;
    } else {
        while (!atomic_load(&clock_faked) && clock_of(CLOCK_MONOTONIC) < until)
            (void)pthread_cond_clockwait(&clock_changed, &clock_lock,
                                         CLOCK_MONOTONIC, &at);
    }
    (void)pthread_mutex_unlock(&clock_lock);
}

void clock_fake_set(int64_t realtime_ns, int64_t mono_ns)
{
    (void)pthread_mutex_lock(&clock_lock);
    clock_fake_realtime = realtime_ns;
    clock_fake_mono = mono_ns;
    atomic_store(&clock_faked, true);
    (void)pthread_cond_broadcast(&clock_changed);
    (void)pthread_mutex_unlock(&clock_lock);
}

void clock_fake_advance(int64_t ns)
{
    (void)pthread_mutex_lock(&clock_lock);
    ASSERT(atomic_load(&clock_faked));
    clock_fake_realtime += ns;
    clock_fake_mono += ns;
    (void)pthread_mutex_unlock(&clock_lock);
}

void clock_fake_end(void)
{
    atomic_store(&clock_faked, false);
}
