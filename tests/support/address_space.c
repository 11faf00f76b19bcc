#include "tests/support/address_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

bool address_space_has_bounds(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
    return !__has_feature(address_sanitizer) &&
           !__has_feature(thread_sanitizer);
#else
    return true;
#endif
}

rlim_t address_space_now(void)
{
    FILE *s = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    assert_non_null(s);
    assert_int_equal(fscanf(s, "%llu", &pages), 1);
    assert_int_equal(fclose(s), 0);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}
