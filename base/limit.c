#include "base/limit.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"

/*
 * One side. Tokens are counted as time: paid_ns is when all that was charged
 * will have taken its time at this rate. Each charge moves it on; it never lies
 * further back than idle time may save up.
 */
struct limit_bucket {
    atomic_uint_fast64_t rate; /* bytes a second; 0: no limit */
    atomic_int_fast64_t paid_ns;
};

static struct limit_bucket limit_bucket[LIMIT_WRITE + 1];
static const struct cancel *limit_cancel;

static void limit_bucket_set(struct limit_bucket *b, uint64_t rate)
{
    ASSERT(rate == 0 || rate >= LIMIT_RATE_MIN);
    atomic_store(&b->rate, rate < LIMIT_RATE_MAX ? rate : 0);
    atomic_store(&b->paid_ns, clock_monotonic_ns() - LIMIT_BURST_NS);
}

void limit_set(uint64_t read, uint64_t write, const struct cancel *cancel)
{
    limit_bucket_set(&limit_bucket[LIMIT_READ], read);
    limit_bucket_set(&limit_bucket[LIMIT_WRITE], write);
    limit_cancel = cancel;
}

static uint64_t limit_rate(enum limit_side side)
{
    return atomic_load_explicit(&limit_bucket[side].rate, memory_order_relaxed);
}

/* How long n bytes take. The rate is below 2^33, so nothing overflows before
 * 2^33 seconds' worth. */
static int64_t limit_ns(uint64_t n, uint64_t rate)
{
    return (int64_t)(n / rate) * CLOCK_SECOND_NS +
           (int64_t)(n % rate * (uint64_t)CLOCK_SECOND_NS / rate);
}

void limit_charge(enum limit_side side, uint64_t n)
{
    struct limit_bucket *b = &limit_bucket[side];
    const uint64_t rate = limit_rate(side);
    int64_t saved, from;
    int_fast64_t old;

    if (rate == 0 || n == 0)
        return;
    saved = clock_monotonic_ns() - LIMIT_BURST_NS;
    old = atomic_load(&b->paid_ns);
    do {
        from = old > saved ? old : saved;
    } while (!atomic_compare_exchange_weak(&b->paid_ns, &old,
                                           from + limit_ns(n, rate)));
}

void limit_wait(enum limit_side side)
{
    while (limit_rate(side) > 0) {
        int64_t left =
            atomic_load(&limit_bucket[side].paid_ns) - clock_monotonic_ns();

        if (left <= 0 || (limit_cancel && cancel_signal(limit_cancel)))
            return;
        clock_sleep_ns(left < LIMIT_LOOK_NS ? left : LIMIT_LOOK_NS);
    }
}

size_t limit_piece(enum limit_side side, size_t n)
{
    const uint64_t rate = limit_rate(side);
    uint64_t piece = rate / 8;

    if (rate == 0)
        return n;
    if (piece < LIMIT_PIECE_MIN)
        piece = LIMIT_PIECE_MIN;
    return n < piece ? n : (size_t)piece;
}
