/* The content of a segment, with the directories in it. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was checked can be walked to its end, and adds up. */
static void walk_dir(struct bytes dir)
{
    struct pack_dir_reader r;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;

    pack_dir_read(&r, dir);
    while (pack_dir_next_frame(&r, &f)) {
        uint64_t sum = 0;

        ASSERT(f.raw_bytes <= FRAME_RAW_MAX);
        ASSERT(f.stored_bytes <= FRAME_STORED_MAX);
        while (pack_dir_next_chunk(&r, &c))
            sum += c.bytes;
        ASSERT(sum == f.raw_bytes);
    }
    ASSERT(!r.c.failed && codec_left(&r.c) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct segment_reader r;
    struct segment_pack p;
    struct segment s;
    size_t packs = 0;

    if (segment_get(bytes_of(data, n), &s) < 0)
        return 0;
    for (size_t i = 0; i < s.replace_n; i++)
        (void)segment_replaced(&s, i);
    segment_read(&r, &s);
    while (segment_next(&r, &p)) {
        walk_dir(p.dir);
        packs++;
    }
    ASSERT(packs == s.pack_n && codec_left(&r.c) == 0);
    return 0;
}
