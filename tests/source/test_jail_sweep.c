/* What a jail removes from the directories it enters, and what that costs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/jail_temp.h"
#include "tests/source/jail_rig.h"

/* A name that a process which is dead gave. */
static void dead_name(char name[JAIL_TEMP_CHARS])
{
    struct jail_temp t;

    assert_int_equal(jail_temp_init(&t), 0);
    t.start ^= 1;
    jail_temp_next(&t, name);
}

/* Enters DIR and DIR/sub, as a restore does. */
static void enter(const char *dir, bool dry_run)
{
    struct jail_options options = {.dry_run = dry_run};
    struct entry e = jail_rig_entry(ENTRY_DIR, "sub");
    struct jail_result res;
    struct jail_dir *sub;
    struct jail *jail;

    assert_int_equal(jail_open(dir, &options, &jail), 0);
    assert_int_equal(jail_dir_enter(jail_root(jail), &e, &sub, &res), 0);
    jail_dir_unref(sub);
    jail_free(jail);
}

static void test_jail_sweep__not_in_a_dry_run(void **state)
{
    char dir[SCRATCH_PATH];
    char name[JAIL_TEMP_CHARS];

    (void)state;
    scratch_make(dir);
    dead_name(name);
    assert_true(scratch_run(
        "cd %s && mkdir sub && touch %s sub/%s sub/.dedup-x", dir, name, name));
    enter(dir, true);
    assert_true(
        scratch_run("cd %s && test -e %s && test -e sub/%s", dir, name, name));
    enter(dir, false);
    assert_true(scratch_run("cd %s && test \"$(find . | sort | tr '\\n' ' ')\" "
                            "= '. ./sub ./sub/.dedup-x '",
                            dir));
    scratch_remove(dir);
}

/* How many allocations it takes to enter a directory. */
static uint64_t cost(const char *dir)
{
    uint64_t before = mem_count();

    enter(dir, false);
    return mem_count() - before;
}

/* The names of a directory that is entered are not held in memory. */
static void test_jail_sweep__costs_the_same_in_a_large_directory(void **state)
{
    char dir[SCRATCH_PATH];
    char name[JAIL_TEMP_CHARS];
    uint64_t empty;

    (void)state;
    scratch_make(dir);
    scratch_dir(dir, "sub");
    empty = cost(dir);
    assert_true(scratch_run("cd %s/sub && seq -f '%%0200.0f' 1 3000 | "
                            "xargs touch",
                            dir));
    assert_int_equal(cost(dir), empty);
    dead_name(name);
    scratch_text(dir, name, "left over");
    assert_true(cost(dir) > empty);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail_sweep__not_in_a_dry_run),
        cmocka_unit_test(test_jail_sweep__costs_the_same_in_a_large_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
