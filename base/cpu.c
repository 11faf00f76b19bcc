#include "base/cpu.h"

#include <stdatomic.h>

#include "base/err.h"

enum { CPU_UNKNOWN = -1 };

static atomic_int cpu_found = CPU_UNKNOWN;
static atomic_int cpu_cap = CPU_AVX512;

#if defined(__x86_64__)
/* The builtins ask CPUID, and XGETBV whether the system saves the registers. */
static enum cpu_level cpu_detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.1"))
        return CPU_BASELINE;
    if (!__builtin_cpu_supports("avx2"))
        return CPU_SSE41;
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512vbmi") ||
        !__builtin_cpu_supports("gfni"))
        return CPU_AVX2;
    return CPU_AVX512;
}
#else
static enum cpu_level cpu_detect(void)
{
    return CPU_BASELINE;
}
#endif

enum cpu_level cpu_level(void)
{
    int found = atomic_load_explicit(&cpu_found, memory_order_relaxed);
    int cap = atomic_load_explicit(&cpu_cap, memory_order_relaxed);

    /* threads that come here together find the same answer */
    if (found == CPU_UNKNOWN) {
        found = (int)cpu_detect();
        atomic_store_explicit(&cpu_found, found, memory_order_relaxed);
    }
    return (enum cpu_level)(found < cap ? found : cap);
}

const char *cpu_level_name(enum cpu_level level)
{
    static const char *const names[] = {
        [CPU_SCALAR] = "scalar", [CPU_BASELINE] = "baseline",
        [CPU_SSE41] = "sse41",   [CPU_AVX2] = "avx2",
        [CPU_AVX512] = "avx512",
    };

    ASSERT((unsigned)level < sizeof names / sizeof names[0]);
    return names[level];
}

void cpu_cap_level(enum cpu_level cap)
{
    atomic_store_explicit(&cpu_cap, (int)cap, memory_order_relaxed);
}
