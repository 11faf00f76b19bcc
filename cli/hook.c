#include "cli/hook.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/child.h"
#include "cli/message.h"

enum { HOOK_LATER = 75 };

/* ---- one of them ------------------------------------------------------- */

static int hook_start(char *command, char *code, struct child *c)
{
    char sh[] = "/bin/sh", dash_c[] = "-c", name[] = "dedup";
    char *argv[] = {sh, dash_c, command, name, code, NULL};
    struct spawn s = {.argv = argv, .out = 2, .err = -1, .only_these = true};
    int rc = spawn_null(&s.in);

    if (rc < 0)
        return rc;
    rc = child_start(&s, c);
    (void)fileop_close(s.in);
    return rc;
}

/* c: NULL: it is never ended. how: out. */
static int hook_run(const char *command, int code, const struct cancel *c,
                    siginfo_t *how)
{
    char *copy = mem_dup(bytes_of_str(command));
    char digits[16];
    struct child child;
    int rc;

    if (!copy)
        return err_set(E_NOMEM, "out of memory");
    (void)snprintf(digits, sizeof digits, "%d", code);
    rc = hook_start(copy, digits, &child);
    if (rc == 0)
        rc = child_wait(&child, c, how);
    free(copy);
    return rc;
}

static bool hook_exited(const siginfo_t *how, int code)
{
    return how->si_code == CLD_EXITED && how->si_status == code;
}

/* What an end that is no exit with 0 comes to. */
static int hook_failed(int code, const siginfo_t *how)
{
    return err_set(code,
                   how->si_code == CLD_EXITED ? "exit code %d"
                                              : "ended by signal %d",
                   how->si_status);
}

/* ---- around ------------------------------------------------------------ */

int hook_before(const struct cli *cli)
{
    const char *command = opt_text(cli->opt, OPT_BEFORE);
    siginfo_t how;
    int rc;

    if (!command)
        return 0;
    rc = hook_run(command, 0, cli->cancel, &how);
    if (rc == 0 && !hook_exited(&how, 0))
        rc = cancel_check(cli->cancel); /* ctrl-C has reached both */
    if (rc == 0 && hook_exited(&how, HOOK_LATER))
        rc = err_set(E_LATER, "it asks for a later time (exit code 75)");
    else if (rc == 0 && !hook_exited(&how, 0))
        rc = hook_failed(E_SOURCE, &how);
    if (rc == E_CANCELED || rc == E_LATER)
        return err_add(rc, "--before");
    return err_add(rc, "--before, so nothing was backed up");
}

int hook_after(const struct cli *cli, int rc)
{
    const char *command = opt_text(cli->opt, OPT_AFTER);
    struct err_record first;
    siginfo_t how;
    int after;

    if (!command)
        return rc;
    err_save(rc, &first);
    after = hook_run(command, cli_exit_code(cli, rc), NULL, &how);
    if (after == 0 && !hook_exited(&how, 0))
        after = hook_failed(E_IO, &how);
    if (rc < 0 && after < 0)
        message_warn("--after: %s", err_text());
    if (rc < 0)
        return err_load(&first);
    return after < 0
               ? err_set(E_IO, "--after: %s; the snapshot was made", err_text())
               : 0;
}
