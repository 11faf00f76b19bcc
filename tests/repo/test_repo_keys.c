/* Key slots and the config that they belong to: several of them, damaged ones,
 * and what was exchanged for that of another repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/repo_unlock.h"
#include "tests/repo/repo_fixture.h"
#include "tests/support/address_space.h"

enum { NAME_BYTES = 5 + ID_HEX_CHARS + 1 };

static struct key_slot_secret key_file(const char *text)
{
    return (struct key_slot_secret){KEY_SLOT_FILE, bytes_of_str(text)};
}

static const char mine[] = "0123456789abcdef0123456789abcdef";
static const char theirs[] = "fedcba9876543210fedcba9876543210";

static int name_of(void *ctx, const char *name, uint64_t size)
{
    (void)size;
    (void)snprintf(ctx, NAME_BYTES, "%s", name);
    return 0;
}

/* The one slot of a repository. */
static void slot_of(struct repo_fixture *f, char name[NAME_BYTES])
{
    assert_int_equal(store_list(f->store, "keys", name_of, name), 0);
}

/* An object of one repository into the other, in the place of what is there
 * under that name. */
static void carry(struct repo_fixture *from, struct repo_fixture *to,
                  const char *name)
{
    enum store_outcome outcome;
    struct buf b;
    bool found;

    buf_init(&b, 1 << 16);
    assert_int_equal(store_get(from->store, name, &b, &found), 0);
    assert_true(found);
    assert_int_equal(store_delete(to->store, name), 0);
    assert_int_equal(store_put(to->store, name, buf_bytes(&b), &outcome), 0);
    buf_release(&b);
}

static void put_slot(struct repo_fixture *f, struct bytes file)
{
    enum store_outcome outcome;
    char name[NAME_BYTES];
    char hex[ID_HEX_CHARS + 1];
    struct object_id id;

    blake3_hash(file, id.b);
    (void)snprintf(name, sizeof name, "keys/%s",
                   id_hex(id.b, sizeof id.b, hex));
    assert_int_equal(store_put(f->store, name, file, &outcome), 0);
}

/* One more slot for the keys of f. */
static void add_slot(struct repo_fixture *f, struct key_slot_secret secret)
{
    struct key_slot_info info = {.kdf = secret.kind, .role = KEYRING_FULL};
    struct repo *r = NULL;
    struct buf b;

    if (secret.kind == KEY_SLOT_PASSPHRASE) {
        info.passes = 1;
        info.kib = 8192;
    }
    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    buf_init(&b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(key_slot_seal(r->keys, &info, &secret, &b), 0);
    put_slot(f, buf_bytes(&b));
    buf_release(&b);
    repo_close(r);
}

static void expect_open(struct repo_fixture *f, struct key_slot_secret secret,
                        int rc, const char *text)
{
    struct key_slot_secret before = f->secret;
    struct repo *r = NULL;

    f->secret = secret;
    assert_int_equal(repo_fixture_repo(f, NULL, &r), rc);
    if (rc < 0 && !strstr(err_text(), text))
        fail_msg("'%s' is not in '%s'", text, err_text());
    repo_close(r);
    f->secret = before;
}

/* Two repositories; the second one's key is of the given text. */
static void two(struct repo_fixture *a, struct repo_fixture *b,
                const char *second)
{
    repo_fixture_open(a);
    repo_fixture_open(b);
    b->secret = key_file(second);
    assert_int_equal(repo_fixture_init(a), 0);
    assert_int_equal(repo_fixture_init(b), 0);
}

static void test_repo_keys__any_of_several_slots_opens(void **state)
{
    struct key_slot_secret pass = {KEY_SLOT_PASSPHRASE,
                                   bytes_of_str("correct horse")};
    struct key_slot_secret wrong = {KEY_SLOT_PASSPHRASE,
                                    bytes_of_str("correct horsf")};
    struct repo_fixture f;
    char first[NAME_BYTES];

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, first);
    expect_open(&f, pass, E_KEY, "wrong passphrase");
    add_slot(&f, key_file(theirs));
    add_slot(&f, pass);
    expect_open(&f, key_file(mine), 0, "");
    expect_open(&f, key_file(theirs), 0, "");
    expect_open(&f, pass, 0, "");
    expect_open(&f, wrong, E_KEY, "wrong passphrase");
    /* one that is damaged, or gone, does not keep the others out */
    assert_true(memory_damage(f.store, first, 100, 1));
    expect_open(&f, key_file(theirs), 0, "");
    expect_open(&f, pass, 0, "");
    expect_open(&f, key_file(mine), E_KEY, "or that of a damaged key slot");
    assert_int_equal(store_delete(f.store, first), 0);
    expect_open(&f, key_file(theirs), 0, "");
    expect_open(&f, key_file(mine), E_KEY, "wrong key file");
    repo_fixture_close(&f);
}

/* At no byte is a damaged slot taken for a wrong key: who believed that would
 * throw the right one away. */
