#include "base/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileop.h"

enum { PROCESS_LINE_MAX = 512 /* a stat up to its field 22 is shorter */ };

void process_read(const char *path, char *out, size_t size)
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n = fd < 0 ? -1 : fileop_read_full(fd, out, size - 1);

    out[n < 0 ? 0 : n] = 0;
    (void)fileop_close(fd);
}

bool process_stat_parse(const char *line, struct process_stat *s)
{
    const char *p = strrchr(line, ')');

    *s = (struct process_stat){.pid = strtoull(line, NULL, 10)};
    s->ended = p && p[1] == ' ' && strchr("ZXx", p[2]) && p[2];
    /* counted behind the name in parentheses, which is field 2 */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        s->start = strtoull(p, NULL, 10);
    return p && s->pid != 0;
}

static bool process_stat_read(uint32_t pid, struct process_stat *s)
{
    char line[PROCESS_LINE_MAX];
    char path[32] = "/proc/self/stat";

    if (pid != 0)
        (void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
    process_read(path, line, sizeof line);
    return process_stat_parse(line, s);
}

uint64_t process_start(uint32_t pid)
{
    struct process_stat s;

    return process_stat_read(pid, &s) && !s.ended ? s.start : 0;
}

bool process_is_gone(uint32_t pid, uint64_t start)
{
    struct process_stat s;

    /* who hides processes from us may hide this one: kill() does not lie */
    return process_stat_read(pid, &s)
               ? s.ended || s.start != start
               : pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

bool process_numbers_agree(void)
{
    struct process_stat s;

    return process_stat_read(0, &s) && s.pid == (uint64_t)getpid();
}

uint64_t process_pid_namespace(void)
{
    struct stat st;

    if (fileop_fstatat(AT_FDCWD, "/proc/self/ns/pid", &st, 0) < 0)
        return 0;
    return (uint64_t)st.st_ino;
}

void process_boot_id(char out[PROCESS_BOOT_MAX])
{
    process_read("/proc/sys/kernel/random/boot_id", out, PROCESS_BOOT_MAX);
    out[strcspn(out, "\n")] = 0;
}
