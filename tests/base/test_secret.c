#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

/* The flags the kernel keeps for the mapping at p ("VmFlags" in smaps), with
 * a space before and after each. */
static void vm_flags(const void *p, char flags[256])
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;

    assert_non_null(f);
    flags[0] = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= (unsigned long)p && (unsigned long)p < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(flags, 256, "%.*s ", (int)strcspn(line + 8, "\n"),
                           line + 8);
    }
    assert_int_equal(fclose(f), 0);
}

/* The sanitizers put an mlock in place that does nothing and succeeds. */
static bool mlock_is_real(void)
{
    bool real = mlock((void *)sysconf(_SC_PAGESIZE), 1) != 0;

    if (!real)
        print_message("mlock is a sanitizer's: not checked\n");
    return real;
}

static void test_secret__holds_up_to_its_capacity(void **state)
{
    struct secret s;

    (void)state;
    assert_int_equal(secret_init(&s, 5), 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(secret_set(&s, bytes_of_str("abcde")), 0);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of_str("abcde")));
    assert_int_equal(secret_set(&s, bytes_of_str("abcdef")), E_LIMIT);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of_str("abcde")));
    assert_int_equal(secret_set(&s, bytes_of_str("xy")), 0);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of_str("xy")));
    assert_memory_equal(s.p, "xy\0\0\0", 5);
    secret_release(&s);
    assert_null(s.p);
    secret_release(&s);
}

static void test_secret__grows_in_place(void **state)
{
    struct secret s;
    uint8_t *p;

    (void)state;
    assert_int_equal(secret_init(&s, 6), 0);
    assert_int_equal(secret_set(&s, bytes_of_str("ab")), 0);
    p = secret_extend(&s, 4);
    assert_ptr_equal(p, s.p + 2);
    assert_memory_equal(p, "\0\0\0\0", 4);
    memcpy(p, "cdef", 4);
    assert_true(bytes_equal(secret_bytes(&s), bytes_of_str("abcdef")));
    assert_null(secret_extend(&s, 1));
    assert_int_equal(s.n, 6);
    secret_wipe(&s);
    assert_int_equal(s.n, 0);
    assert_memory_equal(s.p, "\0\0\0\0\0\0", 6);
    assert_non_null(secret_extend(&s, 6));
    secret_release(&s);
    assert_null(secret_extend(&s, 1));
}

static void test_secret__impossible_size_is_no_memory(void **state)
{
    struct secret s;

    (void)state;
    assert_int_equal(secret_init(&s, SIZE_MAX), E_NOMEM);
    assert_null(s.p);
    assert_int_equal(secret_init(&s, SIZE_MAX / 2), E_NOMEM);
    assert_int_equal(secret_set(&s, bytes_of_str("x")), E_LIMIT);
    secret_release(&s);
}

static void test_secret__stays_out_of_dumps_and_swap(void **state)
{
    struct secret s;
    char flags[256];

    (void)state;
    assert_int_equal(secret_init(&s, 10000), 0);
    vm_flags(s.p, flags);
    assert_non_null(strstr(flags, " dd "));
    assert_non_null(strstr(flags, " wf "));
    if (mlock_is_real())
        assert_int_equal(strstr(flags, " lo ") != NULL, secret_is_locked(&s));
    vm_flags(s.p + 9999, flags);
    assert_non_null(strstr(flags, " dd "));
    secret_release(&s);
}

static void test_secret__works_without_locked_memory(void **state)
{
    struct rlimit old;
    struct secret s;
    pid_t child;
    int status;

    (void)state;
    if (!mlock_is_real())
        skip();
    child = fork();
    /* in a child, which cannot raise the limit again; root ignores it */
    if (child == 0) {
        (void)getrlimit(RLIMIT_MEMLOCK, &old);
        old.rlim_cur = old.rlim_max = 0;
        if (setrlimit(RLIMIT_MEMLOCK, &old) != 0 ||
            (geteuid() == 0 && seteuid(65534) != 0))
            _exit(2);
        _exit(secret_init(&s, 32) == 0 && !secret_is_locked(&s) &&
                      secret_set(&s, bytes_of_str("x")) == 0
                  ? 0
                  : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_secret__is_gone_in_a_child(void **state)
{
    struct secret s;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(secret_init(&s, 4), 0);
    assert_int_equal(secret_set(&s, bytes_of_str("abcd")), 0);
    child = fork();
    if (child == 0)
        _exit(memcmp(s.p, "\0\0\0\0", 4) == 0 ? 0 : 1);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_equal(s.p, "abcd", 4);
    secret_release(&s);
}

static void test_secret__compares_every_byte_and_the_length(void **state)
{
    uint8_t a[33];
    uint8_t b[33];

    (void)state;
    memset(a, 0x5a, sizeof a);
    memcpy(b, a, sizeof b);
    assert_true(secret_equal(bytes_of(a, 33), bytes_of(b, 33)));
    assert_true(secret_equal(bytes_of(NULL, 0), bytes_of(NULL, 0)));
    assert_false(secret_equal(bytes_of(a, 33), bytes_of(b, 32)));
    for (size_t i = 0; i < sizeof a; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b[i] ^= (uint8_t)(1u << bit);
            assert_false(secret_equal(bytes_of(a, 33), bytes_of(b, 33)));
            b[i] = a[i];
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret__holds_up_to_its_capacity),
        cmocka_unit_test(test_secret__grows_in_place),
        cmocka_unit_test(test_secret__impossible_size_is_no_memory),
        cmocka_unit_test(test_secret__stays_out_of_dumps_and_swap),
        cmocka_unit_test(test_secret__works_without_locked_memory),
        cmocka_unit_test(test_secret__is_gone_in_a_child),
        cmocka_unit_test(test_secret__compares_every_byte_and_the_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