static void test_repo_keys__damage_is_no_wrong_key(void **state)
{
    struct repo_fixture f;
    char name[NAME_BYTES];
    uint64_t size;
    bool found;

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, name);
    assert_int_equal(store_size(f.store, name, &size, &found), 0);
    for (uint64_t i = 0; i < size; i++) {
        assert_true(memory_damage(f.store, name, i, 1));
        expect_open(&f, f.secret, E_CORRUPT, "key slots are damaged");
        assert_true(memory_damage(f.store, name, i, 1));
    }
    expect_open(&f, f.secret, 0, "");
    repo_fixture_close(&f);
}

/* A newer program's slot is none of ours, and no damage. */
static void test_repo_keys__a_newer_slot_is_no_damage(void **state)
{
    struct repo_fixture f;
    char name[NAME_BYTES];
    struct buf b;
    bool found;

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, name);
    buf_init(&b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(store_get(f.store, name, &b, &found), 0);
    b.p[8]++; /* the version */
    put_slot(&f, buf_bytes(&b));
    expect_open(&f, f.secret, 0, "");
    expect_open(&f, key_file(theirs), E_KEY, "wrong key file");
    assert_int_equal(store_delete(f.store, name), 0);
    expect_open(&f, f.secret, E_UNSUPPORTED, "newer version");
    buf_release(&b);
    repo_fixture_close(&f);
}

static void test_repo_keys__an_exchanged_slot_is_noticed(void **state)
{
    struct repo_fixture a, b;
    char of_a[NAME_BYTES], of_b[NAME_BYTES];

    (void)state;
    /* of another repository that the same key opens */
    two(&a, &b, mine);
    slot_of(&a, of_a);
    slot_of(&b, of_b);
    carry(&b, &a, of_b);
    expect_open(&a, a.secret, 0, ""); /* beside the right one it is harmless */
    assert_int_equal(store_delete(a.store, of_a), 0);
    expect_open(&a, a.secret, E_CORRUPT, "are of two repositories");
    repo_fixture_close(&a);
    repo_fixture_close(&b);

    /* of one with another key */
    two(&a, &b, theirs);
    slot_of(&a, of_a);
    slot_of(&b, of_b);
    carry(&b, &a, of_b);
    expect_open(&a, key_file(mine), 0, "");
    expect_open(&a, key_file(theirs), E_CORRUPT, "are of two repositories");
    assert_int_equal(store_delete(a.store, of_a), 0);
    expect_open(&a, key_file(mine), E_KEY, "wrong key file");
    repo_fixture_close(&a);
    repo_fixture_close(&b);
}

/* Of the same repository, with another key: only that one opens. */
static void test_repo_keys__a_slot_can_be_replaced(void **state)
{
    struct repo_fixture f;
    char first[NAME_BYTES];

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, first);
    add_slot(&f, key_file(theirs));
    assert_int_equal(store_delete(f.store, first), 0);
    expect_open(&f, key_file(theirs), 0, "");
    expect_open(&f, key_file(mine), E_KEY, "wrong key file");
    repo_fixture_close(&f);
}

static void test_repo_keys__an_exchanged_config_is_noticed(void **state)
{
    static const char *const second[] = {mine, theirs};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct repo_fixture a, b;

        two(&a, &b, second[i]);
        carry(&b, &a, "config");
        expect_open(&a, key_file(mine), E_CORRUPT, "are of two repositories");
        expect_open(&a, key_file("00000000000000000000000000000000"), E_KEY,
                    "wrong key file");
        repo_fixture_close(&a);
        repo_fixture_close(&b);
    }
}

/* ---- slots that somebody else put there ------------------------------- */

static const struct key_slot_secret phrase = {
    KEY_SLOT_PASSPHRASE, {(const uint8_t *)"correct horse", 13}};

static void put_u32(uint8_t *p, uint32_t x)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* Slots that nobody can open, as who has no key can make them from a real one:
 * sound, with any parameters. */
static void forge(struct repo_fixture *f, struct bytes real, size_t n,
                  uint32_t passes, uint32_t kib)
{
    uint8_t file[2048];

    assert_true(real.n > 34 && real.n <= sizeof file);
    memcpy(file, real.p, real.n);
    put_u32(file + 10, passes);
    put_u32(file + 14, kib);
    for (size_t i = 0; i < n; i++) {
        put_u32(file + 18, (uint32_t)i); /* the salt */
        put_slot(f, bytes_of(file, real.n));
    }
}

/* One more slot of phrase, and what it looks like. */
static void add_phrase(struct repo_fixture *f, uint32_t passes, uint32_t kib,
                       struct buf *b)
{
    struct key_slot_info info = {.kdf = KEY_SLOT_PASSPHRASE,
                                 .role = KEYRING_FULL,
                                 .passes = passes,
                                 .kib = kib};
    struct repo *r = NULL;

