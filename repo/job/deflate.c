#include "repo/job/deflate.h"

#include <limits.h>
#include <stdlib.h>
/* input is const */
#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

/* The source of a kernel, 1.3 GB: level 1 takes 9.7 s of one core and makes
 * 319 MB of it, 4 takes 14.2 s and makes 284, 6 takes 23.7 s and makes 271. */
enum { DEFLATE_LEVEL = 4, DEFLATE_STEP = 65536 };

struct deflate {
    z_stream z;
};

static void *deflate_alloc(void *ctx, unsigned n, unsigned size)
{
    (void)ctx;
    return mem_array(n, size);
}

static void deflate_release(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

struct deflate *deflate_new(void)
{
    struct deflate *d = mem_alloc(sizeof *d);

    if (!d)
        return NULL;
    d->z.zalloc = deflate_alloc;
    d->z.zfree = deflate_release;
    /* a negative window: no header, no checksum */
    if (deflateInit2(&d->z, DEFLATE_LEVEL, Z_DEFLATED, -MAX_WBITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void deflate_free(struct deflate *d)
{
    if (!d)
        return;
    (void)deflateEnd(&d->z);
    free(d);
}

static int deflate_run(struct deflate *d, struct bytes x, int flush,
                       struct buf *out)
{
    size_t room = (size_t)deflateBound(&d->z, (uLong)x.n) + 16;

    /* pieces are a megabyte, zlib counts in unsigned */
    ASSERT(x.n < UINT_MAX / 2);
    d->z.next_in = x.p;
    d->z.avail_in = (unsigned)x.n;
    do { /* what came before may come out now, too */
        d->z.next_out = buf_extend(out, room);
        if (!d->z.next_out)
            return buf_status(out);
        d->z.avail_out = (unsigned)room;
        if (deflate(&d->z, flush) == Z_STREAM_ERROR)
            return err_set(E_INTERNAL, "zlib does not keep its word");
        buf_truncate(out, out->n - d->z.avail_out);
    } while (d->z.avail_out == 0);
    return 0;
}

int deflate_piece(struct deflate *d, struct bytes x, bool last, struct buf *out)
{
    (void)deflateReset(&d->z);
    return deflate_run(d, x, last ? Z_FINISH : Z_FULL_FLUSH, out);
}

int deflate_add(struct deflate *d, struct bytes x, bool last, struct buf *out)
{
    return deflate_run(d, x, last ? Z_FINISH : Z_NO_FLUSH, out);
}

int deflate_back(struct bytes stream, int (*put)(void *ctx, struct bytes b),
                 void *ctx)
{
    z_stream z = {.zalloc = deflate_alloc, .zfree = deflate_release};
    uint8_t *step = mem_alloc(DEFLATE_STEP);
    int rc = 0, said = Z_OK;

    if (!step)
        return err_set(E_NOMEM, "out of memory");
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        free(step);
        return err_set(E_NOMEM, "out of memory");
    }
    while (rc == 0 && said != Z_STREAM_END) {
        size_t part = stream.n < INT_MAX ? stream.n : INT_MAX;

        z.next_in = stream.p;
        z.avail_in = (unsigned)part;
        z.next_out = step;
        z.avail_out = DEFLATE_STEP;
        said = inflate(&z, Z_NO_FLUSH);
        stream = bytes_of(stream.p + (part - z.avail_in),
                          stream.n - (part - z.avail_in));
        if (said == Z_MEM_ERROR)
            rc = err_set(E_NOMEM, "out of memory");
        else if (said != Z_OK && said != Z_STREAM_END)
            rc = err_set(E_INTERNAL, "zlib does not know its own stream");
        if (rc == 0)
            rc = put(ctx, bytes_of(step, DEFLATE_STEP - z.avail_out));
    }
    (void)inflateEnd(&z);
    free(step);
    return rc;
}

uint32_t deflate_crc(uint32_t crc, struct bytes x)
{
    return (uint32_t)crc32_z(crc, x.p, x.n);
}

uint32_t deflate_crc_join(uint32_t a, uint32_t b, uint64_t n)
{
    return (uint32_t)crc32_combine(a, b, (z_off_t)n);
}
