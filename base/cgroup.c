#include "base/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/process.h"

enum {
    CGROUP_SELF_MAX = 2048, /* of all lines together */
    CGROUP_VALUE_MAX = 64
};

const struct cgroup_place cgroup_system = {"/proc/self/cgroup",
                                           "/sys/fs/cgroup"};

/* One group, on the way up: reads value files of its directory. */
struct cgroup_level {
    char dir[PATH_MAX];
};

static void cgroup_value(const struct cgroup_level *at, const char *name,
                         char value[CGROUP_VALUE_MAX])
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", at->dir, name);

    *value = 0;
    if (n > 0 && (size_t)n < sizeof path)
        process_read(path, value, CGROUP_VALUE_MAX);
}

/* "max", or a file that is not there: UINT64_MAX. */
static uint64_t cgroup_number(const struct cgroup_level *at, const char *name)
{
    char value[CGROUP_VALUE_MAX];
    char *end;
    unsigned long long n;

    cgroup_value(at, name, value);
    n = strtoull(value, &end, 10);
    return end == value || *value == '-' ? UINT64_MAX : n;
}

/* What is asked of each level. */
typedef void cgroup_visit(void *ctx, const struct cgroup_level *at);

/* From the group of path up to the mount itself: in a container only that
 * can be seen, under whatever path. Not inlined: its locals and those of its
 * callers are too much for one frame. */
__attribute__((noinline)) static void cgroup_climb(const char *mount,
                                                   const char *path,
                                                   cgroup_visit *visit,
                                                   void *ctx)
{
    struct cgroup_level at;
    size_t top = strlen(mount);
    size_t n;

    if (top + strlen(path) >= sizeof at.dir)
        return;
    n = (size_t)snprintf(at.dir, sizeof at.dir, "%s%s", mount, path);
    for (;;) {
        while (n > top && at.dir[n - 1] == '/')
            n--;
        at.dir[n] = 0;
        visit(ctx, &at);
        if (n <= top)
            return;
        while (n > top && at.dir[n - 1] != '/')
            n--;
    }
}

/* Whether list, split by commas, has the word. */
static bool cgroup_has(const char *list, const char *word)
{
    const size_t n = strlen(word);

    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == 0 || p[n] == ','))
            return true;
    }
    return false;
}

/* One line "number:controllers:path"; no controllers: version 2. */
static void cgroup_line(const struct cgroup_place *p, char *line,
                        const char *controller, cgroup_visit *visit, void *ctx)
{
    char mount[PATH_MAX];
    char *list = strchr(line, ':');
    char *path = list ? strchr(list + 1, ':') : NULL;

    if (!path)
        return;
    *path++ = 0;
    list++;
    if (*list == 0) {
        cgroup_climb(p->mount, path, visit, ctx);
    } else if (cgroup_has(list, controller)) {
        (void)snprintf(mount, sizeof mount, "%s/%s", p->mount, controller);
        cgroup_climb(mount, path, visit, ctx);
    }
}

static void cgroup_each(const struct cgroup_place *p, const char *controller,
                        cgroup_visit *visit, void *ctx)
{
    /* nobody's files: what fails here is no limit */
    enum fileop_domain domain = fileop_enter(FILEOP_OTHER);
    char lines[CGROUP_SELF_MAX];
    char *line = lines;

    process_read(p->self, lines, sizeof lines);
    while (line && *line) {
        char *next = strchr(line, '\n');

        if (next)
            *next++ = 0;
        cgroup_line(p, line, controller, visit, ctx);
        line = next;
    }
    (void)fileop_enter(domain);
}

/* ---- processors ---------------------------------------------------------- */

static void cgroup_see_cores(void *ctx, const struct cgroup_level *at)
{
    unsigned *least = ctx;
    char value[CGROUP_VALUE_MAX];
    uint64_t quota, period;
    char *end;

    cgroup_value(at, "cpu.max", value); /* "quota period", "max period" */
    quota = strtoull(value, &end, 10);
    period = end == value ? 0 : strtoull(end, NULL, 10);
    if (*value == 0) {
        quota = cgroup_number(at, "cpu.cfs_quota_us"); /* -1: none */
        period = cgroup_number(at, "cpu.cfs_period_us");
    }
    if (period == 0 || quota == UINT64_MAX || period == UINT64_MAX)
        return;
    quota = quota / period + (quota % period > 0);
    if (quota < *least)
        *least = quota > 0 ? (unsigned)quota : 1;
}

unsigned cgroup_cores(const struct cgroup_place *p)
{
    unsigned least = UINT_MAX;

    cgroup_each(p, "cpu", cgroup_see_cores, &least);
    return least;
}

/* ---- memory -------------------------------------------------------------- */

struct cgroup_memory {
    uint64_t room;
    uint64_t total;
};

static void cgroup_see_limit(struct cgroup_memory *m, uint64_t limit,
                             uint64_t used)
{
    uint64_t room = used < limit ? limit - used : 0;

    /* version 1 says "none" as the largest number of whole pages */
    if (limit > (UINT64_MAX >> 2) || used == UINT64_MAX || room >= m->room)
        return;
    m->room = room;
    m->total = limit;
}

static void cgroup_see_memory(void *ctx, const struct cgroup_level *at)
{
    struct cgroup_memory *m = ctx;
    uint64_t used = cgroup_number(at, "memory.current");

    cgroup_see_limit(m, cgroup_number(at, "memory.max"), used);
    cgroup_see_limit(m, cgroup_number(at, "memory.high"), used);
    cgroup_see_limit(m, cgroup_number(at, "memory.limit_in_bytes"),
                     cgroup_number(at, "memory.usage_in_bytes"));
}

uint64_t cgroup_room(const struct cgroup_place *p, uint64_t *total)
{
    struct cgroup_memory m = {.room = UINT64_MAX, .total = UINT64_MAX};

    cgroup_each(p, "memory", cgroup_see_memory, &m);
    *total = m.total;
    return m.room;
}
