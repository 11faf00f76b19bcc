/* What is no damage: others at work, what they left behind, what was forgotten
 * or collected, and a cache that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "repo/writer.h"
#include "tests/repo/check_kit.h"

static const struct check_options structure = {.threads = 1};
static const struct check_options all = {.read_data = true, .threads = 2};

static void test_check_world__writers_that_died_leave_notes(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo *r = check_kit_repo(k);
    struct writer *w = NULL;
    struct pack_info info;
    bool indexed;

    (void)state;
    assert_int_equal(writer_open(r, bytes_of_str("x@y"), &w), 0);
    check_kit_expect_clean(k, 0);
    check_kit_pack(k, r, 1000, &info);
    pack_info_release(&info);
    check_kit_expect_clean(k, 1);
    assert_non_null(check_kit_find(k, CHECK_PACK, NULL));
    check_kit_pack(k, r, 2000, &info);
    assert_int_equal(writer_publish(w, &info, 1, &indexed), 0);
    check_kit_expect_clean(k, 1);
    writer_free(w);
    repo_close(r);
    check_kit_expect_clean(k, 1);
    assert_int_equal(check_kit_keyless(k, 1), 0);
    assert_int_equal(k->hit_n, 0);
    check_kit_close(k);
}

/* The object is put, the record is not: it does not exist (I2). */
static void test_check_world__only_the_commit_counts(void **state)
{
    struct check_kit *k = check_kit_small();
    size_t at = 0;
    size_t n = 0;

    (void)state;
    /* behind the commit there is only the end */
    while (check_kit_object_at(k, "w/", &at))
        n++;
    at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct check_kit_object *o = check_kit_object_at(k, "w/", &at);

        if (i + 2 >= n)
            check_kit_put(k, o->name, NULL, 0);
    }
    check_kit_expect_clean(k, 1);
    assert_int_equal(k->sum.snapshots, 0);
    assert_non_null(check_kit_find(k, CHECK_SNAPSHOT, NULL));
    check_kit_close(k);
}

static void test_check_world__doomed_packs_are_dead(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo_log_draft doom = {.type = RECORD_DOOM};
    struct repo_log_draft forget = {.type = RECORD_FORGET};
    size_t at = 0;
    const struct check_kit_object *o = check_kit_object_at(k, "packs/", &at);
    const struct check_kit_object *s;
    struct object_id pack;

    (void)state;
    assert_true(id_from_hex(o->name + 9, pack.b, sizeof pack.b));
    doom.says.ids = record_ids_of(&pack, 1);
    check_kit_append(k, doom);
    /* it is there and sound, and counts for nothing */
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_null(check_kit_find(k, CHECK_PACK, NULL));
    assert_non_null(check_kit_find(k, CHECK_PATH, NULL));
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, k->r, &all), E_CORRUPT);
    assert_null(check_kit_find(k, CHECK_PACK, NULL));
    /* forgotten, nobody needs it; the snapshot's object may go too */
    forget.says.ids = record_ids_of(&k->snapshot[0], 1);
    check_kit_append(k, forget);
    check_kit_expect_clean(k, 0);
    at = 0;
    s = check_kit_object_at(k, "snapshots/", &at);
    check_kit_put(k, s->name, NULL, 0);
    check_kit_expect_clean(k, 0);
    assert_int_equal(k->sum.snapshots, 0);
    check_kit_close(k);
}

static void test_check_world__condemned_packs_are_still_good(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo_log_draft condemn = {.type = RECORD_CONDEMN};
    struct object_id pack[8];
    size_t n = 0;

    (void)state;
    for (size_t at = 0; n < 8; n++) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        assert_true(id_from_hex(o->name + 9, pack[n].b, sizeof pack[n].b));
    }
    condemn.says.ids = record_ids_of(pack, n);
    check_kit_append(k, condemn);
    check_kit_expect_clean(k, 0);
    check_kit_close(k);
}

/* A suspect that is sound after all accuses nobody; its pack is read even
 * where data is not. */
