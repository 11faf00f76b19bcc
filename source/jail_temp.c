#include "source/jail_temp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/random.h"
#include "base/siphash.h"

enum { TEMP_PREFIX = 7, TEMP_WORDS = 5, TEMP_LINE_MAX = 512 };

static const char temp_prefix[] = ".dedup-";

/* A check sum, not a secret. */
static uint32_t temp_sum(const void *p, size_t n)
{
    static const struct siphash_key key = {0};

    return (uint32_t)siphash(&key, bytes_of(p, n));
}

/* What a small file begins with; empty when there is none. */
static void temp_line(const char *path, char out[TEMP_LINE_MAX])
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n = fd < 0 ? -1 : fileop_read_full(fd, out, TEMP_LINE_MAX - 1);

    out[n < 0 ? 0 : n] = 0;
    (void)fileop_close(fd);
}

/* Field 22 of a process's stat, counted behind the name in parentheses; 0: not
 * known. */
static uint32_t temp_start(uint32_t pid)
{
    char path[32];
    char line[TEMP_LINE_MAX];
    const char *p;

    (void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
    temp_line(path, line);
    p = strrchr(line, ')');
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? (uint32_t)strtoull(p, NULL, 10) : 0;
}

int jail_temp_init(struct jail_temp *t)
{
    char line[TEMP_LINE_MAX] = "";
    struct stat st = {.st_ino = 0};
    uint32_t n;
    int rc = random_bytes(&n, sizeof n);

    if (rc < 0)
        return rc;
    atomic_init(&t->n, n);
    t->pid = (uint32_t)getpid();
    t->start = temp_start(t->pid);
    t->scope = 0;
    temp_line("/proc/sys/kernel/random/boot_id", line);
    if (t->start != 0 && *line &&
        fileop_fstatat(AT_FDCWD, "/proc/self/ns/pid", &st, 0) == 0) {
        uint32_t both[2] = {temp_sum(line, strlen(line)), (uint32_t)st.st_ino};

        t->scope = temp_sum(both, sizeof both);
    }
    return 0;
}

static void temp_format(uint32_t w[TEMP_WORDS], char name[JAIL_TEMP_CHARS])
{
    w[4] = temp_sum(w, 4 * sizeof w[0]);
    (void)snprintf(name, JAIL_TEMP_CHARS, "%s%08x%08x%08x%08x%08x", temp_prefix,
                   w[0], w[1], w[2], w[3], w[4]);
}

void jail_temp_next(struct jail_temp *t, char name[JAIL_TEMP_CHARS])
{
    uint32_t w[TEMP_WORDS] = {t->scope, t->pid, t->start,
                              (uint32_t)atomic_fetch_add(&t->n, 1), 0};

    temp_format(w, name);
}

bool jail_temp_is_dead(const struct jail_temp *t, const char *name)
{
    char again[JAIL_TEMP_CHARS];
    uint32_t w[TEMP_WORDS] = {0};

    if (strlen(name) != JAIL_TEMP_CHARS - 1 ||
        strncmp(name, temp_prefix, TEMP_PREFIX) != 0)
        return false;
    for (size_t i = 0; i < TEMP_WORDS; i++) {
        char hex[9] = "";

        memcpy(hex, name + TEMP_PREFIX + 8 * i, 8);
        w[i] = (uint32_t)strtoul(hex, NULL, 16);
    }
    temp_format(w, again);
    if (strcmp(again, name) != 0 || w[0] != t->scope || t->scope == 0 ||
        w[1] == 0 || w[1] > INT32_MAX)
        return false;
    /* another's process may be hidden in /proc, but not from kill */
    if (kill((pid_t)w[1], 0) < 0 && errno == ESRCH)
        return true;
    w[1] = temp_start(w[1]);
    return w[1] != 0 && w[1] != w[2];
}
