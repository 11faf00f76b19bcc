/* Records of the index cache: any bytes, and what was put comes back. */
#include <stdint.h>

#include "index/index_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct siphash_key key = {1, 2};

static void check_any(struct bytes in)
{
    struct index_pack pack;
    struct index_loc loc;
    struct repo_id repo;
    struct object_id object = {{0}};
    struct chunk_id chunk = {{0}};
    struct bytes value;
    struct buf scratch;
    uint32_t no;
    int rc;

    buf_init(&scratch, in.n + 16);
    rc = index_record_get_head(in, &no, &repo);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    rc = index_record_get_pack(in, &key, 0, &pack);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    rc = index_record_get_number(in, &key, &object, &no);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    rc = index_record_get_no(in, &no);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    rc = index_record_get_loc(in, &key, &chunk, &loc);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    rc = index_record_get_mark(in, &key, bytes_of_str("k"), &scratch, &value);
    ASSERT(rc == 0 || rc == E_CORRUPT);
    ASSERT(index_record_loc_n(in) * INDEX_RECORD_LOC_BYTES <= in.n);
    buf_release(&scratch);
}

/* The first bytes as fields: they come back, and no other record does. */
static void check_put(struct bytes in)
{
    struct chunk_id id = {{0}};
    struct index_loc loc = {.pack = 0};
    struct index_loc got;
    struct bytes value;
    struct buf b;
    struct buf scratch;

    buf_init(&b, in.n + 64);
    buf_init(&scratch, in.n + 64);
    memcpy(id.b, in.p, in.n < sizeof id.b ? in.n : sizeof id.b);
    memcpy(&loc.pack, id.b, sizeof loc.pack);
    memcpy(&loc.frame_off, id.b + 4, sizeof loc.frame_off);
    memcpy(&loc.key_slot, id.b + 8, sizeof loc.key_slot);
    memcpy(&loc.bytes, id.b + 10, sizeof loc.bytes);
    index_record_put_loc(&b, &key, &id, &loc);
    ASSERT(index_record_get_loc(buf_bytes(&b), &key, &id, &got) == 0);
    ASSERT(got.pack == loc.pack && got.frame_off == loc.frame_off &&
           got.key_slot == loc.key_slot && got.bytes == loc.bytes);
    b.p[in.n % b.n] ^= 1;
    ASSERT(index_record_get_loc(buf_bytes(&b), &key, &id, &got) == E_CORRUPT);
    index_record_put_mark(&b, &key, bytes_of_str("k"), in);
    ASSERT(index_record_get_mark(buf_bytes(&b), &key, bytes_of_str("k"),
                                 &scratch, &value) == 0);
    ASSERT(bytes_equal(value, in));
    buf_release(&b);
    buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    check_any(bytes_of(data, n));
    check_put(bytes_of(data, n));
    return 0;
}
