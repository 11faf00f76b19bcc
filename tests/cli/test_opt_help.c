#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/opt_help.h"

static char *help_in(enum opt_command command, size_t columns, struct buf *b)
{
    buf_init(b, 1 << 16);
    opt_help(command, columns, b);
    buf_add(b, "", 1);
    assert_int_equal(buf_status(b), 0);
    return (char *)b->p;
}

static char *help_of(enum opt_command command, struct buf *b)
{
    return help_in(command, 0, b);
}

static void test_opt_help__fits_the_terminal(void **state)
{
    static const struct {
        size_t columns, most;
    } row[] = {{0, 80}, {200, 80}, {80, 80}, {60, 60}, {40, 40}};
    struct buf b;
    char *save = NULL;

    (void)state;
    for (size_t r = 0; r < sizeof row / sizeof row[0]; r++) {
        for (unsigned c = OPT_CMD_NONE; c < OPT_CMD_END; c++) {
            char *text = help_in((enum opt_command)c, row[r].columns, &b);

            for (char *l = strtok_r(text, "\n", &save); l;
                 l = strtok_r(NULL, "\n", &save)) {
                size_t n = strlen(l);

                /* the choices of an option are one word */
                bool whole = n > row[r].most && n <= 80 && strchr(l, '|');

                if ((n > row[r].most && !whole) || l[n - 1] == ' ')
                    fail_msg("%zu columns: '%s'", n, l);
            }
            buf_release(&b);
        }
    }
}

static void test_opt_help__names_every_command(void **state)
{
    struct buf b;
    char *text = help_of(OPT_CMD_NONE, &b);

    (void)state;
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
        assert_non_null(
            strstr(text, opt_command_info((enum opt_command)c)->name));
    buf_release(&b);
}

/* Whether the help shows that option; --all is not --allow-empty. */
static bool shows(const char *text, const struct opt_info *o)
{
    char shown[80];
    bool found = false;

    (void)snprintf(shown, sizeof shown, "--%s%s", o->name, o->arg ? " " : "");
    while (!found && (text = strstr(text, shown)) != NULL) {
        text += strlen(shown);
        found = o->arg || *text == ' ' || *text == '\n';
    }
    return found;
}

/* Each option stands in the help of the commands that take it, and in no
 * other's. */
static void test_opt_help__names_each_option_where_it_belongs(void **state)
{
    struct buf b;

    (void)state;
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        char *text = help_of((enum opt_command)c, &b);

        for (unsigned i = 0; i < OPT_END; i++) {
            const struct opt_info *o = opt_info((enum opt_id)i);

            assert_int_equal(shows(text, o), (o->commands >> c & 1) != 0);
        }
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt_help__fits_the_terminal),
        cmocka_unit_test(test_opt_help__names_every_command),
        cmocka_unit_test(test_opt_help__names_each_option_where_it_belongs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
