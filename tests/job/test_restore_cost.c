#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "tests/job/job_fixture.h"

/* How many operations of these classes a restore to f->out takes on the
 * target. */
static uint64_t cost(struct job_fixture *f, const struct job_snap *s,
                     const char *classes)
{
    struct job_restore r;
    char plan[80];
    uint64_t n;

    (void)snprintf(plan, sizeof plan, "count,class=%s,domain=target", classes);
    assert_int_equal(fileop_fault_set(plan), 0);
    r = job_fixture_restore(f, &s->result.id, f->out, NULL);
    n = fileop_fault_count();
    assert_int_equal(fileop_fault_set(NULL), 0);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.failed + r.damaged, 0);
    assert_true(job_fixture_same(f->src, f->out));
    scratch_remove(f->out);
    return n;
}

/* One write for each frame, not for each chunk: those of several threads wait
 * for each other. */
static void test_restore_cost__a_frame_is_one_write(void **state)
{
    const uint64_t mib = 20;
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "large", 1, mib << 20);
    s = job_fixture_snap(&f);
    /* a part ends in the middle of a frame, and a cut costs a frame more */
    assert_in_range(cost(&f, &s, "write"), mib, 2 * mib);
    job_fixture_close(&f);
}

/* Make it, look at it, write, mode, times, its name, close. */
static void test_restore_cost__seven_calls_for_a_small_file(void **state)
{
    static const char all[] = "open+close+read+write+sync+name+stat+list+meta";
    const unsigned more = 50;
    struct job_fixture f;
    struct job_snap s;
    uint64_t one;

    (void)state;
    job_fixture_open(&f);
    scratch_dir(f.src, "d");
    scratch_text(f.src, "d/0", "one");
    s = job_fixture_snap(&f);
    one = cost(&f, &s, all);
    for (unsigned i = 1; i <= more; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "d/%u", i);
        scratch_text(f.src, name, "another");
    }
    s = job_fixture_snap(&f);
    assert_int_equal(cost(&f, &s, all), one + (uint64_t)more * 7);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restore_cost__a_frame_is_one_write),
        cmocka_unit_test(test_restore_cost__seven_calls_for_a_small_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
