#include <string.h>

#include "cli/cli.h"
#include "cli/config_show.h"
#include "cli/doctor.h"

int cmd_config(struct cli *cli)
{
    const char *what = cli->opt->arg[0];

    if (strcmp(what, "show") == 0)
        return config_show(cli);
    if (strcmp(what, "check") != 0)
        return err_set(E_USAGE, "config '%s': must be one of show, check",
                       what);
    if (!cli->config->path)
        return err_set(E_USAGE, "there is no configuration file to check: "
                                "--config FILE names one, and 'dedup doctor' "
                                "checks without");
    return doctor_run(cli);
}
