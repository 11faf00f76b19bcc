/* What only the local store has: directories, modes, limits, hostile things. */
#include "tests/store/store_place.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct store_place place;

static int setup(void **state)
{
    store_place_make(&place, *(enum store_kind *)*state);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    /* of a test that mounted something and failed */
    store_close(place.s);
    place.s = NULL;
    (void)umount2(place.path, MNT_DETACH);
    store_place_remove(&place);
    return 0;
}

static int put_rc(const char *name, const char *content)
{
    enum store_outcome outcome;

    return store_put(place.s, name, bytes_of_str(content), &outcome);
}

static const char *path_of(const char *name)
{
    static char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", place.path, name);
    return path;
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    assert_int_equal(lstat(path_of(name), &st), 0);
    return st.st_mode & 07777;
}

static int count(void *ctx, const char *name, uint64_t size)
{
    (void)name;
    (void)size;
    ++*(unsigned *)ctx;
    return 0;
}

static void test_local__is_private_whatever_the_umask(void **state)
{
    mode_t old = umask(0);

    (void)state;
    assert_int_equal(put_rc("packs/ab/p", "x"), 0);
    (void)umask(old);
    assert_int_equal(mode_of(""), 0700);
    assert_int_equal(mode_of("packs"), 0700);
    assert_int_equal(mode_of("packs/ab"), 0700);
    assert_int_equal(mode_of("packs/ab/p"), 0400);
    assert_int_equal(mode_of(".tmp"), 0700);
}

static void test_local__is_shared_when_its_root_is(void **state)
{
    mode_t old;

    (void)state;
    assert_int_equal(chmod(place.path, 02770), 0);
    store_place_reopen(&place);
    old = umask(077);
    assert_int_equal(put_rc("packs/ab/p", "x"), 0);
    (void)umask(old);
    assert_int_equal(mode_of("packs"), 02770);
    assert_int_equal(mode_of("packs/ab"), 02770);
    assert_int_equal(mode_of("packs/ab/p"), 0440);
    assert_int_equal(mode_of(".tmp"), 02770);
}

static void test_local__opens_a_root_however_it_is_written(void **state)
{
    char slashes[128];
    char link_path[128];
    struct store *s;
    bool found = false;
    uint64_t size;

    (void)state;
    assert_int_equal(put_rc("config", "x"), 0);
    (void)snprintf(slashes, sizeof slashes, "%s///", place.path);
    assert_int_equal(local_open(slashes, &s), 0);
    assert_string_equal(store_place(s), place.path);
    assert_int_equal(store_size(s, "config", &size, &found), 0);
    assert_true(found);
    store_close(s);

    (void)snprintf(link_path, sizeof link_path, "%s.link", place.path);
    assert_int_equal(symlink(place.path, link_path), 0);
    assert_int_equal(local_open(link_path, &s), 0);
    assert_int_equal(store_size(s, "config", &size, &found), 0);
    assert_true(found);
    store_close(s);
    assert_int_equal(local_create(link_path), 0);

    assert_int_equal(local_open(path_of("no"), &s), E_NOREPO);
    assert_int_equal(local_open(path_of("config"), &s), E_NOREPO);
    assert_int_equal(local_create(path_of("no/such")), E_STORE);
}

static void test_local__refuses_symbolic_links_inside(void **state)
{
    struct buf got;
    unsigned n = 0;
    bool found;

    (void)state;
    buf_init(&got, 100);
    assert_int_equal(put_rc("keys/k", "x"), 0);
    assert_int_equal(symlink("keys", path_of("packs")), 0);
    assert_int_equal(store_get(place.s, "packs/k", &got, &found), E_STORE);
    assert_int_equal(put_rc("packs/p", "x"), E_STORE);
    assert_int_equal(store_delete(place.s, "packs/k"), E_STORE);
    assert_int_equal(store_list(place.s, "packs", count, &n), E_STORE);
    assert_int_equal(store_list(place.s, "", count, &n), E_STORE);
    assert_int_equal(unlink(path_of("packs")), 0);
    assert_int_equal(symlink("k", path_of("keys/l")), 0);
    assert_int_equal(store_get(place.s, "keys/l", &got, &found), E_STORE);
    assert_non_null(strstr(err_text(), "symbolic link"));
    buf_release(&got);
}

