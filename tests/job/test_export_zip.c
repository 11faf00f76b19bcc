/* Where things lie in a zip archive, also beyond 4 GiB and 65,535 members. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "repo/job/deflate.h"
#include "repo/job/export_zip.h"

static int gather(void *ctx, struct bytes x)
{
    buf_add_bytes(ctx, x);
    return buf_status(ctx);
}

/* An archive whose data is only counted. */
struct archive {
    struct export_zip *z;
    struct buf heads;     /* all but the data */
    struct buf directory; /* and what follows it */
    uint64_t at;
};

static void archive_init(struct archive *a)
{
    *a = (struct archive){.z = export_zip_new()};
    assert_non_null(a->z);
    buf_init(&a->heads, 1 << 28);
    buf_init(&a->directory, 1 << 28);
}

static void archive_release(struct archive *a)
{
    export_zip_free(a->z);
    buf_release(&a->heads);
    buf_release(&a->directory);
}

static void archive_add(struct archive *a, const char *path, uint64_t size,
                        bool follows)
{
    struct entry e = {.type = ENTRY_FILE, .mode = 0640, .size = size};
    struct export_member m = {.e = &e, .path = bytes_of_str(path)};
    struct export_zip_sum sum = {
        .crc = 0x12345678, .plain = size, .packed = size, .stored = !follows};
    struct export_zip_head h;
    size_t was = a->heads.n;

    export_zip_head_of(&m, m.path, &h);
    assert_int_equal(
        export_zip_begin(a->z, &a->heads, &h, follows ? NULL : &sum), 0);
    assert_int_equal(export_zip_end(a->z, &a->heads, &h, &sum, follows), 0);
    a->at += a->heads.n - was + size;
}

/* One line of the directory. */
struct line {
    uint64_t plain, packed, start;
    uint16_t flags, method, version;
    uint32_t mode;
    struct bytes path;
};

static void line_read(struct codec *c, struct line *l)
{
    uint16_t path_n, fields_n;
    struct codec f;

    assert_int_equal(codec_u32(c), 0x02014b50);
    assert_int_equal(codec_u16(c) >> 8, 3);
    l->version = codec_u16(c);
    l->flags = codec_u16(c);
    l->method = codec_u16(c);
    (void)codec_u32(c);
    assert_int_equal(codec_u32(c), 0x12345678);
    l->packed = codec_u32(c);
    l->plain = codec_u32(c);
    path_n = codec_u16(c);
    fields_n = codec_u16(c);
    (void)codec_take(c, 6);
    l->mode = codec_u32(c) >> 16;
    l->start = codec_u32(c);
    l->path = codec_take(c, path_n);
    codec_init(&f, codec_take(c, fields_n));
    while (codec_left(&f) > 0) {
        uint16_t id = codec_u16(&f), n = codec_u16(&f);
        struct codec v;

        codec_init(&v, codec_take(&f, n));
        if (id != 1)
            continue;
        assert_int_equal(l->version, 45);
        if (l->plain == UINT32_MAX)
            l->plain = codec_u64(&v);
        if (l->packed == UINT32_MAX)
            l->packed = codec_u64(&v);
        if (l->start == UINT32_MAX)
            l->start = codec_u64(&v);
        assert_int_equal(codec_end(&v, "sizes"), 0);
    }
    assert_false(f.failed);
    assert_false(c->failed);
}

/* What stands at the end of the archive, against what it must say. */
static void closing_is(const struct archive *a, uint64_t members, bool is_long)
{
    uint64_t directory = a->directory.n - 22 - (is_long ? 76 : 0);
    struct codec c;

    codec_init(
        &c, bytes_of(a->directory.p + directory, a->directory.n - directory));
    if (is_long) {
        assert_int_equal(codec_u32(&c), 0x06064b50);
        assert_int_equal(codec_u64(&c), 44);
        (void)codec_take(&c, 12);
        assert_int_equal(codec_u64(&c), members);
        assert_int_equal(codec_u64(&c), members);
        assert_int_equal(codec_u64(&c), directory);
        assert_int_equal(codec_u64(&c), a->at);
        assert_int_equal(codec_u32(&c), 0x07064b50);
        assert_int_equal(codec_u32(&c), 0);
        assert_int_equal(codec_u64(&c), a->at + directory);
        assert_int_equal(codec_u32(&c), 1);
    }
    assert_int_equal(codec_u32(&c), 0x06054b50);
    assert_int_equal(codec_u32(&c), 0);
    assert_int_equal(codec_u16(&c), is_long ? 0xffff : members);
    assert_int_equal(codec_u16(&c), is_long ? 0xffff : members);
    assert_int_equal(codec_u32(&c), is_long ? UINT32_MAX : directory);
    assert_int_equal(codec_u32(&c), is_long ? UINT32_MAX : a->at);
    assert_int_equal(codec_u16(&c), 0);
    assert_int_equal(codec_end(&c, "end"), 0);
}

