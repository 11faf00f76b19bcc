/*
 * main: the one process around the one command: what is inherited is made
 * safe, the command line is read, the command runs, and its result becomes the
 * exit code that the README promises.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/fileop.h"
#include "cli/cli.h"
#include "cli/config_apply.h"
#include "cli/manners.h"
#include "cli/message.h"
#include "cli/mount_args.h"
#include "cli/terminal.h"

static int (*const main_command[OPT_CMD_END])(struct cli *) = {
    [OPT_CMD_INIT] = cmd_init,
    [OPT_CMD_SNAPSHOT] = cmd_snapshot,
    [OPT_CMD_SNAPSHOTS] = cmd_snapshots,
    [OPT_CMD_LS] = cmd_ls,
    [OPT_CMD_CAT] = cmd_cat,
    [OPT_CMD_EXPORT] = cmd_export,
    [OPT_CMD_DIFF] = cmd_diff,
    [OPT_CMD_FIND] = cmd_find,
    [OPT_CMD_HISTORY] = cmd_history,
    [OPT_CMD_RESTORE] = cmd_restore,
    [OPT_CMD_MOUNT] = cmd_mount,
    [OPT_CMD_TAG] = cmd_tag,
    [OPT_CMD_PROTECT] = cmd_protect,
    [OPT_CMD_FORGET] = cmd_forget,
    [OPT_CMD_UNFORGET] = cmd_unforget,
    [OPT_CMD_PRUNE] = cmd_prune,
    [OPT_CMD_STATS] = cmd_stats,
    [OPT_CMD_CHECK] = cmd_check,
    [OPT_CMD_KEY] = cmd_key,
    [OPT_CMD_CONFIG] = cmd_config,
    [OPT_CMD_DOCTOR] = cmd_doctor,
    [OPT_CMD_BENCHMARK] = cmd_benchmark,
    [OPT_CMD_COMPLETION] = cmd_completion,
    [OPT_CMD_HELP] = cmd_help,
    [OPT_CMD_VERSION] = cmd_version,
};

enum { MAIN_DESCRIPTORS = 512 }; /* a walk's 256 and what else there is */

/* Whoever started us without one of the first three descriptors must not get
 * a repository's file there, to be written into by a message. What takes the
 * place fails as the missing one would. */
static void main_fill_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int flags = fd == 0 ? O_WRONLY : O_RDONLY;

        if (fcntl(fd, F_GETFD) < 0 &&
            fileop_openat(AT_FDCWD, "/dev/null", flags, 0) != fd)
            abort(); /* nowhere to say why */
    }
}

/* A pipeline holds many directories and files at once: as many descriptors as
 * we may have. Nothing here uses select(). The kernel's table gets its size
 * before there are threads: to grow it under several takes 10 ms each time. */
static void main_raise_limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    (void)fileop_close(fcntl(0, F_DUPFD_CLOEXEC, MAIN_DESCRIPTORS - 1));
}

/* Snapshots, the other runs of jobs, and looks at the configuration choose what
 * of it counts. */
static bool main_chooses(const struct opt_set *o)
{
    return o->command == OPT_CMD_SNAPSHOT || o->command == OPT_CMD_CONFIG ||
           o->command == OPT_CMD_DOCTOR ||
           (o->command == OPT_CMD_FORGET &&
            (opt_has(o, OPT_JOB) || opt_has(o, OPT_ALL_JOBS)));
}

/* These say something of the program alone: what a configuration file says, or
 * that it is damaged, is nothing to them. */
static bool main_is_alone(const struct opt_set *o)
{
    return opt_has(o, OPT_HELP) || opt_has(o, OPT_VERSION) ||
           o->command == OPT_CMD_HELP || o->command == OPT_CMD_VERSION ||
           o->command == OPT_CMD_COMPLETION;
}

