#include <string.h>

#include "cli/cli.h"
#include "cli/config_show.h"
#include "cli/doctor.h"

/* Their names alone, for scripts: they hold nothing that a shell would take for
 * more than a word. */
static int cmd_config_jobs(struct cli *cli)
{
    const struct config_file *c = cli->config;
    int rc = 0;

    for (size_t i = 0; i < c->job_n && rc == 0; i++) {
        if (cli->json) {
            json_out_begin(cli->json, "job");
            json_out_text(cli->json, "name", c->job[i].name);
            rc = json_out_end(cli->json);
        } else {
            out_text(cli->out, c->job[i].name);
            out_text(cli->out, "\n");
        }
    }
    return rc;
}

int cmd_config(struct cli *cli)
{
    const char *what = cli->opt->arg[0];

    if (strcmp(what, "show") == 0)
        return config_show(cli);
    if (strcmp(what, "jobs") == 0)
        return cmd_config_jobs(cli);
    if (strcmp(what, "check") != 0)
        return err_set(E_USAGE, "config '%s': must be one of show, check, jobs",
                       what);
    if (!cli->config->path)
        return err_set(E_USAGE, "there is no configuration file to check: "
                                "--config FILE names one, and 'dedup doctor' "
                                "checks without");
    return doctor_run(cli);
}
