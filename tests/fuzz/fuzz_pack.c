/* A whole pack, by ranges and by full verification: as it is, and with a
 * trailer signed by somebody who holds a key. */
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
    err_ignore(pack_reader_frame(r, frame, &id, 0, 212, 100, 300, raw),
               "it may be damaged");
    err_ignore(
        pack_verify(s, fuzz_keys(), frame, &id, &scratch, NULL, NULL, NULL),
        "it may be damaged");
    pack_reader_free(r);
    store_close(s);
    buf_release(&scratch);
}

/* Signs the trailer of a file whose other fields fit. */
static bool sign(uint8_t *p, size_t n)
{
    struct pack_layout_trailer t;
    struct pack_layout_header h;
    struct object_id hash;
    size_t tail = n - PACK_LAYOUT_TRAILER_BYTES;
    uint32_t header_bytes;

    memcpy(p + 28, fuzz_keys()->member.b, sizeof h.writer.b);
    if (pack_layout_get_header(bytes_of(p, PACK_LAYOUT_HEAD_BYTES), fuzz_keys(),
                               &h) < 0 ||
        pack_layout_get_trailer(bytes_of(p + tail, PACK_LAYOUT_TRAILER_BYTES),
                                n, &t) < 0)
        return false;
    header_bytes = pack_layout_header_bytes(h.key_n);
    if (header_bytes > t.dir_off)
        return false;
    pack_layout_signed(bytes_of(p, header_bytes),
                       bytes_of(p + t.dir_off, t.dir_bytes), &t, &hash);
    crypto_signature_make(&fuzz_keys()->signer, pack_layout_label, &hash,
                          p + tail + 8);
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
