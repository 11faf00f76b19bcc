#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "repo/segment_merge.h"
#include "tests/repo/repo_fixture.h"
#include "tests/support/prng.h"

static struct segment_list_item item_of(uint8_t id, unsigned level,
                                        uint64_t bytes)
{
    return (struct segment_list_item){
        .id = {{id}}, .level = level, .bytes = bytes};
}

static void test_segment_merge__picks_eight_of_the_lowest_level(void **state)
{
    static const struct {
        unsigned level0, level1; /* how many of each */
        uint64_t bytes;
        int want; /* level, or -1 */
    } t[] = {
        {0, 0, 10, -1},
        {7, 7, 10, -1},
        {8, 0, 10, 0},
        {7, 9, 10, 1},
        {20, 9, 10, 0},
        {8, 0, SEGMENT_MERGE_BYTES / 8, 0},
        {8, 0, SEGMENT_MERGE_BYTES / 8 + 1, -1},
        {7, 8, SEGMENT_MERGE_BYTES + 1, -1},
        {8, 0, UINT64_MAX, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct segment_list_item out[SEGMENT_MERGE_FAN];
        struct segment_list l = {.n = 0};
        unsigned level = 99;
        bool found;

        for (unsigned k = 0; k < t[i].level0 + t[i].level1; k++) {
            struct segment_list_item x =
                item_of((uint8_t)k, k >= t[i].level0, t[i].bytes);

            assert_int_equal(segment_list_add(&l, &x), 0);
        }
        found = segment_merge_pick(&l, out, &level);
        assert_int_equal(found, t[i].want >= 0);
        if (found)
            assert_int_equal(level, t[i].want);
        segment_list_release(&l);
    }
}

/* The smallest go first: a large one is not written again and again. */
static void test_segment_merge__leaves_the_largest(void **state)
{
    struct segment_list_item out[SEGMENT_MERGE_FAN];
    struct segment_list l = {.n = 0};
    unsigned level;

    (void)state;
    for (uint8_t k = 0; k < 10; k++) {
        struct segment_list_item x = item_of(k, 0, k < 2 ? 1000000 : 10);

        assert_int_equal(segment_list_add(&l, &x), 0);
    }
    assert_true(segment_merge_pick(&l, out, &level));
    for (size_t i = 0; i < SEGMENT_MERGE_FAN; i++)
        assert_int_equal(out[i].bytes, 10);
    segment_list_release(&l);
}

/* A long one among short ones waits: the segment of a first run is not written
 * again with the eighth. What is picked is about of a size. */
static void test_segment_merge__long_ones_wait_for_their_like(void **state)
{
    static const struct {
        uint64_t bytes[20];
        uint64_t want; /* the smallest of those picked; 0: none */
    } t[] = {
        {{3000000, 50, 50, 50, 50, 50, 50, 50}, 0},
        {{3000000, 50, 50, 50, 50, 50, 50, 50, 50}, 50},
        {{351, 50, 50, 50, 50, 50, 50, 50}, 0},
        {{350, 50, 50, 50, 50, 50, 50, 50}, 50},
        /* short ones are no reason to let long ones pile up */
        {{1, 2, 3, 4, 5, 6, 7, 900, 901, 902, 903, 904, 905, 906, 907}, 2},
        {{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}, 0},
        {{1, 1, 2, 4, 8, 16, 32, 64, 128}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct segment_list_item out[SEGMENT_MERGE_FAN];
        struct segment_list l = {.n = 0};
        unsigned level;

        for (uint8_t k = 0; k < 20 && t[i].bytes[k]; k++) {
            struct segment_list_item x = item_of(k, 0, t[i].bytes[k]);

            assert_int_equal(segment_list_add(&l, &x), 0);
        }
        assert_int_equal(segment_merge_pick(&l, out, &level), t[i].want > 0);
        if (t[i].want)
            assert_int_equal(out[0].bytes, t[i].want);
        segment_list_release(&l);
    }
}

/* Whatever their lengths, of one level there are never many. */
static void test_segment_merge__they_never_pile_up(void **state)
{
    struct segment_list_item out[SEGMENT_MERGE_FAN];
    struct segment_list l = {.n = 0};
    struct prng r;

    (void)state;
    prng_init(&r, 7);
    for (unsigned run = 0; run < 2000; run++) {
        uint64_t bytes = 1 + prng_below(&r, (uint64_t)2 << prng_below(&r, 20));
        struct segment_list_item x =
            item_of((uint8_t)prng_below(&r, 256), 0, bytes);
        unsigned level;

        assert_int_equal(segment_list_add(&l, &x), 0);
        while (segment_merge_pick(&l, out, &level)) {
            size_t n = 0;

            /* those of that level and of a length that was picked go */
            for (size_t i = 0; i < l.n; i++) {
                bool gone = false;

                for (size_t k = 0; k < SEGMENT_MERGE_FAN && !gone; k++) {
                    gone = memcmp(&l.item[i], &out[k], sizeof out[k]) == 0;
                    if (gone)
                        out[k].level = 99;
                }
                if (!gone)
                    l.item[n++] = l.item[i];
            }
            assert_int_equal(l.n - n, SEGMENT_MERGE_FAN);
            l.n = n;
        }
        assert_true(l.n <= 8 + 21);
    }
    segment_list_release(&l);
}

static size_t live(struct repo *r, struct segment_list *l)
{
    struct index_reader *ix = NULL;

    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(segment_list_load(ix, l), 0);
    index_reader_free(ix);
    return l->n;
}

/* One run that publishes, commits, and merges what there is to merge. */
static bool run(struct repo_fixture *f, uint64_t seed, struct object_id *id)
{
    struct writer *w = NULL;
    struct repo *r = NULL;
    bool merged;

    assert_int_equal(repo_fixture_repo(f, "a", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("a@b"), &w), 0);
    assert_int_equal(repo_fixture_publish(f, w, r, seed), 0);
    assert_int_equal(repo_fixture_commit(w, r, seed, id), 0);
    assert_int_equal(writer_merge(w, &merged), 0);
    assert_int_equal(writer_end(w), 0);
    writer_free(w);
    repo_close(r);
    return merged;
}

static void test_segment_merge__keeps_their_number_small(void **state)
{
    enum { RUNS = 75 };
    static struct object_id id[RUNS];
    struct repo_fixture f;
    size_t merges = 0;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    for (uint64_t i = 0; i < RUNS; i++)
        merges += run(&f, i + 1, &id[i]);
    assert_true(merges >= RUNS / 8);
    for (int fresh = 0; fresh < 2; fresh++) {
        struct segment_list l = {.n = 0};
        struct repo *r = NULL;
        unsigned high = 0;

        /* what this cache was told, and what another one reads */
        assert_int_equal(repo_fixture_repo(&f, fresh ? NULL : "a", &r), 0);
        assert_true(live(r, &l) <= 8 + 8 + 2);
        for (size_t i = 0; i < l.n; i++)
            high = l.item[i].level > high ? l.item[i].level : high;
        assert_int_equal(high, 2);
        segment_list_release(&l);
        repo_close(r);
    }
    assert_int_equal(repo_fixture_check(&f, id, RUNS), RUNS);
    repo_fixture_close(&f);
}

/* How many packs the segments of a list name, each once per segment. */
static size_t packs_in(struct repo_fixture *f, struct repo *r,
                       const struct segment_list *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct segment_file file;

        assert_int_equal(
            segment_file_read(f->store, r->keys, &l->item[i].id, &file), 0);
        n += file.segment.pack_n;
        segment_file_release(&file);
    }
    return n;
}

/* Everything is still said, once; and only what ended writers said is
 * touched. */
static void test_segment_merge__says_what_it_replaces(void **state)
{
    struct repo_fixture f;
    struct object_id id;
    struct segment_list l = {.n = 0};
    struct repo *r = NULL;
    struct repo *other = NULL;
    struct writer *open = NULL;
    struct writer *w = NULL;
    bool merged;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    for (uint64_t i = 0; i < 7; i++)
        assert_int_equal(repo_fixture_backup(&f, "a", i + 1, &id), 0);
    /* the eighth segment is that of a writer still at work */
    assert_int_equal(repo_fixture_repo(&f, "b", &other), 0);
    assert_int_equal(writer_open(other, bytes_of_str("b"), &open), 0);
    assert_int_equal(repo_fixture_publish(&f, open, other, 8), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(writer_open(r, bytes_of_str("a"), &w), 0);
    assert_int_equal(writer_merge(w, &merged), 0);
    assert_false(merged);
    assert_int_equal(writer_end(open), 0);
    assert_int_equal(repo_refresh(r), 0);
    assert_int_equal(live(r, &l), 8);
    segment_list_release(&l);
    assert_int_equal(writer_merge(w, &merged), 0);
    assert_true(merged);
    assert_int_equal(live(r, &l), 1);
    assert_int_equal(packs_in(&f, r, &l), 8);
    segment_list_release(&l);
    writer_free(open);
    writer_free(w);
    repo_close(other);
    repo_close(r);
    assert_int_equal(repo_fixture_check(&f, NULL, 0), 7);
    repo_fixture_close(&f);
}

/* Segments made by hand: a pack that two of them name is there once, a doomed
 * one is not. */
static void test_segment_merge__names_each_pack_once(void **state)
{
    static const uint8_t dir[] = {0}; /* no frames */
    struct repo_fixture f;
    struct state s;
    struct repo *r = NULL;
    struct segment_list_item item[2] = {{.level = 0}};
    struct segment_list_item out = {.level = 0};
    struct segment_file file;
    struct segment_reader walk;
    struct segment_pack p;

    (void)state;
    repo_fixture_open(&f);
    assert_int_equal(repo_fixture_init(&f), 0);
    assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
    assert_int_equal(state_init(&s, &r->config.founder), 0);
    for (uint8_t i = 0; i < 2; i++) {
        struct segment_pack pack[2];

        for (uint8_t k = 0; k < 2; k++) /* packs 1 and 2, then 2 and 3 */
            pack[k] = (struct segment_pack){.id = {{(uint8_t)(1 + i + k)}},
                                            .kind = PACK_DATA,
                                            .bytes = 65536,
                                            .writer = r->keys->member,
                                            .dir = bytes_of(dir, sizeof dir)};
        assert_int_equal(segment_file_write(f.store, r->keys, 0, NULL, 0, pack,
                                            2, &item[i].id),
                         0);
    }
    p.id = (struct object_id){{3}};
    assert_int_equal(idmap_put(&s.doomed, p.id.b, 1), 0);
    assert_int_equal(
        segment_merge_write(f.store, r->keys, r->index, &s, 0, item, 2, &out),
        0);
    assert_int_equal(out.level, 1);
    assert_int_equal(segment_file_read(f.store, r->keys, &out.id, &file), 0);
    assert_int_equal(file.segment.level, 1);
    assert_int_equal(file.segment.replace_n, 2);
    segment_read(&walk, &file.segment);
    assert_true(segment_next(&walk, &p));
    assert_int_equal(p.id.b[0], 1);
    assert_true(segment_next(&walk, &p));
    assert_int_equal(p.id.b[0], 2);
    assert_false(segment_next(&walk, &p));
    segment_file_release(&file);
    state_release(&s);
    repo_close(r);
    repo_fixture_close(&f);
}

/* A merge that dies anywhere leaves a repository that says the same. */
static void test_segment_merge__may_die_anywhere(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (uint64_t n = 1;; n++) {
            struct memory_fault fault = {.point = (enum memory_point)point,
                                         .n = n,
                                         .persistent = true,
                                         .code = E_STORE};
            struct memory_fault none = {.n = 0};
            struct repo_fixture f;
            struct object_id id[8];
            struct repo *r = NULL;
            struct writer *w = NULL;
            bool merged;
            int rc;

            repo_fixture_open(&f);
            assert_int_equal(repo_fixture_init(&f), 0);
            for (uint64_t i = 0; i < 8; i++)
                assert_int_equal(repo_fixture_backup(&f, "a", i + 1, &id[i]),
                                 0);
            assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
            assert_int_equal(writer_open(r, bytes_of_str("a"), &w), 0);
            memory_set_fault(f.store, fault);
            rc = writer_merge(w, &merged);
            memory_set_fault(f.store, none);
            writer_free(w);
            repo_close(r);
            memory_power_cut(f.store, n % 3);
            assert_int_equal(repo_fixture_check(&f, id, 8), 8);
            (void)run(&f, 9, &id[0]);
            assert_int_equal(repo_fixture_check(&f, id, 8), 9);
            repo_fixture_close(&f);
            if (rc == 0)
                break;
            assert_true(n < 100);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_merge__picks_eight_of_the_lowest_level),
        cmocka_unit_test(test_segment_merge__leaves_the_largest),
        cmocka_unit_test(test_segment_merge__long_ones_wait_for_their_like),
        cmocka_unit_test(test_segment_merge__they_never_pile_up),
        cmocka_unit_test(test_segment_merge__keeps_their_number_small),
        cmocka_unit_test(test_segment_merge__says_what_it_replaces),
        cmocka_unit_test(test_segment_merge__names_each_pack_once),
        cmocka_unit_test(test_segment_merge__may_die_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
