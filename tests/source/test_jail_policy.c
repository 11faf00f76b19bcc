#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/jail_policy.h"

static const struct entry file = {
    .type = ENTRY_FILE, .size = 10, .mtime = {100, 5}};
static const struct entry same = {
    .type = ENTRY_FILE, .size = 10, .mtime = {100, 5}, .mode = 0600};
static const struct entry longer = {
    .type = ENTRY_FILE, .size = 11, .mtime = {100, 5}};
static const struct entry older = {
    .type = ENTRY_FILE, .size = 10, .mtime = {100, 4}};
static const struct entry newer = {
    .type = ENTRY_FILE, .size = 10, .mtime = {101, 0}};
static const struct entry fifo = {.type = ENTRY_FIFO, .mtime = {100, 5}};
static const struct entry dir = {.type = ENTRY_DIR, .mtime = {100, 5}};
static const struct entry new_dir = {.type = ENTRY_DIR, .mtime = {101, 0}};
static const struct entry old_link = {.type = ENTRY_SYMLINK,
                                      .mtime = {1, 1},
                                      .target = {(const uint8_t *)"a", 1}};
static const struct entry link_a = {.type = ENTRY_SYMLINK,
                                    .mtime = {100, 5},
                                    .target = {(const uint8_t *)"a", 1}};
static const struct entry link_b = {.type = ENTRY_SYMLINK,
                                    .mtime = {100, 5},
                                    .target = {(const uint8_t *)"b", 1}};
static const struct entry null = {
    .type = ENTRY_CHAR, .rdev_major = 1, .rdev_minor = 3, .mtime = {100, 5}};
static const struct entry zero = {
    .type = ENTRY_CHAR, .rdev_major = 1, .rdev_minor = 5, .mtime = {100, 5}};
static const struct entry null_block = {
    .type = ENTRY_BLOCK, .rdev_major = 1, .rdev_minor = 3, .mtime = {100, 5}};

enum { W = JAIL_DO_WRITE, S = JAIL_DO_SAME, K = JAIL_DO_KEEP };

/* The decision for: if-changed, always, if-newer, never. */
static const struct {
    const struct entry *stored;
    const struct entry *existing;
    int decision[4];
} rows[] = {
    {&file, NULL, {W, W, W, W}},        {&dir, NULL, {W, W, W, W}},
    {&file, &same, {S, W, K, K}},       {&file, &longer, {W, W, K, K}},
    {&file, &older, {W, W, W, K}},      {&file, &newer, {W, W, K, K}},
    {&file, &fifo, {W, W, K, K}},       {&file, &dir, {W, W, K, K}},
    {&newer, &dir, {W, W, W, K}},       {&dir, &dir, {S, S, K, K}},
    {&new_dir, &dir, {S, S, S, K}},     {&dir, &new_dir, {S, S, K, K}},
    {&dir, &file, {W, W, K, K}},        {&new_dir, &link_a, {W, W, W, K}},
    {&link_a, &old_link, {S, W, W, K}}, {&link_a, &link_b, {W, W, K, K}},
    {&fifo, &fifo, {S, W, K, K}},       {&null, &null, {S, W, K, K}},
    {&null, &zero, {W, W, K, K}},       {&null, &null_block, {W, W, K, K}},
};

static void test_jail_policy__decides_by_rule(void **state)
{
    static const enum jail_overwrite rules[] = {JAIL_IF_CHANGED, JAIL_ALWAYS,
                                                JAIL_IF_NEWER, JAIL_NEVER};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < 4; k++) {
            if ((int)jail_decide(rules[k], rows[i].stored, rows[i].existing) !=
                rows[i].decision[k])
                fail_msg("row %zu, rule %zu", i, k);
        }
    }
}

static void test_jail_policy__which_attributes(void **state)
{
    static const char *const some[] = {"user.*", "system.posix_acl_?ccess"};
    const struct jail_choice all = {.no_owner = true};
    const struct jail_choice none = {.chosen_xattrs = true};
    const struct jail_choice chosen = {
        .chosen_xattrs = true, .xattr = some, .xattr_n = 2};

    (void)state;
    assert_true(jail_choice_xattr(&all, "trusted.x"));
    assert_false(jail_choice_xattr(&none, "user.x"));
    assert_true(jail_choice_xattr(&chosen, "user.a/b.*"));
    assert_true(jail_choice_xattr(&chosen, "system.posix_acl_access"));
    assert_false(jail_choice_xattr(&chosen, "system.posix_acl_default"));
    assert_false(jail_choice_xattr(&chosen, "trusted.user.x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail_policy__decides_by_rule),
        cmocka_unit_test(test_jail_policy__which_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
