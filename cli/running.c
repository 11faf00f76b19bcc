#include "cli/running.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/message.h"
#include "cli/when.h"
#include "repo/run_others.h"

/* How often others are looked for. */
#define RUNNING_NAP_NS (CLOCK_SECOND_NS / 4)

enum { RUNNING_WHO_MAX = 128 };

/* "process 4711, since 2026-11-20 18:30:05" */
static const char *running_who(const struct run_holder *h,
                               char out[RUNNING_WHO_MAX])
{
    struct entry_time since = {.s = h->since_s};
    char pid[32] = "another process";
    char when[WHEN_TEXT_MAX];

    if (h->pid)
        (void)snprintf(pid, sizeof pid, "process %" PRIu64, h->pid);
    if (h->since_s)
        (void)snprintf(out, RUNNING_WHO_MAX, "%s, since %s", pid,
                       when_local(since, when));
    else
        (void)snprintf(out, RUNNING_WHO_MAX, "%s", pid);
    return out;
}

/* Takes the lock if it can be had; whether somebody else runs. */
static bool running_look(const struct session *s, const char *series,
                         struct running *r, struct run_holder *who)
{
    struct bytes name = bytes_of_str(series);

    /* a cache of our own is shared with nobody */
    if (!r->held && !s->repo->private_cache) {
        if (run_lock_take(s->repo->cache, name, &r->lock, who) < 0)
            message_detail("no lock for the series: %s", err_text());
        else if (r->lock < 0)
            return true;
        r->held = r->lock >= 0;
    }
    return run_others_find(s->repo, name, who);
}

int running_begin(const struct cli *cli, const struct session *s,
                  const char *series, struct running *r)
{
    int64_t wait = (int64_t)opt_seconds(cli->opt, OPT_WAIT, 0);
    int64_t until = clock_monotonic_ns() + wait * CLOCK_SECOND_NS;
    struct run_holder who = {.pid = 0};
    char text[RUNNING_WHO_MAX];
    bool told = false;
    int rc = 0;

    *r = (struct running){.lock = -1};
    while (rc == 0 && running_look(s, series, r, &who) &&
           !opt_has(cli->opt, OPT_PARALLEL)) {
        if (!opt_has(cli->opt, OPT_WAIT))
            return err_set(E_LATER,
                           "series '%s' is being backed up by %s; wait for it "
                           "with --wait DURATION, or run beside it with "
                           "--parallel",
                           series, running_who(&who, text));
        if (clock_monotonic_ns() >= until)
            return err_set(E_BUSY, "series '%s' is still being backed up by %s",
                           series, running_who(&who, text));
        if (!told)
            message_note("waiting for %s", running_who(&who, text));
        told = true;
        clock_sleep_ns(RUNNING_NAP_NS);
        rc = cancel_check(cli->cancel);
    }
    return rc;
}

void running_end(struct running *r)
{
    if (r->held)
        run_lock_drop(r->lock);
    *r = (struct running){.held = false};
}
