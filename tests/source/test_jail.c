#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/source/copy.h"
#include "tests/source/jail_rig.h"
#include "tests/support/open_fds.h"
#include "tests/support/prng.h"

static void test_jail__writes_everything_back(void **state)
{
    struct jail_rig rig;
    struct copy_result result;
    size_t fds = open_fds();

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root to read all of it\n");
        skip();
    }
    jail_rig_odd(&rig);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    assert_string_equal(result.first, "");
    assert_int_equal(result.outcome[JAIL_REPLACED], 0);
    assert_int_equal(result.lost, 0);
    assert_true(jail_rig_same(&rig, "--hole-min=4096"));

    /* Once more: everything is there and is left alone. */
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    assert_string_equal(result.first, "");
    assert_int_equal(result.outcome[JAIL_MADE], 0);
    assert_int_equal(result.outcome[JAIL_REPLACED], 0);
    assert_true(jail_rig_same(&rig, "--hole-min=4096"));
    assert_int_equal(open_fds(), fds);
    scratch_remove(rig.dir);
}

/* ---- what stands there already ---------------------------------------- */

static void test_jail__overwrites_by_rule(void **state)
{
    static const struct {
        enum jail_overwrite rule;
        const char *expected; /* f, g, d/g's mode, l */
    } rows[] = {
        {JAIL_IF_CHANGED, "content same-size target 751"},
        {JAIL_ALWAYS, "content original! target 751"},
        {JAIL_IF_NEWER, "content same-size mine 700"},
        {JAIL_NEVER, "mine same-size mine 700"},
    };
    struct jail_rig rig;

    (void)state;
    jail_rig_empty(&rig);
    assert_true(scratch_run(
        "cd %s && printf content >f && printf original! >g && mkdir d && "
        "chmod 751 d && ln -s target l && touch -h -d @1000000000 f g l d",
        rig.src));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct jail_options options = {.overwrite = rows[i].rule};
        struct copy_result result;

        assert_true(
            scratch_run("rm -rf %s; mkdir -p %s && cd %s && printf mine >f && "
                        "touch -d @900000000 f && printf same-size >g && "
                        "touch -d @1000000000 g && ln -s mine l && "
                        "touch -h -d @1100000000 l && mkdir -m 700 d",
                        rig.target, rig.dst, rig.dst));
        assert_int_equal(copy_tree(rig.src, rig.target, &options, &result), 0);
        assert_string_equal(result.first, "");
        assert_true(scratch_run("cd %s && test \"$(cat f) $(cat g) $(readlink "
                                "l) $(stat -c %%a d)\" = '%s'",
                                rig.dst, rows[i].expected));
    }
    scratch_remove(rig.dir);
}

static void test_jail__replaces_every_type_by_every_type(void **state)
{
    static const char *const make[] = {"printf x >o", "mkdir o", "ln -s x o",
                                       "mkfifo o", "ln other o"};
    const size_t n = sizeof make / sizeof make[0];
    struct jail_rig rig;
    struct copy_result result;

    (void)state;
    jail_rig_empty(&rig);
    for (size_t i = 0; i < n * n; i++) {
        assert_true(scratch_run(
            "cd %s && rm -rf o other && printf longer >other && %s && "
            "touch -h -d @1000000000 o other .",
            rig.src, make[i % n]));
        assert_true(scratch_run("rm -rf %s && mkdir -p %s && cd %s && "
                                "printf longer >other && %s",
                                rig.target, rig.dst, rig.dst, make[i / n]));
        assert_int_equal(
            copy_tree(rig.src, rig.target, &jail_rig_plain, &result), 0);
        assert_string_equal(result.first, "");
        assert_true(jail_rig_same(&rig, ""));
    }
    /* a directory with something in it does not give way to a file */
    assert_true(scratch_run("cd %s && rm -rf o && printf x >o; cd %s && "
                            "rm -rf o && mkdir o && touch o/precious",
                            rig.src, rig.dst));
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    assert_int_equal(result.failures, 1);
    assert_true(scratch_run("test -f %s/o/precious", rig.dst));
    assert_true(scratch_run("! ls -A %s | grep -q dedup", rig.dst));
    scratch_remove(rig.dir);
}

