#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/pack_reader.h"
#include "repo/pack_verify.h"
#include "tests/repo/pack_fixture.h"

static struct pack_fixture fix;
static const struct bytes what; /* what frames here are known by */
static struct buf file;         /* scratch of pack_verify */

static int verify(const struct object_id *id, struct pack_info *info)
{
    return pack_verify(fix.store, fix.keys, fix.frame, id, &file, info, NULL,
                       NULL);
}

/* Reads every chunk of a pack back, through its directory. */
static void read_all(const struct pack_info *info, uint64_t seed)
{
    struct pack_reader *r = NULL;
    struct pack_dir_reader d;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;
    uint8_t *raw = malloc(FRAME_RAW_MAX);
    uint8_t *want = malloc(FRAME_RAW_MAX);

    assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
    pack_dir_read(&d, buf_bytes(&info->dir));
    while (pack_dir_next_frame(&d, &f)) {
        const uint8_t *p = raw;

        assert_int_equal(pack_reader_frame(r, fix.frame, &info->id, f.key,
                                           f.off, f.stored_bytes, f.raw_bytes,
                                           raw),
                         0);
        for (; pack_dir_next_chunk(&d, &c); p += c.bytes) {
            pack_fixture_bytes(seed++, want, c.bytes);
            assert_memory_equal(p, want, c.bytes);
        }
    }
    pack_reader_free(r);
    free(raw);
    free(want);
}

