/*
 * A machine that is resumed twice from one memory image: both runs draw the
 * same values from the generator. Whatever they then seal that differs, they
 * seal under different keys; whatever they name that differs has another name.
 * Where the runs do the same they may repeat themselves, and here they do:
 * that proves that the generator is forced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "repo/chain.h"
#include "repo/crypto_fixed.h"
#include "repo/keepsake.h"
#include "repo/key_slot.h"
#include "repo/magic.h"
#include "repo/pack_reader.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"
#include "tests/repo/pack_fixture.h"
#include "tests/repo/repo_fixture.h"

enum {
    USES_MAX = 400,
    RUNS_MAX = 8,
    VALUE_BYTES = 32,
    SALT_AT = MAGIC_BYTES + 1 + 2 + 16 + 32, /* in an envelope */
    BOX_AT = SALT_AT + CRYPTO_SALT_BYTES,    /* in a snapshot */
    BOX_KEY_BYTES = 32, /* in front of a sealed box: its public key */
    SLOT_WRAPPED_BYTES = 1024 + CRYPTO_TAG_BYTES
};

static struct pack_fixture fix;

/* The machine goes on, once more. */
static void resume(void)
{
    crypto_fixed_seed(1);
    clock_fake_set(INT64_C(1700000000) * CLOCK_SECOND_NS, 0);
}

/* --- what was sealed, and under what --- */

/* One use of a key with its nonce. */
struct use {
    struct object_id key; /* hash of what tells key and nonce */
    struct object_id content;
};

static struct use uses[USES_MAX];
static size_t use_n;
static size_t repeated; /* uses that sealed the same once more */

static void forget_uses(void)
{
    use_n = repeated = 0;
}

/* key, salt: what tells the key and its nonce, the first pinned by what. */
static void used(const char *what, struct bytes key, struct bytes salt,
                 struct bytes content)
{
    struct use u;
    struct blake3 h;

    blake3_init(&h);
    blake3_update(&h, bytes_of_str(what));
    blake3_update(&h, key);
    blake3_update(&h, salt);
    blake3_final(&h, u.key.b);
    blake3_hash(content, u.content.b);
    for (size_t i = 0; i < use_n; i++) {
        if (!object_id_equal(&uses[i].key, &u.key))
            continue;
        if (!object_id_equal(&uses[i].content, &u.content))
            fail_msg("%s: two contents under one key and nonce", what);
        repeated++;
        return;
    }
    assert_true(use_n < USES_MAX);
    uses[use_n++] = u;
}

static void used_box(struct bytes sealed)
{
    used("sealed box", bytes_of(sealed.p, BOX_KEY_BYTES), bytes_of(NULL, 0),
         sealed);
}

static void used_envelope(struct bytes file)
{
    bool lock = file.p[MAGIC_BYTES] == 1;
    size_t at = BOX_AT + (lock ? CRYPTO_SEALED_BYTES : 0);

    used("envelope", bytes_of(file.p + at, CRYPTO_KEY_BYTES), bytes_of(NULL, 0),
         file);
    if (lock)
        used_box(bytes_of(file.p + BOX_AT, CRYPTO_SEALED_BYTES));
}

static void used_slot(struct bytes file)
{
    const uint8_t *end = file.p + file.n;
    const uint8_t *commitment = end - SLOT_WRAPPED_BYTES - 4 - CRYPTO_KEY_BYTES;

    used(
        "key slot", bytes_of(commitment, CRYPTO_KEY_BYTES),
        bytes_of(commitment - CRYPTO_SLOT_NONCE_BYTES, CRYPTO_SLOT_NONCE_BYTES),
        file);
}

