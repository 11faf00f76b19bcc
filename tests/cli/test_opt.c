#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/nearest.h"
#include "cli/opt.h"

#define WORDS_MAX 16

/* Splits a line at its spaces ("''" is the empty word) and parses it. The
 * words live as long as the line. */
static char line_words[512];
static char *line_argv[WORDS_MAX];

static int parse(struct opt_set *o, const char *line)
{
    int argc = 0;
    char *save = NULL;

    assert_true(strlen(line) < sizeof line_words);
    strcpy(line_words, line);
    for (char *w = strtok_r(line_words, " ", &save); w;
         w = strtok_r(NULL, " ", &save)) {
        assert_true(argc < WORDS_MAX);
        line_argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
    }
    return opt_parse(o, argc, line_argv);
}

static int scrub(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPT_END; i++) {
        if (opt_info((enum opt_id)i)->env)
            unsetenv(opt_info((enum opt_id)i)->env);
    }
    return 0;
}

static void test_opt__table_keeps_its_own_rules(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *a = opt_info((enum opt_id)i);

        assert_true(strlen(a->name) + 3 <= NEAREST_WORD_MAX);
        assert_int_equal(a->kind == OPT_FLAG, a->arg == NULL);
        assert_true(a->commands != 0);
        assert_true(a->help[strlen(a->help) - 1] != '.');
        for (unsigned k = i + 1; k < OPT_END; k++) {
            const struct opt_info *b = opt_info((enum opt_id)k);

            assert_string_not_equal(a->name, b->name);
            assert_true(a->letter == 0 || a->letter != b->letter);
        }
    }
    assert_true(OPT_CMD_END <= 32); /* a set of commands is 32 bits */
}

static void test_opt__accepts(void **state)
{
    static const struct {
        const char *line;
        enum opt_command command;
        size_t args, values;
    } row[] = {
        {"dedup check", OPT_CMD_CHECK, 0, 0},
        {"dedup -r /r snapshot /a /b", OPT_CMD_SNAPSHOT, 2, 1},
        {"dedup snapshot /a -r /r /b --json", OPT_CMD_SNAPSHOT, 2, 2},
        {"dedup --repo=/r ls -lR latest", OPT_CMD_LS, 1, 3},
        {"dedup -qr/r ls latest", OPT_CMD_LS, 1, 2},
        {"dedup snapshot -- --force -x -", OPT_CMD_SNAPSHOT, 3, 0},
        {"dedup snapshot -", OPT_CMD_SNAPSHOT, 1, 0},
        {"dedup -- check", OPT_CMD_CHECK, 0, 0},
        {"dedup snapshot --exclude=a=b /x", OPT_CMD_SNAPSHOT, 1, 1},
        {"dedup snapshot --exclude -v /x", OPT_CMD_SNAPSHOT, 1, 1},
        {"dedup restore --help", OPT_CMD_RESTORE, 0, 1},
        {"dedup --version", OPT_CMD_NONE, 0, 1},
        {"dedup restore s -t d --overwrite if-newer", OPT_CMD_RESTORE, 1, 2},
        {"dedup init --chunk-size 128K", OPT_CMD_INIT, 0, 1},
        {"dedup check --passphrase-fd 3", OPT_CMD_CHECK, 0, 1},
        {"dedup snapshot --command n -- ls -l -- /", OPT_CMD_SNAPSHOT, 4, 1},
        {"dedup --command n -v snapshot -- ls", OPT_CMD_SNAPSHOT, 1, 2},
    };
    struct opt_set o;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (parse(&o, row[i].line) < 0)
            fail_msg("%s: %s", row[i].line, err_text());
        assert_int_equal(o.command, row[i].command);
        assert_int_equal(o.arg_n, row[i].args);
        assert_int_equal(o.value_n, row[i].values);
        opt_release(&o);
    }
}

static void test_opt__refuses(void **state)
{
    static const struct {
        const char *line, *says;
    } row[] = {
        {"dedup", "no command given"},
        {"dedup snapshto /x", "did you mean 'snapshot'?"},
        {"dedup frobnicate", "unknown command 'frobnicate'"},
        {"dedup check --jsn", "did you mean '--json'?"},
        {"dedup check --verbos", "did you mean '--verbose'?"},
        {"dedup check --frobnicate", "unknown option '--frobnicate'"},
        {"dedup check --jsn=1", "did you mean '--json'?"},
        {"dedup check -Z", "unknown option '-Z'"},
        {"dedup check -qZ", "unknown option '-Z'"},
        {"dedup check --json=1", "--json takes no value"},
        {"dedup check --repo", "--repo needs a value"},
        {"dedup check -r", "-r needs a value"},
        {"dedup check --repo=", "--repo needs a REPO"},
        {"dedup check -r ''", "-r needs a REPO"},
        {"dedup check extra", "unexpected argument 'extra'"},
        {"dedup ls", "SNAP[:PATH] is missing"},
        {"dedup restore", "SNAP[:PATH]... is missing"},
        {"dedup ls a b", "unexpected argument 'b'"},
        {"dedup check --tag x", "--tag is an option of snapshot, not of check"},
        {"dedup restore s --overwrite if", "must be one of always|"},
        {"dedup restore s --overwrite ifchanged", "must be one of always|"},
        {"dedup restore s --overwrite always|", "must be one of always|"},
        {"dedup init --chunk-size 64X", "--chunk-size: "},
        {"dedup init --chunk-size -1", "--chunk-size: "},
        {"dedup check --passphrase-fd x", "--passphrase-fd: "},
        {"dedup check --passphrase-fd 3x", "--passphrase-fd: "},
        {"dedup check --passphrase-fd -1", "--passphrase-fd: "},
        {"dedup check --passphrase-fd 99999999999", "--passphrase-fd: "},
        /* what is meant for another program is not taken for ours */
        {"dedup snapshot --command n ls -v /", "put -- before 'ls'"},
        {"dedup snapshot --command n ls --frob", "put -- before 'ls'"},
        {"dedup snapshot ls --command n -- -v", "put -- before 'ls'"},
        {"dedup --command n snapshot ls", "put -- before 'ls'"},
        {"dedup snapshot /x --checkpoint 5", "--checkpoint: "},
        {"dedup snapshot /x --checkpoint 00", "--checkpoint: "},
        {"dedup snapshot /x --checkpoint 1000000001s", "--checkpoint: "},
    };
    struct opt_set o;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(parse(&o, row[i].line), E_USAGE);
        if (!strstr(err_text(), row[i].says))
            fail_msg("%s: %s", row[i].line, err_text());
        opt_release(&o);
    }
}