static void test_jail__brings_metadata_up_to_date(void **state)
{
    static const char *const changes[] = {
        "chmod 600 f",
        "setfattr -n user.x -v z f",
        "setfattr -x user.x f",
        "setfattr -n user.other -v z f",
        "setfacl -m u:7:r f",
        "chmod 700 d",
        "setfattr -n user.d -v z d",
        "setfacl -d -m u:7:r d",
        "touch -d @5 d",
        "touch -h -d @5 l",
        "chown 5:6 f",
        "chown -h 5:6 l",
        "chmod 600 p",
        "chattr +d f",
    };
    struct jail_rig rig;
    struct copy_result result;

    (void)state;
    jail_rig_small(&rig);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (strncmp(changes[i], "chown", 5) == 0 && geteuid() != 0)
            continue;
        assert_true(scratch_run("cd %s && touch -r f keep && %s && "
                                "rm keep && touch -d @1000000000.5 .",
                                rig.dst, changes[i]));
        assert_int_equal(
            copy_tree(rig.src, rig.target, &jail_rig_plain, &result), 0);
        assert_string_equal(result.first, "");
        assert_int_equal(result.outcome[JAIL_REPLACED], 0);
        assert_true(jail_rig_same(&rig, ""));
    }
    scratch_remove(rig.dir);
}

static void test_jail__writes_in_place(void **state)
{
    struct jail_options options = {.in_place = true, .overwrite = JAIL_ALWAYS};
    static const char *const before[] = {"printf ''", "printf 0123456789",
                                         "head -c 3000000 /dev/urandom",
                                         "head -c 1048577 /dev/urandom"};
    struct jail_rig rig;
    struct copy_result result;

    (void)state;
    jail_rig_small(&rig);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        assert_true(scratch_run(
            "mkdir -p %s && cd %s && rm -f f hole && %s >hole && %s >f && "
            "chmod 644 f && ls -i hole f >../inodes",
            rig.dst, rig.dst, before[i], before[i]));
        assert_int_equal(copy_tree(rig.src, rig.target, &options, &result), 0);
        assert_string_equal(result.first, "");
        /* Btrfs keeps the block of a file that was shorter than one */
        assert_true(
            jail_rig_same(&rig, i < 2 ? "--ignore=holes" : "--hole-min=65536"));
        assert_true(
            scratch_run("cd %s && ls -i hole f | cmp - ../inodes", rig.dst));
    }
    scratch_remove(rig.dir);
}

static void test_jail__dry_run_writes_nothing(void **state)
{
    struct jail_options options = {.dry_run = true};
    struct jail_rig rig;
    struct copy_result result;

    (void)state;
    jail_rig_small(&rig);
    assert_int_equal(copy_tree(rig.src, rig.target, &options, &result), 0);
    assert_string_equal(result.first, "");
    assert_true(scratch_run("test ! -e %s", rig.target));
    assert_true(result.outcome[JAIL_MADE] >= 9);

    assert_true(scratch_run("mkdir -p %s/d && cd %s && printf x >f && "
                            "ln -s x d/g && cp -a %s %s/before",
                            rig.dst, rig.dst, rig.target, rig.dir));
    assert_int_equal(copy_tree(rig.src, rig.target, &options, &result), 0);
    assert_string_equal(result.first, "");
    assert_int_equal(result.outcome[JAIL_REPLACED], 2);
    assert_true(
        scratch_run("%s %s/before %s >&2", TREECMP, rig.dir, rig.target));
    scratch_remove(rig.dir);
}

static void test_jail__umask_and_default_acl_do_not_matter(void **state)
{
    struct jail_rig rig;
    struct copy_result result;
    mode_t mask = umask(0777);

    (void)state;
    (void)umask(mask);
    jail_rig_small(&rig);
    (void)umask(0777);
    scratch_run("true");
    assert_int_equal(mkdir(rig.target, 0700), 0);
    assert_int_equal(chmod(rig.target, 0700), 0);
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    (void)umask(mask);
    assert_string_equal(result.first, "");
    assert_true(jail_rig_same(&rig, ""));

    /* what is made in a directory inherits, at the top and further down */
    assert_true(scratch_run("rm -rf %s && mkdir -p %s", rig.target, rig.dst));
    if (!scratch_run("setfacl -R -d -m u:7:rwx,g:8:rwx %s", rig.target)) {
        print_message("skipped: no ACLs here\n");
        skip();
    }
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    assert_string_equal(result.first, "");
    assert_true(jail_rig_same(&rig, ""));
    scratch_remove(rig.dir);
}

