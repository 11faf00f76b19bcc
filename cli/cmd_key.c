#include <string.h>

#include "cli/cli.h"
#include "cli/key_rotate.h"

int cmd_key(struct cli *cli)
{
    struct session s = {.store = NULL};
    int rc;

    if (strcmp(cli->opt->arg[0], "rotate") != 0)
        return err_set(E_USAGE, "key %s: rotate", cli->opt->arg[0]);
    rc = session_open(cli, SESSION_KEYS, &s);
    if (rc == 0)
        rc = key_rotate_run(cli, &s);
    session_close(&s);
    return rc;
}