static void test_pack__gives_back_what_was_put(void **state)
{
    static const struct {
        enum pack_kind kind;
        size_t frames, chunks, each;
    } t[] = {{PACK_DATA, 1, 1, 1},
             {PACK_META, 3, 7, 5000},
             {PACK_DATA, 2, FRAME_CHUNKS_MAX, 100},
             {PACK_DATA, 5, 1, FRAME_RAW_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct pack_info info;
        struct pack_info read;
        struct pack_reader *r = NULL;
        uint64_t seed = 100 * i;

        assert_int_equal(pack_fixture_pack(&fix, t[i].kind, seed, t[i].frames,
                                           t[i].chunks, t[i].each, &info),
                         0);
        assert_int_equal(info.frame_n, t[i].frames);
        assert_int_equal(info.chunk_n, t[i].frames * t[i].chunks);
        assert_int_equal(info.bytes % PACK_STEP_BYTES, 0);
        read_all(&info, seed);
        assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
        assert_int_equal(pack_reader_dir(r, &info.id, &read), 0);
        assert_true(bytes_equal(buf_bytes(&info.dir), buf_bytes(&read.dir)));
        assert_int_equal(read.bytes, info.bytes);
        assert_int_equal(read.kind, t[i].kind);
        assert_int_equal(read.frame_n, info.frame_n);
        assert_int_equal(read.chunk_n, info.chunk_n);
        assert_memory_equal(&read.writer, &fix.keys->member, 32);
        pack_info_release(&read);
        assert_int_equal(verify(&info.id, &read), 0);
        assert_int_equal(read.chunk_n, info.chunk_n);
        pack_info_release(&read);
        pack_info_release(&info);
        pack_reader_free(r);
    }
}

/* A full pack has one size; nothing longer can be made. */
static void test_pack__full_packs_have_one_size(void **state)
{
    struct pack_writer *w = NULL;
    struct pack_info info;
    struct pack_dir_chunk chunk;
    struct frame f;
    uint8_t *raw = malloc(FRAME_RAW_MAX);
    size_t n = 0;

    (void)state;
    assert_int_equal(pack_writer_open(fix.store, fix.keys, PACK_DATA, what, &w),
                     0);
    assert_int_equal(pack_writer_bytes(w), 0);
    pack_fixture_frame(fix.keys, fix.frame, PACK_DATA, 2, 1, FRAME_RAW_MAX, raw,
                       &chunk);
    assert_int_equal(frame_seal(fix.frame, pack_writer_key(w), what, &f), 0);
    for (; pack_writer_fits(w, f.stored.n, 1); n++)
        assert_int_equal(pack_writer_add(w, &f, &chunk, 1, NULL), 0);
    assert_int_equal(n, 32); /* 32 MiB of plaintext, as it is meant */
    assert_int_equal(pack_writer_add(w, &f, &chunk, 1, NULL), E_LIMIT);
    assert_true(pack_writer_bytes(w) <= PACK_FULL_BYTES);
    assert_int_equal(pack_writer_commit(w, true, &info), 0);
    assert_int_equal(info.bytes, PACK_FULL_BYTES);
    assert_int_equal(verify(&info.id, NULL), 0);
    pack_writer_free(w);
    pack_info_release(&info);

    /* not full, but so long that padding would lead beyond the full size */
    assert_int_equal(
        pack_fixture_pack(&fix, PACK_DATA, 2, 32, 2, FRAME_RAW_MAX / 2, &info),
        0);
    assert_true(info.bytes <= PACK_FULL_BYTES);
    pack_info_release(&info);
    free(raw);
}

/* Frames of any size fill a pack to its end, directory included, and never
 * beyond: the last bytes count. */
static void test_pack__fills_up_to_the_last_byte(void **state)
{
    static const struct {
        size_t chunks, each; /* of each frame; even contents: no gain */
    } t[] = {{1, 20000}, {1, 40}, {400, 50}, {8192, 2}, {1, 999983}};
    static struct pack_dir_chunk chunk[FRAME_CHUNKS_MAX];
    uint8_t *raw = malloc(FRAME_RAW_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct pack_writer *w = NULL;
        struct pack_info info;
        struct frame f;
        size_t left;
        size_t n = 0;

        assert_int_equal(
            pack_writer_open(fix.store, fix.keys, PACK_DATA, what, &w), 0);
        pack_fixture_frame(fix.keys, fix.frame, PACK_DATA, 2, t[i].chunks,
                           t[i].each, raw, chunk);
        assert_int_equal(frame_seal(fix.frame, pack_writer_key(w), what, &f),
                         0);
        for (; pack_writer_fits(w, f.stored.n, t[i].chunks); n++)
            assert_int_equal(pack_writer_add(w, &f, chunk, t[i].chunks, NULL),
                             0);
        left = PACK_FULL_BYTES - pack_writer_bytes(w);
        assert_true(pack_writer_bytes(w) <= PACK_FULL_BYTES);
        assert_true(left < f.stored.n + PACK_DIR_FRAME_MAX +
                               t[i].chunks * PACK_DIR_CHUNK_MAX + 10);
        assert_int_equal(pack_writer_commit(w, true, &info), 0);
        assert_int_equal(info.bytes, PACK_FULL_BYTES);
        assert_int_equal(info.frame_n, n);
        pack_writer_free(w);
        pack_info_release(&info);
    }
    free(raw);
}

/* A pack's file and what its header says. */
static void load(const struct pack_info *info, struct buf *b,
                 struct pack_layout_header *h)
{
    char name[PACK_LAYOUT_NAME_MAX];
    bool found;

    pack_layout_name(&info->id, name);
    assert_int_equal(store_get(fix.store, name, b, &found), 0);
    assert_true(found);
    assert_int_equal(pack_layout_get_header(
                         bytes_of(b->p, PACK_LAYOUT_HEAD_BYTES), fix.keys, h),
                     0);
}

static struct bytes trailer_of(const struct buf *b)
{
    return bytes_of(b->p + b->n - PACK_LAYOUT_TRAILER_BYTES,
                    PACK_LAYOUT_TRAILER_BYTES);
}

/* Whether somebody without K_index finds the directory of a pack by trying:
 * whether the writer's signature, if the 64 bytes are one, fits a place. */
static bool signature_tells(const struct buf *b,
                            const struct pack_layout_header *h,
                            const struct pack_layout_trailer *true_place,
                            const uint8_t *signature)
{
    struct object_id hash;

    pack_layout_signed(
        bytes_of(b->p, pack_layout_header_bytes(h->key_n)),
        bytes_of(b->p + true_place->dir_off, true_place->dir_bytes), true_place,
        &hash);
    return crypto_signature_ok(&h->writer, pack_layout_label, &hash, signature);
}

/* What storage sees of a trailer says nothing: packs of the same shape have
 * other bytes there, neither number stands anywhere in the clear, and no 64
 * bytes of it are the signature, with which places could be tried. */
static void test_pack__its_trailer_tells_storage_nothing(void **state)
{
    struct pack_info info[2];
    struct buf b[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pack_layout_header h;
        struct pack_layout_trailer t;
        uint8_t place[8];
        struct bytes x;

        assert_int_equal(
            pack_fixture_pack(&fix, PACK_DATA, 4, 2, 3, 1000, &info[i]), 0);
        buf_init(&b[i], PACK_FULL_BYTES);
        load(&info[i], &b[i], &h);
        x = trailer_of(&b[i]);
        assert_int_equal(pack_layout_get_trailer(fix.keys, &h, x, b[i].n, &t),
                         0);
        assert_true(signature_tells(&b[i], &h, &t, t.signature));
        for (size_t k = 0; k < 4; k++) {
            place[k] = (uint8_t)(t.dir_off >> 8 * k);
            place[4 + k] = (uint8_t)(t.dir_bytes >> 8 * k);
        }
        assert_null(memmem(x.p, x.n, place, 4));
        assert_null(memmem(x.p, x.n, place + 4, 4));
        for (size_t at = 0; at + CRYPTO_SIGNATURE_BYTES <= x.n; at++)
            assert_false(signature_tells(&b[i], &h, &t, x.p + at));
    }
    assert_int_equal(info[0].bytes, info[1].bytes);
    for (size_t k = 0; k + 8 <= PACK_LAYOUT_TRAILER_BYTES - 8; k++)
        assert_memory_not_equal(trailer_of(&b[0]).p + k,
                                trailer_of(&b[1]).p + k, 8);
    for (int i = 0; i < 2; i++) {
        pack_info_release(&info[i]);
        buf_release(&b[i]);
    }
}

/* Every cut and every changed byte of a trailer; another pack's, another
 * index key. */
static void test_pack__a_trailer_opens_for_its_pack_and_key(void **state)
{
    struct keyring *other = keyring_new();
    struct pack_reader *r = NULL;
    struct pack_layout_trailer t;
    struct pack_layout_header h;
    struct pack_info info;
    struct pack_info read;
    struct bytes x;
    struct buf b;

    (void)state;
    buf_init(&b, PACK_FULL_BYTES);
    assert_int_equal(pack_fixture_pack(&fix, PACK_DATA, 4, 2, 3, 1000, &info),
                     0);
    load(&info, &b, &h);
    x = trailer_of(&b);
    assert_int_equal(pack_layout_get_trailer(fix.keys, &h, x, b.n, &t), 0);
    for (size_t n = 0; n < x.n; n++)
        assert_int_equal(
            pack_layout_get_trailer(fix.keys, &h, bytes_of(x.p, n), b.n, &t),
            E_CORRUPT);
    for (size_t i = 0; i < x.n; i++) {
        b.p[b.n - x.n + i] ^= 0x20;
        assert_int_equal(pack_layout_get_trailer(fix.keys, &h, x, b.n, &t),
                         E_CORRUPT);
        b.p[b.n - x.n + i] ^= 0x20;
    }
    assert_int_equal(pack_layout_get_trailer(fix.keys, &h, x, b.n + 1, &t),
                     E_CORRUPT);

    memcpy(other, fix.keys, sizeof *other);
    other->epoch[0].k_index.b[0] ^= 1;
    assert_int_equal(pack_reader_new(fix.store, other, &r), 0);
    assert_int_equal(pack_reader_dir(r, &info.id, &read), E_CORRUPT);
    assert_int_equal(pack_verify(fix.store, other, fix.frame, &info.id, &file,
                                 NULL, NULL, NULL),
                     E_CORRUPT);
    pack_reader_free(r);
    pack_info_release(&info);
    buf_release(&b);
    keyring_free(other);
}

/* A directory place that is sealed and signed, but cannot be. */
static void test_pack__a_trailer_must_fit_its_pack(void **state)
{
    enum { SIZE = 65536, END = SIZE - PACK_LAYOUT_TRAILER_BYTES };
    static const struct {
        uint32_t off, bytes;
        int rc;
    } place[] = {
        {182, END - 182, 0},
        {END - PACK_LAYOUT_DIR_OVERHEAD, PACK_LAYOUT_DIR_OVERHEAD, 0},
        {181, END - 181, E_CORRUPT},             /* in the header */
        {END - 51, 51, E_CORRUPT},               /* too short to be one */
        {182, END - 183, E_CORRUPT},             /* a gap before the end */
        {183, END - 182, E_CORRUPT},             /* over the trailer */
        {UINT32_MAX - 99, END + 100, E_CORRUPT}, /* around 2^32 */
    };
    struct pack_layout_header h = {.kind = PACK_DATA, .key_n = 1};

    (void)state;
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++) {
        struct pack_layout_trailer t = {.dir_off = place[i].off,
                                        .dir_bytes = place[i].bytes};
        struct buf b;

        buf_init(&b, PACK_LAYOUT_TRAILER_BYTES);
        pack_layout_put_trailer(fix.keys, &h, &t, &b);
        assert_int_equal(buf_status(&b), 0);
        assert_int_equal(
            pack_layout_get_trailer(fix.keys, &h, buf_bytes(&b), SIZE, &t),
            place[i].rc);
        buf_release(&b);
    }
}

