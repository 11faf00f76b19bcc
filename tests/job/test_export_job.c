/* An export is the same however many make it, and what ends it early is told:
 * each failure of the store, of memory and of whoever takes the archive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/job/export_job.h"
#include "tests/job/job_fixture.h"

struct world {
    struct job_fixture f;
    struct job_entry top;
    struct fetch *fetch;
    struct buf archive;
    uint64_t puts;
    uint64_t put_fails; /* the n-th one; 0: none */
    uint64_t stop_at;   /* after the n-th one it is asked to stop; 0: never */
    struct cancel cancel;
};

static void path_of(const struct world *w, const char *name,
                    char out[2 * JOB_PATH])
{
    (void)snprintf(out, 2 * JOB_PATH, "%s/%s", w->f.src, name);
}

/* Files of all sizes, two names of one, a link, holes, a long attribute. */
static void world_open(struct world *w)
{
    char a[2 * JOB_PATH], b[2 * JOB_PATH];
    static char value[3000];
    struct job_snap s;

    *w = (struct world){.puts = 0};
    job_fixture_open(&w->f);
    job_fixture_files(&w->f);
    job_fixture_write(&w->f, "large", 7, 2200000);
    job_fixture_write(&w->f, "twice", 8, 70000);
    path_of(w, "twice", a);
    path_of(w, "other", b);
    assert_int_equal(link(a, b), 0);
    assert_int_equal(setxattr(a, "user.long", value, sizeof value, 0), 0);
    path_of(w, "link", b);
    assert_int_equal(symlink("there", b), 0);
    job_fixture_write(&w->f, "holes", 9, 10000);
    path_of(w, "holes", a);
    assert_int_equal(truncate(a, 3000000), 0);
    s = job_fixture_snap(&w->f);
    assert_true(job_fixture_find(&w->f, &s.result.id, "", &w->top));
    buf_init(&w->archive, 1 << 26);
}

static void world_close(struct world *w)
{
    buf_release(&w->archive);
    job_fixture_drop(&w->top);
    job_fixture_close(&w->f);
}

static int world_put(void *ctx, struct bytes x)
{
    struct world *w = ctx;

    if (++w->puts == w->put_fails)
        return err_set(E_IO, "nobody takes it");
    buf_add_bytes(&w->archive, x);
    return buf_status(&w->archive);
}

/* Somebody asks it to stop, behind a piece. */
static int stop_put(void *ctx, struct bytes x)
{
    struct world *w = ctx;
    int rc = world_put(w, x);

    if (w->puts == w->stop_at)
        cancel_request(&w->cancel, 2);
    return rc;
}

static int world_export(struct world *w, enum export_format format,
                        unsigned threads, struct export_result *r)
{
    struct export_options o = {.format = format,
                               .te = &w->top.te,
                               .threads = threads,
                               .cancel = &w->cancel,
                               .put = stop_put,
                               .ctx = w};
    struct fetch *f;
    int rc;

    buf_reset(&w->archive);
    w->puts = 0;
    *r = (struct export_result){.entries = 0};
    rc = fetch_open(w->f.store, w->f.r->keys, w->f.r->index, 1 << 20, &f);
    if (rc < 0)
        return rc;
    rc = export_job_run(f, &o, r);
    fetch_free(f);
    return rc;
}

static void test_export_job__any_number_of_threads(void **state)
{
    struct export_result r;
    struct buf first;
    struct world w;

    (void)state;
    world_open(&w);
    buf_init(&first, 1 << 26);
    for (int f = EXPORT_TAR; f <= EXPORT_ZIP; f++) {
        assert_int_equal(world_export(&w, (enum export_format)f, 1, &r), 0);
        assert_int_equal(r.bytes, w.archive.n);
        assert_true(r.entries > JOB_FIXTURE_FILES + 4);
        assert_int_equal(r.linked, f == EXPORT_ZIP ? 2 : 0);
        buf_reset(&first);
        buf_add_bytes(&first, buf_bytes(&w.archive));
        assert_true(first.n > 2200000);
        for (unsigned n = 2; n < 7; n += 2) {
            assert_int_equal(world_export(&w, (enum export_format)f, n, &r), 0);
            assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&w.archive)));
        }
    }
    buf_release(&first);
    world_close(&w);
}