static void test_jail__inherited_flags_do_not_matter(void **state)
{
    struct jail_rig rig;
    struct copy_result result;

    (void)state;
    jail_rig_small(&rig);
    assert_true(scratch_run("mkdir -p %s", rig.dst));
    if (!scratch_run("chattr +dA %s %s 2>/dev/null", rig.target, rig.dst)) {
        print_message("skipped: no inode flags here\n");
        skip();
    }
    if (!scratch_run("cd %s && touch x && lsattr x | grep -q d.*A && rm x",
                     rig.dst)) {
        print_message("skipped: this file system hands none down\n");
        skip();
    }
    assert_int_equal(copy_tree(rig.src, rig.target, &jail_rig_plain, &result),
                     0);
    assert_string_equal(result.first, "");
    assert_true(jail_rig_same(&rig, ""));
    scratch_remove(rig.dir);
}

enum { MANY = 300, PARTS = 20, PART = 1000, THREADS = 4 };

struct many {
    struct jail_file *file[MANY];
    uint8_t content[PARTS * PART];
    size_t first; /* of this thread */
};

static void *write_parts(void *arg)
{
    struct many *m = arg;
    static atomic_size_t next;
    size_t first = atomic_fetch_add(&next, 1) % THREADS;

    /* each file gets its parts in an order of its own, from all threads */
    for (size_t k = first; k < (size_t)MANY * PARTS; k += THREADS) {
        size_t i = k % MANY;
        size_t part = (k / MANY * 7 + i) % PARTS;

        if (jail_file_write(m->file[i], m->content + part * PART, PART,
                            part * PART) < 0)
            return m;
    }
    return NULL;
}

static void test_jail_file__many_unfinished_need_few_descriptors(void **state)
{
    struct many *m = calloc(1, sizeof *m);
    struct prng rng;
    struct jail_attack a;
    size_t fds;
    pthread_t thread[THREADS];

    (void)state;
    assert_non_null(m);
    prng_init(&rng, 5);
    prng_fill(&rng, m->content, sizeof m->content);
    jail_attack_open(&a, &jail_rig_plain);
    fds = open_fds();
    for (size_t i = 0; i < MANY; i++) {
        char name[16];
        struct entry e;
        struct jail_result res;

        assert_true(snprintf(name, sizeof name, "%zu", i) > 0);
        e = jail_rig_entry(ENTRY_FILE, name);
        assert_int_equal(jail_file_begin(a.root, &e, false, &m->file[i], &res),
                         0);
    }
    assert_in_range(open_fds(), fds, fds + DIRFD_OPEN_MIN);
    /* nobody else may read what is not complete */
    assert_true(scratch_run("cd %s/dst && test -z \"$(find . -type f -perm "
                            "/077)\" && test $(ls -A | wc -l) = %d",
                            a.dir, MANY));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_parts, m), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;

        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    for (size_t i = 0; i < MANY; i++) {
        char name[16];
        static char back[PARTS * PART + 1];
        struct entry e;
        struct jail_result res;
        char dst[SCRATCH_PATH + 8];

        assert_true(snprintf(name, sizeof name, "%zu", i) > 0);
        assert_true(snprintf(dst, sizeof dst, "%s/dst", a.dir) > 0);
        e = jail_rig_entry(ENTRY_FILE, name);
        e.size = sizeof m->content - i; /* cut to the byte */
        if (i % 10 == 9) {
            jail_file_abandon(m->file[i]);
            continue;
        }
        assert_int_equal(jail_file_finish(m->file[i], &e, NULL, &res), 0);
        assert_int_equal(scratch_read(dst, name, back, sizeof back), e.size);
        assert_memory_equal(back, m->content, e.size);
    }
    assert_true(scratch_run("test $(ls -A %s/dst | wc -l) = %d", a.dir,
                            MANY - MANY / 10));
    free(m);
    jail_attack_close(&a, "1");
}