static void used_frames(struct bytes file, struct bytes dir)
{
    struct pack_layout_key entry;
    struct pack_dir_reader r;
    struct pack_dir_frame f;

    assert_int_equal(
        pack_layout_get_key(
            bytes_of(file.p + PACK_LAYOUT_HEAD_BYTES, PACK_LAYOUT_KEY_BYTES),
            &entry),
        0);
    used_box(bytes_of(entry.sealed, sizeof entry.sealed));
    pack_dir_read(&r, dir);
    while (pack_dir_next_frame(&r, &f))
        used("frame", bytes_of(entry.commitment, sizeof entry.commitment),
             bytes_of(file.p + f.off, CRYPTO_SALT_BYTES),
             bytes_of(file.p + f.off, f.stored_bytes));
}

static void used_pack(struct store *s, const struct keyring *k,
                      const struct object_id *id, struct bytes file)
{
    struct pack_layout_header h;
    struct pack_layout_trailer t;
    struct pack_reader *r = NULL;
    struct pack_info info;
    struct bytes head = bytes_of(file.p, pack_layout_header_bytes(1));
    struct bytes tail = bytes_of(file.p + file.n - PACK_LAYOUT_TRAILER_BYTES,
                                 PACK_LAYOUT_TRAILER_BYTES);

    assert_int_equal(
        pack_layout_get_header(bytes_of(head.p, PACK_LAYOUT_HEAD_BYTES), k, &h),
        0);
    assert_int_equal(pack_layout_get_trailer(k, &h, tail, file.n, &t), 0);
    assert_int_equal(pack_reader_new(s, k, &r), 0);
    assert_int_equal(pack_reader_dir(r, id, &info), 0);
    used("directory", bytes_of(file.p + t.dir_off, CRYPTO_KEY_BYTES), head,
         bytes_of(file.p + t.dir_off, t.dir_bytes));
    used("trailer", bytes_of(t.salt, sizeof t.salt), bytes_of(NULL, 0), tail);
    used_frames(file, buf_bytes(&info.dir));
    pack_info_release(&info);
    pack_reader_free(r);
}

/* --- values that must differ --- */

static uint8_t value[RUNS_MAX][VALUE_BYTES];

static void keep_value(size_t i, const void *p, size_t n)
{
    memset(value[i], 0, VALUE_BYTES);
    memcpy(value[i], p, n);
}

/* The last two of n values come from runs that did the same. */
static void check_values(size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (i == n - 1 && j == n - 2)
                assert_memory_equal(value[i], value[j], VALUE_BYTES);
            else
                assert_memory_not_equal(value[i], value[j], VALUE_BYTES);
}

static void test_attack_resume__a_fresh_value_depends_on_every_part(
    void **state)
{
    static const struct {
        const char *label, *x[2];
    } t[] = {{"label", {"one", "two"}}, {"lable", {"one", "two"}},
             {"label", {"onet", "wo"}}, {"label", {"one", "tw0"}},
             {"label", {"", "onetwo"}}, {"label", {"onetwo", ""}},
             {"label", {"0ne", "two"}}, {"label", {"0ne", "two"}}};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct bytes x[] = {bytes_of_str(t[i].x[0]), bytes_of_str(t[i].x[1])};

        resume();
        crypto_fresh(value[i], VALUE_BYTES, t[i].label, x, 2);
    }
    check_values(8);
}

/* --- frames and packs --- */

static void seal_frame(const struct frame_key *key, uint64_t seed, size_t n,
                       size_t each, int level)
{
    struct pack_dir_chunk chunk[2];
    static uint8_t raw[2 * 4000]; /* much for a frame */
    struct frame f;

    pack_fixture_frame(fix.keys, fix.frame, key->kind, seed, n, each, raw,
                       chunk);
    assert_int_equal(frame_prepare(fix.frame, bytes_of(raw, n * each), level),
                     0);
    resume();
    assert_int_equal(frame_seal(fix.frame, key, pack_dir_what(chunk, n), &f),
                     0);
    used("frame", bytes_of(key->key.b, sizeof key->key.b),
         bytes_of(f.stored.p, CRYPTO_SALT_BYTES), f.stored);
}

