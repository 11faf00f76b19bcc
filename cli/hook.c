#include "cli/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "cli/message.h"
#include "cli/spawn.h"

enum { HOOK_LATER = 75, HOOK_POLL_NS = 20 * 1000 * 1000 };

/* ---- one of them ------------------------------------------------------- */

/* Waits for its end; asked to stop, it is asked to, once. c: NULL: it is not.
 */
static int hook_wait(pid_t pid, const struct cancel *c, int *status)
{
    bool asked = false;
    pid_t ended;

    while ((ended = waitpid(pid, status, WNOHANG)) == 0 ||
           (ended < 0 && errno == EINTR)) {
        if (!asked && c && cancel_signal(c)) {
            (void)kill(-pid, SIGTERM);
            asked = true;
        }
        clock_sleep_ns(HOOK_POLL_NS);
    }
    if (ended < 0)
        return err_set_errno(E_IO, errno, "waiting for it");
    return asked ? cancel_check(c) : 0;
}

static int hook_start(char *command, char *code, pid_t *pid)
{
    char sh[] = "/bin/sh", dash_c[] = "-c", name[] = "dedup";
    char *argv[] = {sh, dash_c, command, name, code, NULL};
    struct spawn s = {.argv = argv,
                      .out = 2,
                      .err = -1,
                      .only_these = true,
                      .own_group = true};
    int rc = spawn_null(&s.in);

    if (rc < 0)
        return rc;
    rc = spawn_start(&s, pid);
    (void)fileop_close(s.in);
    return rc;
}

/* status: out: what waitpid() says. */
static int hook_run(const char *command, int code, const struct cancel *c,
                    int *status)
{
    char *copy = mem_dup(bytes_of_str(command));
    char digits[16];
    pid_t pid;
    int rc;

    if (!copy)
        return err_set(E_NOMEM, "out of memory");
    (void)snprintf(digits, sizeof digits, "%d", code);
    rc = hook_start(copy, digits, &pid);
    if (rc == 0)
        rc = hook_wait(pid, c, status);
    free(copy);
    return rc;
}

/* What an end that is no exit with 0 comes to. */
static int hook_failed(int code, int status)
{
    if (WIFSIGNALED(status))
        return err_set(code, "ended by signal %d", WTERMSIG(status));
    return err_set(code, "exit code %d", WEXITSTATUS(status));
}

/* ---- around ------------------------------------------------------------ */

static int hook_before(struct cli *cli)
{
    const char *command = opt_text(cli->opt, OPT_BEFORE);
    int status = 0;
    int rc;

    if (!command)
        return 0;
    rc = hook_run(command, 0, cli->cancel, &status);
    if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == HOOK_LATER)
        rc = err_set(E_LATER, "it asks for a later time (exit code 75)");
    else if (rc == 0 && status != 0)
        rc = hook_failed(E_SOURCE, status);
    if (rc == E_CANCELED || rc == E_LATER)
        return err_add(rc, "--before");
    return err_add(rc, "--before, so nothing was backed up");
}

static int hook_after(struct cli *cli, int rc)
{
    const char *command = opt_text(cli->opt, OPT_AFTER);
    struct err_record first;
    int status = 0;
    int after;

    if (!command)
        return rc;
    err_save(rc, &first);
    after = hook_run(command, cli_exit_code(cli, rc), NULL, &status);
    if (after == 0 && status != 0)
        after = hook_failed(E_IO, status);
    if (rc < 0 && after < 0)
        message_warn("--after: %s", err_text());
    if (rc < 0)
        return err_load(&first);
    return after < 0
               ? err_set(E_IO, "--after: %s; the snapshot was made", err_text())
               : 0;
}

int hook_around(struct cli *cli, int (*one)(struct cli *cli))
{
    int rc = hook_before(cli);

    if (rc == 0)
        rc = one(cli);
    return hook_after(cli, rc);
}