static void test_jail_file__compares_for_verify(void **state)
{
    struct jail_file *f = NULL;
    struct jail_attack a;
    char buf[16];
    size_t got;

    (void)state;
    jail_attack_open(&a, &jail_rig_plain);
    assert_true(scratch_run("cd %s/dst && printf 0123456789 >f && mkfifo p && "
                            "ln -s f l && mkdir d",
                            a.dir));
    assert_int_equal(jail_file_open(a.root, bytes_of_str("f"), &f), 0);
    assert_int_equal(jail_file_read(f, buf, 4, 8, &got), 0);
    assert_int_equal(got, 2);
    assert_memory_equal(buf, "89", 2);
    jail_file_abandon(f);
    for (const char *name = "p\0l\0d\0none\0"; *name;
         name += strlen(name) + 1) {
        assert_int_equal(jail_file_open(a.root, bytes_of_str(name), &f), 0);
        assert_null(f);
    }
    assert_true(scratch_run("test -f %s/dst/f", a.dir));
    jail_attack_close(&a, "1");
}

static void test_jail_file__never_means_never(void **state)
{
    struct jail_options options = {.overwrite = JAIL_NEVER};
    struct entry e = jail_rig_entry(ENTRY_FILE, "f");
    struct jail_file *f = NULL;
    struct jail_result res;
    struct jail_attack a;

    (void)state;
    jail_attack_open(&a, &options);
    assert_int_equal(jail_file_begin(a.root, &e, false, &f, &res), 0);
    /* it appears while we write */
    assert_true(scratch_run("printf mine >%s/dst/f", a.dir));
    assert_int_equal(jail_file_finish(f, &e, NULL, &res), E_TARGET);
    assert_true(scratch_run("cd %s/dst && test \"$(cat f)\" = mine && "
                            "test $(ls -A | wc -l) = 1",
                            a.dir));
    jail_attack_close(&a, "1");
}

/* In a directory that the restore made nobody looks before a file is placed:
 * what came there meanwhile gives way all the same, or stays if the rule says
 * so. */