static void test_check_world__suspects_are_read(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo_log_draft d = {.type = RECORD_SUSPECT};
    struct repo *r = check_kit_repo(k);
    struct record_suspect suspect[64];
    struct index_reader *reader = NULL;
    struct index_place place = {.started = false};
    struct index_chunk chunk;
    size_t n = 1;
    size_t m = 0;

    (void)state;
    assert_int_equal(index_reader_new(r->index, &reader), 0);
    for (;;) {
        struct index_pack pack;
        bool found;

        assert_int_equal(index_reader_chunks(reader, &place, &chunk, 1, &n), 0);
        if (n == 0)
            break;
        assert_int_equal(
            index_reader_pack(reader, chunk.loc.pack, &pack, &found), 0);
        assert_true(m < 64);
        suspect[m].chunk = chunk.id;
        suspect[m++].pack = pack.id;
    }
    index_reader_free(reader);
    repo_close(r);
    d.says.suspects = (struct fields_list){(const uint8_t *)suspect, m};
    check_kit_append(k, d);
    assert_int_equal(check_kit_run(k, k->r, &structure), 0);
    for (size_t at = 0;;) {
        const struct check_kit_object *o =
            check_kit_object_at(k, "packs/", &at);

        if (!o)
            break;
        /* the first frame, just behind a header of 182 bytes */
        assert_true(memory_damage(k->store, o->name, 202, 1));
        assert_int_equal(check_kit_run(k, k->r, &structure), E_CORRUPT);
        assert_non_null(check_kit_find(k, CHECK_PATH, NULL));
        assert_true(memory_damage(k->store, o->name, 202, 1));
    }
    check_kit_close(k);
}

/* At one moment of a check, a collector does its work. */
struct meanwhile {
    struct check_kit *k; /* its objects: those of the log to be put */
    enum memory_op op;
    const char *prefix; /* of the object's name */
    bool done;
};

static int collect(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name)
{
    struct meanwhile *m = ctx;
    const struct check_kit_object *o;

    if (m->done || point != MEMORY_BEFORE || op != m->op ||
        strncmp(name, m->prefix, strlen(m->prefix)) != 0)
        return 0;
    m->done = true;
    for (size_t at = 0; (o = check_kit_object_at(m->k, "log/", &at));)
        check_kit_restore(m->k, o);
    for (size_t at = 0; (o = check_kit_object_at(m->k, "packs/", &at));)
        check_kit_put(m->k, o->name, NULL, 0);
    for (size_t at = 0; (o = check_kit_object_at(m->k, "snapshots/", &at));)
        check_kit_put(m->k, o->name, NULL, 0);
    return 0;
}

/* The snapshot is forgotten and collected while it is checked. */
static void test_check_world__collectors_may_work_meanwhile(void **state)
{
    static const struct {
        enum memory_op op;
        const char *prefix;
        bool read_data;
    } t[] = {{MEMORY_LIST, "packs", false},
             {MEMORY_GET, "snapshots/", false},
             {MEMORY_GET, "packs/", false},
             {MEMORY_GET, "packs/", true}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct check_kit *k = check_kit_small();
        struct repo_log_draft forget = {.type = RECORD_FORGET};
        struct repo_log_draft doom = {.type = RECORD_DOOM};
        struct meanwhile m = {.k = k, .op = t[i].op, .prefix = t[i].prefix};
        struct check_options opt = {.threads = 1, .read_data = t[i].read_data};
        struct object_id pack[4];
        const struct check_kit_object *o;
        size_t n = 0;

        for (size_t at = 0; (o = check_kit_object_at(k, "packs/", &at)); n++)
            assert_true(n < 4 && id_from_hex(o->name + 9, pack[n].b, ID_BYTES));
        forget.says.ids = record_ids_of(k->snapshot, 1);
        doom.says.ids = record_ids_of(pack, n);
        check_kit_append(k, forget);
        check_kit_append(k, doom);
        check_kit_keep(k);
        for (size_t at = 0; (o = check_kit_object_at(k, "log/", &at));) {
            if (strcmp(o->name, "log/0000000000000000") != 0)
                check_kit_put(k, o->name, NULL, 0);
        }
        memory_set_hook(k->store, collect, &m);
        check_kit_run(k, k->r, &opt);
        memory_set_hook(k->store, NULL, NULL);
        assert_true(m.done);
        if (k->hit_n > 0)
            fail_msg("%zu: [%s] %s: %s", i, k->hit[0].object, k->hit[0].path,
                     k->hit[0].text);
        check_kit_close(k);
    }
}