static void test_attack_resume__frames_of_one_pack(void **state)
{
    struct frame_key key = {.suite = CRYPTO_AES256_GCM, .kind = PACK_DATA};

    (void)state;
    forget_uses();
    seal_frame(&key, 2, 2, 4000, 3);
    seal_frame(&key, 4, 2, 4000, 3);  /* other chunks, as long */
    seal_frame(&key, 2, 1, 4000, 3);  /* fewer */
    seal_frame(&key, 2, 2, 3999, 3);  /* shorter */
    seal_frame(&key, 5, 1, 4000, 1);  /* one that is compressed, */
    seal_frame(&key, 5, 1, 4000, 19); /* and the same, more so */
    assert_int_equal(repeated, 0);
    seal_frame(&key, 5, 1, 4000, 19);
    assert_int_equal(repeated, 1);
}

/* A pack with two frames, made from seeds. */
static void seal_pack(uint64_t one, uint64_t two, bool full,
                      uint8_t commitment[CRYPTO_KEY_BYTES])
{
    uint64_t seed[] = {one, two};
    struct pack_writer *w = NULL;
    struct pack_dir_chunk chunk;
    struct pack_info info;
    struct frame f;
    uint8_t raw[700];
    char name[PACK_LAYOUT_NAME_MAX];
    struct buf file;
    bool found;

    resume();
    for (size_t i = 0; i < 2; i++) {
        pack_fixture_frame(fix.keys, fix.frame, PACK_DATA, seed[i], 1,
                           sizeof raw, raw, &chunk);
        if (!w)
            assert_int_equal(pack_writer_open(fix.store, fix.keys, PACK_DATA,
                                              pack_dir_what(&chunk, 1), &w),
                             0);
        assert_int_equal(frame_seal(fix.frame, pack_writer_key(w),
                                    pack_dir_what(&chunk, 1), &f),
                         0);
        assert_int_equal(pack_writer_add(w, &f, &chunk, 1, NULL), 0);
    }
    assert_int_equal(pack_writer_commit(w, full, &info), 0);
    pack_writer_free(w);
    pack_layout_name(&info.id, name);
    buf_init(&file, PACK_FULL_BYTES);
    assert_int_equal(store_get(fix.store, name, &file, &found), 0);
    used_pack(fix.store, fix.keys, &info.id, buf_bytes(&file));
    memcpy(commitment, file.p + pack_layout_header_bytes(1) - CRYPTO_KEY_BYTES,
           CRYPTO_KEY_BYTES);
    buf_release(&file);
    pack_info_release(&info);
}

static void test_attack_resume__packs(void **state)
{
    uint8_t other[CRYPTO_KEY_BYTES];

    (void)state;
    forget_uses();
    seal_pack(2, 4, false, value[0]);
    seal_pack(2, 6, false, other); /* they part after the first frame */
    seal_pack(2, 4, true, other);  /* at the end, by padding alone */
    assert_memory_equal(other, value[0], sizeof other);
    seal_pack(8, 4, false, value[1]); /* at once: another secret */
    seal_pack(8, 4, false, value[2]);
    check_values(3);
}

/* --- envelopes and records --- */

static void seal_envelope(const struct keyring *k, enum envelope_kind kind,
                          const char *name, const char *content, size_t i)
{
    struct buf b;

    buf_init(&b, envelope_max_bytes(kind));
    resume();
    assert_int_equal(
        envelope_seal(k, kind, bytes_of_str(name), bytes_of_str(content), &b),
        0);
    used_envelope(buf_bytes(&b));
    keep_value(i, b.p + SALT_AT, CRYPTO_SALT_BYTES);
    buf_release(&b);
}

