#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/jail_remove.h"
#include "tests/source/jail_rig.h"
#include "tests/support/oddtree.h"

static void test_jail__refuses_names_that_lead_elsewhere(void **state)
{
    static const char *const names[] = {"",  ".",    "..",          "../x",
                                        "/", "/etc", "sub/../../x", "a/b"};
    struct jail_attack a;

    (void)state;
    jail_attack_open(&a, &jail_rig_plain);
    for (size_t i = 0; i <= sizeof names / sizeof names[0]; i++) {
        bool nul = i == sizeof names / sizeof names[0];
        struct bytes name = nul ? bytes_of("a\0b", 3) : bytes_of_str(names[i]);
        struct entry file = jail_rig_entry(ENTRY_FILE, "");
        struct entry dir = jail_rig_entry(ENTRY_DIR, "");
        struct entry link = jail_rig_entry(ENTRY_SYMLINK, "");
        struct jail_dir *out;
        struct jail_result res;

        file.name = dir.name = link.name = name;
        assert_int_equal(jail_rig_write(a.root, &file, NULL, &res), E_CORRUPT);
        assert_int_equal(jail_dir_enter(a.root, &dir, &out, &res), E_CORRUPT);
        assert_int_equal(jail_node(a.root, &link, NULL, &res), E_CORRUPT);
    }
    assert_true(scratch_run("test -z \"$(ls -A %s/dst)\"", a.dir));
    jail_attack_close(&a, "1");
}

static void test_jail__a_planted_symlink_is_not_a_directory(void **state)
{
    static const enum jail_overwrite rules[] = {JAIL_IF_CHANGED, JAIL_ALWAYS,
                                                JAIL_IF_NEWER, JAIL_NEVER};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        /* an earlier entry of the same snapshot, then a directory's */
        struct jail_options options = {.overwrite = rules[i]};
        struct entry link = jail_rig_entry(ENTRY_SYMLINK, "sub");
        struct entry dir = jail_rig_entry(ENTRY_DIR, "sub");
        struct entry file = jail_rig_entry(ENTRY_FILE, "victim");
        struct jail_dir *out;
        struct jail_result res;
        struct jail_attack a;

        jail_attack_open(&a, &options);
        assert_int_equal(jail_node(a.root, &link, NULL, &res), 0);
        assert_int_equal(jail_dir_enter(a.root, &dir, &out, &res), 0);
        assert_int_equal(out == NULL, rules[i] >= JAIL_IF_NEWER);
        assert_int_equal(res.outcome, out ? JAIL_REPLACED : JAIL_KEPT);
        if (out) {
            assert_int_equal(jail_rig_write(out, &file, NULL, &res), 0);
            assert_int_equal(jail_dir_finish(out, &dir, &res), 0);
        }
        jail_dir_unref(out);
        jail_attack_close(&a, "1");
    }
}

static void test_jail__a_symlink_in_the_target_is_not_written_through(
    void **state)
{
    for (int in_place = 0; in_place < 2; in_place++) {
        struct jail_options options = {.in_place = in_place};
        struct entry file = jail_rig_entry(ENTRY_FILE, "f");
        struct jail_result res;
        struct jail_attack a;

        (void)state;
        jail_attack_open(&a, &options);
        assert_true(scratch_run("ln -s ../outside/victim %s/dst/f", a.dir));
        assert_int_equal(jail_rig_write(a.root, &file, NULL, &res), 0);
        assert_int_equal(res.outcome, JAIL_REPLACED);
        assert_true(scratch_run("cd %s/dst && test ! -L f && "
                                "test \"$(cat f)\" = written",
                                a.dir));
        jail_attack_close(&a, "1");
    }
}

static void test_jail__a_planted_hard_link_is_not_touched(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        /* with the size and time of the stored file, its content counts as
         * there and only metadata would be set; else it would be written */
        struct jail_options options = {.in_place = i & 1};
        struct entry file = jail_rig_entry(ENTRY_FILE, "f");
        struct jail_result res;
        struct jail_attack a;

        jail_attack_open(&a, &options);
        assert_true(scratch_run("cd %s && ln outside/victim dst/f", a.dir));
        file.mtime.s += i & 2;
        file.mode = 0666;
        assert_int_equal(jail_rig_write(a.root, &file, NULL, &res), 0);
        assert_int_equal(res.outcome, JAIL_REPLACED);
        assert_true(scratch_run("cd %s/dst && test \"$(cat f)\" = written && "
                                "test $(stat -c %%a f) = 666",
                                a.dir));
        jail_attack_close(&a, "1");
    }
}