static void test_check_world__a_cache_that_lies_is_noted(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo *r = check_kit_repo(k);
    struct index_update *u = NULL;
    struct index_chunk lie = {.id = {{7}},
                              .loc = {.frame_off = 400,
                                      .frame_stored = 100,
                                      .frame_raw = 200,
                                      .bytes = 50}};

    (void)state;
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 0);
    assert_int_equal(index_update_begin(r->index, 1000, &u), 0);
    assert_int_equal(index_update_put_chunks(u, &lie, 1), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 1);
    assert_int_equal(k->hit[0].kind, CHECK_CACHE);
    repo_close(r);
    check_kit_close(k);
}

static void test_check_world__a_cache_that_forgets_is_noted(void **state)
{
    struct check_kit *k = check_kit_small();
    struct repo *r = check_kit_repo(k);
    struct index_update *u = NULL;

    (void)state;
    /* a live pack called dead */
    assert_int_equal(index_update_begin(r->index, 1000, &u), 0);
    assert_int_equal(index_update_set_state(u, 0, INDEX_DOOMED, 0), 0);
    assert_int_equal(index_update_commit(u), 0);
    assert_int_equal(check_kit_run(k, r, &all), 0);
    assert_int_equal(k->hit_n, 1);
    assert_int_equal(k->hit[0].kind, CHECK_CACHE);
    repo_close(r);
    check_kit_close(k);
}

/* What this host's cache says: how many packs are trusted and there, and how
 * many are known to be gone; and whether it calls any chunk suspect. */
static size_t cache_says(struct repo *r, size_t *gone, bool *suspect)
{
    static struct index_pack pack[64];
    struct index_reader *ix = NULL;
    uint32_t next = 0;
    size_t trusted = 0;
    size_t n;

    *gone = 0;
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_packs(ix, &next, pack, 64, &n), 0);
    assert_in_range(n, 1, 63);
    for (size_t i = 0; i < n; i++) {
        trusted += pack[i].trusted && !pack[i].gone;
        *gone += pack[i].gone;
    }
    assert_int_equal(index_reader_any_suspect(ix, suspect), 0);
    index_reader_free(ix);
    return trusted;
}

static size_t trusted(struct repo *r, bool *suspect)
{
    size_t gone;

    return cache_says(r, &gone, suspect);
}

/* What a check finds this host's cache takes note of, and takes back: of what
 * the check has looked at, and of nothing else. */
static void test_check_world__the_cache_is_told(void **state)
{
    static const struct check_options quick = {.threads = 1};
    static const struct check_options full = {.threads = 1, .read_data = true};
    struct check_kit *k = check_kit_small();
    const struct check_kit_object *o;
    struct repo *r = check_kit_repo(k);
    bool suspect;
    size_t n = trusted(r, &suspect);
    size_t at = 0;

    (void)state;
    assert_true(n >= 2);
    while ((o = check_kit_object_at(k, "packs/", &at)) != NULL) {
        check_kit_put(k, o->name, NULL, 0);
        assert_int_equal(check_kit_run(k, r, &quick), E_CORRUPT);
        assert_int_equal(trusted(r, &suspect), n - 1);
        assert_false(suspect);
        check_kit_restore(k, o);
        assert_int_equal(check_kit_run(k, r, &quick), 0);
        assert_int_equal(trusted(r, &suspect), n);
        /* cut */
        check_kit_put(k, o->name, o->p, o->n - 1);
        assert_int_equal(check_kit_run(k, r, &quick), E_CORRUPT);
        assert_int_equal(trusted(r, &suspect), n - 1);
        check_kit_restore(k, o);
        assert_int_equal(check_kit_run(k, r, &full), 0);
        assert_int_equal(trusted(r, &suspect), n);
        /* one byte: seen by who reads it, not forgotten by who does not */
        assert_true(memory_damage(k->store, o->name, o->n / 2, 1));
        assert_int_equal(check_kit_run(k, r, &full), E_CORRUPT);
        assert_int_equal(trusted(r, &suspect), n);
        assert_true(suspect);
        (void)check_kit_run(k, r, &quick);
        (void)trusted(r, &suspect);
        assert_true(suspect);
        check_kit_restore(k, o);
        assert_int_equal(check_kit_run(k, r, &full), 0);
        assert_int_equal(trusted(r, &suspect), n);
        assert_false(suspect);
    }
    repo_close(r);
    check_kit_close(k);
}