static void test_attack_resume__envelopes(void **state)
{
    struct keyring *other = keyring_new();

    (void)state;
    assert_non_null(other);
    memcpy(other, fix.keys, sizeof *other);
    memset(other->seed.b, 7, sizeof other->seed.b);
    crypto_signer_load(&other->seed, &other->signer, &other->member);
    forget_uses();
    seal_envelope(fix.keys, ENVELOPE_LOG, "log/1", "one", 0);
    seal_envelope(fix.keys, ENVELOPE_LOG, "log/1", "two", 1);
    seal_envelope(fix.keys, ENVELOPE_LOG, "log/2", "one", 2);
    seal_envelope(fix.keys, ENVELOPE_JOURNAL, "log/1", "one", 3);
    seal_envelope(fix.keys, ENVELOPE_LOG, "log/", "1one", 4);
    seal_envelope(other, ENVELOPE_LOG, "log/1", "one", 5);
    seal_envelope(other, ENVELOPE_LOG, "log/1", "one", 6);
    check_values(7);
    assert_int_equal(repeated, 1);
    keyring_free(other);
}

/* The salt, the secret, and the box around the secret. */
static void test_attack_resume__snapshots(void **state)
{
    static const char *const content[] = {"one", "two", "too", "too"};
    uint8_t salt[4][CRYPTO_SALT_BYTES];

    (void)state;
    forget_uses();
    for (size_t i = 0; i < 4; i++) {
        struct crypto_key secret;
        struct buf b;

        buf_init(&b, envelope_max_bytes(ENVELOPE_SNAPSHOT));
        resume();
        assert_int_equal(envelope_seal(fix.keys, ENVELOPE_SNAPSHOT,
                                       bytes_of(NULL, 0),
                                       bytes_of_str(content[i]), &b),
                         0);
        used_envelope(buf_bytes(&b));
        memcpy(salt[i], b.p + SALT_AT, CRYPTO_SALT_BYTES);
        assert_int_equal(crypto_unlock(&fix.keys->epoch[0].meta_public,
                                       &fix.keys->epoch[0].meta_secret,
                                       b.p + BOX_AT, &secret),
                         0);
        keep_value(i, secret.b, sizeof secret.b);
        buf_release(&b);
    }
    assert_int_equal(repeated, 2); /* the file and its box */
    check_values(4);
    for (size_t i = 0; i < 4; i++)
        keep_value(i, salt[i], CRYPTO_SALT_BYTES);
    check_values(4);
}

/* One secret for two keys, two secrets for one key. */
static void test_attack_resume__sealed_boxes(void **state)
{
    struct crypto_key secret = {{1}};
    struct crypto_key back;
    uint8_t sealed[CRYPTO_SEALED_BYTES];

    (void)state;
    forget_uses();
    for (size_t i = 0; i < 4; i++) {
        struct crypto_public *pub = i == 1 ? &fix.keys->epoch[0].data_public
                                           : &fix.keys->epoch[0].meta_public;
        struct crypto_key *key = i == 1 ? &fix.keys->epoch[0].data_secret
                                        : &fix.keys->epoch[0].meta_secret;

        secret.b[31] = i >= 2;
        resume();
        assert_int_equal(crypto_lock(pub, &secret, sealed), 0);
        used_box(bytes_of(sealed, sizeof sealed));
        keep_value(i, sealed, BOX_KEY_BYTES);
        /* and what opens it is libsodium's own */
        assert_int_equal(crypto_unlock(pub, key, sealed, &back), 0);
        assert_memory_equal(back.b, secret.b, sizeof back.b);
    }
    check_values(4);
}

/* A record of which one thing is not as in the others. */
static void put_record(struct store *s, struct chain_tip tip, int64_t later_ns,
                       uint32_t type, const char *body, size_t i)
{
    struct chain c = {.store = s, .keys = fix.keys, .kind = ENVELOPE_LOG};
    struct chain_record r = {.signer = {{0}}};
    char name[RECORD_NAME_MAX];
    struct buf file;
    bool found;
    bool mine;

    resume();
    clock_fake_advance(later_ns);
    assert_int_equal(chain_put(&c, &tip, type, bytes_of_str(body), &mine), 0);
    assert_true(mine);
    assert_int_equal(chain_get(&c, tip.number, &r, &found), 0);
    keep_value(i, r.record.nonce, sizeof r.record.nonce);
    chain_record_release(&r);
    chain_name(&c, tip.number, name);
    buf_init(&file, envelope_max_bytes(ENVELOPE_LOG));
    assert_int_equal(store_get(s, name, &file, &found), 0);
    used_envelope(buf_bytes(&file));
    buf_release(&file);
    assert_int_equal(store_delete(s, name), 0);
}