static void test_local__is_not_held_up_by_what_is_no_file(void **state)
{
    struct buf got;
    unsigned n = 0;
    bool found;

    (void)state;
    buf_init(&got, 100);
    assert_int_equal(put_rc("keys/k", "x"), 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(store_get(place.s, "fifo", &got, &found), E_STORE);
    assert_int_equal(store_get(place.s, "keys", &got, &found), E_STORE);
    assert_int_equal(put_rc("keys/k/x", "x"), E_STORE);
    assert_int_equal(close(creat(path_of("README"), 0600)), 0);
    assert_int_equal(mkdir(path_of("lost+found"), 0700), 0);
    assert_int_equal(close(creat(path_of("lost+found/a"), 0600)), 0);
    assert_int_equal(close(creat(path_of("keys/.k.swp"), 0600)), 0);
    assert_int_equal(store_list(place.s, "", count, &n), 0);
    assert_int_equal(n, 1);
    buf_release(&got);
}

static void test_local__sweeps_what_crashed_writers_left(void **state)
{
    struct timespec old[2] = {{0}};
    struct timespec now;
    char fresh[300];

    (void)state;
    assert_int_equal(put_rc("a", "x"), 0);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    old[0].tv_sec = old[1].tv_sec = now.tv_sec - 25 * 3600;
    assert_int_equal(close(creat(path_of(".tmp/1-old"), 0600)), 0);
    assert_int_equal(utimensat(AT_FDCWD, path_of(".tmp/1-old"), old, 0), 0);
    (void)snprintf(fresh, sizeof fresh, "%s", path_of(".tmp/1-fresh"));
    old[0].tv_sec = old[1].tv_sec = now.tv_sec - 23 * 3600;
    assert_int_equal(close(creat(fresh, 0600)), 0);
    assert_int_equal(utimensat(AT_FDCWD, fresh, old, 0), 0);
    store_place_reopen(&place);
    /* reading changes nothing */
    assert_int_equal(store_delete(place.s, "none"), 0);
    assert_int_equal(access(path_of(".tmp/1-old"), F_OK), 0);
    assert_int_equal(put_rc("b", "x"), 0);
    assert_int_equal(access(path_of(".tmp/1-old"), F_OK), -1);
    assert_int_equal(access(fresh, F_OK), 0);
}

static void test_local__leftovers_do_not_block_names(void **state)
{
    char name[64];

    (void)state;
    assert_int_equal(put_rc("a", "x"), 0);
    /* what this very process would use next */
    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, ".tmp/%ld-%d", (long)getpid(), i);
        assert_int_equal(close(creat(path_of(name), 0600)), 0);
        (void)snprintf(name, sizeof name, ".tmp/probe-%ld-%d", (long)getpid(),
                       i);
        assert_int_equal(close(creat(path_of(name), 0600)), 0);
    }
    store_place_reopen(&place);
    assert_int_equal(put_rc("b", "x"), 0);
    assert_int_equal(put_rc("b", "x"), 0);
}

enum { PROCESSES = 4, RACES = 12 };

static void race_in_child(int id, int to)
{
    for (int i = 0; i < RACES; i++) {
        enum store_outcome outcome;
        char name[32];
        char content[2] = {(char)('0' + id), 0};

        (void)snprintf(name, sizeof name, "packs/%d/p%d", i / 4, i);
        store_place_reopen(&place);
        if (store_put(place.s, name, bytes_of_str(content), &outcome) < 0)
            _exit(1);
        content[0] = (char)i;
        if (outcome == STORE_CREATED && write(to, content, 1) != 1)
            _exit(2);
    }
    _exit(0);
}