/* Far stores take 50 ms for each: size, header, trailer, directory. */
static void test_pack__a_directory_takes_four_requests(void **state)
{
    struct memory_fault count = {.point = MEMORY_BEFORE, .code = E_STORE};
    struct pack_reader *r = NULL;
    struct pack_info info;
    struct pack_info read;

    (void)state;
    assert_int_equal(pack_fixture_pack(&fix, PACK_META, 4, 2, 3, 1000, &info),
                     0);
    assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
    memory_set_fault(fix.store, count);
    assert_int_equal(pack_reader_dir(r, &info.id, &read), 0);
    assert_int_equal(memory_passages(fix.store), 4);
    pack_reader_free(r);
    pack_info_release(&read);
    pack_info_release(&info);
}

struct seen {
    unsigned pack, frames, chunks;
};

static int count_damage(void *ctx, const struct pack_damage *d)
{
    struct seen *s = ctx;

    if (d->frame == PACK_VERIFY_NO_FRAME)
        s->pack++;
    else if (d->chunk_known)
        s->chunks++;
    else
        s->frames++;
    assert_true(d->text[0] != 0);
    return 0;
}

/* Every byte counts, and every cut. The id alone would notice each of them:
 * what lies under it has to notice too, for what is read by ranges. */
static void test_pack__every_damage_is_noticed(void **state)
{
    struct pack_reader *r = NULL;
    struct pack_info info;
    struct pack_info read;
    uint8_t raw[300];
    char name[PACK_LAYOUT_NAME_MAX];
    struct pack_dir_reader d;
    struct pack_dir_frame f;
    size_t noticed_by_dir = 0;

    (void)state;
    assert_int_equal(pack_fixture_pack(&fix, PACK_DATA, 11, 1, 3, 100, &info),
                     0);
    pack_layout_name(&info.id, name);
    pack_dir_read(&d, buf_bytes(&info.dir));
    assert_true(pack_dir_next_frame(&d, &f));
    for (uint32_t i = 0; i < info.bytes;
         i += i < 1000 || i >= info.bytes - 200 ? 1 : 61) {
        struct seen seen = {0};
        int rc;
        bool in_frame = i >= f.off && i < f.off + f.stored_bytes;
        bool in_key = i >= PACK_LAYOUT_HEAD_BYTES + 4 && i < f.off;

        assert_true(memory_damage(fix.store, name, i, 0x10));
        assert_int_equal(pack_verify(fix.store, fix.keys, fix.frame, &info.id,
                                     &file, NULL, count_damage, &seen),
                         E_CORRUPT);
        assert_true(seen.pack > 0);
        assert_int_equal(seen.frames, in_frame);
        assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
        rc = pack_reader_dir(r, &info.id, &read);
        assert_true(rc == E_CORRUPT || (rc == 0 && in_frame));
        noticed_by_dir += rc != 0;
        pack_info_release(&read);
        rc = pack_reader_frame(r, fix.frame, &info.id, f.key, f.off,
                               f.stored_bytes, f.raw_bytes, raw);
        if (in_frame || in_key)
            assert_int_equal(rc, E_CORRUPT);
        else
            assert_true(rc == 0 || rc == E_CORRUPT);
        pack_reader_free(r);
        assert_true(memory_damage(fix.store, name, i, 0x10));
    }
    assert_true(noticed_by_dir > 1000);
    assert_int_equal(verify(&info.id, NULL), 0);
    pack_info_release(&info);
}

