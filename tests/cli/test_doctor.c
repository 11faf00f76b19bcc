#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/doctor.h"

static void test_doctor__judges_a_clock(void **state)
{
    static const struct {
        int64_t now, newest;
        enum doctor_verdict verdict;
    } t[] = {
        {0, 0, DOCTOR_FAIL}, /* a machine whose battery is empty */
        {1767225599, 0, DOCTOR_FAIL},
        {1767225600, 0, DOCTOR_OK},
        {1800000000, 1700000000, DOCTOR_OK},
        {1800000000, 1800000300, DOCTOR_OK},
        {1800000000, 1800000301, DOCTOR_WARN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_int_equal(doctor_clock(t[i].now, t[i].newest), t[i].verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor__judges_a_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
