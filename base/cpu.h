/*
 * cpu: what the processor and its operating system can run, found out once.
 *
 * Code with several versions of one function asks cpu_level() and takes the
 * highest version it has at or below that level. Versions must agree bit for
 * bit: the level decides speed, never a result. Any thread.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

/* Ordered: each level includes those before it. */
enum cpu_level {
    CPU_SCALAR,   /* plain C: the reference */
    CPU_BASELINE, /* plain C with 128-bit vectors: SSE2, NEON, whatever is */
    CPU_SSE41,    /* x86: SSSE3 and SSE4.1 */
    CPU_AVX2,     /* x86: AVX2 */
    CPU_AVX512    /* x86: AVX-512 F, BW, VL, VBMI and GFNI */
};

/*
 * cpu_level: the level to run at: what was detected, or the cap when lower.
 * One atomic load after the first call; callers may ask each time.
 */
enum cpu_level cpu_level(void);

/* cpu_level_name: "avx2" and so on, for the debug log and benchmarks. */
const char *cpu_level_name(enum cpu_level level);

/*
 * cpu_cap_level: test hook: cpu_level() answers at most cap from now on, in
 * all threads. CPU_AVX512 removes the cap.
 */
void cpu_cap_level(enum cpu_level cap);

#endif
