/* Each kind of damage to each kind of object is found, named with the right
 * snapshots and paths, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/repo/check_kit.h"
#include "tests/support/watched.h"

enum { EVERY = WATCHED ? 3 : 1 };

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
    /* how much of them is shared depends on where pages end */
    assert_in_range(kit->sum.entries, 460, 1450);
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
    if (kind_of(o->name) != CHECK_PACK && kind_of(o->name) != CHECK_SNAPSHOT) {
        /* nothing of any file is lost with it */
        assert_null(check_kit_find(kit, CHECK_PATH, NULL));
        return 0;
    }
    failed = check_kit_oracle(kit);
    if (kind_of(o->name) == CHECK_SNAPSHOT)
        return failed;
    /* without reading the data there is less to find, never more */
    check_kit_run(kit, kit->r, &structure);
    for (size_t i = 0; i < kit->hit_n; i++)
        assert_true(kit->hit[i].kind == CHECK_PATH ||
                    kit->hit[i].kind == CHECK_PACK);
    return failed;
}

static void test_check__each_flipped_byte_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit->object_n; i++) {
        const struct check_kit_object *o = &kit->object[i];
        size_t step = o->n / (WATCHED ? 1 : 8) + 1;

        for (size_t at = i % 7; at < o->n; at += step) {
            assert_true(memory_damage(kit->store, o->name, at, 0x10));
            (void)expect_found(o, "flip", at);
            assert_true(memory_damage(kit->store, o->name, at, 0x10));
        }
        /* the first bytes: magic and version */
        for (size_t at = 0; at < 12; at += WATCHED ? 12 : 4) {
            assert_true(memory_damage(kit->store, o->name, at, 0x01));
            (void)expect_found(o, "flip", at);
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

        for (size_t j = i % EVERY; j < sizeof cut / sizeof cut[0]; j += EVERY) {
            check_kit_put(kit, o->name, o->p, cut[j]);
            (void)expect_found(o, "cut", cut[j]);
            /* a wrong length shows without reading */
            check_kit_run(kit, kit->r, &structure);
            assert_non_null(check_kit_find(kit, kind_of(o->name), o->name));
        }
        check_kit_restore(kit, o);
    }
    expect_clean(kit->r, &all);
}

/* Whether an object's absence can be seen at all: nothing says how many slots
 * there are, nor that a journal that was cut off was longer. */
static bool is_named(const struct check_kit_object *o)
{
    size_t at = (size_t)(o - kit->object) + 1;

    if (strncmp(o->name, "keys/", 5) == 0)
        return false;
    return strncmp(o->name, "w/", 2) != 0 ||
           (at < kit->object_n &&
            strncmp(o->name, kit->object[at].name, 2 + 32) == 0);
}

static void test_check__each_missing_object_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit->object_n; i += EVERY) {
        const struct check_kit_object *o = &kit->object[i];

        check_kit_put(kit, o->name, NULL, 0);
        if (is_named(o)) {
            (void)expect_found(o, "loss", 0);
        } else {
            check_kit_run(kit, kit->r, &all);
            assert_null(check_kit_find(kit, CHECK_PATH, NULL));
        }
        check_kit_restore(kit, o);
    }
    expect_clean(kit->r, &all);
}

static void test_check__each_exchanged_object_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < kit->object_n; i += EVERY) {
        const struct check_kit_object *a = &kit->object[i];
        const struct check_kit_object *b = &kit->object[i + 1];

        if (kind_of(a->name) != kind_of(b->name))
            continue;
        check_kit_put(kit, a->name, b->p, b->n);
        check_kit_put(kit, b->name, a->p, a->n);
        (void)expect_found(a, "exchange", 0);
        (void)expect_found(b, "exchange", 0);
        check_kit_restore(kit, a);
        check_kit_restore(kit, b);
    }
    expect_clean(kit->r, &all);
}

