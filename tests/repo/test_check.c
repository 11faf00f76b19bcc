/* Each kind of damage to each kind of object is found, named with the right
 * snapshots and paths, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/repo/check_kit.h"

static struct check_kit *kit;

static const struct check_options structure = {.threads = 1, .path_max = 10000};
static const struct check_options all = {
    .read_data = true, .threads = 2, .path_max = 10000};

static int open_kit(void **state)
{
    (void)state;
    kit = check_kit_open();
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    check_kit_close(kit);
    return 0;
}

static void print_hits(void)
{
    for (size_t i = 0; i < kit->hit_n; i++)
        print_message("%s %s [%s] %d:%s: %s\n",
                      kit->hit[i].damage ? "damage" : "note",
                      check_kind_name(kit->hit[i].kind), kit->hit[i].object,
                      kit->hit[i].snapshot, kit->hit[i].path, kit->hit[i].text);
}

static void expect_clean(struct repo *r, const struct check_options *opt)
{
    check_kit_run(kit, r, opt);
    if (kit->hit_n > 0) {
        print_hits();
        fail_msg("%zu findings in a sound repository", kit->hit_n);
    }
}

static void test_check__a_sound_repository_is_clean(void **state)
{
    size_t packs = 0;

    (void)state;
    expect_clean(kit->r, &structure);
    for (size_t at = 0; check_kit_object_at(kit, "packs/", &at);)
        packs++;
    assert_int_equal(kit->sum.snapshots, CHECK_KIT_SNAPSHOTS);
    assert_int_equal(kit->sum.packs, packs);
    assert_int_equal(kit->sum.journals, CHECK_KIT_SNAPSHOTS);
    assert_int_equal(kit->sum.segments, CHECK_KIT_SNAPSHOTS);
    assert_int_equal(kit->sum.log_records, 1);
    assert_int_equal(kit->sum.read_bytes, 0);
    assert_int_equal(kit->sum.snapshots_hurt, 0);
    if (!kit->xattrs)
        print_message("no extended attributes here: large ones not tried\n");
    /* the first tree whole, of the others what has changed */
    assert_in_range(kit->sum.entries, 460, 1000);
    expect_clean(kit->r, &all);
    assert_int_equal(kit->sum.read_bytes, kit->sum.pack_bytes);
    expect_clean(kit->whole, &all);
    assert_int_equal(check_kit_oracle(kit), 0);
    assert_int_equal(check_kit_keyless(kit, 2), 0);
    assert_int_equal(kit->hit_n, 0);
}

/* Which kind of finding an object's damage must give. */
static enum check_kind kind_of(const char *name)
{
    static const struct {
        const char *prefix;
        enum check_kind kind;
    } t[] = {{"config", CHECK_CONFIG},      {"keys/", CHECK_KEY},
             {"log/", CHECK_LOG},           {"w/", CHECK_JOURNAL},
             {"index/", CHECK_SEGMENT},     {"packs/", CHECK_PACK},
             {"snapshots/", CHECK_SNAPSHOT}};

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        if (strncmp(name, t[i].prefix, strlen(t[i].prefix)) == 0)
            return t[i].kind;
    }
    fail_msg("%s", name);
    return CHECK_NAME;
}

/* After damage to one object: found, and only what it makes unreadable. */
static size_t expect_found(const struct check_kit_object *o, const char *how,
                           uint64_t at)
{
    size_t failed;

    check_kit_run(kit, kit->r, &all);
    if (!check_kit_find(kit, kind_of(o->name), o->name)) {
        print_hits();
        fail_msg("%s of %s at %llu: not found", how, o->name,
                 (unsigned long long)at);
    }
    failed = check_kit_oracle(kit);
    /* without reading the data there is less to find, never more */
    check_kit_run(kit, kit->r, &structure);
    for (size_t i = 0; i < kit->hit_n; i++) {
        if (kind_of(o->name) != CHECK_PACK)
            break;
        assert_true(kit->hit[i].kind == CHECK_PATH ||
                    kit->hit[i].kind == CHECK_PACK);
    }
    return failed;
}

static void test_check__each_flipped_byte_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];
        size_t step = o->n / 12 + 1;

        for (size_t at = i % 7; at < o->n; at += step) {
            assert_true(memory_damage(kit->store, o->name, at, 0x10));
            expect_found(o, "flip", at);
            assert_true(memory_damage(kit->store, o->name, at, 0x10));
        }
        /* the first bytes: magic and version */
        for (size_t at = 0; at < 12; at += 4) {
            assert_true(memory_damage(kit->store, o->name, at, 0x01));
            expect_found(o, "flip", at);
            assert_true(memory_damage(kit->store, o->name, at, 0x01));
        }
    }
    expect_clean(kit->r, &all);
}

static void test_check__each_truncated_object_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];
        const size_t cut[] = {0, 1, o->n / 2, o->n - 1};

        for (size_t j = 0; j < sizeof cut / sizeof cut[0]; j++) {
            check_kit_put(kit, o->name, o->p, cut[j]);
            expect_found(o, "cut", cut[j]);
        }
        check_kit_restore(kit, o);
    }
    expect_clean(kit->r, &all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__a_sound_repository_is_clean),
        cmocka_unit_test(test_check__each_flipped_byte_is_found),
        cmocka_unit_test(test_check__each_truncated_object_is_found),
    };

    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