static void test_jail_file__meets_what_came_into_a_new_directory(void **state)
{
    static const struct {
        enum jail_overwrite overwrite;
        const char *comes; /* after the directory; in it */
        int rc;
        enum jail_outcome outcome;
    } row[] = {
        {JAIL_IF_CHANGED, "true", 0, JAIL_MADE},
        {JAIL_IF_CHANGED, "printf mine >f", 0, JAIL_REPLACED},
        {JAIL_IF_CHANGED, "mkdir f", 0, JAIL_REPLACED},
        {JAIL_IF_CHANGED, "mkdir -p f/in", E_TARGET, JAIL_REPLACED},
        {JAIL_ALWAYS, "ln -s ../../outside/victim f", 0, JAIL_REPLACED},
        {JAIL_NEVER, "printf mine >f", E_TARGET, JAIL_MADE},
        {JAIL_IF_NEWER, "printf mine >f", E_TARGET, JAIL_MADE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct jail_options options = {.overwrite = row[i].overwrite};
        struct entry d = jail_rig_entry(ENTRY_DIR, "d");
        struct entry e = jail_rig_entry(ENTRY_FILE, "f");
        struct jail_dir *dir = NULL;
        struct jail_file *f = NULL;
        struct jail_result res;
        struct jail_attack a;

        jail_attack_open(&a, &options);
        assert_int_equal(jail_dir_enter(a.root, &d, &dir, &res), 0);
        assert_int_equal(jail_file_begin(dir, &e, false, &f, &res), 0);
        assert_int_equal(jail_file_write(f, "written", 7, 0), 0);
        assert_true(scratch_run("cd %s/dst/d && %s", a.dir, row[i].comes));
        assert_int_equal(jail_file_finish(f, &e, NULL, &res), row[i].rc);
        assert_int_equal(res.outcome, row[i].outcome);
        assert_true(scratch_run("cd %s/dst/d && test $(ls -A | wc -l) = 1 && "
                                "test \"$(cat f)\" %s written",
                                a.dir, row[i].rc == 0 ? "=" : "!="));
        jail_dir_unref(dir);
        jail_attack_close(&a, "1");
    }
}

/* The owner is set where the file did not come into being with it. */
static void test_jail_file__a_directory_that_gives_its_group(void **state)
{
    struct entry e = jail_rig_entry(ENTRY_FILE, "f");
    struct jail_result res;
    struct jail_attack a;
    struct stat st;
    char path[SCRATCH_PATH + 16];

    (void)state;
    if (geteuid() != 0)
        skip();
    jail_attack_open(&a, &jail_rig_plain);
    assert_true(
        scratch_run("cd %s && chgrp 12345 dst && chmod g+s dst", a.dir));
    assert_int_equal(jail_rig_write(a.root, &e, NULL, &res), 0);
    assert_true(snprintf(path, sizeof path, "%s/dst/f", a.dir) > 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, e.uid);
    assert_int_equal(st.st_gid, e.gid);
    assert_int_equal(res.lost, 0);
    jail_attack_close(&a, "1");
}

static void test_jail__a_full_target_is_no_space(void **state)
{
    struct jail_rig rig;
    struct copy_result result;
    int rc;

    (void)state;
    jail_rig_empty(&rig);
    assert_int_equal(mkdir(rig.target, 0755), 0);
    if (!scratch_alone() ||
        mount("none", rig.target, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: no right to mount\n");
        scratch_remove(rig.dir);
        skip();
    }
    assert_true(scratch_run("head -c 3000000 /dev/zero >%s/f", rig.src));
    rc = copy_tree(rig.src, rig.target, &jail_rig_plain, &result);
    assert_int_equal(rc, E_NOSPACE);
    assert_true(scratch_run("test -z \"$(find %s -type f)\"", rig.target));
    assert_int_equal(umount(rig.target), 0);
    scratch_remove(rig.dir);
}

static void test_jail__a_common_user_loses_but_does_not_fail(void **state)
{
    struct jail_rig rig;
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root to make what is lost\n");
        skip();
    }
    jail_rig_small(&rig);
    assert_true(scratch_run(
        "cd %s && chmod -R a+rX .. && touch -d @1000000000.5 d && mknod c c 1 "
        "3 && printf s >s && "
        "chown 65534:0 s f && chmod 6755 s && printf u >u && chmod 4711 u && "
        "chmod 6755 u && mkdir -m 555 ro && touch ro/x && chattr +i f; "
        "mkdir -m 777 ../dst && touch -d @1000000000 . ro",
        rig.src));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct copy_result result;
        const unsigned lost = JAIL_LOST_OWNER | JAIL_LOST_MODE |
                              JAIL_LOST_OBJECT | JAIL_LOST_FLAGS;
        int rc;

        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        rc = copy_tree(rig.src, rig.target, &jail_rig_plain, &result);
        if (rc < 0 || result.failures || result.problems)
            (void)fprintf(stderr, "%s %s\n", err_text(), result.first);
        _exit(rc < 0 || result.failures || result.problems ||
                      (result.lost & lost) != lost ||
                      result.outcome[JAIL_SKIPPED] != 1
                  ? 1
                  : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* set-id bits only where their owner came along */
    assert_true(scratch_run("cd %s && test $(stat -c %%a s) = 4755 && "
                            "test $(stat -c %%a u) = 755 && test ! -e c",
                            rig.dst));
    assert_true(scratch_run("rm %s/c; chmod 755 %s/u; chmod 4755 %s/s; "
                            "touch -d @1000000000 %s",
                            rig.src, rig.src, rig.src, rig.src));
    assert_true(jail_rig_same(&rig, "--ignore=owner,flags"));
    scratch_remove(rig.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jail__writes_everything_back),
        cmocka_unit_test(test_jail__overwrites_by_rule),
        cmocka_unit_test(test_jail__replaces_every_type_by_every_type),
        cmocka_unit_test(test_jail__brings_metadata_up_to_date),
        cmocka_unit_test(test_jail__writes_in_place),
        cmocka_unit_test(test_jail__dry_run_writes_nothing),
        cmocka_unit_test(test_jail__inherited_flags_do_not_matter),
        cmocka_unit_test(test_jail__umask_and_default_acl_do_not_matter),
        cmocka_unit_test(test_jail_file__many_unfinished_need_few_descriptors),
        cmocka_unit_test(test_jail_file__compares_for_verify),
        cmocka_unit_test(test_jail_file__never_means_never),
        cmocka_unit_test(test_jail_file__meets_what_came_into_a_new_directory),
        cmocka_unit_test(test_jail_file__a_directory_that_gives_its_group),
        cmocka_unit_test(test_jail__a_full_target_is_no_space),
        cmocka_unit_test(test_jail__a_common_user_loses_but_does_not_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