static void test_pack__cut_off_packs_are_noticed(void **state)
{
    static const uint32_t at[] = {0, 1, 60, 62, 181, 182, 400, 65535};

    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct pack_reader *r = NULL;
        struct pack_info info;
        struct pack_info read;
        char name[PACK_LAYOUT_NAME_MAX];

        assert_int_equal(
            pack_fixture_pack(&fix, PACK_DATA, i, 1, 3, 100, &info), 0);
        pack_layout_name(&info.id, name);
        assert_true(memory_damage(fix.store, name, at[i], 0));
        assert_int_equal(verify(&info.id, NULL), E_CORRUPT);
        assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
        assert_int_equal(pack_reader_dir(r, &info.id, &read), E_CORRUPT);
        pack_info_release(&read);
        assert_int_equal(store_delete(fix.store, name), 0);
        assert_int_equal(verify(&info.id, NULL), E_CORRUPT);
        assert_int_equal(pack_reader_dir(r, &info.id, &read), E_CORRUPT);
        pack_info_release(&read);
        pack_reader_free(r);
        pack_info_release(&info);
    }
}

/* A writer with every key, but a liar: a chunk that is not what its id says
 * passes every seal, and only rehashing finds it. */
static void test_pack__a_wrong_id_is_found_by_rehashing(void **state)
{
    struct pack_writer *w = NULL;
    struct pack_dir_chunk chunk[3];
    struct pack_info info;
    struct seen seen = {0};
    struct frame f;
    uint8_t raw[300];

    (void)state;
    assert_int_equal(pack_writer_open(fix.store, fix.keys, PACK_DATA, what, &w),
                     0);
    pack_fixture_frame(fix.keys, fix.frame, PACK_DATA, 1, 3, 100, raw, chunk);
    chunk[1].id.b[5] ^= 1;
    assert_int_equal(frame_seal(fix.frame, pack_writer_key(w), what, &f), 0);
    assert_int_equal(pack_writer_add(w, &f, chunk, 3, NULL), 0);
    assert_int_equal(pack_writer_commit(w, false, &info), 0);
    assert_int_equal(pack_verify(fix.store, fix.keys, fix.frame, &info.id,
                                 &file, NULL, count_damage, &seen),
                     E_CORRUPT);
    assert_int_equal(seen.chunks, 1);
    assert_int_equal(seen.pack + seen.frames, 0);
    pack_writer_free(w);
    pack_info_release(&info);
}