/* Whether each program that reads it as a tar archive fails: it ends in the
 * middle of something, or has a bad header behind records (others some take for
 * the end). */
static bool tar_fails(struct bytes x)
{
    bool records = false;

    while (x.n >= 512) {
        unsigned sum = 8 * ' ', said = 0, size = 0;

        for (size_t i = 0; i < 512; i++)
            sum += i >= 148 && i < 156 ? 0 : x.p[i];
        if (x.p[0] == 0)
            return false; /* the end of an archive */
        if (sscanf((const char *)x.p + 148, "%6o", &said) != 1 || said != sum)
            return records;
        records = x.p[156] == 'x';
        assert_int_equal(sscanf((const char *)x.p + 124, "%11o", &size), 1);
        size = 512 + (size + 511) / 512 * 512;
        if (size > x.n)
            return true;
        x = bytes_of(x.p + size, x.n - size);
    }
    return x.n > 0;
}

/* The same of a zip archive that is read from its beginning: it ends in a
 * header, or not where the whole one has the next. */
static bool zip_fails(struct bytes x, const struct buf *whole)
{
    static const uint8_t head[] = {'P', 'K', 3, 4, 20, 0};
    size_t n = sizeof head;

    if (x.n >= n && memcmp(x.p + x.n - n, head, n) == 0)
        return true;
    return x.n > 0 && memcmp(whole->p + x.n, "PK", 2) != 0;
}

/* What was made of it is the beginning of the whole one, and its end is none.
 */
static void is_part(struct world *w, const struct buf *whole,
                    enum export_format f, int rc, int code)
{
    size_t n = 0;

    assert_int_equal(rc, code);
    while (n < w->archive.n && n < whole->n && w->archive.p[n] == whole->p[n])
        n++;
    assert_true(n < whole->n);
    assert_true(w->archive.n - n <= 2048);
    assert_true(f == EXPORT_TAR ? tar_fails(buf_bytes(&w->archive))
                                : zip_fails(buf_bytes(&w->archive), whole));
}

static void whole_of(struct world *w, enum export_format f, struct buf *whole)
{
    struct export_result r;

    buf_init(whole, 1 << 26);
    assert_int_equal(world_export(w, f, 1, &r), 0);
    buf_add_bytes(whole, buf_bytes(&w->archive));
    assert_int_equal(buf_status(whole), 0);
}

static void test_export_job__each_read_fails(void **state)
{
    struct memory_fault fault = {
        .point = MEMORY_BEFORE, .persistent = true, .code = E_STORE};
    struct memory_fault none = {.n = 0};
    struct export_result r;
    struct buf whole;
    struct world w;
    uint64_t n;
    int rc;

    (void)state;
    world_open(&w);
    for (int f = EXPORT_TAR; f <= EXPORT_ZIP; f++) {
        whole_of(&w, (enum export_format)f, &whole);
        for (n = 1;; n++) {
            fault.n = n;
            memory_set_fault(w.f.store, fault);
            rc = world_export(&w, (enum export_format)f, 2, &r);
            if (memory_passages(w.f.store) < n)
                break;
            memory_set_fault(w.f.store, none);
            is_part(&w, &whole, (enum export_format)f, rc, E_STORE);
        }
        memory_set_fault(w.f.store, none);
        assert_int_equal(rc, 0);
        assert_in_range(n, 5, 10000);
        buf_release(&whole);
    }
    world_close(&w);
}