static int main_configure(struct opt_set *o, struct config_file *c)
{
    int rc;

    if (main_is_alone(o))
        return 0;
    rc = config_apply_read(o, c);
    if (rc == 0 && !main_chooses(o))
        rc = config_apply_top(o, c);
    return rc;
}

static int main_run(struct cli *cli)
{
    int (*command)(struct cli *);
    const struct opt_set *o = cli->opt;
    int rc;

    if (opt_has(o, OPT_HELP))
        return cmd_help(cli);
    if (opt_has(o, OPT_VERSION))
        return cmd_version(cli);
    command = main_command[o->command];
    ASSERT(command); /* the table above is complete */
    rc = manners_apply(cli);
    return rc < 0 ? rc : command(cli);
}

/* Tells what went wrong, on standard error and, with --json, in the data. */
static void main_tell(struct cli *cli, int rc)
{
    struct err_record err;

    err_save(rc, &err);
    if (cli->json) {
        json_out_begin(cli->json, "error");
        json_out_i64(cli->json, "exit", cli_exit_code(cli, rc));
        json_out_bytes(cli->json, "message", bytes_of_str(err.text));
        err_ignore(json_out_end(cli->json), "the message below says it too");
    }
    (void)err_load(&err);
    message_error();
    if (rc == E_USAGE && cli->opt->command != OPT_CMD_NONE)
        message_note("'dedup help %s' explains",
                     opt_command_info(cli->opt->command)->name);
    else if (rc == E_USAGE)
        message_note("'dedup help' lists the commands");
}

/* Everything that needs the process made safe around it. */
static int main_guarded(struct cli *cli, int argc, char **argv,
                        struct opt_set *opt, struct config_file *config,
                        struct mount_args *args)
{
    int rc = secrets_init(cli->secrets);

    if (rc == 0 && mount_args_meant(argv[0])) {
        rc = mount_args_make(argc, argv, args);
        argc = args->argc;
        argv = args->argv;
    }
    if (rc == 0)
        rc = opt_parse(opt, argc, argv);
    if (rc == 0)
        rc = main_configure(opt, config);
    cli_messages(opt, NULL);
    if (config->shut)
        message_detail("%s: is not for this user, and does not count",
                       config->shut);
    if (!opt_has(opt, OPT_JSON))
        cli->json = NULL;
    if (rc == 0)
        rc = signals_start(&cli->signals, cli->cancel);
    if (rc == 0)
        rc = main_run(cli);
    signals_stop(cli->signals);
    return rc;
}

/* What was written must have arrived, or the command has failed. A reader that
 * left knows that it did: then we end as if we did not ignore SIGPIPE. */
static int main_end(struct cli *cli, int rc)
{
    int flushed = out_flush(cli->out);

    if (flushed < 0 && !out_reader_left(cli->out))
        message_error();
    else if (flushed < 0 && rc >= 0)
        return 128 + SIGPIPE;
    return cli_exit_code(cli, rc < 0 ? rc : flushed);
}

int main(int argc, char **argv)
{
    static struct out out; /* its buffer is too big for the stack */
    struct opt_set opt = {0};
    struct config_file config = {.path = NULL};
    struct secrets secrets = {0};
    struct mount_args args = {.argv = NULL};
    struct json_out json;
    struct cancel cancel = {0};
    struct cli cli = {.opt = &opt,
                      .config = &config,
                      .out = &out,
                      .json = &json,
                      .secrets = &secrets,
                      .cancel = &cancel};
    int rc;

    main_fill_descriptors();
    main_raise_limits();
    out_init(&out, 1);
    json_out_init(&json, &out);
    rc = main_guarded(&cli, argc, argv, &opt, &config, &args);
    if (rc < 0)
        main_tell(&cli, rc);
    rc = main_end(&cli, rc);
    json_out_release(&json);
    opt_release(&opt);
    mount_args_release(&args);
    config_file_release(&config);
    secrets_release(&secrets);
    return rc;
}
