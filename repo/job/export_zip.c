#include "repo/job/export_zip.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/text.h"
#include "repo/job/deflate.h"

/* APPNOTE.TXT 4.3: signatures, versions and flags. */
enum {
    ZIP_LOCAL = 0x04034b50,
    ZIP_CENTRAL = 0x02014b50,
    ZIP_DESCRIPTOR = 0x08074b50,
    ZIP_END = 0x06054b50,
    ZIP_END_64 = 0x06064b50,
    ZIP_LOCATOR_64 = 0x07064b50,
    ZIP_UNIX = 3 << 8, /* made by; says how to read the mode */
    ZIP_VERSION = 20,
    ZIP_VERSION_64 = 45,
    ZIP_SUM_FOLLOWS = 1 << 3,
    ZIP_UTF8 = 1 << 11,
    ZIP_STORED = 0,
    ZIP_DEFLATED = 8,
    ZIP_DIR = 0x10, /* for DOS */
    /* fields of Info-ZIP (extrafld.txt) and of 4.5 */
    ZIP_FIELD_64 = 0x0001,
    ZIP_FIELD_TIME = 0x5455,
    ZIP_FIELD_OWNER = 0x7875,
    ZIP_NAME_MAX = 65535
};

#define ZIP_MAX_32 UINT32_C(0xffffffff)
/* Deflate may make a little more of what cannot be compressed. */
#define ZIP_LONG (ZIP_MAX_32 - (64 << 20))

struct export_zip {
    uint64_t at;    /* where the next byte goes */
    uint64_t start; /* of the member at hand */
    uint64_t members;
    uint64_t directory; /* bytes of it */
    struct deflate *deflate;
    struct buf packed; /* the directory, deflated */
    struct buf one;
};

bool export_zip_takes(enum entry_type type)
{
    return type == ENTRY_FILE || type == ENTRY_DIR || type == ENTRY_SYMLINK;
}

void export_zip_head_of(const struct export_member *m, struct bytes path,
                        struct export_zip_head *out)
{
    uint32_t type = m->e->type == ENTRY_DIR       ? S_IFDIR
                    : m->e->type == ENTRY_SYMLINK ? S_IFLNK
                                                  : S_IFREG;

    *out = (struct export_zip_head){.path = path,
                                    .is_utf8 = text_is_utf8(path),
                                    .is_long = m->e->size > ZIP_LONG,
                                    .mode = type | m->e->mode,
                                    .uid = m->e->uid,
                                    .gid = m->e->gid,
                                    .mtime = m->e->mtime.s};
}

struct export_zip *export_zip_new(void)
{
    struct export_zip *z = mem_alloc(sizeof *z);

    if (!z)
        return NULL;
    buf_init(&z->packed, SIZE_MAX / 2);
    buf_init(&z->one, 1 << 20);
    z->deflate = deflate_new();
    if (!z->deflate) {
        export_zip_free(z);
        return NULL;
    }
    return z;
}

void export_zip_free(struct export_zip *z)
{
    if (!z)
        return;
    deflate_free(z->deflate);
    buf_release(&z->packed);
    buf_release(&z->one);
    free(z);
}

/* ---- fields ---------------------------------------------------------------
 */

/* The civil date of a day since 1970, after H. Hinnant, "chrono-compatible
 * low-level date algorithms": eras of 400 years that begin in March. */