static void test_opt__keeps_the_order_of_what_was_said(void **state)
{
    static const enum opt_id want[] = {OPT_EXCLUDE, OPT_INCLUDE, OPT_EXCLUDE};
    struct opt_set o;

    (void)state;
    assert_int_equal(
        parse(&o, "dedup restore -e a s --include=b -ec --target d"), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(o.value[i].id, want[i]);
    assert_string_equal(o.value[2].text, "c");
    assert_int_equal(opt_count(&o, OPT_EXCLUDE), 2);
    assert_string_equal(opt_text(&o, OPT_EXCLUDE), "c");
    assert_int_equal(opt_count(&o, OPT_VERIFY), 0);
    assert_null(opt_text(&o, OPT_OVERWRITE));
    opt_release(&o);
}

static void test_opt__last_of_several_counts(void **state)
{
    struct opt_set o;

    (void)state;
    assert_int_equal(parse(&o, "dedup -r a -r b check"), 0);
    assert_string_equal(opt_text(&o, OPT_REPO), "b");
    opt_release(&o);
}

static void test_opt__argv_beats_environment(void **state)
{
    struct opt_set o;

    (void)state;
    setenv("DEDUP_REPO", "/env", 1);
    assert_int_equal(parse(&o, "dedup check"), 0);
    assert_string_equal(opt_text(&o, OPT_REPO), "/env");
    assert_int_equal(opt_last(&o, OPT_REPO)->origin, OPT_FROM_ENV);
    opt_release(&o);
    assert_int_equal(parse(&o, "dedup check -r /argv"), 0);
    assert_string_equal(opt_text(&o, OPT_REPO), "/argv");
    assert_int_equal(opt_count(&o, OPT_REPO), 1);
    opt_release(&o);
    setenv("DEDUP_REPO", "", 1);
    assert_int_equal(parse(&o, "dedup check"), 0);
    assert_null(opt_text(&o, OPT_REPO));
    opt_release(&o);
}

static void test_opt__hands_out_numbers(void **state)
{
    struct opt_set o;

    (void)state;
    assert_int_equal(
        parse(&o, "dedup init --chunk-size 128K --passphrase-fd 7"), 0);
    assert_int_equal(opt_bytes(&o, OPT_CHUNK_SIZE, 1), 131072);
    assert_int_equal(opt_fd(&o, OPT_PASSPHRASE_FD), 7);
    opt_release(&o);
    assert_int_equal(parse(&o, "dedup init"), 0);
    assert_int_equal(opt_bytes(&o, OPT_CHUNK_SIZE, 1), 1);
    assert_int_equal(opt_fd(&o, OPT_PASSPHRASE_FD), -1);
    opt_release(&o);
    assert_int_equal(parse(&o, "dedup snapshot /x --checkpoint 1h30m"), 0);
    assert_int_equal(opt_seconds(&o, OPT_CHECKPOINT, 1), 5400);
    opt_release(&o);
    assert_int_equal(parse(&o, "dedup snapshot /x --checkpoint 0"), 0);
    assert_int_equal(opt_seconds(&o, OPT_CHECKPOINT, 1), 0);
    opt_release(&o);
    assert_int_equal(parse(&o, "dedup snapshot /x"), 0);
    assert_int_equal(opt_seconds(&o, OPT_CHECKPOINT, 1), 1);
    opt_release(&o);
}

static void test_opt__survives_every_failed_allocation(void **state)
{
    struct opt_set o;
    uint64_t before = mem_count(), n;

    (void)state;
    assert_int_equal(parse(&o, "dedup -lR ls x"), 0);
    opt_release(&o);
    n = mem_count() - before;
    assert_true(n > 0);
    for (uint64_t i = 1; i <= n; i++) {
        mem_fail_after(i, 0);
        assert_int_equal(parse(&o, "dedup -lR ls x"), E_NOMEM);
        mem_fail_after(0, 0);
        opt_release(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt__table_keeps_its_own_rules),
        cmocka_unit_test(test_opt__accepts),
        cmocka_unit_test(test_opt__refuses),
        cmocka_unit_test(test_opt__keeps_the_order_of_what_was_said),
        cmocka_unit_test(test_opt__last_of_several_counts),
        cmocka_unit_test(test_opt__argv_beats_environment),
        cmocka_unit_test(test_opt__hands_out_numbers),
        cmocka_unit_test(test_opt__survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, scrub, NULL);
}