static void test_export_zip__small(void **state)
{
    struct archive a;
    struct codec c;
    struct line l;

    (void)state;
    archive_init(&a);
    archive_add(&a, "one", 100, false);
    archive_add(&a, "two\377", 200, true);
    assert_int_equal(export_zip_finish(a.z, gather, &a.directory), 0);
    codec_init(&c, buf_bytes(&a.directory));
    line_read(&c, &l);
    assert_int_equal(l.start, 0);
    assert_int_equal(l.plain, 100);
    assert_int_equal(l.method, 0);
    assert_int_equal(l.flags, 1 << 11);
    assert_int_equal(l.version, 20);
    assert_int_equal(l.mode, 0100640);
    line_read(&c, &l);
    assert_int_equal(l.start, 30 + 3 + 24 + 100);
    assert_int_equal(l.packed, 200);
    assert_int_equal(l.method, 8);
    assert_int_equal(l.flags, 1 << 3);
    closing_is(&a, 2, false);
    archive_release(&a);
}

static void test_export_zip__beyond_4_gib(void **state)
{
    static const uint64_t size[] = {UINT64_C(0xfb000000), UINT64_C(0xfffffffe),
                                    UINT64_C(0xffffffff), UINT64_C(1) << 40, 5};
    const size_t n = sizeof size / sizeof size[0];
    struct archive a;
    struct codec c;
    uint64_t start[sizeof size / sizeof size[0]];

    (void)state;
    for (int follows = 0; follows < 2; follows++) {
        archive_init(&a);
        for (size_t i = 0; i < n; i++) {
            start[i] = a.at;
            archive_add(&a, "large", size[i], follows);
        }
        assert_int_equal(export_zip_finish(a.z, gather, &a.directory), 0);
        codec_init(&c, buf_bytes(&a.directory));
        for (size_t i = 0; i < n; i++) {
            struct line l;

            line_read(&c, &l);
            assert_int_equal(l.plain, size[i]);
            assert_int_equal(l.packed, size[i]);
            assert_int_equal(l.start, start[i]);
        }
        closing_is(&a, n, true);
        archive_release(&a);
    }
}

static void test_export_zip__many_members(void **state)
{
    struct archive a;
    struct codec c;
    char name[16];

    (void)state;
    for (uint32_t n = 65534; n <= 65536; n++) {
        archive_init(&a);
        for (uint32_t i = 0; i < n; i++) {
            (void)snprintf(name, sizeof name, "n%" PRIu32, i);
            archive_add(&a, name, i, false);
        }
        assert_int_equal(export_zip_finish(a.z, gather, &a.directory), 0);
        codec_init(&c, buf_bytes(&a.directory));
        for (uint32_t i = 0; i < n; i++) {
            struct line l;

            (void)snprintf(name, sizeof name, "n%" PRIu32, i);
            line_read(&c, &l);
            assert_true(bytes_equal(l.path, bytes_of_str(name)));
            assert_int_equal(l.plain, i);
        }
        closing_is(&a, n, n >= 65535);
        archive_release(&a);
    }
}

static uint32_t time_of(int64_t s)
{
    struct entry e = {.type = ENTRY_FILE, .mtime = {s, 0}};
    struct export_member m = {.e = &e, .path = bytes_of_str("x")};
    struct export_zip_sum sum = {.stored = true};
    struct export_zip_head h;
    struct export_zip *z = export_zip_new();
    struct codec c;
    struct buf b;
    uint32_t t;

    assert_non_null(z);
    buf_init(&b, 1000);
    export_zip_head_of(&m, m.path, &h);
    assert_int_equal(export_zip_begin(z, &b, &h, &sum), 0);
    codec_init(&c, buf_bytes(&b));
    (void)codec_take(&c, 10);
    t = codec_u32(&c);
    buf_release(&b);
    export_zip_free(z);
    return t;
}

