/* Keys that outlive a function lie in memory that is neither swapped nor
 * dumped: what a disk or a core file gives back opens nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "repo/recovery.h"
#include "tests/repo/pack_fixture.h"

/* Whether the kernel leaves the page of p out of core dumps; "dd" in the flags
 * of its mapping. Locking has limits, and is what the same call does. */
static bool is_kept(const void *p)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;
    bool kept = false;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= (unsigned long)p && (unsigned long)p < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            kept = strstr(line, " dd") != NULL;
    }
    assert_int_equal(fclose(f), 0);
    return kept;
}

static void test_locked_keys__a_keyring(void **state)
{
    struct keyring *k = keyring_new();
    struct recovery *v = recovery_new();

    (void)state;
    assert_true(is_kept(k));
    assert_true(is_kept(&k->epoch[KEYRING_EPOCHS_MAX - 1]));
    assert_true(is_kept(v));
    assert_false(is_kept(&k)); /* so it can tell */
    keyring_free(k);
    recovery_free(v);
}

static void test_locked_keys__of_a_pack_at_work(void **state)
{
    struct pack_fixture fix;
    struct pack_writer *w = NULL;

    (void)state;
    pack_fixture_open(&fix);
    assert_int_equal(pack_writer_open(fix.store, fix.keys, PACK_DATA,
                                      bytes_of_str("chunks"), &w),
                     0);
    assert_true(is_kept(pack_writer_key(w)));
    pack_writer_free(w);
    pack_fixture_close(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locked_keys__a_keyring),
        cmocka_unit_test(test_locked_keys__of_a_pack_at_work),
    };

    return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
