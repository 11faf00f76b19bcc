/*
 * init with a recovery sheet, key sheet, and key recover, failed and killed at
 * each file operation, and short of memory at each allocation, as the command
 * line runs them. What is reported as done is done: a sheet that was written
 * recovers. What was not may be done again, and half a sheet is never taken for
 * one. Every k-th file operation; with --all each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/sheet_file.h"
#include "tests/faults/fault_kit.h"

enum { WORDS = 12 };

static struct fault_kit kit;
static char dir[FAULT_KIT_PATH + 8];
static char repo[FAULT_KIT_PATH + 16];
static unsigned long starve; /* the allocation that fails next; 0: none */

static int setup(void **state)
{
    (void)state;
    fault_kit_make(&kit);
    (void)snprintf(dir, sizeof dir, "%s/sheet", kit.dir);
    (void)snprintf(repo, sizeof repo, "%s/repo", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_kit_remove(&kit);
    return 0;
}

/* A command line: words, with $ for the directory of this test. */
static void run_command(struct fault_kit *k, void *ctx)
{
    static struct out out; /* its buffer is too big for the stack */
    static char word[WORDS][2 * FAULT_KIT_PATH];
    char *argv[WORDS + 1] = {NULL};
    char *line = strdup(ctx);
    char *rest = line;
    struct opt_set opt = {0};
    struct secrets secrets = {.has_env = false};
    struct cancel cancel = {0};
    struct cli cli = {
        .opt = &opt, .out = &out, .secrets = &secrets, .cancel = &cancel};
    uint64_t before = mem_count();
    int argc = 0;
    int rc;

    assert_non_null(line);
    for (char *w; argc < WORDS && (w = strsep(&rest, " ")); argc++) {
        (void)snprintf(word[argc], sizeof word[argc], "%s%s",
                       *w == '$' ? dir : "", *w == '$' ? w + 1 : w);
        argv[argc] = word[argc];
    }
    message_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), NULL, MESSAGE_QUIET,
                  false);
    mem_fail_after(starve, 0);
    rc = opt_parse(&opt, argc, argv);
    if (rc == 0)
        rc = opt.command == OPT_CMD_INIT ? cmd_init(&cli) : cmd_key(&cli);
    mem_fail_after(0, 0);
    k->report->rc = rc;
    k->report->fired = starve > 0 && mem_count() - before >= starve;
    secrets_release(&secrets);
    opt_release(&opt);
    free(line);
}

#define COMMON "dedup -r $/repo --cache-dir $/cache "

static int run(const char *plan, const char *command, bool *killed)
{
    char line[256];

    (void)snprintf(line, sizeof line, COMMON "%s", command);
    if (sscanf(plan, "memory:%lu", &starve) == 1) {
        (void)snprintf(kit.plan, sizeof kit.plan, "%s", plan);
        plan = "";
    }
    *killed = fault_kit_child(&kit, plan, run_command, line);
    starve = 0;
    return *killed ? -1 : kit.report->rc;
}

static void must(const char *command)
{
    bool killed;

    if (run("", command, &killed) != 0)
        fault_kit_wrong(&kit, command);
}

/* An empty place; or one where a repository and its sheet are, of which a fire
 * took the keys. */
static void make(bool burnt)
{
    assert_true(scratch_run("rm -rf '%s' && mkdir '%s'", dir, dir));
    if (!burnt)
        return;
    must("--key-file $/key init --recovery-sheet $/sheet");
    assert_true(scratch_run("cp '%s/config' '%s/config'; rm -r '%s/config' "
                            "'%s/keys'",
                            repo, dir, repo, repo));
}

/* The sheet of that name is whole, and gives the repository back. */
static void assert_recovers(const char *name)
{
    char command[128];

    assert_true(scratch_run("cp '%s/config' '%s/config' && rm -r '%s/config' "
                            "'%s/keys'",
                            repo, dir, repo, repo));
    (void)snprintf(command, sizeof command,
                   "key recover --new-key-file $/third --sheet $/%s", name);
    must(command);
    assert_true(scratch_run("cmp '%s/config' '%s/config'", repo, dir));
}

static bool exists(const char *name)
{
    return scratch_run("test -e '%s/%s'", dir, name);
}

/* Whether a file may be there although its command failed: it was killed, or
 * said so, or was told that an empty file could not be made which it was. */
static bool may_be_left(const char *name, bool killed)
{
    return killed || strstr(kit.report->text, "left behind") ||
           (strncmp(kit.plan, "lose:", 5) == 0 &&
            scratch_run("! test -s '%s/%s'", dir, name));
}