/* A directory that tells another hash of a frame, which is all that tells
 * whoever cannot open it. */
static void test_pack__a_wrong_hash_is_found(void **state)
{
    struct pack_writer *w = NULL;
    struct pack_dir_chunk chunk[3];
    struct pack_info info;
    struct seen seen = {0};
    struct frame f;
    uint8_t raw[300];

    (void)state;
    assert_int_equal(pack_writer_open(fix.store, fix.keys, PACK_DATA, what, &w),
                     0);
    pack_fixture_frame(fix.keys, fix.frame, PACK_DATA, 1, 3, 100, raw, chunk);
    assert_int_equal(frame_seal(fix.frame, pack_writer_key(w), what, &f), 0);
    f.hash.b[5] ^= 1;
    assert_int_equal(pack_writer_add(w, &f, chunk, 3, NULL), 0);
    assert_int_equal(pack_writer_commit(w, false, &info), 0);
    assert_int_equal(pack_verify(fix.store, fix.keys, fix.frame, &info.id,
                                 &file, NULL, count_damage, &seen),
                     E_CORRUPT);
    assert_int_equal(seen.frames, 1);
    assert_int_equal(seen.pack + seen.chunks, 0);
    pack_writer_free(w);
    pack_info_release(&info);
}

/* Whoever holds the repository's keys, and signs with his own, in the name of
 * somebody else. */