    assert_int_equal(repo_fixture_repo(f, NULL, &r), 0);
    buf_init(b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(key_slot_seal(r->keys, &info, &phrase, b), 0);
    put_slot(f, buf_bytes(b));
    repo_close(r);
}

static double seconds(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* However many dear slots there are, who has the passphrase of a cheaper one
 * does not pay for them; who has none pays a budget. */
static void test_repo_keys__forged_slots_cost_a_budget(void **state)
{
    enum { DEAR_PASSES = 20, DEAR_KIB = 65536, DEAR = 60, CHEAP_KIB = 8192 };
    struct key_slot_secret wrong = {KEY_SLOT_PASSPHRASE,
                                    bytes_of_str("correct horsf")};
    /* one slot with 20 passes of 64 MiB is 20/3 of the default */
    const unsigned fit =
        (REPO_UNLOCK_BUDGET * KEY_SLOT_PASSES + DEAR_PASSES - 1) / DEAR_PASSES;
    struct repo_fixture f;
    char text[64];
    double begin;
    double one;
    struct buf b;

    (void)state;
    repo_fixture_make(&f);
    add_phrase(&f, 1, CHEAP_KIB, &b);
    begin = seconds();
    forge(&f, buf_bytes(&b), 1, DEAR_PASSES, DEAR_KIB);
    expect_open(&f, wrong, E_KEY, "wrong passphrase");
    one = seconds() - begin;
    forge(&f, buf_bytes(&b), DEAR, DEAR_PASSES, DEAR_KIB);
    begin = seconds();
    expect_open(&f, phrase, 0, "");
    assert_true(seconds() - begin < one / 2);
    expect_open(&f, key_file(mine), 0, "");
    (void)snprintf(text, sizeof text, "none of the %u cheapest", fit + 1);
    expect_open(&f, wrong, E_LIMIT, text);
    expect_open(&f, key_file(theirs), E_KEY, "wrong key file");
    buf_release(&b);
    repo_fixture_close(&f);
}

/* Beyond any number that people have, slots are not even looked at. */
static void test_repo_keys__slots_are_bounded(void **state)
{
    struct repo_fixture f;
    char name[NAME_BYTES];
    struct buf b;
    bool found;

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, name);
    buf_init(&b, KEY_SLOT_BYTES_MAX);
    assert_int_equal(store_get(f.store, name, &b, &found), 0);
    forge(&f, buf_bytes(&b), REPO_UNLOCK_SLOTS_MAX - 1, 0, 0);
    expect_open(&f, key_file(mine), 0, "");
    expect_open(&f, key_file(theirs), E_KEY, "wrong key file");
    forge(&f, buf_bytes(&b), REPO_UNLOCK_SLOTS_MAX + 1, 0, 0);
    expect_open(&f, key_file(theirs), E_LIMIT, "not tried");
    buf_release(&b);
    repo_fixture_close(&f);
}

/* A slot that the store cannot give does not keep the others out, and is no
 * wrong passphrase. */
static int refuse(void *ctx, enum memory_point point, enum memory_op op,
                  const char *name)
{
    (void)point;
    (void)op;
    return strcmp(name, ctx) == 0 ? err_set(E_STORE, "bad sector") : 0;
}

static void test_repo_keys__an_unreadable_slot_is_passed_over(void **state)
{
    struct repo_fixture f;
    char first[NAME_BYTES];

    (void)state;
    repo_fixture_make(&f);
    slot_of(&f, first);
    add_slot(&f, key_file(theirs));
    memory_set_hook(f.store, refuse, first);
    expect_open(&f, key_file(theirs), 0, "");
    expect_open(&f, key_file(mine), E_STORE, "bad sector");
    memory_set_hook(f.store, NULL, NULL);
    expect_open(&f, key_file(mine), 0, "");
    repo_fixture_close(&f);
}

/* Nor does one that asks for more memory than there is. */
static void test_repo_keys__a_slot_too_large_is_passed_over(void **state)
{
    struct key_slot_secret wrong = {KEY_SLOT_PASSPHRASE,
                                    bytes_of_str("correct horsf")};
    struct repo_fixture f;
    struct rlimit before;
    struct rlimit less;
    struct buf b;

    (void)state;
    if (!address_space_has_bounds())
        skip();
    repo_fixture_make(&f);
    add_phrase(&f, 20, 65536, &b);
    forge(&f, buf_bytes(&b), 1, 1, 1048576); /* is cheaper */
    expect_open(&f, phrase, 0, "");
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    less = before;
    less.rlim_cur = address_space_now() + (512U << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
    expect_open(&f, phrase, 0, "");
    expect_open(&f, wrong, E_NOMEM, "memory to derive the key");
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    buf_release(&b);
    repo_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repo_keys__any_of_several_slots_opens),
        cmocka_unit_test(test_repo_keys__damage_is_no_wrong_key),
        cmocka_unit_test(test_repo_keys__a_newer_slot_is_no_damage),
        cmocka_unit_test(test_repo_keys__an_exchanged_slot_is_noticed),
        cmocka_unit_test(test_repo_keys__a_slot_can_be_replaced),
        cmocka_unit_test(test_repo_keys__an_exchanged_config_is_noticed),
        cmocka_unit_test(test_repo_keys__forged_slots_cost_a_budget),
        cmocka_unit_test(test_repo_keys__slots_are_bounded),
        cmocka_unit_test(test_repo_keys__an_unreadable_slot_is_passed_over),
        cmocka_unit_test(test_repo_keys__a_slot_too_large_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
