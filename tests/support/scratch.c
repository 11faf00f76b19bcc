#include "tests/support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void join(char to[SCRATCH_PATH], const char *dir, const char *name)
{
    int n = snprintf(to, SCRATCH_PATH, "%s/%s", dir, name);

    assert_in_range(n, 1, SCRATCH_PATH - 1);
}

/* Where process numbers mean what they mean to us. */
static unsigned long pid_namespace(void)
{
    struct stat st;

    return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/* A directory is named after the process that made it: whether it is one of
 * ours whose process is gone. */
static bool is_left_over(int tmp, const char *name)
{
    unsigned long ns;
    struct stat st;
    long pid;

    return sscanf(name, "dedup-test.%lu.%ld.", &ns, &pid) == 2 &&
           ns == pid_namespace() && kill((pid_t)pid, 0) < 0 && errno == ESRCH &&
           fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Another test may be at it as well. */
static void reap(const char *tmp)
{
    DIR *d = opendir(tmp);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (!is_left_over(dirfd(d), e->d_name))
            continue;
        if (!scratch_run("cd '%s' && { chattr -R -f -i -a '%s' >/dev/null 2>&1;"
                         " chmod -R u+rwx '%s'; rm -rf --one-file-system '%s';"
                         " } 2>/dev/null",
                         tmp, e->d_name, e->d_name, e->d_name))
            print_message("%s/%s is left over\n", tmp, e->d_name);
    }
    if (d)
        (void)closedir(d);
}

bool scratch_alone(void)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void scratch_make(char path[SCRATCH_PATH])
{
    const char *tmp = getenv("TMPDIR");
    char name[64];
    char *real;

    if (!tmp || !*tmp)
        tmp = "/tmp";
    reap(tmp);
    (void)snprintf(name, sizeof name, "dedup-test.%lu.%ld.XXXXXX",
                   pid_namespace(), (long)getpid());
    join(path, tmp, name);
    assert_non_null(mkdtemp(path));
    real = realpath(path, NULL);
    assert_non_null(real);
    assert_in_range(strlen(real), 1, SCRATCH_PATH - 1);
    memcpy(path, real, strlen(real) + 1);
    free(real);
}

void scratch_remove(const char *path)
{
    assert_true(scratch_run("chattr -R -f -i -a '%s' >/dev/null 2>&1; "
                            "chmod -R u+rwx '%s' 2>/dev/null; rm -rf '%s'",
                            path, path, path));
}

void scratch_dir(const char *dir, const char *name)
{
    char path[SCRATCH_PATH];

    join(path, dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

void scratch_file(const char *dir, const char *name, const void *p, size_t n)
{
    char path[SCRATCH_PATH];
    const char *from = p;
    int fd;

    join(path, dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    while (n > 0) {
        ssize_t k = write(fd, from, n);

        assert_true(k > 0);
        from += k;
        n -= (size_t)k;
    }
    assert_int_equal(close(fd), 0);
}

void scratch_text(const char *dir, const char *name, const char *text)
{
    scratch_file(dir, name, text, strlen(text));
}

size_t scratch_read(const char *dir, const char *name, char *to, size_t n)
{
    char path[SCRATCH_PATH];
    size_t got = 0;
    ssize_t k = 1;
    int fd;

    join(path, dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while (k > 0 && got < n - 1) {
        k = read(fd, to + got, n - 1 - got);
        assert_true(k >= 0);
        got += (size_t)k;
    }
    to[got] = 0;
    assert_int_equal(close(fd), 0);
    return got;
}

bool scratch_run(const char *fmt, ...)
{
    char command[4096];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    assert_in_range(n, 1, sizeof command - 1);
    return system(command) == 0;
}