static void test_pack__its_writer_has_signed_it(void **state)
{
    struct keyring *thief = keyring_new();
    struct pack_fixture theirs = fix;
    struct pack_reader *r = NULL;
    struct crypto_key seed;
    struct member_id own;

    (void)state;
    assert_non_null(thief);
    *thief = *fix.keys;
    theirs.keys = thief;
    crypto_random(seed.b, sizeof seed.b);
    crypto_signer_load(&seed, &thief->signer, &own);
    assert_int_equal(pack_reader_new(fix.store, fix.keys, &r), 0);
    for (int i = 0; i < 2; i++) {
        struct pack_info made;
        struct pack_info seen;

        assert_int_equal(
            pack_fixture_pack(&theirs, PACK_DATA, 50, 1, 2, 700, &made), 0);
        assert_int_equal(pack_reader_dir(r, &made.id, &seen),
                         i == 0 ? E_CORRUPT : 0);
        if (i == 0)
            assert_non_null(strstr(err_text(), "signature"));
        else
            assert_memory_equal(seen.writer.b, own.b, sizeof own.b);
        pack_info_release(&seen);
        assert_int_equal(pack_verify(fix.store, fix.keys, fix.frame, &made.id,
                                     &file, &seen, NULL, NULL),
                         i == 0 ? E_CORRUPT : 0);
        pack_info_release(&seen);
        pack_info_release(&made);
        thief->member = own; /* then in his own */
    }
    pack_reader_free(r);
    keyring_free(thief);
}

/* Who may not read content sees the directory, and can still check hashes. */
static void test_pack__roles_see_what_they_may(void **state)
{
    struct keyring *maintain = keyring_new();
    struct pack_reader *r = NULL;
    struct pack_info info;
    struct pack_info read;
    uint8_t raw[300];

    (void)state;
    memcpy(maintain, fix.keys, sizeof *maintain);
    maintain->role = KEYRING_MAINTAIN;
    crypto_wipe(&maintain->epoch[0].data_secret, CRYPTO_KEY_BYTES);
    assert_int_equal(pack_fixture_pack(&fix, PACK_DATA, 1, 1, 3, 100, &info),
                     0);
    assert_int_equal(pack_reader_new(fix.store, maintain, &r), 0);
    assert_int_equal(pack_reader_dir(r, &info.id, &read), 0);
    assert_int_equal(read.chunk_n, 3);
    pack_info_release(&read);
    assert_int_equal(
        pack_reader_frame(r, fix.frame, &info.id, 0, 182, 100, 300, raw),
        E_ROLE);
    assert_int_equal(pack_verify(fix.store, maintain, fix.frame, &info.id,
                                 &file, NULL, NULL, NULL),
                     0);
    pack_reader_free(r);
    pack_info_release(&info);
    keyring_free(maintain);
}

/* A pack is of the newest epoch that its writer holds; who lacks that opens
 * neither its directory nor its frames, and older ones as ever. */
