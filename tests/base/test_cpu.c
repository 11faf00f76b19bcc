#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"

static void *ask_level(void *out)
{
    *(enum cpu_level *)out = cpu_level();
    return NULL;
}

/* Runs first, so that the threads are the ones that detect. */
static void test_cpu__threads_agree(void **state)
{
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    enum cpu_level seen[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_level, &seen[i]),
                         0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(seen[i], cpu_level());
    }
}

static bool has_flag(const char *flags, const char *name)
{
    char word[32];

    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(flags, word) != NULL;
}

static enum cpu_level level_of(const char *flags)
{
    static const char *const avx512[] = {"avx512f", "avx512bw", "avx512vl",
                                         "avx512vbmi", "gfni"};

    if (!has_flag(flags, "ssse3") || !has_flag(flags, "sse4_1"))
        return CPU_BASELINE;
    if (!has_flag(flags, "avx2"))
        return CPU_SSE41;
    for (size_t i = 0; i < sizeof avx512 / sizeof avx512[0]; i++) {
        if (!has_flag(flags, avx512[i]))
            return CPU_AVX2;
    }
    return CPU_AVX512;
}

/* The kernel's list is an independent reading of the same processor. */
static void test_cpu__agrees_with_the_kernel(void **state)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    static char line[16384];
    enum cpu_level want = CPU_BASELINE;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *end = strchr(line, '\n');

        if (strncmp(line, "flags", 5) != 0)
            continue;
        if (end)
            *end = ' ';
        want = level_of(line);
        break;
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(cpu_level(), want);
}

static void test_cpu__the_cap_only_lowers(void **state)
{
    enum cpu_level found = cpu_level();

    (void)state;
    for (int cap = CPU_SCALAR; cap <= CPU_AVX512; cap++) {
        int want = cap < (int)found ? cap : (int)found;

        cpu_cap_level((enum cpu_level)cap);
        assert_int_equal(cpu_level(), want);
        assert_true(strlen(cpu_level_name(cpu_level())) > 0);
    }
    assert_int_equal(cpu_level(), found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu__threads_agree),
        cmocka_unit_test(test_cpu__agrees_with_the_kernel),
        cmocka_unit_test(test_cpu__the_cap_only_lowers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