static void test_local__of_many_processes_one_creates(void **state)
{
    unsigned created[RACES] = {0};
    int ends[2];
    char i;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (int id = 0; id < PROCESSES; id++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
            race_in_child(id, ends[1]);
    }
    (void)close(ends[1]);
    while (read(ends[0], &i, 1) == 1)
        created[(int)i]++;
    (void)close(ends[0]);
    for (int id = 0; id < PROCESSES; id++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (int k = 0; k < RACES; k++)
        assert_int_equal(created[k], 1);
}

static bool mount_small(const char *options)
{
    if (scratch_alone() && mount("none", place.path, "tmpfs", 0, options) == 0)
        return true;
    print_message("skipped: no permission to mount a tmpfs\n");
    return false;
}

/* fill it with objects of 64 KiB; returns how many fitted */
static unsigned fill(int *rc)
{
    static char block[65536];
    enum store_outcome outcome;
    char name[32];
    unsigned n = 0;

    do {
        (void)snprintf(name, sizeof name, "packs/00/%u", n);
        *rc = store_put(place.s, name, bytes_of(block, sizeof block), &outcome);
        n += *rc == 0;
    } while (*rc == 0 && n < 1000);
    return n;
}

static void test_local__a_full_disk_is_told_and_survived(void **state)
{
    unsigned listed = 0;
    unsigned n;
    int rc;

    (void)state;
    if (!mount_small("size=1m"))
        skip();
    store_place_reopen(&place);
    n = fill(&rc);
    assert_int_equal(rc, E_NOSPACE);
    assert_true(n > 5 && n <= 16);
    assert_non_null(strstr(err_text(), place.path));
    assert_non_null(strstr(err_text(), "bytes free"));
    assert_int_equal(store_list(place.s, "", count, &listed), 0);
    assert_int_equal(listed, n);
    assert_int_equal(put_rc("small", "x"), E_NOSPACE);
    assert_int_equal(store_delete(place.s, "packs/00/0"), 0);
    assert_int_equal(put_rc("small", "x"), 0);
}

static void test_local__no_inodes_is_no_space(void **state)
{
    unsigned n;
    int rc;

    (void)state;
    if (!mount_small("size=8m,nr_inodes=20"))
        skip();
    store_place_reopen(&place);
    n = fill(&rc);
    assert_int_equal(rc, E_NOSPACE);
    assert_true(n > 5 && n < 20);
}

static void test_local__a_read_only_disk_can_be_read(void **state)
{
    unsigned listed = 0;
    struct buf got;
    bool found;

    (void)state;
    if (!mount_small("size=1m"))
        skip();
    store_place_reopen(&place);
    assert_int_equal(put_rc("config", "x"), 0);
    store_place_reopen(&place);
    assert_int_equal(
        mount("none", place.path, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    buf_init(&got, 10);
    assert_int_equal(store_get(place.s, "config", &got, &found), 0);
    assert_true(found);
    buf_release(&got);
    assert_int_equal(store_list(place.s, "", count, &listed), 0);
    assert_int_equal(listed, 1);
    assert_int_equal(put_rc("other", "x"), E_STORE);
    assert_non_null(strstr(err_text(), "read-only"));
}

/* E_NOSPACE for a size limit, E_STORE with advice for lack of permission; in
 * children, since neither can be undone. */
static int child_without_permission(void)
{
    struct store *s;

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    if (local_open(place.path, &s) != E_STORE)
        return 2;
    return strstr(err_text(), "user who owns") ? 0 : 3;
}

static int child_with_size_limit(void)
{
    static char block[65536];
    struct rlimit limit = {4096, 4096};
    enum store_outcome outcome;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 1;
    if (put_rc("small", "x") < 0)
        return 2;
    return store_put(place.s, "large", bytes_of(block, sizeof block),
                     &outcome) == E_NOSPACE
               ? 0
               : 3;
}

static void run_in_child(int (*run)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(run());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_local__limits_of_the_user_are_told(void **state)
{
    (void)state;
    run_in_child(child_with_size_limit);
    if (getuid() == 0)
        run_in_child(child_without_permission);
    else
        print_message("not root: lack of permission not tested\n");
}

int main(void)
{
    static const struct store_clause clauses[] = {
        STORE_CLAUSE(test_local__is_private_whatever_the_umask),
        STORE_CLAUSE(test_local__is_shared_when_its_root_is),
        STORE_CLAUSE(test_local__opens_a_root_however_it_is_written),
        STORE_CLAUSE(test_local__refuses_symbolic_links_inside),
        STORE_CLAUSE(test_local__is_not_held_up_by_what_is_no_file),
        STORE_CLAUSE(test_local__sweeps_what_crashed_writers_left),
        STORE_CLAUSE(test_local__leftovers_do_not_block_names),
        STORE_CLAUSE(test_local__of_many_processes_one_creates),
        STORE_CLAUSE(test_local__a_full_disk_is_told_and_survived),
        STORE_CLAUSE(test_local__no_inodes_is_no_space),
        STORE_CLAUSE(test_local__a_read_only_disk_can_be_read),
        STORE_CLAUSE(test_local__limits_of_the_user_are_told),
    };

    return store_place_run(clauses, sizeof clauses / sizeof clauses[0],
                           STORE_BY_TMPFILE, setup, teardown);
}
