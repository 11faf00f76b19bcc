#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chunker/chunker.h"
#include "tests/chunker/chunk_oracle.h"
#include "tests/chunker/chunk_setup.h"

/* ---- parameters ---- */

static void test_chunker__sizes_follow_from_the_normal_one(void **state)
{
    struct chunker_params p;

    (void)state;
    for (uint32_t n = 16 << 10; n <= 256 << 10; n *= 2) {
        assert_int_equal(chunker_params_of(n, &p), 0);
        assert_int_equal(p.min, n / 8 * 5);
        assert_int_equal(p.normal, n);
        assert_int_equal(p.max, n * 4);
    }
    p.normal = 1;
    assert_int_equal(chunker_params_of(0, &p), E_USAGE);
    assert_int_equal(chunker_params_of(8 << 10, &p), E_USAGE);
    assert_int_equal(chunker_params_of(65537, &p), E_USAGE);
    assert_int_equal(chunker_params_of(512 << 10, &p), E_USAGE);
    assert_int_equal(chunker_params_of(((uint64_t)1 << 32) + 65536, &p),
                     E_USAGE);
    assert_int_equal(p.normal, 1);
}

static void test_chunker__refuses_sizes_out_of_range(void **state)
{
    static const struct {
        struct chunker_params p;
        int rc;
    } table[] = {
        {{4159, 16 << 10, 16 << 10}, 0},
        {{4158, 16 << 10, 64 << 10}, E_USAGE},
        {{16 << 10, 16 << 10, 64 << 10}, 0},
        {{(16 << 10) + 1, 16 << 10, 64 << 10}, E_USAGE},
        {{10 << 10, 16 << 10, (16 << 10) - 1}, E_USAGE},
        {{10 << 10, 24 << 10, 64 << 10}, E_USAGE},
        {{5 << 10, 8 << 10, 64 << 10}, E_USAGE},
        {{160 << 10, 256 << 10, 1 << 20}, 0},
        {{160 << 10, 256 << 10, (1 << 20) + 1}, E_USAGE},
        {{160 << 10, 512 << 10, 1 << 20}, E_USAGE},
        {{0, 0, 0}, E_USAGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct chunker c;

        assert_int_equal(chunker_params_check(&table[i].p), table[i].rc);
        assert_int_equal(chunker_init(&c, &table[i].p, chunk_key), table[i].rc);
    }
}

static void test_chunker__release_wipes_the_key(void **state)
{
    struct chunker c = chunk_chunker(65536);
    struct chunker zero;

    (void)state;
    memset(&zero, 0, sizeof zero);
    chunker_release(&c);
    assert_memory_equal(&c, &zero, sizeof c);
    chunker_release(&c);
}

/* ---- cuts ---- */

/* Pieces of any size, each time in another place: the same cuts. */
static void feed(const struct chunker *c, const uint8_t *p, size_t n,
                 struct prng *r)
{
    size_t known = 0;
    size_t given = 0;
    size_t none = 0;

    for (size_t s = 0; s < n;) {
        uint8_t *copy = mem_alloc(n - s);
        size_t most = (size_t)1 << prng_below(r, 20);
        size_t more = prng_below(r, most + 1);
        size_t len;

        assert_non_null(copy);
        given = n - s - given < more ? n - s : given + more;
        memcpy(copy, p + s, given);
        len = chunker_next(c, copy, given, s + given == n, &known);
        free(copy);
        if (len == 0)
            continue;
        assert_int_equal(known, 0);
        assert_int_equal(len, chunker_next(c, p + s, n - s, true, &none));
        s += len;
        given = given > len ? given - len : 0;
    }
}

static void test_chunker__pieces_make_no_difference(void **state)
{
    enum { N = 1 << 20 };
    struct prng r = chunk_seeded(41);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = chunk_stream((enum chunk_data_kind)kind, 3, N);

        for (size_t i = 0; i < 3; i++) {
            struct chunker_params params = chunk_params(chunk_sizes[i]);
            struct chunk_team t;

            chunk_team_init(&t, &params, chunk_key);
            feed(&t.chunker[prng_below(&r, t.n)], p, N, &r);
        }
        free(p);
    }
}

/* What was said to be known is not looked at again, but for the window. */
static void test_chunker__looks_back_by_one_window(void **state)
{
    struct chunker c = chunk_chunker(65536);
    uint8_t *p = chunk_stream(CHUNK_DATA_RANDOM, 4, 1 << 20);
    size_t known = 0;
    size_t none = 0;

    (void)state;
    for (size_t s = 0; s < 900000;) {
        size_t len = chunker_next(&c, p + s, (1 << 20) - s, true, &none);
        size_t n = len - 1;
        uint8_t *copy = mem_alloc(c.params.max);

        assert_non_null(copy);
        assert_int_equal(chunker_next(&c, p + s, n, false, &known), 0);
        assert_int_equal(known, n);
        memcpy(copy + len - CHUNKER_WINDOW, p + s + len - CHUNKER_WINDOW,
               CHUNKER_WINDOW);
        assert_int_equal(chunker_next(&c, copy, len, false, &known), len);
        free(copy);
        s += len;
    }
    free(p);
}

