#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/secrets_kept.h"

static void has(const struct secrets_kept *k, enum opt_id id, const char *text,
                const char *want, int want_kind)
{
    int kind = -1;
    const struct secret *s = secrets_kept_find(k, id, text, &kind);

    if (!want) {
        assert_null(s);
        return;
    }
    assert_non_null(s);
    assert_true(bytes_equal(secret_bytes(s), bytes_of_str(want)));
    assert_int_equal(kind, want_kind);
}

static int add(struct secrets_kept *k, enum opt_id id, const char *text,
               int kind, const char *secret)
{
    return secrets_kept_add(k, id, text, kind, bytes_of_str(secret));
}

static void test_secrets_kept__knows_each_source_by_itself(void **state)
{
    struct secrets_kept k = {.n = 0};
    char text[] = "3";

    (void)state;
    has(&k, OPT_PASSPHRASE_FD, "3", NULL, 0);
    assert_int_equal(add(&k, OPT_PASSPHRASE_FD, text, 0, "three"), 0);
    assert_int_equal(add(&k, OPT_PASSPHRASE_FILE, "3", 1, "file"), 0);
    text[0] = '4'; /* a copy was kept */
    has(&k, OPT_PASSPHRASE_FD, "3", "three", 0);
    has(&k, OPT_PASSPHRASE_FILE, "3", "file", 1);
    has(&k, OPT_PASSPHRASE_FD, "4", NULL, 0);
    has(&k, OPT_END, "3", NULL, 0);
    secrets_kept_release(&k);
    has(&k, OPT_PASSPHRASE_FD, "3", NULL, 0);
    secrets_kept_release(&k);
}

static void test_secrets_kept__the_last_one_counts(void **state)
{
    struct secrets_kept k = {.n = 0};

    (void)state;
    assert_int_equal(add(&k, OPT_END, "repo", 0, "old"), 0);
    assert_int_equal(add(&k, OPT_END, "repo", 1, "much longer"), 0);
    has(&k, OPT_END, "repo", "much longer", 1);
    assert_int_equal(k.n, 1);
    secrets_kept_release(&k);
}

/* Whatever cannot be had, what was kept stays. */
static void test_secrets_kept__survives_want_of_memory(void **state)
{
    int rc = E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc < 0; n++) {
        struct secrets_kept k = {.n = 0};

        assert_true(n < 10);
        assert_int_equal(add(&k, OPT_END, "first", 0, "kept"), 0);
        mem_fail_after(n, 0);
        rc = add(&k, OPT_END, "second", 0, "x");
        mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == E_NOMEM);
        has(&k, OPT_END, "first", "kept", 0);
        has(&k, OPT_END, "second", rc == 0 ? "x" : NULL, 0);
        secrets_kept_release(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_kept__knows_each_source_by_itself),
        cmocka_unit_test(test_secrets_kept__the_last_one_counts),
        cmocka_unit_test(test_secrets_kept__survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
