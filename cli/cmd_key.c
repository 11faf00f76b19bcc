#include <string.h>

#include "cli/cli.h"
#include "cli/key_recover.h"
#include "cli/key_rotate.h"
#include "cli/key_sheet.h"

static int cmd_key_rotate(struct cli *cli)
{
    struct session s = {.store = NULL};
    int rc;

    if (cli->opt->arg_n != 1)
        return err_set(E_USAGE, "key rotate: nothing more can be said");
    rc = session_open(cli, SESSION_KEYS, &s);
    if (rc == 0)
        rc = key_rotate_run(cli, &s);
    session_close(&s);
    return rc;
}

/* What `dedup key` does with one word after it. */
static const struct {
    const char *name;
    int (*run)(struct cli *cli);
} cmd_key_action[] = {
    {"recover", key_recover_run},
    {"rotate", cmd_key_rotate},
    {"sheet", key_sheet_run},
};

int cmd_key(struct cli *cli)
{
    const char *name = cli->opt->arg[0];

    for (size_t i = 0; i < sizeof cmd_key_action / sizeof cmd_key_action[0];
         i++) {
        if (strcmp(name, cmd_key_action[i].name) == 0)
            return cmd_key_action[i].run(cli);
    }
    return err_set(E_USAGE, "key %s: rotate, sheet or recover", name);
}