/* Objects of another repository, under the names of ours. */
static void test_check__each_foreign_object_is_found(void **state)
{
    struct check_kit *other = check_kit_open();

    (void)state;
    for (size_t i = 0; i < kit->object_n; i += EVERY) {
        const struct check_kit_object *mine = &kit->object[i];
        const char *slash = strchr(mine->name, '/');
        const struct check_kit_object *o;
        char prefix[16] = "config";
        size_t at = 0;

        if (slash)
            (void)snprintf(prefix, sizeof prefix, "%.*s",
                           (int)(slash - mine->name), mine->name);
        o = check_kit_object_at(other, prefix, &at);
        assert_non_null(o);
        check_kit_put(kit, mine->name, o->p, o->n);
        (void)expect_found(mine, "exchange with a stranger", 0);
        check_kit_restore(kit, mine);
    }
    check_kit_close(other);
    expect_clean(kit->r, &all);
}

/* Damage that only a part of the snapshots has. */
static void test_check__untouched_snapshots_are_not_accused(void **state)
{
    bool seen[1 << CHECK_KIT_SNAPSHOTS] = {false};

    (void)state;
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(kit, "packs/", &at);
        unsigned hurt = 0;

        if (!o)
            break;
        check_kit_put(kit, o->name, NULL, 0);
        assert_true(expect_found(o, "loss", 0) > 0);
        check_kit_run(kit, kit->r, &structure);
        for (size_t i = 0; i < kit->hit_n; i++) {
            if (kit->hit[i].kind == CHECK_PATH)
                hurt |= 1U << kit->hit[i].snapshot;
        }
        seen[hurt] = true;
        assert_int_equal(kit->sum.snapshots_hurt, __builtin_popcount(hurt));
        check_kit_restore(kit, o);
    }
    /* the packs of the last run hurt nobody else */
    assert_true(seen[1U << (CHECK_KIT_SNAPSHOTS - 1)]);
    assert_true(seen[(1U << CHECK_KIT_SNAPSHOTS) - 1]);
    assert_false(seen[0]);
}

static void test_check__long_lists_are_cut(void **state)
{
    const struct check_options few = {.threads = 1, .path_max = 3};
    uint64_t in_all[CHECK_KIT_SNAPSHOTS] = {0};
    size_t cut = 0;

    (void)state;
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(kit, "packs/", &at);

        if (!o)
            break;
        check_kit_put(kit, o->name, NULL, 0);
    }
    check_kit_run(kit, kit->r, &few);
    for (size_t i = 0; i < kit->hit_n; i++) {
        const struct check_kit_hit *h = &kit->hit[i];

        if (h->kind == CHECK_PATH)
            in_all[h->snapshot] += h->more ? h->more : 1;
        cut += h->more > 0;
    }
    /* nothing is left of the tree: one path of each, the root */
    for (size_t i = 0; i < CHECK_KIT_SNAPSHOTS; i++)
        assert_int_equal(in_all[i], 1);
    assert_int_equal(cut, 0);
    for (size_t i = 0; i < kit->object_n; i++)
        check_kit_restore(kit, &kit->object[i]);
    /* one pack at a time: that of the first run's data hurts them all */
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(kit, "packs/", &at);

        if (!o)
            break;
        check_kit_put(kit, o->name, NULL, 0);
        check_kit_run(kit, kit->r, &few);
        for (size_t i = 0; i < kit->hit_n; i++) {
            const struct check_kit_hit *h = &kit->hit[i];

            if (h->more == 0)
                continue;
            assert_int_equal(h->path[0], 0);
            cut += h->more > 300;
        }
        assert_in_range(kit->hit_n, 1, 1 + 4 * CHECK_KIT_SNAPSHOTS);
        check_kit_restore(kit, o);
    }
    assert_int_equal(cut, CHECK_KIT_SNAPSHOTS);
    expect_clean(kit->r, &all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__a_sound_repository_is_clean),
        cmocka_unit_test(test_check__each_flipped_byte_is_found),
        cmocka_unit_test(test_check__each_truncated_object_is_found),
        cmocka_unit_test(test_check__each_missing_object_is_found),
        cmocka_unit_test(test_check__each_exchanged_object_is_found),
        cmocka_unit_test(test_check__each_foreign_object_is_found),
        cmocka_unit_test(test_check__untouched_snapshots_are_not_accused),
        cmocka_unit_test(test_check__long_lists_are_cut),
    };

    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
