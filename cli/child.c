#include "cli/child.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "cli/terminal.h"

#define CHILD_NAP_NS  (CLOCK_SECOND_NS / 50)
#define CHILD_TERM_NS (5 * CLOCK_SECOND_NS) /* to end when asked to */

int child_start(const struct spawn *s, struct child *c)
{
    struct spawn own = *s;
    int rc;

    own.own_group = !terminal_any();
    *c = (struct child){.own_group = own.own_group};
    rc = spawn_start(&own, &c->pid);
    if (rc < 0)
        *c = (struct child){.pid = 0};
    return rc;
}

bool child_ask(const struct child *c, siginfo_t *how)
{
    how->si_pid = 0;
    return waitid(P_PID, (id_t)c->pid, how, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void child_signal(const struct child *c, int signal)
{
    siginfo_t how;

    if (child_ask(c, &how))
        (void)kill(c->own_group ? -c->pid : c->pid, signal);
}

static void child_nap(void *ctx)
{
    (void)ctx;
    clock_sleep_ns(CHILD_NAP_NS);
}

static void child_reap(struct child *c)
{
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
}

void child_end(struct child *c, bool ask, child_nap_fn *nap, void *ctx)
{
    int64_t until = clock_monotonic_ns() + CHILD_TERM_NS;
    siginfo_t how;

    if (ask) {
        child_signal(c, SIGTERM);
        child_signal(c, SIGCONT);
    }
    while (child_ask(c, &how) && how.si_pid == 0 &&
           clock_monotonic_ns() < until)
        (nap ? nap : child_nap)(ctx);
    if (how.si_pid == 0)
        child_signal(c, SIGKILL);
    child_reap(c);
}

int child_wait(struct child *c, const struct cancel *cancel, siginfo_t *how)
{
    bool known;
    int errnum;

    while ((known = child_ask(c, how)) && how->si_pid == 0) {
        if (cancel && cancel_signal(cancel)) {
            child_end(c, true, NULL, NULL);
            return cancel_check(cancel);
        }
        child_nap(NULL);
    }
    errnum = errno;
    child_reap(c);
    return known ? 0 : err_set_errno(E_IO, errnum, "waiting for it");
}