static void test_pack__epochs_choose_the_keys(void **state)
{
    struct keyring *mine = fix.keys;
    struct keyring *new = keyring_new();
    struct crypto_key root[2];
    struct pack_info info[2];
    uint8_t raw[300];

    (void)state;
    crypto_random(root, sizeof root);
    root[0] = mine->epoch[0].root;
    keyring_create_from(new, &mine->repo, root, 2, &mine->seed);
    new->begun = 2;
    for (int i = 0; i < 2; i++) {
        fix.keys = i ? new : mine;
        assert_int_equal(
            pack_fixture_pack(&fix, PACK_DATA, 1, 1, 3, 100, &info[i]), 0);
    }
    fix.keys = mine;
    for (int i = 0; i < 6; i++) {
        bool opens = i % 2 == 0 || i >= 4;
        int want = opens ? 0 : i == 1 ? E_CORRUPT : E_ROLE;
        const struct pack_info *p = &info[i % 2];
        struct pack_reader *r = NULL;
        struct pack_dir_reader d;
        struct pack_dir_frame f;
        struct pack_info read;

        mine->begun = i < 2 ? 1 : 2;
        pack_dir_read(&d, buf_bytes(&p->dir));
        assert_true(pack_dir_next_frame(&d, &f));
        assert_int_equal(pack_reader_new(fix.store, i < 4 ? mine : new, &r), 0);
        assert_int_equal(pack_reader_dir(r, &p->id, &read), want);
        pack_info_release(&read);
        assert_int_equal(pack_reader_frame(r, fix.frame, &p->id, f.key, f.off,
                                           f.stored_bytes, f.raw_bytes, raw),
                         want);
        assert_int_equal(pack_verify(fix.store, i < 4 ? mine : new, fix.frame,
                                     &p->id, &file, NULL, NULL, NULL),
                         want);
        pack_reader_free(r);
    }
    mine->begun = 1;
    pack_info_release(&info[0]);
    pack_info_release(&info[1]);
    keyring_free(new);
}

/* Whatever the store does, an error is an error, memory is given back, and
 * what a success names is there and whole. */
static void test_pack__every_store_failure_is_reported(void **state)
{
    (void)state;
    for (int point = MEMORY_BEFORE; point <= MEMORY_AFTER; point++)
        for (uint64_t n = 1;; n++) {
            struct memory_fault fault = {
                .point = (enum memory_point)point, .n = n, .code = E_STORE};
            struct memory_fault none = {.n = 0};
            struct pack_info info = {.bytes = 0};
            int rc;

            memory_set_fault(fix.store, fault);
            rc = pack_fixture_pack(&fix, PACK_DATA, n, 2, 3, 1000, &info);
            memory_set_fault(fix.store, none);
            if (rc == 0) {
                assert_true(n > 1);
                assert_int_equal(verify(&info.id, NULL), 0);
                pack_info_release(&info);
                break;
            }
            assert_int_equal(rc, E_STORE);
        }
}

static void test_pack__every_lack_of_memory_is_reported(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 200; n++) {
        struct pack_info info = {.bytes = 0};
        int rc;

        mem_fail_after(n, 0);
        rc = pack_fixture_pack(&fix, PACK_DATA, n, 2, 3, 1000, &info);
        mem_fail_after(0, 0);
        if (rc == 0) {
            pack_info_release(&info);
            return;
        }
        assert_int_equal(rc, E_NOMEM);
    }
    fail();
}

static int setup(void **state)
{
    (void)state;
    pack_fixture_open(&fix);
    buf_init(&file, PACK_FULL_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&file);
    pack_fixture_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack__gives_back_what_was_put),
        cmocka_unit_test(test_pack__full_packs_have_one_size),
        cmocka_unit_test(test_pack__fills_up_to_the_last_byte),
        cmocka_unit_test(test_pack__its_trailer_tells_storage_nothing),
        cmocka_unit_test(test_pack__a_trailer_opens_for_its_pack_and_key),
        cmocka_unit_test(test_pack__a_trailer_must_fit_its_pack),
        cmocka_unit_test(test_pack__a_directory_takes_four_requests),
        cmocka_unit_test(test_pack__every_damage_is_noticed),
        cmocka_unit_test(test_pack__cut_off_packs_are_noticed),
        cmocka_unit_test(test_pack__a_wrong_id_is_found_by_rehashing),
        cmocka_unit_test(test_pack__a_wrong_hash_is_found),
        cmocka_unit_test(test_pack__its_writer_has_signed_it),
        cmocka_unit_test(test_pack__roles_see_what_they_may),
        cmocka_unit_test(test_pack__epochs_choose_the_keys),
        cmocka_unit_test(test_pack__every_store_failure_is_reported),
        cmocka_unit_test(test_pack__every_lack_of_memory_is_reported),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