/* Half a sheet is none, and after a failure there is none. */
static void assert_no_sheet(const char *name, bool killed)
{
    char path[FAULT_KIT_PATH + 64];
    struct secret content = {0};
    struct sheet *s = sheet_new();

    assert_non_null(s);
    assert_int_equal(secret_init(&content, SHEET_BYTES_MAX), 0);
    if (exists(name) && !may_be_left(name, killed))
        fault_kit_wrong(&kit, "a file was left behind");
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (exists(name) && sheet_file_read(path, s) == 0 &&
        sheet_get(s, &content) == 0)
        assert_true(killed || strstr(kit.report->text, "left behind"));
    secret_release(&content);
    sheet_free(s);
    assert_true(scratch_run("rm -f '%s'", path));
}

static void drop_half_a_key(const char *name, bool killed)
{
    bool half = exists(name) &&
                !scratch_run("test \"$(wc -c <'%s/%s')\" = 65", dir, name);

    if (half && !may_be_left(name, killed))
        fault_kit_wrong(&kit, "half a key was left behind");
    if (half)
        assert_true(scratch_run("rm '%s/%s'", dir, name));
}

/* Each returns whether the plan had an effect. */
static bool after(int rc, bool killed)
{
    bool hit = killed || kit.report->fired > 0;

    if (!hit)
        assert_int_equal(rc, 0);
    return hit;
}

static bool one_init(const char *plan)
{
    bool killed;
    bool hit;
    int rc;

    make(false);
    rc = run(plan, "--key-file $/key init --recovery-sheet $/sheet", &killed);
    hit = after(rc, killed);
    if (rc == 0) {
        assert_recovers("sheet");
        return hit;
    }
    assert_no_sheet("sheet", killed);
    drop_half_a_key("key", killed);
    rc = run("", "--key-file $/key init --recovery-sheet $/sheet", &killed);
    if (rc == E_REFUSED) { /* it was far enough */
        assert_false(exists("sheet"));
        must("--key-file $/key key sheet $/sheet");
    } else if (rc < 0) {
        fault_kit_wrong(&kit, "init could not be done again");
    }
    assert_recovers("sheet");
    return hit;
}

static bool one_sheet(const char *plan)
{
    bool killed;
    bool hit;
    int rc;

    make(false);
    must("--key-file $/key init");
    rc = run(plan, "--key-file $/key key sheet $/sheet.pdf", &killed);
    hit = after(rc, killed);
    if (rc < 0) {
        assert_no_sheet("sheet.pdf", killed);
        must("--key-file $/key key sheet $/sheet.pdf");
    }
    assert_recovers("sheet.pdf");
    return hit;
}

static bool one_recover(const char *plan)
{
    static const char command[] =
        "key recover --new-key-file $/other --sheet $/sheet";
    bool killed;
    bool hit;
    int rc;

    make(true);
    rc = run(plan, command, &killed);
    hit = after(rc, killed);
    if (rc < 0) {
        drop_half_a_key("other", killed);
        must(command);
    }
    assert_true(scratch_run("cmp '%s/config' '%s/config'", repo, dir));
    must("--key-file $/other key sheet $/again");
    assert_recovers("again");
    return hit;
}

static void each(const char *what, bool (*one)(const char *plan))
{
    static const struct {
        const char *action;
        const char *error;
    } t[] = {{"fail", ":EIO"}, {"fail", ":ENOSPC"}, {"fail-from", ":EIO"},
             {"lose", ":EIO"}, {"kill", ""},        {"kill-after", ""},
             {"short", ""},    {"memory", ""}};

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        bool few = strcmp(t[i].action, "memory") == 0;
        uint64_t step = few ? 1 : fault_kit_step(7);
        uint64_t n = 1 + i % step;
        unsigned hits = 0;
        char plan[64];

        for (;; n += step, hits++) {
            (void)snprintf(plan, sizeof plan, "%s:%lu%s", t[i].action,
                           (unsigned long)n, t[i].error);
            if (!one(plan))
                break;
            assert_true(n < 10000);
        }
        print_message("%s, %s%s: %u runs of about %lu\n", what, t[i].action,
                      t[i].error, hits, (unsigned long)n);
        assert_true(hits > 0);
    }
}

static void test_sheet_fault__init(void **state)
{
    (void)state;
    each("init", one_init);
}

static void test_sheet_fault__key_sheet(void **state)
{
    (void)state;
    each("key sheet", one_sheet);
}

static void test_sheet_fault__key_recover(void **state)
{
    (void)state;
    each("key recover", one_recover);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sheet_fault__init),
        cmocka_unit_test(test_sheet_fault__key_sheet),
        cmocka_unit_test(test_sheet_fault__key_recover),
    };

    fault_kit_args(argc, argv);
    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
