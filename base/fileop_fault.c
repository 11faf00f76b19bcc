#include "base/fileop_fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fault_action {
    FAULT_NONE,
    FAULT_FAIL,
    FAULT_LOSE,
    FAULT_KILL,
    FAULT_KILL_AFTER,
    FAULT_SHORT
};

struct fault_plan {
    enum fault_action action;
    bool from; /* the N-th and all later ones */
    uint64_t at;
    int errnum;
    unsigned classes; /* bit sets; 0: all */
    unsigned domains;
};

static const char *const fault_classes[] = {
    "open", "close", "read", "write", "sync", "name", "stat", "list", "meta"};
static const char *const fault_domains[] = {"other", "repo", "source", "target",
                                            "cache"};
static const struct {
    const char *name;
    enum fault_action action;
    bool from;
} fault_actions[] = {
    {"fail", FAULT_FAIL, false},   {"fail-from", FAULT_FAIL, true},
    {"lose", FAULT_LOSE, false},   {"kill", FAULT_KILL, false},
    {"short", FAULT_SHORT, false}, {"kill-after", FAULT_KILL_AFTER, false},
    {"count", FAULT_NONE, false},  {"short-from", FAULT_SHORT, true},
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* plan is read by every operation and replaced by a test between two runs */
static pthread_rwlock_t fault_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct fault_plan fault_plan;
static atomic_uint_fast64_t fault_seen;
static atomic_uint_fast64_t fault_hits;

/* Of this thread: where it works, and what awaits its current operation. */
static _Thread_local enum fileop_domain fault_domain;
static _Thread_local enum fault_action fault_pending;
static _Thread_local int fault_errnum;

enum fileop_domain fileop_fault_enter(enum fileop_domain d)
{
    enum fileop_domain old = fault_domain;

    fault_domain = d;
    return old;
}

static bool fault_selects(const struct fault_plan *p, enum fileop_class c)
{
    if (p->classes && !(p->classes & (1U << c)))
        return false;
    if (p->domains && !(p->domains & (1U << fault_domain)))
        return false;
    return p->action != FAULT_SHORT || c == FILEOP_READ || c == FILEOP_WRITE;
}

int fileop_fault_before(enum fileop_class c, size_t *n)
{
    struct fault_plan plan;
    uint64_t seen;

    (void)pthread_rwlock_rdlock(&fault_lock);
    plan = fault_plan;
    (void)pthread_rwlock_unlock(&fault_lock);
    fault_pending = FAULT_NONE;
    if (!fault_selects(&plan, c))
        return 0;
    seen = atomic_fetch_add(&fault_seen, 1) + 1;
    if (plan.action == FAULT_NONE ||
        !(seen == plan.at || (plan.from && seen > plan.at)))
        return 0;
    (void)atomic_fetch_add(&fault_hits, 1);
    if (plan.action == FAULT_KILL)
        (void)kill(getpid(), SIGKILL);
    if (plan.action == FAULT_SHORT && n && *n > 1)
        *n /= 2;
    if (plan.action == FAULT_FAIL) {
        errno = plan.errnum;
        return -1;
    }
    fault_pending = plan.action;
    fault_errnum = plan.errnum;
    return 0;
}

ssize_t fileop_fault_after(enum fileop_class c, ssize_t r)
{
    if (fault_pending == FAULT_KILL_AFTER)
        (void)kill(getpid(), SIGKILL);
    if (fault_pending != FAULT_LOSE)
        return r;
    if (c == FILEOP_OPEN && r >= 0)
        (void)close((int)r);
    errno = fault_errnum;
    return -1;
}

/* the set of the names in text, which are joined by '+'; 0 when one is
 * unknown */
static unsigned fault_set_of(const char *text, const char *const *names,
                             size_t names_n)
{
    unsigned set = 0;

    while (*text) {
        size_t n = strcspn(text, "+");
        size_t i = 0;

        while (i < names_n &&
               (strlen(names[i]) != n || strncmp(names[i], text, n) != 0))
            i++;
        if (i == names_n)
            return 0;
        set |= 1U << i;
        text += n;
        text += *text == '+';
    }
    return set;
}

static int fault_errno_of(const char *name)
{
    for (int e = 1; e < 200; e++) {
        const char *known = strerrorname_np(e);

        if (known && strcmp(known, name) == 0)
            return e;
    }
    return 0;
}

/* "ACTION", "ACTION:N" or "ACTION:N:ERRNO" */
static bool fault_parse_action(const char *text, struct fault_plan *p)
{
    char action[16];
    char name[16] = "EIO";
    unsigned long long at = 0;
    int fields = sscanf(text, "%15[a-z-]:%llu:%15[A-Z0-9]", action, &at, name);

    for (size_t i = 0; fields > 0 && i < LENGTH(fault_actions); i++) {
        if (strcmp(action, fault_actions[i].name) != 0)
            continue;
        p->action = fault_actions[i].action;
        p->from = fault_actions[i].from;
        p->at = at;
        p->errnum = fault_errno_of(name);
        return p->errnum != 0 && (at > 0 || p->action == FAULT_NONE);
    }
    return false;
}

static bool fault_parse(char *text, struct fault_plan *p)
{
    char *rest = NULL;
    char *word = strtok_r(text, ",", &rest);

    if (!word || !fault_parse_action(word, p))
        return false;
    while ((word = strtok_r(NULL, ",", &rest))) {
        if (strncmp(word, "class=", 6) == 0) {
            p->classes =
                fault_set_of(word + 6, fault_classes, LENGTH(fault_classes));
            if (!p->classes)
                return false;
        } else if (strncmp(word, "domain=", 7) == 0) {
            p->domains =
                fault_set_of(word + 7, fault_domains, LENGTH(fault_domains));
            if (!p->domains)
                return false;
        } else {
            return false;
        }
    }
    return true;
}

int fileop_fault_set(const char *text)
{
    struct fault_plan plan = {0};
    char copy[128];
    int rc = 0;

    if (text && *text) {
        int n = snprintf(copy, sizeof copy, "%s", text);

        if (n >= (int)sizeof copy || !fault_parse(copy, &plan)) {
            memset(&plan, 0, sizeof plan);
            rc = err_set(E_USAGE, "fault plan \"%s\" is malformed", text);
        }
    }
    (void)pthread_rwlock_wrlock(&fault_lock);
    fault_plan = plan;
    atomic_store(&fault_seen, 0);
    atomic_store(&fault_hits, 0);
    (void)pthread_rwlock_unlock(&fault_lock);
    return rc;
}

uint64_t fileop_fault_count(void)
{
    return atomic_load(&fault_seen);
}

uint64_t fileop_fault_fired(void)
{
    return atomic_load(&fault_hits);
}

/* A test that asks for faults and silently gets none would prove nothing. */
__attribute__((constructor)) static void fault_start(void)
{
    const char *plan = getenv("DEDUP_FAULT");

    if (fileop_fault_set(plan) < 0) {
        (void)fprintf(stderr, "%s\n", err_text());
        _exit(1);
    }
}

__attribute__((destructor)) static void fault_end(void)
{
    const char *path = getenv("DEDUP_FAULT_COUNT");
    FILE *f = path ? fopen(path, "we") : NULL;

    if (!f)
        return;
    (void)fprintf(f, "%llu\n", (unsigned long long)fileop_fault_count());
    (void)fclose(f);
}
