/* Which temporary names a jail removes: those of processes that are dead. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "source/jail_temp.h"

/* A name of a process that has ended. */
static void name_of_the_dead(char name[JAIL_TEMP_CHARS])
{
    struct jail_temp t;
    int to[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(to), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (jail_temp_init(&t) == 0) {
            jail_temp_next(&t, name);
            _exit(write(to[1], name, JAIL_TEMP_CHARS) != JAIL_TEMP_CHARS);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(to[0], name, JAIL_TEMP_CHARS), JAIL_TEMP_CHARS);
    (void)close(to[0]);
    (void)close(to[1]);
}

static void test_jail_temp__the_dead_are_told_from_the_living(void **state)
{
    char name[JAIL_TEMP_CHARS];
    struct jail_temp t;

    (void)state;
    assert_int_equal(jail_temp_init(&t), 0);
    jail_temp_next(&t, name);
    assert_int_equal(strlen(name), JAIL_TEMP_CHARS - 1);
    assert_false(jail_temp_is_dead(&t, name));
    name_of_the_dead(name);
    assert_true(jail_temp_is_dead(&t, name));
    /* another boot, or another pid namespace: nobody knows */
    t.scope ^= 1;
    assert_false(jail_temp_is_dead(&t, name));
}

static void test_jail_temp__a_process_number_used_again(void **state)
{
    char name[JAIL_TEMP_CHARS];
    struct jail_temp old;
    struct jail_temp t;

    (void)state;
    assert_int_equal(jail_temp_init(&t), 0);
    assert_int_equal(jail_temp_init(&old), 0);
    old.start ^= 1;
    jail_temp_next(&old, name);
    assert_true(jail_temp_is_dead(&t, name));
}

/* As where /proc is mounted with hidepid: who lives and is not seen there is
 * alive. */
static void test_jail_temp__a_hidden_process_lives(void **state)
{
    char name[JAIL_TEMP_CHARS];
    struct jail_temp t;

    (void)state;
    assert_int_equal(jail_temp_init(&t), 0);
    jail_temp_next(&t, name);
    assert_int_equal(fileop_fault_set("fail-from:1:ENOENT,class=open"), 0);
    assert_false(jail_temp_is_dead(&t, name));
    assert_true(fileop_fault_fired() > 0);
    assert_int_equal(fileop_fault_set(NULL), 0);
}

enum { NOT_ALLOWED = 77 };

/* In a pid namespace of its own, below a /proc of another. */
static int scope_elsewhere(void)
{
    struct jail_temp t;
    int status = 1;
    pid_t pid;

    if (unshare(CLONE_NEWPID) < 0)
        return NOT_ALLOWED;
    pid = fork();
    if (pid == 0)
        _exit(jail_temp_init(&t) != 0 || t.scope != 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

/* The numbers of /proc mean other processes there: a living one's files could
 * be taken for a dead one's. */
static void test_jail_temp__a_proc_of_another_namespace(void **state)
{
    int status = 1;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(scope_elsewhere());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_ALLOWED)
        skip(); /* only root may make one */
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whatever is not such a name to the letter is somebody's file. */
static void test_jail_temp__nothing_else_is_one(void **state)
{
    static const char *const other[] = {
        "",
        ".dedup-",
        ".dedup-file",
        ".dedup-00112233445566778899aabb",
        ".dedup-0000000000000000000000000000000000000000",
        ".dedup-0011223344556677889900112233445566778899"};
    char name[JAIL_TEMP_CHARS];
    char longer[JAIL_TEMP_CHARS + 1];
    struct jail_temp t;

    (void)state;
    assert_int_equal(jail_temp_init(&t), 0);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_false(jail_temp_is_dead(&t, other[i]));
    name_of_the_dead(name);
    for (size_t i = 0; i + 1 < sizeof name; i++) {
        char c = name[i];

        name[i] = c == '0' ? '1' : '0';
        assert_false(jail_temp_is_dead(&t, name));
        name[i] = 0;
        assert_false(jail_temp_is_dead(&t, name));
        name[i] = c;
    }
    memcpy(longer, name, sizeof name);
    longer[JAIL_TEMP_CHARS - 1] = '0';
    longer[JAIL_TEMP_CHARS] = 0;
    assert_false(jail_temp_is_dead(&t, longer));
    assert_true(jail_temp_is_dead(&t, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail_temp__the_dead_are_told_from_the_living),
        cmocka_unit_test(test_jail_temp__a_process_number_used_again),
        cmocka_unit_test(test_jail_temp__a_hidden_process_lives),
        cmocka_unit_test(test_jail_temp__a_proc_of_another_namespace),
        cmocka_unit_test(test_jail_temp__nothing_else_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
