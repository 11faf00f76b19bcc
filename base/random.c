#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

static atomic_bool random_seeded;
static pthread_mutex_t random_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t random_state; /* under random_lock */

/* splitmix64 */
static uint64_t random_seeded_next(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void random_seeded_bytes(uint8_t *p, size_t n)
{
    (void)pthread_mutex_lock(&random_lock);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x = random_seeded_next();

        memcpy(p + i, &x, n - i < 8 ? n - i : 8);
    }
    (void)pthread_mutex_unlock(&random_lock);
}

int random_bytes(void *p, size_t n)
{
    uint8_t *to = p;
    size_t left = n;

    if (atomic_load(&random_seeded)) {
        random_seeded_bytes(p, n);
        return 0;
    }
    while (left > 0) {
        ssize_t got = getrandom(to, left, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int e = got < 0 ? errno : EIO;

            memset(p, 0, n);
            return err_set_errno(e == ENOSYS ? E_UNSUPPORTED : E_IO, e,
                                 "no random bytes from the kernel");
        }
        to += got;
        left -= (size_t)got;
    }
    return 0;
}

void random_seed_for_tests(uint64_t seed)
{
    (void)pthread_mutex_lock(&random_lock);
    random_state = seed;
    (void)pthread_mutex_unlock(&random_lock);
    atomic_store(&random_seeded, true);
}

void random_unseed_for_tests(void)
{
    atomic_store(&random_seeded, false);
}
