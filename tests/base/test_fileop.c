#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/fileop.h"
#include "base/fileop_fault.h"

struct place {
    char path[64];
    int dir;
};

static int setup(void **state)
{
    static struct place place;

    (void)snprintf(place.path, sizeof place.path, "/tmp/test_fileop.XXXXXX");
    if (!mkdtemp(place.path))
        return -1;
    place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &place;
    return place.dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[128];

    assert_int_equal(fileop_fault_set(NULL), 0);
    (void)close(place->dir);
    (void)snprintf(command, sizeof command, "rm -rf %s", place->path);
    return system(command);
}

static int make_file(const struct place *place, const char *name)
{
    int fd = fileop_openat(place->dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void plan(const char *text)
{
    assert_int_equal(fileop_fault_set(text), 0);
}

static void test_fileop__full_transfers_survive_short_ones(void **state)
{
    uint8_t out[1000];
    uint8_t in[1000];
    int fd = make_file(*state, "f");

    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7);
    plan("short-from:1");
    assert_int_equal(fileop_write_full(fd, out, 500), 0);
    assert_int_equal(fileop_pwrite_full(fd, out + 500, 500, 500), 0);
    assert_int_equal(fileop_seek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fileop_read_full(fd, in, sizeof in), 1000);
    assert_memory_equal(in, out, sizeof in);
    memset(in, 0, sizeof in);
    assert_int_equal(fileop_pread_full(fd, in, 600, 0), 600);
    assert_int_equal(fileop_pread_full(fd, in + 600, 600, 600), 400);
    assert_memory_equal(in, out, sizeof in);
    /* each full call took about log2(n) halves, not one */
    assert_true(fileop_fault_fired() > 30);
    plan(NULL);
    assert_int_equal(fileop_read(fd, in, 10), 0);
    assert_int_equal(fileop_close(fd), 0);
}

static void test_fileop__interrupted_calls_are_repeated(void **state)
{
    uint8_t x[4] = {1, 2, 3, 4};
    int fd = make_file(*state, "f");

    plan("fail:1:EINTR");
    assert_int_equal(fileop_write(fd, x, 4), 4);
    assert_int_equal(fileop_fault_count(), 2);
    plan("fail:1:EINTR");
    assert_int_equal(fileop_sync(fd), 0);
    assert_int_equal(fileop_fault_count(), 2);
    plan("fail:2:EINTR");
    assert_int_equal(fileop_pread_full(fd, x, 4, 0), 4);
    assert_int_equal(fileop_close(fd), -1);
    assert_int_equal(errno, EINTR);
    /* it was closed all the same, and only once */
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_fileop__descriptors_close_on_exec(void **state)
{
    const struct place *place = *state;
    struct open_how how = {.flags = O_RDONLY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = make_file(place, "f");
    int fd2;

    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    fd2 = fileop_openat2(place->dir, "f", &how);
    assert_true(fd2 >= 0);
    assert_int_equal(fcntl(fd2, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fileop_symlinkat("f", place->dir, "s"), 0);
    assert_int_equal(fileop_openat2(place->dir, "s", &how), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(fileop_openat2(place->dir, "../x", &how), -1);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(fileop_close(fd), 0);
    assert_int_equal(fileop_close(fd2), 0);
    assert_int_equal(fileop_close(-1), 0);
}

static void test_fileop__links_a_nameless_file_once(void **state)
{
    const struct place *place = *state;
    struct stat st;
    int fd = fileop_openat(place->dir, ".", O_TMPFILE | O_WRONLY, 0600);

    if (fd < 0 && errno == EOPNOTSUPP) {
        print_message("skipped: no O_TMPFILE in /tmp\n");
        skip();
    }
    assert_true(fd >= 0);
    assert_int_equal(fileop_write_full(fd, "abc", 3), 0);
    assert_int_equal(fileop_sync(fd), 0);
    assert_int_equal(fileop_link_fd(fd, place->dir, "a"), 0);
    assert_int_equal(fileop_link_fd(fd, place->dir, "a"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(fileop_sync_dir(place->dir), 0);
    assert_int_equal(fileop_fstatat(place->dir, "a", &st, AT_SYMLINK_NOFOLLOW),
                     0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(fileop_close(fd), 0);
}

static void test_fileop__walks_directory_entries(void **state)
{
    const struct place *place = *state;
    char buf[4096];
    struct fileop_dirent e;
    ssize_t n;
    int seen = 0;
    char name[32];

    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "entry-%03d", i);
        assert_int_equal(fileop_close(make_file(place, name)), 0);
    }
    while ((n = fileop_getdents(place->dir, buf, sizeof buf)) > 0) {
        size_t at = 0;

        while (fileop_dirent_next(buf, (size_t)n, &at, &e)) {
            assert_int_equal(strncmp(e.name, "entry-", 6), 0);
            assert_true(e.type == DT_REG || e.type == DT_UNKNOWN);
            assert_true(e.inode != 0);
            seen++;
        }
    }
    assert_int_equal(n, 0);
    assert_int_equal(seen, 300);
}

static void test_fileop__metadata_calls_reach_the_file(void **state)
{
    const struct place *place = *state;
    const struct timespec times[2] = {{1, 2}, {3, 4}};
    char value[8] = "";
    char proc[32];
    struct stat st;
    struct statx stx;
    struct statvfs vfs;
    int fd = make_file(place, "f");

    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    assert_int_equal(fileop_fchmod(fd, 0640), 0);
    assert_int_equal(fileop_fchmodat(place->dir, "f", 0604), 0);
    assert_int_equal(fileop_fchown(fd, getuid(), getgid()), 0);
    assert_int_equal(fileop_fchownat(fd, "", getuid(), getgid(), AT_EMPTY_PATH),
                     0);
    assert_int_equal(fileop_futimens(fd, times), 0);
    assert_int_equal(fileop_truncate(fd, 1 << 20), 0);
    assert_int_equal(fileop_utimensat(place->dir, "f", times, 0), 0);
    assert_int_equal(fileop_fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_int_equal(st.st_mtim.tv_sec, 3);
    assert_int_equal(st.st_mtim.tv_nsec, 4);
    assert_int_equal(fileop_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx), 0);
    assert_int_equal(stx.stx_size, 1 << 20);
    assert_int_equal(fileop_statvfs(place->dir, &vfs), 0);
    assert_true(vfs.f_frsize > 0);
    if (fileop_fsetxattr(fd, "user.a", "1", 1, XATTR_CREATE) < 0) {
        assert_int_equal(errno, EOPNOTSUPP);
        print_message("no user xattrs in /tmp: their calls not tested\n");
    } else {
        assert_int_equal(fileop_setxattr(proc, "user.b", "22", 2, 0), 0);
        assert_int_equal(fileop_getxattr(proc, "user.b", value, 8), 2);
        assert_int_equal(fileop_fgetxattr(fd, "user.a", value, 8), 1);
        assert_int_equal(fileop_flistxattr(fd, value, 0), 14);
        assert_int_equal(fileop_listxattr(proc, value, 0), 14);
        assert_int_equal(fileop_fremovexattr(fd, "user.a"), 0);
        assert_int_equal(fileop_removexattr(proc, "user.b"), 0);
        assert_int_equal(fileop_fgetxattr(fd, "user.a", value, 8), -1);
        assert_int_equal(errno, ENODATA);
    }
    assert_int_equal(fileop_close(fd), 0);
}

static void test_fileop__faults_strike_where_the_plan_says(void **state)
{
    /* what three writes of 4 bytes and three fsyncs report under each plan */
    static const struct {
        const char *plan;
        const char *writes;
        const char *syncs;
        uint64_t count;
        uint64_t fired;
    } row[] = {
        {"count", "444", "000", 6, 0},
        {"fail:2", "4-4", "000", 6, 1},
        {"fail:4:ENOSPC", "444", "-00", 6, 1},
        {"fail-from:3:EROFS", "44-", "---", 6, 4},
        {"lose:1:EIO", "-44", "000", 6, 1},
        {"short:2", "424", "000", 3, 1},
        {"short-from:2", "422", "000", 3, 2},
        {"fail:2,class=sync", "444", "0-0", 3, 1},
        {"fail-from:2,class=sync+write", "4--", "---", 6, 5},
        {"fail:1,class=open+name", "444", "000", 0, 0},
        {"fail-from:1,domain=repo", "444", "---", 3, 3},
        {"fail-from:1,domain=repo+other", "---", "---", 6, 6},
        {"fail:1,domain=repo,class=write", "444", "000", 0, 0},
    };
    int fd = make_file(*state, "f");

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char got[2][4] = {"", ""};
        enum fileop_domain old;

        plan(row[i].plan);
        for (int k = 0; k < 3; k++) {
            ssize_t r = fileop_write(fd, "abcd", 4);

            got[0][k] = r < 0 ? '-' : (char)('0' + r);
        }
        old = fileop_enter(FILEOP_REPO);
        for (int k = 0; k < 3; k++)
            got[1][k] = fileop_sync(fd) < 0 ? '-' : '0';
        assert_int_equal(fileop_enter(old), FILEOP_REPO);
        assert_string_equal(got[0], row[i].writes);
        assert_string_equal(got[1], row[i].syncs);
        assert_int_equal(fileop_fault_count(), row[i].count);
        assert_int_equal(fileop_fault_fired(), row[i].fired);
    }
    plan(NULL);
    assert_int_equal(fileop_close(fd), 0);
}

static void test_fileop__a_lost_reply_is_of_a_deed_done(void **state)
{
    const struct place *place = *state;
    struct stat st;

    plan("lose:1:ESTALE");
    assert_int_equal(fileop_mkdirat(place->dir, "d", 0700), -1);
    assert_int_equal(errno, ESTALE);
    assert_int_equal(fileop_fstatat(place->dir, "d", &st, 0), 0);
    plan("fail:1:EDQUOT");
    assert_int_equal(fileop_mkdirat(place->dir, "e", 0700), -1);
    assert_int_equal(errno, EDQUOT);
    assert_int_equal(fileop_fstatat(place->dir, "e", &st, 0), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_fileop__kills_before_or_after(void **state)
{
    static const char *const plans[] = {"kill:2", "kill-after:2"};
    const struct place *place = *state;
    struct stat st;

    for (int after = 0; after < 2; after++) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            char name[2] = "a";

            if (fileop_fault_set(plans[after]) < 0)
                _exit(2);
            for (; name[0] <= 'c'; name[0]++)
                if (fileop_mkdirat(place->dir, name, 0700) < 0)
                    _exit(3);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(fileop_unlinkat(place->dir, "a", AT_REMOVEDIR), 0);
        assert_int_equal(fileop_fstatat(place->dir, "b", &st, 0),
                         after ? 0 : -1);
        assert_int_equal(fileop_fstatat(place->dir, "c", &st, 0), -1);
    }
}

static void test_fileop__malformed_plans_are_refused(void **state)
{
    static const char *const bad[] = {
        "fail",           "fail:0",
        "fail:x",         "fail:1:ENOSUCH",
        "explode:1",      "fail:1,class=fsync",
        "fail:1,domain=", "fail:1,color=red",
        "short-from",     "fail:1,class=syncwrite"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fileop_fault_set(bad[i]), E_USAGE);
}

/* what this program does when it is started as "PROGRAM DIR" */
static int run_as_child(const char *path)
{
    int dir = fileop_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);

    if (dir < 0)
        return 10;
    for (int i = 0; i < 3; i++)
        if (fileop_sync_dir(dir) < 0)
            return 20 + i;
    return 0;
}

static int run_with(const char *path, const char *fault)
{
    char command[512];
    char self[256];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    assert_true(n > 0);
    self[n] = 0;
    (void)snprintf(command, sizeof command,
                   "DEDUP_FAULT=%s DEDUP_FAULT_COUNT=%s/count %s %s "
                   "2>/dev/null",
                   fault, path, self, path);
    return WEXITSTATUS(system(command));
}

static void test_fileop__a_program_obeys_its_environment(void **state)
{
    const struct place *place = *state;
    char path[128];
    int count = 0;
    FILE *f;

    assert_int_equal(run_with(place->path, "fail:2,class=sync"), 21);
    assert_int_equal(run_with(place->path, "no-such-plan"), 1);
    assert_int_equal(run_with(place->path, "count"), 0);
    (void)snprintf(path, sizeof path, "%s/count", place->path);
    f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1);
    assert_int_equal(count, 4);
    (void)fclose(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fileop__full_transfers_survive_short_ones),
        TEST(test_fileop__interrupted_calls_are_repeated),
        TEST(test_fileop__descriptors_close_on_exec),
        TEST(test_fileop__links_a_nameless_file_once),
        TEST(test_fileop__walks_directory_entries),
        TEST(test_fileop__metadata_calls_reach_the_file),
        TEST(test_fileop__faults_strike_where_the_plan_says),
        TEST(test_fileop__a_lost_reply_is_of_a_deed_done),
        TEST(test_fileop__kills_before_or_after),
        TEST(test_fileop__malformed_plans_are_refused),
        TEST(test_fileop__a_program_obeys_its_environment),
    };

    if (argc > 1)
        return run_as_child(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
