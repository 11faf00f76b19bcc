/*
 * cli: what the commands share, and the commands. main() fills it in, calls
 * the one command, and turns its result into an exit code.
 * Confined to the main thread, but for the cancel token.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "base/cancel.h"
#include "cli/config_file.h"
#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "cli/secrets.h"
#include "cli/signals.h"

struct cli {
    const struct opt_set *opt;
    const struct config_file *config; /* the commands but snapshot, config,
                                         doctor and the forget of jobs have it
                                         in opt already */
    struct out *out;                  /* standard output: data only */
    struct json_out *json;            /* lines for out; NULL without --json */
    struct secrets *secrets;
    struct signals *signals;
    struct cancel *cancel; /* set by a signal; long work looks at it */
    const char *job;       /* the job that is being done; NULL: none */
    bool incomplete;       /* done, but something is missing: exit 3; only ever
                              set, so that nothing that went well hides it */
};

/*
 * cmd_*: run one command as the options say, writing data to cli->out and
 * messages through cli/message.h. Returns 0, or an error for main() to print
 * and to turn into the exit code.
 */
MUST_CHECK int cmd_init(struct cli *cli);
MUST_CHECK int cmd_snapshot(struct cli *cli);
MUST_CHECK int cmd_config(struct cli *cli);
MUST_CHECK int cmd_doctor(struct cli *cli);
MUST_CHECK int cmd_snapshots(struct cli *cli);
MUST_CHECK int cmd_ls(struct cli *cli);
MUST_CHECK int cmd_cat(struct cli *cli);
MUST_CHECK int cmd_export(struct cli *cli);
MUST_CHECK int cmd_diff(struct cli *cli);
MUST_CHECK int cmd_find(struct cli *cli);
MUST_CHECK int cmd_history(struct cli *cli);
MUST_CHECK int cmd_restore(struct cli *cli);
MUST_CHECK int cmd_mount(struct cli *cli);
MUST_CHECK int cmd_tag(struct cli *cli);
MUST_CHECK int cmd_protect(struct cli *cli);
MUST_CHECK int cmd_forget(struct cli *cli);
MUST_CHECK int cmd_unforget(struct cli *cli);
MUST_CHECK int cmd_prune(struct cli *cli);
MUST_CHECK int cmd_stats(struct cli *cli);
MUST_CHECK int cmd_check(struct cli *cli);
MUST_CHECK int cmd_key(struct cli *cli);
MUST_CHECK int cmd_benchmark(struct cli *cli);
MUST_CHECK int cmd_completion(struct cli *cli);
MUST_CHECK int cmd_help(struct cli *cli);
MUST_CHECK int cmd_version(struct cli *cli);

/* cli_exit_code: what a command that returned rc exits with. */
int cli_exit_code(const struct cli *cli, int rc);

/* cli_messages: set messages up as the options want them; the head of each line
 * names the command, and the job if it is not NULL. job is borrowed. */
void cli_messages(const struct opt_set *o, const char *job);

#endif
