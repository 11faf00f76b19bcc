#include "tests/repo/pack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/prng.h"

void pack_fixture_open(struct pack_fixture *f)
{
    *f = (struct pack_fixture){.store = NULL};
    assert_int_equal(crypto_init(), 0);
    assert_int_equal(memory_open(&f->store), 0);
    assert_int_equal(frame_ctx_new(&f->frame), 0);
    f->keys = keyring_new();
    assert_non_null(f->keys);
    keyring_create(f->keys);
}

void pack_fixture_close(struct pack_fixture *f)
{
    frame_ctx_free(f->frame);
    keyring_free(f->keys);
    store_close(f->store);
}

void pack_fixture_bytes(uint64_t seed, uint8_t *to, size_t n)
{
    struct prng r;

    prng_init(&r, seed);
    prng_fill(&r, to, n);
    if (seed % 2 == 0)
        return;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)('a' + to[i] % 4);
}

void pack_fixture_frame(const struct keyring *k, struct frame_ctx *x,
                        enum pack_kind kind, uint64_t seed, size_t chunk_n,
                        size_t each, uint8_t *raw, struct pack_dir_chunk *chunk)
{
    for (size_t i = 0; i < chunk_n; i++) {
        uint8_t *p = raw + i * each;

        pack_fixture_bytes(seed + i, p, each);
        keyring_chunk_id(k, kind, bytes_of(p, each), &chunk[i].id);
        chunk[i].bytes = (uint32_t)each;
    }
    assert_int_equal(frame_prepare(x, bytes_of(raw, chunk_n * each), 3), 0);
}

/* The frames of a pack that is open. */
static int pack_fixture_fill(struct pack_fixture *f, struct pack_writer *w,
                             uint64_t seed, size_t frame_n, size_t chunk_n,
                             size_t each)
{
    const struct frame_key *key = pack_writer_key(w);
    struct pack_dir_chunk *chunk = calloc(chunk_n, sizeof *chunk);
    uint8_t *raw = malloc(chunk_n * each);
    int rc = 0;

    assert_non_null(chunk);
    assert_non_null(raw);
    for (size_t i = 0; i < frame_n && rc == 0; i++) {
        struct frame fr;

        pack_fixture_frame(f->keys, f->frame, key->kind, seed + i * chunk_n,
                           chunk_n, each, raw, chunk);
        assert_int_equal(
            frame_seal(f->frame, key, pack_dir_what(chunk, chunk_n), &fr), 0);
        rc = pack_writer_add(w, &fr, chunk, chunk_n, NULL);
    }
    free(chunk);
    free(raw);
    return rc;
}

int pack_fixture_pack(struct pack_fixture *f, enum pack_kind kind,
                      uint64_t seed, size_t frame_n, size_t chunk_n,
                      size_t each, struct pack_info *info)
{
    struct pack_writer *w = NULL;
    int rc = pack_writer_open(f->store, f->keys, kind,
                              bytes_of(&seed, sizeof seed), &w);

    if (rc == 0)
        rc = pack_fixture_fill(f, w, seed, frame_n, chunk_n, each);
    if (rc == 0)
        rc = pack_writer_commit(w, false, info);
    pack_writer_free(w);
    return rc;
}
