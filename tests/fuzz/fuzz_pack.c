/* A whole pack, by ranges and by full verification: as it is, and with a
 * trailer that somebody who holds the keys signed and sealed: the input's
 * trailer then begins with offset and length in clear. */
#include <stdint.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "repo/pack_reader.h"
#include "repo/pack_verify.h"
#include "store/memory.h"
#include "tests/fuzz/fuzz_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct frame_ctx *frame;
static uint8_t *raw;

/* Reads what a directory says there is, like whoever trusts an index. */
static void read_frames(struct pack_reader *r, const struct pack_info *info)
{
    struct pack_dir_reader d;
    struct pack_dir_frame f;

    pack_dir_read(&d, buf_bytes(&info->dir));
    for (int i = 0; i < 20 && pack_dir_next_frame(&d, &f); i++)
        err_ignore(pack_reader_frame(r, frame, &info->id, f.key, f.off,
                                     f.stored_bytes, f.raw_bytes, raw),
                   "it may be damaged");
}

static void check(struct bytes file)
{
    char name[PACK_LAYOUT_NAME_MAX];
    struct pack_reader *r = NULL;
    struct store *s = NULL;
    struct object_id id;
    struct pack_info info;
    struct buf scratch;
    enum store_outcome outcome;

    buf_init(&scratch, PACK_FULL_BYTES);
    ASSERT(memory_open(&s) == 0);
    blake3_hash(file, id.b);
    pack_layout_name(&id, name);
    ASSERT(store_put(s, name, file, &outcome) == 0);
    ASSERT(pack_reader_new(s, fuzz_keys(), &r) == 0);
    if (pack_reader_dir(r, &id, &info) == 0)
        read_frames(r, &info);
    pack_info_release(&info);
    err_ignore(pack_reader_frame(r, frame, &id, 0, 182, 100, 300, raw),
               "it may be damaged");
    err_ignore(
        pack_verify(s, fuzz_keys(), frame, &id, &scratch, NULL, NULL, NULL),
        "it may be damaged");
    pack_reader_free(r);
    store_close(s);
    buf_release(&scratch);
}

/* Writes t over the trailer that begins at tail. */
static void seal(uint8_t *tail, const struct pack_layout_header *h,
                 const struct pack_layout_trailer *t)
{
    struct buf b;

    buf_init(&b, PACK_LAYOUT_TRAILER_BYTES);
    pack_layout_put_trailer(fuzz_keys(), h, t, &b);
    ASSERT(buf_status(&b) == 0 && b.n == PACK_LAYOUT_TRAILER_BYTES);
    memcpy(tail, b.p, b.n);
    buf_release(&b);
}

/* Signs and seals the trailer of a file whose other fields fit; false when its
 * header is none. */
static bool sign(uint8_t *p, size_t n)
{
    struct pack_layout_trailer t = {.dir_off = 0};
    const struct keyring_epoch *e;
    struct pack_layout_header h;
    struct object_id hash;
    struct codec c;
    size_t tail = n - PACK_LAYOUT_TRAILER_BYTES;

    memcpy(p + 30, fuzz_keys()->member.b, sizeof h.writer.b);
    if (pack_layout_get_header(bytes_of(p, PACK_LAYOUT_HEAD_BYTES), fuzz_keys(),
                               &h) < 0 ||
        keyring_find(fuzz_keys(), h.epoch, &e) < 0)
        return false;
    codec_init(&c, bytes_of(p + tail, CRYPTO_SALT_BYTES + 8));
    codec_copy(&c, t.salt, sizeof t.salt);
    t.dir_off = codec_u32(&c);
    t.dir_bytes = codec_u32(&c);
    seal(p + tail, &h, &t);
    if (pack_layout_get_trailer(fuzz_keys(), &h,
                                bytes_of(p + tail, PACK_LAYOUT_TRAILER_BYTES),
                                n, &t) < 0)
        return true;
    pack_layout_signed(bytes_of(p, pack_layout_header_bytes(h.key_n)),
                       bytes_of(p + t.dir_off, t.dir_bytes), &t, &hash);
    ASSERT(crypto_signature_make(&fuzz_keys()->signer, pack_layout_label, &hash,
                                 t.signature) == 0);
    seal(p + tail, &h, &t);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *p;

    (void)fuzz_keys();
    if (!frame) {
        ASSERT(frame_ctx_new(&frame) == 0);
        raw = malloc(FRAME_RAW_MAX);
        ASSERT(raw);
    }
    check(bytes_of(data, n));
    if (n < PACK_LAYOUT_HEAD_BYTES + PACK_LAYOUT_TRAILER_BYTES)
        return 0;
    p = malloc(n);
    ASSERT(p);
    memcpy(p, data, n);
    if (sign(p, n))
        check(bytes_of(p, n));
    free(p);
    return 0;
}