/* Same chunk, other bytes on both sides: same cut. */
static void test_chunker__a_chunk_depends_on_its_own_bytes(void **state)
{
    enum { N = 4 << 20, AROUND = 5000 };
    struct prng r = chunk_seeded(42);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = chunk_stream((enum chunk_data_kind)kind, 5, N);
        struct chunker_params params = chunk_params(32 << 10);
        struct chunk_team t;
        size_t none = 0;

        chunk_team_init(&t, &params, chunk_key);
        for (size_t s = 0, len; N - s > params.max; s += len) {
            const struct chunker *c = &t.chunker[prng_below(&r, t.n)];
            uint8_t *copy = mem_alloc(params.max + 2 * AROUND);

            assert_non_null(copy);
            prng_fill(&r, copy, params.max + 2 * AROUND);
            len = chunker_next(c, p + s, N - s, true, &none);
            memcpy(copy + AROUND, p + s, len);
            assert_int_equal(chunker_next(c, copy + AROUND, params.max + AROUND,
                                          false, &none),
                             len);
            free(copy);
        }
        free(p);
    }
}

static void test_chunker__cuts_batches(void **state)
{
    enum { N = 3 << 20, MOST = 400 };
    struct chunker c = chunk_chunker(16 << 10);
    uint8_t *p = chunk_stream(CHUNK_DATA_TAR, 6, N);
    uint32_t all[MOST];
    size_t known = 0;
    size_t count = chunker_cut(&c, p, N, true, &known, all, MOST);
    size_t sum = 0;

    (void)state;
    for (size_t i = 0; i < count; i++)
        sum += all[i];
    assert_int_equal(sum, N);
    for (size_t room = 1; room < 7; room++) {
        uint32_t lens[8] = {0};
        size_t slab = 1 << 20; /* bytes read so far */
        size_t i = 0;

        for (size_t s = 0; s < N;) {
            size_t n =
                chunker_cut(&c, p + s, slab - s, slab == N, &known, lens, room);

            assert_int_equal(lens[room], 0);
            assert_memory_equal(lens, all + i, n * sizeof lens[0]);
            for (size_t k = 0; k < n; k++)
                s += lens[k];
            i += n;
            if (n == room) {
                assert_int_equal(known, 0);
            } else {
                assert_int_equal(known, slab - s);
                assert_true(slab - s < c.params.max);
                slab = slab < N ? slab + (1 << 20) : N;
            }
        }
        assert_int_equal(i, count);
    }
    assert_int_equal(chunker_cut(&c, p, 0, true, &known, all, MOST), 0);
    assert_int_equal(chunker_cut(&c, p, 0, false, &known, all, MOST), 0);
    free(p);
}

struct shared {
    const struct chunker *c;
    const uint8_t *p;
    size_t n;
    uint32_t lens[200];
    size_t count;
};

static void *cut_shared(void *arg)
{
    struct shared *s = arg;
    size_t known = 0;

    s->count = chunker_cut(s->c, s->p, s->n, true, &known, s->lens, 200);
    return NULL;
}

static void test_chunker__is_shared_between_threads(void **state)
{
    enum { N = 2 << 20, THREADS = 4 };
    struct chunker c = chunk_chunker(16 << 10);
    uint8_t *p = chunk_stream(CHUNK_DATA_SOURCE, 14, N);
    struct shared s[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        s[i] = (struct shared){.c = &c, .p = p, .n = N};
        assert_int_equal(pthread_create(&threads[i], NULL, cut_shared, &s[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(s[i].count > 80);
        assert_int_equal(s[i].count, s[0].count);
        assert_memory_equal(s[i].lens, s[0].lens, sizeof s[i].lens);
    }
    free(p);
}

/* ---- prediction ---- */

/* p[0..len) was a whole chunk: does a prediction tell what will happen? */
static void check_prediction(const struct chunker *c, const uint8_t *p,
                             size_t len, struct prng *r)
{
    uint8_t *copy = mem_alloc(len + c->params.max);
    bool predicted = chunker_predict(c, p, len);
    size_t known = 0;

    assert_non_null(copy);
    memcpy(copy, p, len);
    assert_int_equal(chunker_next(c, copy, len, false, &known) == len,
                     predicted);
    known = 0;
    prng_fill(r, copy + len, c->params.max);
    assert_int_equal(chunker_next(c, copy, len + c->params.max, true, &known) ==
                         len,
                     predicted);
    free(copy);
}

static void test_chunker__predicts_what_it_would_cut(void **state)
{
    enum { N = 4 << 20 };
    struct prng r = chunk_seeded(43);

    (void)state;
    for (int kind = 0; kind < CHUNK_DATA_KINDS; kind++) {
        uint8_t *p = chunk_stream((enum chunk_data_kind)kind, 7, N);
        struct chunker_params params = chunk_params(64 << 10);
        struct chunk_team t;
        size_t none = 0;

        chunk_team_init(&t, &params, chunk_key);
        for (size_t s = 0, len; s < N; s += len) {
            const struct chunker *c = &t.chunker[prng_below(&r, t.n)];

            len = chunker_next(c, p + s, N - s, true, &none);
            check_prediction(c, p + s, len, &r);
            if (s + len < N)
                assert_true(chunker_predict(c, p + s, len));
            /* the stream might have ended anywhere in it */
            check_prediction(c, p + s, 1 + prng_below(&r, len), &r);
        }
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunker__sizes_follow_from_the_normal_one),
        cmocka_unit_test(test_chunker__refuses_sizes_out_of_range),
        cmocka_unit_test(test_chunker__release_wipes_the_key),
        cmocka_unit_test(test_chunker__pieces_make_no_difference),
        cmocka_unit_test(test_chunker__looks_back_by_one_window),
        cmocka_unit_test(test_chunker__a_chunk_depends_on_its_own_bytes),
        cmocka_unit_test(test_chunker__cuts_batches),
        cmocka_unit_test(test_chunker__is_shared_between_threads),
        cmocka_unit_test(test_chunker__predicts_what_it_would_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