static void test_jail__an_exchanged_file_is_told(void **state)
{
    struct entry file = jail_rig_entry(ENTRY_FILE, "f");
    struct jail_file *f = NULL;
    struct jail_result res;
    struct jail_attack a;

    (void)state;
    jail_attack_open(&a, &jail_rig_plain);
    assert_int_equal(jail_file_begin(a.root, &file, false, &f, &res), 0);
    assert_int_equal(jail_file_write(f, "written", 7, 0), 0);
    /* who can write to the directory puts a file of theirs under the name
     * that is about to be renamed; ours is still open */
    assert_true(scratch_run("cd %s/dst && printf forged! >x && "
                            "mv x .dedup-*",
                            a.dir));
    assert_int_equal(jail_file_finish(f, &file, NULL, &res), E_TARGET);
    jail_attack_close(&a, "1");
}

static void test_jail__links_go_only_to_what_was_made(void **state)
{
    struct entry file = jail_rig_entry(ENTRY_FILE, "f");
    struct entry second = jail_rig_entry(ENTRY_FILE, "g");
    struct jail_made *made = NULL;
    struct jail_result res;
    struct jail_attack a;
    bool linked;

    (void)state;
    jail_attack_open(&a, &jail_rig_plain);
    file.nlink = second.nlink = 2;
    assert_int_equal(jail_rig_write(a.root, &file, &made, &res), 0);
    assert_non_null(made);
    /* a symlink, then another file, takes the place of the first name */
    assert_true(scratch_run("cd %s/dst && mv f keep && "
                            "ln -s ../outside/victim f",
                            a.dir));
    assert_int_equal(jail_link(a.root, &second, made, &linked, &res), 0);
    assert_false(linked);
    assert_true(
        scratch_run("cd %s/dst && rm f && ln ../outside/victim f", a.dir));
    assert_int_equal(jail_link(a.root, &second, made, &linked, &res), 0);
    assert_false(linked);
    assert_true(scratch_run("cd %s/dst && test ! -e g && mv keep f", a.dir));
    /* back again, and over a symlink that stands at the second */
    assert_true(scratch_run("cd %s/dst && ln -s ../outside/victim g", a.dir));
    assert_int_equal(jail_link(a.root, &second, made, &linked, &res), 0);
    assert_true(linked);
    assert_true(scratch_run("cd %s/dst && test $(stat -c %%h f) = 2 && "
                            "test f -ef g && test ! -L g",
                            a.dir));
    jail_made_free(made);
    jail_attack_close(&a, "1");
}

static void test_jail__removes_without_following(void **state)
{
    struct jail_attack a;

    (void)state;
    jail_attack_open(&a, &jail_rig_plain);
    assert_true(scratch_run(
        "cd %s/dst && mkdir -p d/e/f/g d/h && ln -s ../../outside d/out && "
        "ln -s ../outside out && touch d/e/x d/e/f/y && mkfifo d/p && "
        "ln ../outside/victim d/e/v",
        a.dir));
    assert_int_equal(
        jail_remove(a.root, bytes_of_str("d"), bytes_of_str("d"), NULL), 0);
    assert_int_equal(
        jail_remove(a.root, bytes_of_str("out"), bytes_of_str("out"), NULL), 0);
    assert_int_equal(
        jail_remove(a.root, bytes_of_str("none"), bytes_of_str("none"), NULL),
        0);
    assert_true(scratch_run("test -z \"$(ls -A %s/dst)\"", a.dir));
    jail_attack_close(&a, "1");
}

static void test_jail__removes_deep_trees(void **state)
{
    struct jail_attack a;
    FILE *skips = tmpfile();
    char path[SCRATCH_PATH + 16];

    (void)state;
    assert_non_null(skips);
    jail_attack_open(&a, &jail_rig_plain);
    assert_true(snprintf(path, sizeof path, "%s/dst/odd", a.dir) > 0);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_true(oddtree_make(path, skips));
    (void)fclose(skips);
    if (geteuid() == 0) {
        assert_int_equal(
            jail_remove(a.root, bytes_of_str("odd"), bytes_of_str("odd"), NULL),
            E_TARGET);
        (void)scratch_run("chattr -R -f -i -a %s/flags", path);
        assert_int_equal(
            jail_remove(a.root, bytes_of_str("odd"), bytes_of_str("odd"), NULL),
            0);
        assert_true(scratch_run("test -z \"$(ls -A %s/dst)\"", a.dir));
    }
    jail_attack_close(&a, "1");
}

/*
 * In a child, as another user who may write to dst/pub: swaps dst/pub/sub with
 * a symlink to outside, and every temporary file with one, for ever.
 */