static void test_export_job__each_allocation_fails(void **state)
{
    struct export_result r;
    struct buf whole;
    struct world w;
    uint64_t n, made;
    int rc;

    (void)state;
    world_open(&w);
    for (int f = EXPORT_TAR; f <= EXPORT_ZIP; f++) {
        whole_of(&w, (enum export_format)f, &whole);
        for (n = 1;; n++) {
            struct export_options o = {.format = (enum export_format)f,
                                       .te = &w.top.te,
                                       .threads = 1,
                                       .put = world_put,
                                       .ctx = &w};
            struct fetch *fetch;

            /* what takes the archive needs no memory */
            buf_reset(&w.archive);
            assert_int_equal(buf_reserve(&w.archive, whole.n), 0);
            assert_int_equal(fetch_open(w.f.store, w.f.r->keys, w.f.r->index,
                                        1 << 20, &fetch),
                             0);
            made = mem_count();
            mem_fail_after(n, 0);
            rc = export_job_run(fetch, &o, &r);
            mem_fail_after(0, 0);
            fetch_free(fetch);
            if (mem_count() - made < n)
                break;
            if (rc == 0) /* a cache that could not grow */
                assert_true(
                    bytes_equal(buf_bytes(&w.archive), buf_bytes(&whole)));
            else
                is_part(&w, &whole, (enum export_format)f, rc, E_NOMEM);
        }
        assert_int_equal(rc, 0);
        assert_in_range(n, 50, 100000);
        buf_release(&whole);
    }
    world_close(&w);
}

static void test_export_job__nobody_takes_it(void **state)
{
    struct export_result r;
    struct buf whole;
    struct world w;

    (void)state;
    world_open(&w);
    for (int f = EXPORT_TAR; f <= EXPORT_ZIP; f++) {
        uint64_t puts;

        whole_of(&w, (enum export_format)f, &whole);
        puts = w.puts;
        assert_true(puts > 3);
        for (w.put_fails = 1; w.put_fails <= puts; w.put_fails++) {
            assert_int_equal(world_export(&w, (enum export_format)f, 2, &r),
                             E_IO);
            /* and nothing after it */
            assert_int_equal(w.puts, w.put_fails);
            assert_true(bytes_equal(buf_bytes(&w.archive),
                                    bytes_of(whole.p, w.archive.n)));
        }
        w.put_fails = 0;
        buf_release(&whole);
    }
    world_close(&w);
}

static void test_export_job__damage_is_told_with_the_path(void **state)
{
    struct export_result r;
    struct buf whole;
    struct world w;

    (void)state;
    world_open(&w);
    whole_of(&w, EXPORT_TAR, &whole);
    job_fixture_damage(&w.f, PACK_DATA);
    is_part(&w, &whole, EXPORT_TAR, world_export(&w, EXPORT_TAR, 2, &r),
            E_CORRUPT);
    assert_non_null(strstr(err_text(), "/"));
    job_fixture_damage(&w.f, PACK_META);
    is_part(&w, &whole, EXPORT_TAR, world_export(&w, EXPORT_TAR, 2, &r),
            E_CORRUPT);
    buf_release(&whole);
    world_close(&w);
}

static void test_export_job__is_stopped(void **state)
{
    struct export_result r;
    struct buf whole;
    struct world w;

    (void)state;
    world_open(&w);
    for (int f = EXPORT_TAR; f <= EXPORT_ZIP; f++) {
        uint64_t puts;

        whole_of(&w, (enum export_format)f, &whole);
        puts = w.puts;
        for (w.stop_at = 1; w.stop_at + 2 < puts; w.stop_at++) {
            w.cancel = (struct cancel){.signal = 0};
            is_part(&w, &whole, (enum export_format)f,
                    world_export(&w, (enum export_format)f, 1, &r), E_CANCELED);
        }
        w.stop_at = 0;
        w.cancel = (struct cancel){.signal = 0};
        buf_release(&whole);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_job__any_number_of_threads),
        cmocka_unit_test(test_export_job__each_read_fails),
        cmocka_unit_test(test_export_job__each_allocation_fails),
        cmocka_unit_test(test_export_job__nobody_takes_it),
        cmocka_unit_test(test_export_job__is_stopped),
        cmocka_unit_test(test_export_job__damage_is_told_with_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
