#include "source/jail_temp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/process.h"
#include "base/random.h"
#include "base/siphash.h"

enum { TEMP_PREFIX = 7, TEMP_WORDS = 5 };

static const char temp_prefix[] = ".dedup-";

/* A check sum, not a secret. */
static uint32_t temp_sum(const void *p, size_t n)
{
    static const struct siphash_key key = {0};

    return (uint32_t)siphash(&key, bytes_of(p, n));
}

int jail_temp_init(struct jail_temp *t)
{
    char boot[PROCESS_BOOT_MAX];
    uint64_t space = process_pid_namespace();
    uint32_t n;
    int rc = random_bytes(&n, sizeof n);

    if (rc < 0)
        return rc;
    atomic_init(&t->n, n);
    t->pid = (uint32_t)getpid();
    t->start = (uint32_t)process_start(0);
    t->scope = 0;
    process_boot_id(boot);
    if (t->start != 0 && *boot && space != 0 && process_numbers_agree()) {
        uint32_t both[2] = {temp_sum(boot, strlen(boot)), (uint32_t)space};

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

/* The words of a name; false: it is no temporary one. */
static bool temp_parse(const char *name, uint32_t w[TEMP_WORDS])
{
    char again[JAIL_TEMP_CHARS];

    if (strlen(name) != JAIL_TEMP_CHARS - 1 ||
        strncmp(name, temp_prefix, TEMP_PREFIX) != 0)
        return false;
    for (size_t i = 0; i < TEMP_WORDS; i++) {
        char hex[9] = "";

        memcpy(hex, name + TEMP_PREFIX + 8 * i, 8);
        w[i] = (uint32_t)strtoul(hex, NULL, 16);
    }
    temp_format(w, again);
    return strcmp(again, name) == 0;
}

bool jail_temp_is_own(const struct jail_temp *t, const char *name)
{
    uint32_t w[TEMP_WORDS] = {0};

    return temp_parse(name, w) && w[0] == t->scope && w[1] == t->pid &&
           w[2] == t->start;
}

bool jail_temp_is_dead(const struct jail_temp *t, const char *name)
{
    uint32_t w[TEMP_WORDS] = {0};

    if (!temp_parse(name, w) || w[0] != t->scope || t->scope == 0 ||
        w[1] == 0 || w[1] > INT32_MAX)
        return false;
    /* another's process may be hidden in /proc, but not from kill */
    if (kill((pid_t)w[1], 0) < 0 && errno == ESRCH)
        return true;
    w[1] = (uint32_t)process_start(w[1]);
    return w[1] != 0 && w[1] != w[2];
}