static void be_the_attacker(const char *dir)
{
    int fd;

    if (setgid(65534) != 0 || setuid(65534) != 0 || chdir(dir) != 0 ||
        chdir("dst/pub") != 0 || symlink("../../outside", "link") != 0)
        _exit(1);
    fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (;;) {
        char dents[4096];
        ssize_t n;

        (void)renameat2(fd, "link", fd, "sub", RENAME_EXCHANGE);
        (void)lseek(fd, 0, SEEK_SET);
        n = getdents64(fd, dents, sizeof dents);
        for (ssize_t at = 0; at < n;) {
            struct dirent64 d;

            memcpy(&d, dents + at, offsetof(struct dirent64, d_name));
            at += d.d_reclen;
            if (strncmp(dents + at - d.d_reclen +
                            offsetof(struct dirent64, d_name),
                        ".dedup-", 7) == 0) {
                const char *name =
                    dents + at - d.d_reclen + offsetof(struct dirent64, d_name);

                (void)unlink(name);
                if (link("../../outside/victim", name) != 0 &&
                    symlink("../../outside/victim", name) != 0)
                    continue;
            }
        }
    }
}

/* The restore's side: the same entries again and again; each may fail. */
static void restore_under_attack(struct jail_attack *a, unsigned rounds)
{
    struct entry pub = jail_rig_entry(ENTRY_DIR, "pub");
    struct jail_dir *in = NULL;
    struct jail_result res;

    assert_int_equal(jail_dir_enter(a->root, &pub, &in, &res), 0);
    for (unsigned i = 0; i < rounds; i++) {
        struct entry sub = jail_rig_entry(ENTRY_DIR, "sub");
        struct entry victim = jail_rig_entry(ENTRY_FILE, "victim");
        struct entry link = jail_rig_entry(ENTRY_SYMLINK, "s");
        struct entry fifo = jail_rig_entry(ENTRY_FIFO, "p");
        struct jail_dir *below = NULL;
        int rc[5];

        victim.mode = 0666;
        victim.uid = link.uid = fifo.uid = 65534;
        victim.mtime.s = fifo.mtime.s = i;
        sub.mode = 0777;
        rc[0] = jail_dir_enter(in, &sub, &below, &res);
        if (rc[0] == 0 && below) {
            rc[1] = jail_rig_write(below, &victim, NULL, &res);
            rc[2] = jail_dir_finish(below, &sub, &res);
            err_ignore(rc[1] + rc[2], "only what is outside counts");
        }
        jail_dir_unref(below);
        rc[1] = jail_rig_write(in, &victim, NULL, &res);
        rc[2] = jail_node(in, &link, NULL, &res);
        rc[3] = jail_node(in, &fifo, NULL, &res);
        rc[4] = jail_remove(in, bytes_of_str("s"), bytes_of_str("s"), NULL);
        for (int k = 0; k < 5; k++)
            assert_true(rc[k] == 0 || rc[k] == E_TARGET);
    }
    jail_dir_unref(in);
}

static void test_jail__a_race_changes_nothing_outside(void **state)
{
    struct jail_options options = {.overwrite = JAIL_ALWAYS};
    struct jail_attack a;
    pid_t child;
    int status;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs two users\n");
        skip();
    }
    jail_attack_open(&a, &options);
    assert_true(
        scratch_run("mkdir -m 777 %s/dst/pub %s/dst/pub/sub", a.dir, a.dir));
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        be_the_attacker(a.dir);
    restore_under_attack(&a, 1500);
    assert_int_equal(waitpid(child, &status, WNOHANG), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    /* hard links to the victim are the attacker's, where the system lets
     * them; its content, owner, mode and time are not */
    jail_free(a.jail);
    assert_true(scratch_run("cd %s && %s --ignore=links before outside >&2",
                            a.dir, TREECMP));
    scratch_remove(a.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail__refuses_names_that_lead_elsewhere),
        cmocka_unit_test(test_jail__a_planted_symlink_is_not_a_directory),
        cmocka_unit_test(
            test_jail__a_symlink_in_the_target_is_not_written_through),
        cmocka_unit_test(test_jail__a_planted_hard_link_is_not_touched),
        cmocka_unit_test(test_jail__an_exchanged_file_is_told),
        cmocka_unit_test(test_jail__links_go_only_to_what_was_made),
        cmocka_unit_test(test_jail__removes_without_following),
        cmocka_unit_test(test_jail__removes_deep_trees),
        cmocka_unit_test(test_jail__a_race_changes_nothing_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