static uint32_t dos(unsigned y, unsigned mo, unsigned d, unsigned h,
                    unsigned mi, unsigned s)
{
    return (uint32_t)((y - 1980) << 25 | mo << 21 | d << 16 | h << 11 |
                      mi << 5 | s / 2);
}

static void test_export_zip__times(void **state)
{
    (void)state;
    assert_int_equal(time_of(0), dos(1980, 1, 1, 0, 0, 0));
    assert_int_equal(time_of(INT64_MIN), dos(1980, 1, 1, 0, 0, 0));
    assert_int_equal(time_of(951782399), dos(2000, 2, 28, 23, 59, 58));
    assert_int_equal(time_of(951782400), dos(2000, 2, 29, 0, 0, 0));
    assert_int_equal(time_of(1795967638), dos(2026, 11, 29, 15, 53, 58));
    assert_int_equal(time_of(4107542400), dos(2100, 3, 1, 0, 0, 0));
    assert_int_equal(time_of(INT64_MAX), dos(2107, 12, 31, 23, 59, 58));
}

static void test_export_zip__path_too_long(void **state)
{
    struct entry e = {.type = ENTRY_FILE};
    char *path = malloc(70001);
    struct export_member m = {.e = &e};
    struct export_zip *z = export_zip_new();
    struct export_zip_sum sum = {.stored = true};
    struct export_zip_head h;
    struct buf b;

    (void)state;
    assert_non_null(path);
    memset(path, 'p', 70000);
    path[70000] = '\0';
    buf_init(&b, 1 << 20);
    export_zip_head_of(&m, bytes_of_str(path), &h);
    assert_int_equal(export_zip_begin(z, &b, &h, &sum), E_LIMIT);
    assert_int_equal(b.n, 0);
    buf_release(&b);
    export_zip_free(z);
    free(path);
}

/* Pieces that were deflated by themselves are one stream, and one sum. */
static void test_deflate__pieces(void **state)
{
    struct deflate *d = deflate_new();
    struct buf plain, packed, back;
    uint32_t crc = 0;

    (void)state;
    assert_non_null(d);
    buf_init(&plain, 1 << 24);
    buf_init(&packed, 1 << 24);
    buf_init(&back, 1 << 24);
    for (unsigned i = 0; i < 300000; i++)
        codec_put_varint(&plain, i * 7919u % 65521u);
    for (size_t at = 0; at < plain.n;) {
        size_t n = plain.n - at < 77777 ? plain.n - at : 77777;
        struct bytes x = bytes_of(plain.p + at, n);

        at += n;
        assert_int_equal(deflate_piece(d, x, at == plain.n, &packed), 0);
        crc = deflate_crc_join(crc, deflate_crc(0, x), n);
    }
    assert_true(packed.n < plain.n);
    assert_int_equal(deflate_back(buf_bytes(&packed), gather, &back), 0);
    assert_true(bytes_equal(buf_bytes(&back), buf_bytes(&plain)));
    assert_int_equal(crc, deflate_crc(0, buf_bytes(&plain)));
    /* an end that came alone, and one that did not come */
    buf_reset(&packed);
    buf_reset(&back);
    assert_int_equal(deflate_piece(d, bytes_of_str("abc"), false, &packed), 0);
    assert_int_equal(deflate_back(buf_bytes(&packed), gather, &back),
                     E_INTERNAL);
    assert_int_equal(deflate_piece(d, bytes_of(NULL, 0), true, &packed), 0);
    buf_reset(&back);
    assert_int_equal(deflate_back(buf_bytes(&packed), gather, &back), 0);
    assert_true(bytes_equal(buf_bytes(&back), bytes_of_str("abc")));
    buf_release(&plain);
    buf_release(&packed);
    buf_release(&back);
    deflate_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_zip__small),
        cmocka_unit_test(test_export_zip__beyond_4_gib),
        cmocka_unit_test(test_export_zip__many_members),
        cmocka_unit_test(test_export_zip__times),
        cmocka_unit_test(test_export_zip__path_too_long),
        cmocka_unit_test(test_deflate__pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