static void test_attack_resume__records(void **state)
{
    struct chain_tip tip = {true, 4, {{2}}};
    struct chain_tip other = {true, 4, {{1}}};
    struct chain_tip next = {true, 5, {{2}}};

    (void)state;
    forget_uses();
    put_record(fix.store, tip, 0, 1, "", 0);
    put_record(fix.store, other, 0, 1, "", 1);
    put_record(fix.store, next, 0, 1, "", 2);
    put_record(fix.store, tip, 1, 1, "", 3);
    put_record(fix.store, tip, 0, 2, "", 4);
    put_record(fix.store, tip, 0, 1, "body", 5);
    put_record(fix.store, tip, 0, 1, "body", 6);
    check_values(7);
}

/* --- key slots --- */

/* A key file has no salt: here the nonce is all there is. */
static void seal_slot(const char *label, uint8_t config, size_t i)
{
    struct key_slot_secret secret = {KEY_SLOT_FILE, bytes_of(value, 0)};
    struct key_slot_info info = {.kdf = KEY_SLOT_FILE, .role = KEYRING_FULL};
    uint8_t key_file[32] = {9};
    struct keyring *k = keyring_new();
    struct buf b;

    assert_non_null(k);
    memcpy(k, fix.keys, sizeof *k);
    k->config.b[0] = config;
    secret.bytes = bytes_of(key_file, sizeof key_file);
    memcpy(info.label, label, strlen(label));
    buf_init(&b, KEY_SLOT_BYTES_MAX);
    resume();
    assert_int_equal(key_slot_seal(k, &info, &secret, &b), 0);
    used_slot(buf_bytes(&b));
    keep_value(i, b.p + MAGIC_BYTES + 1 + 4 + 4, CRYPTO_SLOT_SALT_BYTES);
    buf_release(&b);
    keyring_free(k);
}

static void test_attack_resume__key_slots(void **state)
{
    (void)state;
    forget_uses();
    seal_slot("laptop", 1, 3);
    seal_slot("laptop", 2, 3); /* other keys */
    seal_slot("server", 1, 0); /* the label is associated data */
    seal_slot("laptop", 1, 1);
    assert_int_equal(repeated, 1);
    seal_slot("laptop", 2, 2); /* a salt is for whom, not for what */
    check_values(3);
}

/* All keepsakes of a host are sealed under one key. */
static void seal_keepsake(uint64_t number)
{
    enum { NONCE_AT = MAGIC_BYTES + 16 + 32 };
    static const struct object_id id = {{1}};
    struct manifest m = {.series = bytes_of_str("web@srv"),
                         .number = number,
                         .root = bytes_of_str("the root"),
                         .complete = true};
    struct kept_frames *kept = kept_frames_new();
    struct buf b;

    assert_non_null(kept);
    resume();
    buf_init(&b, KEEPSAKE_BYTES_MAX);
    assert_int_equal(keepsake_seal(fix.keys, &id, &m, kept, &b), 0);
    used("keepsake",
         bytes_of(b.p + NONCE_AT + CRYPTO_SLOT_NONCE_BYTES, CRYPTO_KEY_BYTES),
         bytes_of(b.p + NONCE_AT, CRYPTO_SLOT_NONCE_BYTES), buf_bytes(&b));
    buf_release(&b);
    kept_frames_free(kept);
}

static void test_attack_resume__keepsakes(void **state)
{
    (void)state;
    forget_uses();
    seal_keepsake(1);
    seal_keepsake(2);
    seal_keepsake(1);
    assert_int_equal(repeated, 1);
}

