/*
 * clock: the one place where time comes from, so that tests can set it.
 * All values are nanoseconds. Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_SECOND_NS INT64_C(1000000000)

/* clock_realtime_ns: since 1970, UTC. May jump: for what people read and for
 * what is stored, never for measuring. */
int64_t clock_realtime_ns(void);

/* clock_coarse_ns: the same as of the kernel's last tick, some 10 ms behind,
 * for a fraction of the time. */
int64_t clock_coarse_ns(void);

/* clock_monotonic_ns: never jumps, stands still while the machine sleeps. For
 * rates and time limits of this process's own work. */
int64_t clock_monotonic_ns(void);

/* clock_sleep_ns: wait; at once when ns <= 0. With a faked clock it moves that
 * clock on by ns and does not wait; faking the clock ends a wait under way. */
void clock_sleep_ns(int64_t ns);

/*
 * clock_fake_set: test hook: time stands still at these values from now on, in
 * all threads; mono_ns is the monotonic clock.
 */
void clock_fake_set(int64_t realtime_ns, int64_t mono_ns);

/* clock_fake_advance: move all faked clocks on by ns; they must be faked. */
void clock_fake_advance(int64_t ns);

/* clock_fake_end: back to the real clocks. */
void clock_fake_end(void);

#endif