/* All segments go, or come back. */
static void segments(struct check_kit *k, bool back)
{
    const struct check_kit_object *o;
    size_t at = 0;

    while ((o = check_kit_object_at(k, "index/", &at)) != NULL) {
        if (back)
            check_kit_restore(k, o);
        else
            check_kit_put(k, o->name, NULL, 0);
    }
}

/* A check makes no pack one to rely on of which no segment says that it is
 * listed, be it the cache that misses it or the check. */
static void test_check_world__what_nobody_lists_stays_so(void **state)
{
    static const struct check_options full = {.threads = 1, .read_data = true};
    struct check_kit *k = check_kit_small();
    const struct check_kit_object *o;
    struct repo *r = check_kit_repo(k);
    bool suspect;
    size_t n = trusted(r, &suspect);
    size_t gone;
    size_t at = 0;

    (void)state;
    o = check_kit_object_at(k, "packs/", &at);
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, r, &full), E_CORRUPT);
    assert_int_equal(trusted(r, &suspect), n - 1);
    check_kit_restore(k, o);
    segments(k, false);
    assert_int_equal(check_kit_run(k, r, &full), E_CORRUPT);
    assert_int_equal(trusted(r, &suspect), n - 1);
    repo_close(r);
    /* a new cache */
    scratch_remove(k->cache);
    assert_int_equal(mkdir(k->cache, 0700), 0);
    r = check_kit_repo(k);
    assert_int_equal(trusted(r, &suspect), 0);
    segments(k, true);
    /* nor is it missed where nobody expects it */
    check_kit_put(k, o->name, NULL, 0);
    assert_int_equal(check_kit_run(k, r, &full), E_CORRUPT);
    (void)cache_says(r, &gone, &suspect);
    assert_int_equal(gone, 0);
    check_kit_restore(k, o);
    assert_int_equal(check_kit_run(k, r, &full), 0);
    assert_int_equal(trusted(r, &suspect), 0);
    repo_close(r);
    r = check_kit_repo(k);
    assert_int_equal(trusted(r, &suspect), n);
    repo_close(r);
    check_kit_close(k);
}

/* What the log calls suspect stays so in the cache, whatever a check reads. */
static void test_check_world__the_log_has_the_last_word(void **state)
{
    static const struct check_options full = {.threads = 1, .read_data = true};
    struct check_kit *k = check_kit_small();
    struct repo_log_draft d = {.type = RECORD_SUSPECT};
    struct index_place place = {.started = false};
    struct repo *r = check_kit_repo(k);
    struct index_reader *ix = NULL;
    struct record_suspect one;
    struct index_chunk chunk;
    struct index_pack pack;
    bool suspect;
    bool found;
    size_t n;

    (void)state;
    assert_int_equal(index_reader_new(r->index, &ix), 0);
    assert_int_equal(index_reader_chunks(ix, &place, &chunk, 1, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(index_reader_pack(ix, chunk.loc.pack, &pack, &found), 0);
    assert_true(found);
    index_reader_free(ix);
    repo_close(r);
    one.chunk = chunk.id;
    one.pack = pack.id;
    d.says.suspects = (struct fields_list){(const uint8_t *)&one, 1};
    check_kit_append(k, d);
    r = check_kit_repo(k);
    (void)trusted(r, &suspect);
    assert_true(suspect);
    assert_int_equal(check_kit_run(k, r, &full), 0);
    (void)trusted(r, &suspect);
    assert_true(suspect);
    repo_close(r);
    check_kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_world__writers_that_died_leave_notes),
        cmocka_unit_test(test_check_world__only_the_commit_counts),
        cmocka_unit_test(test_check_world__doomed_packs_are_dead),
        cmocka_unit_test(test_check_world__condemned_packs_are_still_good),
        cmocka_unit_test(test_check_world__suspects_are_read),
        cmocka_unit_test(test_check_world__the_cache_is_told),
        cmocka_unit_test(test_check_world__what_nobody_lists_stays_so),
        cmocka_unit_test(test_check_world__the_log_has_the_last_word),
        cmocka_unit_test(test_check_world__collectors_may_work_meanwhile),
        cmocka_unit_test(test_check_world__a_cache_that_lies_is_noted),
        cmocka_unit_test(test_check_world__a_cache_that_forgets_is_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