/* --- whole runs --- */

/* Every object of a repository. */
struct all {
    struct store *store;
    const struct keyring *keys;
};

static int use_object(void *ctx, const char *name, uint64_t size)
{
    struct all *x = ctx;
    struct object_id id;
    struct buf file;
    bool found;

    (void)size;
    buf_init(&file, PACK_FULL_BYTES);
    assert_int_equal(store_get(x->store, name, &file, &found), 0);
    if (strncmp(name, "packs/", 6) == 0) {
        assert_true(id_from_hex(name + 9, id.b, sizeof id.b));
        used_pack(x->store, x->keys, &id, buf_bytes(&file));
    } else if (strncmp(name, "keys/", 5) == 0) {
        used_slot(buf_bytes(&file));
    } else if (strcmp(name, "config") != 0) {
        used_envelope(buf_bytes(&file));
    }
    buf_release(&file);
    return 0;
}

/* Both begin at one image and back up what they find, into one repository. */
static void back_up_twice(uint64_t one, uint64_t two, int64_t later_ns,
                          int second, size_t snapshots)
{
    struct repo_fixture f;
    struct object_id id[2];
    struct repo *r = NULL;
    struct all x;

    resume();
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "keys", &r), 0);
    x = (struct all){f.store, r->keys};
    crypto_fixed_seed(2);
    assert_int_equal(repo_fixture_backup(&f, "one", one, &id[0]), 0);
    crypto_fixed_seed(2);
    clock_fake_advance(later_ns);
    assert_int_equal(repo_fixture_backup(&f, "two", two, &id[1]), second);
    forget_uses();
    assert_int_equal(store_list(f.store, "", use_object, &x), 0);
    assert_true(use_n > 10);
    assert_int_equal(repo_fixture_check(&f, id, snapshots), snapshots);
    repo_close(r);
    repo_fixture_close(&f);
}

static void test_attack_resume__runs_that_differ(void **state)
{
    (void)state;
    /* the names of their journals differ as soon as a nanosecond has passed */
    back_up_twice(5, 6, 1, 0, 2);
    /* if none has, the second one finds itself ended, as by any other */
    back_up_twice(5, 6, 0, E_FENCED, 1);
}

static void test_attack_resume__names_of_writers(void **state)
{
    static const struct {
        const char *series;
        int64_t later_ns;
    } t[] = {{"a", 0}, {"b", 0}, {"b", 1}};
    struct repo_fixture f;
    struct repo *r = NULL;

    (void)state;
    resume();
    repo_fixture_make(&f);
    assert_int_equal(repo_fixture_repo(&f, "keys", &r), 0);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct writer *w = NULL;

        resume();
        clock_fake_advance(t[i].later_ns);
        assert_int_equal(writer_open(r, bytes_of_str(t[i].series), &w), 0);
        assert_int_equal(writer_end(w), 0);
        writer_free(w);
    }
    repo_close(r);
    repo_fixture_close(&f);
}

static int setup(void **state)
{
    (void)state;
    crypto_fixed_start();
    pack_fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pack_fixture_close(&fix);
    clock_fake_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_attack_resume__a_fresh_value_depends_on_every_part),
        cmocka_unit_test(test_attack_resume__frames_of_one_pack),
        cmocka_unit_test(test_attack_resume__packs),
        cmocka_unit_test(test_attack_resume__envelopes),
        cmocka_unit_test(test_attack_resume__snapshots),
        cmocka_unit_test(test_attack_resume__sealed_boxes),
        cmocka_unit_test(test_attack_resume__records),
        cmocka_unit_test(test_attack_resume__key_slots),
        cmocka_unit_test(test_attack_resume__keepsakes),
        cmocka_unit_test(test_attack_resume__runs_that_differ),
        cmocka_unit_test(test_attack_resume__names_of_writers),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
