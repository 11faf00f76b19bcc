#include "cli/manners.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cores.h"
#include "base/limit.h"
#include "base/text.h"
#include "cli/message.h"

enum { MANNERS_NICE = 10, MANNERS_IO_LEVEL = 7, MANNERS_CPU_MAX = 65536 };

/* An option that is not given, and 0, are no limit. */
static int manners_rate(const struct opt_set *o, enum opt_id id, uint64_t *rate)
{
    char named[OPT_NAMED_MAX];

    *rate = opt_bytes(o, id, 0);
    if (*rate == 0 || *rate >= LIMIT_RATE_MIN)
        return 0;
    return err_set(E_USAGE,
                   "%s: at least %" PRIu64
                   " bytes a second (16K), or 0 for no limit",
                   opt_named(o, opt_last(o, id), named), LIMIT_RATE_MIN);
}

static int manners_cpu(const struct opt_set *o)
{
    const char *text = opt_text(o, OPT_CPU);
    char named[OPT_NAMED_MAX];
    uint64_t n = 0;
    int rc = text ? text_parse_uint(text, 1, MANNERS_CPU_MAX, &n) : 0;

    if (rc < 0)
        return err_add(rc, "%s", opt_named(o, opt_last(o, OPT_CPU), named));
    cores_cap((unsigned)n);
    return 0;
}

/* What we have is kept where it is lower. */
static bool manners_nice_io(void)
{
    long now = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    int want = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, MANNERS_IO_LEVEL);

    if (now >= 0 && IOPRIO_PRIO_CLASS(now) == IOPRIO_CLASS_IDLE)
        return true;
    return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, want) == 0;
}

static bool manners_nice_cpu(void)
{
    const struct sched_param param = {.sched_priority = 0};
    int now;

    errno = 0;
    now = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && now < MANNERS_NICE &&
        setpriority(PRIO_PROCESS, 0, MANNERS_NICE) < 0)
        return false;
    now = sched_getscheduler(0);
    /* SCHED_IDLE is lower */
    return now == SCHED_BATCH || now == SCHED_IDLE ||
           sched_setscheduler(0, SCHED_BATCH, &param) == 0;
}

int manners_apply(const struct cli *cli)
{
    const struct opt_set *o = cli->opt;
    uint64_t read = 0;
    uint64_t write = 0;
    int rc = manners_rate(o, OPT_LIMIT_READ, &read);

    if (rc == 0)
        rc = manners_rate(o, OPT_LIMIT_WRITE, &write);
    if (rc == 0)
        rc = manners_cpu(o);
    if (rc < 0)
        return rc;
    limit_set(read, write, cli->cancel);
    if (opt_has(o, OPT_NICE) && (!manners_nice_cpu() || !manners_nice_io()))
        message_warn("--nice: the system refuses it (%s); the run goes on as "
                     "it is",
                     strerror(errno));
    return 0;
}
