#include "cli/cli.h"
#include "cli/opt_help.h"
#include "cli/terminal.h"

static int cmd_help_json_command(struct json_out *j, enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);

    json_out_begin(j, "command");
    json_out_text(j, "name", c->name);
    json_out_text(j, "arguments", c->args);
    json_out_text(j, "summary", c->summary);
    json_out_text(j, "example", c->example);
    return json_out_end(j);
}

/* A text, or null where there is none. */
static void cmd_help_json_maybe(struct json_out *j, const char *key,
                                const char *text)
{
    if (text)
        json_out_text(j, key, text);
    else
        json_out_null(j, key);
}

static int cmd_help_json_option(struct json_out *j, enum opt_id id)
{
    const struct opt_info *o = opt_info(id);
    const char letter[2] = {o->letter, 0};

    json_out_begin(j, "option");
    json_out_text(j, "name", o->name);
    cmd_help_json_maybe(j, "letter", o->letter ? letter : NULL);
    cmd_help_json_maybe(j, "argument", o->arg);
    cmd_help_json_maybe(j, "environment", o->env);
    json_out_bool(j, "global", o->commands == OPT_EVERY);
    json_out_list(j, "commands");
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        if (o->commands >> c & 1)
            json_out_text(j, NULL, opt_command_info((enum opt_command)c)->name);
    }
    json_out_close(j);
    json_out_text(j, "help", o->help);
    return json_out_end(j);
}

/* The whole table, for completions and for tests of the man pages. */
static int cmd_help_json(struct json_out *j)
{
    int rc = 0;

    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END && rc == 0; c++)
        rc = cmd_help_json_command(j, (enum opt_command)c);
    for (unsigned i = 0; i < OPT_END && rc == 0; i++)
        rc = cmd_help_json_option(j, (enum opt_id)i);
    return rc;
}

/* The command that is asked about: `help X`, or `X --help`. */
static int cmd_help_topic(const struct opt_set *o, enum opt_command *topic)
{
    *topic = o->command == OPT_CMD_HELP ? OPT_CMD_NONE : o->command;
    if (o->command != OPT_CMD_HELP || o->arg_n == 0)
        return 0;
    return opt_command_named(o->arg[0], topic);
}

int cmd_help(struct cli *cli)
{
    enum opt_command topic;
    struct buf text;
    int rc;

    if (cli->json)
        return cmd_help_json(cli->json);
    rc = cmd_help_topic(cli->opt, &topic);
    if (rc < 0)
        return rc;
    buf_init(&text, OPT_HELP_BYTES_MAX);
    opt_help(topic, terminal_is(1) ? terminal_columns(1) : 0, &text);
    rc = buf_status(&text);
    if (rc == 0)
        out_add(cli->out, buf_bytes(&text));
    buf_release(&text);
    return rc;
}
