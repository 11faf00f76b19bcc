#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/process.h"

#define FIELDS " S 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 "

static void test_process__reads_a_line_whatever_the_name(void **state)
{
    static const struct {
        const char *line;
        bool ok;
        uint64_t pid, start;
    } table[] = {
        {"71 (sh)" FIELDS "4711 99 1\n", true, 71, 4711},
        {"71 (a b) (c))" FIELDS "4711 99", true, 71, 4711},
        {"71 (\n8 (x) S 1 2)" FIELDS "4711", true, 71, 4711},
        {"4194304 ()" FIELDS "18446744073709551615 9", true, 4194304,
         UINT64_MAX},
        {"71 (sh) S 1 1", false, 71, 0},
        {"71 (sh" FIELDS "4711", false, 71, 0},
        {"(sh)" FIELDS "4711", false, 0, 4711},
        {"", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct process_stat s;

        assert_int_equal(process_stat_parse(table[i].line, &s), table[i].ok);
        assert_int_equal(s.pid, table[i].pid);
        assert_int_equal(s.start, table[i].start);
    }
}

static void test_process__knows_what_has_ended(void **state)
{
    static const struct {
        char state;
        bool ended;
    } table[] = {{'R', false}, {'S', false}, {'D', false}, {'T', false},
                 {'t', false}, {'I', false}, {'Z', true},  {'X', true}};
    pid_t pid;

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[] = "71 (Z) S X" FIELDS "4711";
        struct process_stat s;

        line[7] = table[i].state;
        (void)process_stat_parse(line, &s);
        assert_int_equal(s.ended, table[i].ended);
    }
    /* a child that nobody has waited for */
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_start((uint32_t)pid), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_process__knows_this_one(void **state)
{
    char boot[PROCESS_BOOT_MAX];

    (void)state;
    assert_true(process_numbers_agree());
    assert_int_not_equal(process_start(0), 0);
    assert_int_equal(process_start(0), process_start((uint32_t)getpid()));
    assert_true(process_start(1) == 0 || process_start(1) <= process_start(0));
    assert_int_equal(process_start(INT32_MAX), 0);
    assert_int_not_equal(process_pid_namespace(), 0);
    process_boot_id(boot);
    assert_int_equal(strlen(boot), 36);
}

static void test_process__without_proc_nothing_is_known(void **state)
{
    char boot[PROCESS_BOOT_MAX];

    (void)state;
    assert_int_equal(fileop_fault_set("fail-from:1:ENOENT,class=open+stat"), 0);
    assert_false(process_numbers_agree());
    assert_int_equal(process_start(0), 0);
    assert_int_equal(process_pid_namespace(), 0);
    process_boot_id(boot);
    assert_string_equal(boot, "");
    assert_int_equal(fileop_fault_set(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process__reads_a_line_whatever_the_name),
        cmocka_unit_test(test_process__knows_what_has_ended),
        cmocka_unit_test(test_process__knows_this_one),
        cmocka_unit_test(test_process__without_proc_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
