#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>

#include "base/cgroup.h"
#include "base/room.h"
#include "tests/support/scratch.h"

static char scratch[SCRATCH_PATH];
static char self[SCRATCH_PATH + 8];
static const struct cgroup_place place = {self, scratch};

static int begin(void **state)
{
    (void)state;
    scratch_make(scratch);
    (void)snprintf(self, sizeof self, "%s/self", scratch);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_remove(scratch);
    return 0;
}

/* DIR/NAME with the text, the directories made. */
static void put(const char *dir, const char *name, const char *text)
{
    assert_true(scratch_run("mkdir -p '%s/%s' && echo '%s' >'%s/%s/%s'",
                            scratch, dir, text, scratch, dir, name));
}

static uint64_t room(void)
{
    uint64_t total;

    return cgroup_room(&place, &total);
}

static void test_cgroup__nothing_told_is_no_limit(void **state)
{
    static const char *const lines[] = {
        "",
        "nonsense",
        "0::/a/b",
        "3:memory:/x\n2:cpu:/x",
        "7:",
        "7:cpu",
        "1:name=systemd:/init.scope",
    };
    uint64_t total;

    (void)state;
    assert_int_equal(cgroup_cores(&place), UINT_MAX); /* no such file */
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        put(".", "self", lines[i]);
        assert_int_equal(cgroup_cores(&place), UINT_MAX);
        assert_true(cgroup_room(&place, &total) == UINT64_MAX);
        assert_true(total == UINT64_MAX);
    }
    put(".", "self", "0::/a");
    put("a", "cpu.max", "max 100000");
    put("a", "memory.max", "max");
    put("a", "memory.current", "4096");
    assert_int_equal(cgroup_cores(&place), UINT_MAX);
    assert_true(room() == UINT64_MAX);
}

static void test_cgroup__version_2_the_least_of_all_levels(void **state)
{
    static const struct {
        const char *max;
        unsigned cores;
    } rows[] = {
        {"50000 100000", 1}, {"100000 100000", 1}, {"150000 100000", 2},
        {"1000 100000", 1},  {"0 100000", 1},      {"800000 100000", 4},
        {"max 100000", 4},   {"300000 0", 4},
    };

    (void)state;
    put(".", "self", "0::/user.slice/backup.service");
    put("user.slice", "cpu.max", "400000 100000");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("user.slice/backup.service", "cpu.max", rows[i].max);
        assert_int_equal(cgroup_cores(&place), rows[i].cores);
    }
    put("user.slice", "memory.max", "1000000");
    put("user.slice", "memory.current", "400000");
    assert_int_equal(room(), 600000);
    put("user.slice/backup.service", "memory.high", "5000");
    put("user.slice/backup.service", "memory.current", "3000");
    assert_int_equal(room(), 2000);
    put("user.slice/backup.service", "memory.current", "6000");
    assert_int_equal(room(), 0);
}

static void test_cgroup__version_1_each_controller_apart(void **state)
{
    uint64_t total;

    (void)state;
    put(".", "self", "9:memory:/c/m\n4:cpu,cpuacct:/c\n0::/");
    put("cpu/c", "cpu.cfs_quota_us", "-1");
    put("cpu/c", "cpu.cfs_period_us", "100000");
    assert_int_equal(cgroup_cores(&place), UINT_MAX);
    put("cpu/c", "cpu.cfs_quota_us", "250000");
    assert_int_equal(cgroup_cores(&place), 3);
    put("memory/c/m", "memory.limit_in_bytes", "9223372036854771712");
    put("memory/c/m", "memory.usage_in_bytes", "70");
    assert_true(room() == UINT64_MAX);
    put("memory/c", "memory.limit_in_bytes", "100");
    put("memory/c", "memory.usage_in_bytes", "80");
    assert_int_equal(cgroup_room(&place, &total), 20);
    assert_int_equal(total, 100);
}

/* In a container the path is the host's, and its group stands at the mount. */
static void test_cgroup__a_path_that_is_not_seen(void **state)
{
    (void)state;
    put(".", "self", "4:cpu:/docker/0123\n3:memory:/docker/0123");
    put("cpu", "cpu.cfs_quota_us", "200000");
    put("cpu", "cpu.cfs_period_us", "100000");
    put("memory", "memory.limit_in_bytes", "100");
    put("memory", "memory.usage_in_bytes", "80");
    assert_int_equal(cgroup_cores(&place), 2);
    assert_int_equal(room(), 20);
}

/* A sixteenth that is free is room, less is not. */
static void test_cgroup__room_is_short_below_a_sixteenth(void **state)
{
    (void)state;
    put(".", "self", "4:memory:/a");
    put("memory/a", "memory.limit_in_bytes", "1600");
    put("memory/a", "memory.usage_in_bytes", "1500");
    assert_false(room_is_short_in(&place));
    put("memory/a", "memory.usage_in_bytes", "1501");
    assert_true(room_is_short_in(&place));
}

/* Whatever it is here: it can be asked. */
static void test_cgroup__of_this_process(void **state)
{
    uint64_t total;

    (void)state;
    assert_true(cgroup_cores(&cgroup_system) >= 1);
    assert_true(cgroup_room(&cgroup_system, &total) <= total);
    (void)room_is_short(); /* true or false, by the machine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cgroup__nothing_told_is_no_limit,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_cgroup__version_2_the_least_of_all_levels, begin, end),
        cmocka_unit_test_setup_teardown(
            test_cgroup__version_1_each_controller_apart, begin, end),
        cmocka_unit_test_setup_teardown(test_cgroup__a_path_that_is_not_seen,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_cgroup__room_is_short_below_a_sixteenth, begin, end),
        cmocka_unit_test(test_cgroup__of_this_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
