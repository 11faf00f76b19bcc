#include "cli/cli.h"

#include <stdio.h>

#include "cli/message.h"
#include "cli/terminal.h"

enum { CLI_EXIT_INCOMPLETE = 3 };

int cli_exit_code(const struct cli *cli, int rc)
{
    int signal = cancel_signal(cli->cancel);

    if (rc == E_CANCELED && signal)
        return 128 + signal;
    if (rc < 0)
        return err_exit_code(rc);
    return cli->incomplete ? CLI_EXIT_INCOMPLETE : 0;
}

static enum message_level cli_level(const struct opt_set *o)
{
    if (opt_has(o, OPT_QUIET))
        return MESSAGE_QUIET;
    return opt_has(o, OPT_VERBOSE) ? MESSAGE_VERBOSE : MESSAGE_NORMAL;
}

void cli_messages(const struct opt_set *o, const char *job)
{
    static char head[CONFIG_FILE_NAME_MAX + 32]; /* read for ever */
    const char *command = NULL;

    if (o->command != OPT_CMD_NONE)
        command = opt_command_info(o->command)->name;
    if (command && job) {
        (void)snprintf(head, sizeof head, "%s %s", command, job);
        command = head;
    }
    message_setup(2, command, cli_level(o), terminal_is(2));
}