static void zip_date(int64_t day, unsigned *y, unsigned *m, unsigned *d)
{
    uint32_t n = (uint32_t)(day + 719468), era = n / 146097, doe = n % 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;

    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

/* Time and date as DOS has them, in UTC: 1980 to 2107, every two seconds. */
static uint32_t zip_dos_time(int64_t s)
{
    const int64_t min = 315532800, max = 4354819198;
    unsigned y, m, d, day;

    if (s < min)
        s = min;
    if (s > max)
        s = max;
    zip_date(s / 86400, &y, &m, &d);
    day = (unsigned)(s % 86400);
    return (uint32_t)(y - 1980) << 25 | (uint32_t)m << 21 | (uint32_t)d << 16 |
           day / 3600 << 11 | day / 60 % 60 << 5 | day % 60 / 2;
}

/* Times and owners; the same in both places. */
static void zip_fields(struct buf *b, const struct export_zip_head *h)
{
    if (h->mtime >= INT32_MIN && h->mtime <= INT32_MAX) {
        codec_put_u16(b, ZIP_FIELD_TIME);
        codec_put_u16(b, 5);
        codec_put_u8(b, 1); /* the time of change alone */
        codec_put_u32(b, (uint32_t)h->mtime);
    }
    codec_put_u16(b, ZIP_FIELD_OWNER);
    codec_put_u16(b, 11);
    codec_put_u8(b, 1); /* version */
    codec_put_u8(b, 4);
    codec_put_u32(b, h->uid);
    codec_put_u8(b, 4);
    codec_put_u32(b, h->gid);
}

static size_t zip_fields_n(const struct export_zip_head *h)
{
    return 15 + (h->mtime >= INT32_MIN && h->mtime <= INT32_MAX ? 9 : 0);
}

static uint16_t zip_flags(const struct export_zip_head *h, bool follows)
{
    return (uint16_t)((h->is_utf8 ? ZIP_UTF8 : 0) |
                      (follows ? ZIP_SUM_FOLLOWS : 0));
}

static int zip_name_ok(const struct export_zip_head *h)
{
    if (h->path.n <= ZIP_NAME_MAX)
        return 0;
    return err_set(E_LIMIT,
                   "%.*s...: a zip archive holds no path of %zu bytes; "
                   "'--format tar' does",
                   60, (const char *)h->path.p, h->path.n);
}

/* ---- members --------------------------------------------------------------
 */

int export_zip_begin(struct export_zip *z, struct buf *b,
                     const struct export_zip_head *h,
                     const struct export_zip_sum *sum)
{
    size_t was = b->n;
    int rc = zip_name_ok(h);

    if (rc < 0)
        return rc;
    z->start = z->at;
    codec_put_u32(b, ZIP_LOCAL);
    codec_put_u16(b, h->is_long ? ZIP_VERSION_64 : ZIP_VERSION);
    codec_put_u16(b, zip_flags(h, !sum));
    codec_put_u16(b, sum && sum->stored ? ZIP_STORED : ZIP_DEFLATED);
    codec_put_u32(b, zip_dos_time(h->mtime));
    codec_put_u32(b, sum ? sum->crc : 0);
    /* with 64-bit sizes these say so, and stand in the field */
    codec_put_u32(b, h->is_long ? ZIP_MAX_32 : sum ? (uint32_t)sum->packed : 0);
    codec_put_u32(b, h->is_long ? ZIP_MAX_32 : sum ? (uint32_t)sum->plain : 0);
    codec_put_u16(b, (uint16_t)h->path.n);
    codec_put_u16(b, (uint16_t)(zip_fields_n(h) + (h->is_long ? 20 : 0)));
    buf_add_bytes(b, h->path);
    if (h->is_long) {
        codec_put_u16(b, ZIP_FIELD_64);
        codec_put_u16(b, 16);
        codec_put_u64(b, sum ? sum->plain : 0);
        codec_put_u64(b, sum ? sum->packed : 0);
    }
    zip_fields(b, h);
    rc = buf_status(b);
    z->at += b->n - was;
    return rc;
}

/* Its line in the directory. */
static int zip_note(struct export_zip *z, const struct export_zip_head *h,
                    const struct export_zip_sum *sum, bool follows)
{
    bool plain = sum->plain >= ZIP_MAX_32, packed = sum->packed >= ZIP_MAX_32;
    bool start = z->start >= ZIP_MAX_32;
    size_t n64 = 8 * ((size_t)plain + packed + start);
    struct buf *b = &z->one;

    buf_reset(b);
    codec_put_u32(b, ZIP_CENTRAL);
    codec_put_u16(b, ZIP_UNIX | ZIP_VERSION_64);
    codec_put_u16(b, h->is_long || n64 ? ZIP_VERSION_64 : ZIP_VERSION);
    codec_put_u16(b, zip_flags(h, follows));
    codec_put_u16(b, sum->stored ? ZIP_STORED : ZIP_DEFLATED);
    codec_put_u32(b, zip_dos_time(h->mtime));
    codec_put_u32(b, sum->crc);
    codec_put_u32(b, packed ? ZIP_MAX_32 : (uint32_t)sum->packed);
    codec_put_u32(b, plain ? ZIP_MAX_32 : (uint32_t)sum->plain);
    codec_put_u16(b, (uint16_t)h->path.n);
    codec_put_u16(b, (uint16_t)(zip_fields_n(h) + (n64 ? 4 + n64 : 0)));
    codec_put_u16(b, 0); /* comment */
    codec_put_u16(b, 0); /* disk */
    codec_put_u16(b, 0);
    codec_put_u32(b, h->mode << 16 | (S_ISDIR(h->mode) ? ZIP_DIR : 0));
    codec_put_u32(b, start ? ZIP_MAX_32 : (uint32_t)z->start);
    buf_add_bytes(b, h->path);
    if (n64) {
        codec_put_u16(b, ZIP_FIELD_64);
        codec_put_u16(b, (uint16_t)n64);
        if (plain)
            codec_put_u64(b, sum->plain);
        if (packed)
            codec_put_u64(b, sum->packed);
        if (start)
            codec_put_u64(b, z->start);
    }
    zip_fields(b, h);
    z->directory += b->n;
    z->members++;
    return buf_status(b);
}

int export_zip_end(struct export_zip *z, struct buf *b,
                   const struct export_zip_head *h,
                   const struct export_zip_sum *sum, bool follows)
{
    size_t was = b->n;
    int rc;

    if (follows) {
        codec_put_u32(b, ZIP_DESCRIPTOR);
        codec_put_u32(b, sum->crc);
        if (h->is_long) {
            codec_put_u64(b, sum->packed);
            codec_put_u64(b, sum->plain);
        } else {
            codec_put_u32(b, (uint32_t)sum->packed);
            codec_put_u32(b, (uint32_t)sum->plain);
        }
    }
    z->at += sum->packed + (b->n - was);
    rc = zip_note(z, h, sum, follows);
    if (rc == 0)
        rc = deflate_add(z->deflate, buf_bytes(&z->one), false, &z->packed);
    return rc < 0 ? rc : buf_status(b);
}

void export_zip_broken(struct buf *b)
{
    codec_put_u32(b, ZIP_LOCAL);
    codec_put_u16(b, ZIP_VERSION); /* and no more of this header */
}

/* What closes the archive: where its directory is, and how long. */
static int zip_closing(struct export_zip *z)
{
    bool is_long = z->members >= 0xffff || z->directory >= ZIP_MAX_32 ||
                   z->at >= ZIP_MAX_32;
    struct buf *b = &z->one;

    buf_reset(b);
    if (is_long) {
        codec_put_u32(b, ZIP_END_64);
        codec_put_u64(b, 44); /* bytes that follow in this record */
        codec_put_u16(b, ZIP_UNIX | ZIP_VERSION_64);
        codec_put_u16(b, ZIP_VERSION_64);
        codec_put_u32(b, 0); /* disks */
        codec_put_u32(b, 0);
        codec_put_u64(b, z->members);
        codec_put_u64(b, z->members);
        codec_put_u64(b, z->directory);
        codec_put_u64(b, z->at);
        codec_put_u32(b, ZIP_LOCATOR_64);
        codec_put_u32(b, 0);
        codec_put_u64(b, z->at + z->directory);
        codec_put_u32(b, 1);
    }
    codec_put_u32(b, ZIP_END);
    codec_put_u16(b, 0); /* disks */
    codec_put_u16(b, 0);
    codec_put_u16(b, is_long ? 0xffff : (uint16_t)z->members);
    codec_put_u16(b, is_long ? 0xffff : (uint16_t)z->members);
    codec_put_u32(b, is_long ? ZIP_MAX_32 : (uint32_t)z->directory);
    codec_put_u32(b, is_long ? ZIP_MAX_32 : (uint32_t)z->at);
    codec_put_u16(b, 0); /* comment */
    return buf_status(b);
}

int export_zip_finish(struct export_zip *z,
                      int (*put)(void *ctx, struct bytes b), void *ctx)
{
    int rc = deflate_add(z->deflate, bytes_of(NULL, 0), true, &z->packed);

    if (rc == 0)
        rc = deflate_back(buf_bytes(&z->packed), put, ctx);
    if (rc == 0)
        rc = zip_closing(z);
    if (rc == 0)
        rc = put(ctx, buf_bytes(&z->one));
    return rc;
}
