#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/config_file.h"

static const char whole[] = "# a comment\n"
                            "repo: /backup/srv\n"
                            "passphrase-file: '/etc/dedup/pass phrase'\n"
                            "quiet: false\n"
                            "x-mine: { anything: [ goes ] }\n"
                            "defaults:\n"
                            "  exclude: &e\n"
                            "    - '*.tmp'\n"
                            "    - /var/cache\n"
                            "  strict: true\n"
                            "default-job: db\n"
                            "jobs:\n"
                            "  - name: system\n"
                            "    paths: [ /etc, /srv ]\n"
                            "    exclude: *e\n"
                            "    wait: 1h\n"
                            "    retention:\n"
                            "      keep-daily: 7\n"
                            "      keep-tag: [ a, b ]\n"
                            "  - name: db\n"
                            "    command: db.sql\n"
                            "    run: [ pg_dump, -Fc, app ]\n"
                            "    repo: /elsewhere\n";

static void assert_setting(const struct config_setting *s, enum opt_id id,
                           const char *text, bool off, unsigned line)
{
    assert_int_equal(s->id, id);
    if (text)
        assert_string_equal(s->text, text);
    else
        assert_null(s->text);
    assert_int_equal(s->off, off);
    assert_int_equal(s->line, line);
}

static void test_config_file__says_what_stands_where(void **state)
{
    const struct config_job *job;
    struct config_file c;

    (void)state;
    assert_int_equal(config_file_parse("f", bytes_of_str(whole), &c), 0);
    assert_string_equal(c.path, "f");
    assert_int_equal(c.top.n, 3);
    assert_setting(&c.top.setting[0], OPT_REPO, "/backup/srv", false, 2);
    assert_setting(&c.top.setting[1], OPT_PASSPHRASE_FILE,
                   "/etc/dedup/pass phrase", false, 3);
    assert_setting(&c.top.setting[2], OPT_QUIET, NULL, true, 4);
    assert_int_equal(c.defaults.n, 3);
    assert_setting(&c.defaults.setting[0], OPT_EXCLUDE, "*.tmp", false, 8);
    assert_setting(&c.defaults.setting[1], OPT_EXCLUDE, "/var/cache", false, 9);
    assert_setting(&c.defaults.setting[2], OPT_STRICT, NULL, false, 10);
    assert_string_equal(c.default_job.text, "db");
    assert_int_equal(c.default_job.line, 11);
    assert_int_equal(c.job_n, 2);
    assert_int_equal(config_file_job(&c, "system", &job), 0);
    assert_ptr_equal(job, &c.job[0]);
    assert_int_equal(job->line, 13);
    assert_int_equal(job->paths.n, 2);
    assert_string_equal(job->paths.word[1].text, "/srv");
    assert_int_equal(job->options.n, 3); /* the alias' two, and wait */
    assert_setting(&job->options.setting[2], OPT_WAIT, "1h", false, 16);
    assert_int_equal(job->rule_n, 3);
    assert_string_equal(job->rule[2].key, "keep-tag");
    assert_string_equal(job->rule[2].text, "b");
    assert_int_equal(config_file_job(&c, "db", &job), 0);
    assert_int_equal(job->run.n, 3);
    assert_setting(&job->options.setting[0], OPT_COMMAND, "db.sql", false, 21);
    assert_setting(&job->options.setting[1], OPT_REPO, "/elsewhere", false, 23);
    assert_int_equal(config_file_job(&c, "sytem", &job), E_USAGE);
    assert_non_null(strstr(err_text(), "did you mean 'system'?"));
    config_file_release(&c);
}

static void test_config_file__may_say_nothing(void **state)
{
    static const char *const text[] = {"", "\n", "# nothing\n", "---\n"};
    struct config_file c;

    (void)state;
    /* "---" is a document with a null, which is no mapping */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(config_file_parse("f", bytes_of_str(text[i]), &c), 0);
        assert_int_equal(c.top.n + c.defaults.n + c.job_n, 0);
        config_file_release(&c);
    }
    assert_int_equal(config_file_parse("f", bytes_of_str(text[3]), &c),
                     E_USAGE);
    config_file_release(&c);
}

/* Every prefix, and every byte changed, is read or refused, never worse. */
static void test_config_file__survives_damage(void **state)
{
    char copy[sizeof whole];
    struct config_file c;
    int rc;

    (void)state;
    for (size_t n = 0; n < sizeof whole; n++) {
        rc = config_file_parse("f", bytes_of(whole, n), &c);
        assert_true(rc == 0 || rc == E_USAGE);
        config_file_release(&c);
    }
    memcpy(copy, whole, sizeof whole);
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[i] = (char)(whole[i] ^ (1 << bit));
            rc = config_file_parse("f", bytes_of(copy, sizeof whole - 1), &c);
            assert_true(rc == 0 || rc == E_USAGE);
            config_file_release(&c);
        }
        copy[i] = whole[i];
    }
}

static void test_config_file__runs_out_of_memory(void **state)
{
    struct config_file c;
    uint64_t before = mem_count(), n;
    int rc;

    (void)state;
    assert_int_equal(config_file_parse("f", bytes_of_str(whole), &c), 0);
    config_file_release(&c);
    n = mem_count() - before;
    assert_true(n > 5);
    for (uint64_t i = 1; i <= n; i++) {
        mem_fail_after(i, 0);
        rc = config_file_parse("f", bytes_of_str(whole), &c);
        mem_fail_after(0, 0);
        assert_int_equal(rc, E_NOMEM);
        config_file_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_file__says_what_stands_where),
        cmocka_unit_test(test_config_file__may_say_nothing),
        cmocka_unit_test(test_config_file__survives_damage),
        cmocka_unit_test(test_config_file__runs_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
