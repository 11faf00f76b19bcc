#include "cli/opt_help.h"

#include <stdio.h>
#include <string.h>

enum {
    OPT_HELP_INDENT = 2,
    OPT_HELP_TEXT_COLUMN = 30, /* where explanations begin */
    OPT_HELP_COMMAND_COLUMN = 14,
    OPT_HELP_NARROW = 60,        /* below it explanations stand under names */
    OPT_HELP_NARROW_COLUMN = 10, /* ... from here on */
    OPT_HELP_USAGE_MAX = 512
};

/* What is written to, and how wide it may be. */
struct opt_help_page {
    struct buf *out;
    size_t columns;
};

static const char opt_help_usage[] =
    "dedup [-r REPO] COMMAND [OPTION...] [ARGUMENT...]";

static const char opt_help_snap[] =
    "SNAP is 'latest', a series, the first 4 or more digits of a snapshot's "
    "id, or a date such as 2026-11-20 or 2026-11-20T18:30; SNAP~1 is the one "
    "before. SNAP:/path goes inside. 'dedup help COMMAND' explains one "
    "command.";

static const char opt_help_codes[] =
    "Exit codes: 0 done, 1 usage, 2 failed, 3 done but incomplete, 4 no such "
    "repository, 5 wrong key, 6 busy, 7 no space, 8 corruption found, 9 "
    "storage or network, 10 refused, 75 try again later, 128+n ended by "
    "signal n.";

static void opt_help_add(const struct opt_help_page *p, const char *text)
{
    buf_add_bytes(p->out, bytes_of_str(text));
}

static void opt_help_pad(const struct opt_help_page *p, size_t n)
{
    while (n--)
        opt_help_add(p, " ");
}

/* Spaces until column, from the present one; a new line where that is past. */
static size_t opt_help_tab(const struct opt_help_page *p, size_t at,
                           size_t column)
{
    if (at + 2 > column) {
        opt_help_add(p, "\n");
        at = 0;
    }
    opt_help_pad(p, column - at);
    return column;
}

/* text, wrapped between words, from column `at` on, later lines indented to
 * column; ends the line. */
static void opt_help_wrap(const struct opt_help_page *p, size_t at,
                          size_t column, const char *text)
{
    bool first = true;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (!first && at + 1 + n > p->columns) {
            opt_help_add(p, "\n");
            opt_help_pad(p, column);
            at = column;
        } else if (!first) {
            opt_help_add(p, " ");
            at++;
        }
        buf_add(p->out, text, n);
        at += n;
        text += n + strspn(text + n, " ");
        first = false;
    }
    opt_help_add(p, "\n");
}

static void opt_help_option(const struct opt_help_page *p,
                            const struct opt_info *o)
{
    bool narrow = p->columns < OPT_HELP_NARROW;
    size_t column = narrow ? OPT_HELP_NARROW_COLUMN : OPT_HELP_TEXT_COLUMN;
    char left[128], text[512];
    int n;

    n = snprintf(left, sizeof left, "%*s%c%c%s--%s%s%s", OPT_HELP_INDENT, "",
                 o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? ", " : "  ", o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
    ASSERT(n > 0 && (size_t)n < sizeof left);
    n = snprintf(text, sizeof text, "%s%s%s%s", o->help, o->env ? " [$" : "",
                 o->env ? o->env : "", o->env ? "]" : "");
    ASSERT(n > 0 && (size_t)n < sizeof text);
    opt_help_add(p, left);
    (void)opt_help_tab(p, narrow ? column : strlen(left), column);
    opt_help_wrap(p, column, column, text);
}

/* The options that every command takes, or those that this one does besides;
 * the heading only where one follows. */
static void opt_help_options(const struct opt_help_page *p, const char *heading,
                             uint32_t command, bool every)
{
    bool any = false;

    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *o = opt_info((enum opt_id)i);

        if ((o->commands == OPT_EVERY) != every || !(o->commands & command))
            continue;
        if (!any)
            opt_help_add(p, heading);
        any = true;
        opt_help_option(p, o);
    }
}

/* A heading, and text that is wrapped beside it. */
static void opt_help_headed(const struct opt_help_page *p, const char *heading,
                            const char *text)
{
    opt_help_add(p, heading);
    opt_help_wrap(p, strlen(heading), strlen(heading), text);
}

static void opt_help_program(const struct opt_help_page *p)
{
    opt_help_headed(p, "usage: ", opt_help_usage);
    opt_help_add(p, "\n");
    opt_help_wrap(p, 0, 0,
                  "Deduplicating, encrypted backups of a server's files.");
    opt_help_add(p, "\nCommands:\n");
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        const struct opt_command_info *info =
            opt_command_info((enum opt_command)c);

        opt_help_add(p, "  ");
        opt_help_add(p, info->name);
        (void)opt_help_tab(p, strlen(info->name) + OPT_HELP_INDENT,
                           OPT_HELP_COMMAND_COLUMN);
        opt_help_wrap(p, OPT_HELP_COMMAND_COLUMN, OPT_HELP_COMMAND_COLUMN,
                      info->summary);
    }
    opt_help_options(p, "\nOptions of every command:\n", OPT_EVERY, true);
    opt_help_add(p, "\n");
    opt_help_wrap(p, 0, 0, opt_help_snap);
    opt_help_add(p, "\n");
    opt_help_wrap(p, 0, 0, opt_help_codes);
}

static void opt_help_command(const struct opt_help_page *p,
                             enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);
    uint32_t set = UINT32_C(1) << command;
    char usage[OPT_HELP_USAGE_MAX];
    int n = snprintf(usage, sizeof usage, "dedup [-r REPO] %s [OPTION...]%s%s",
                     c->name, *c->args ? " " : "", c->args);

    ASSERT(n > 0 && (size_t)n < sizeof usage);
    opt_help_headed(p, "usage: ", usage);
    n = snprintf(usage, sizeof usage, "%s: %s.", c->name, c->summary);
    ASSERT(n > 0 && (size_t)n < sizeof usage);
    opt_help_add(p, "\n");
    opt_help_wrap(p, 0, 0, usage);
    opt_help_headed(p, "Example: ", c->example);
    opt_help_options(p, "\nOptions:\n", set, false);
    opt_help_options(p, "\nOptions of every command:\n", set, true);
}

void opt_help(enum opt_command command, size_t columns, struct buf *out)
{
    struct opt_help_page p = {.out = out, .columns = columns};

    if (columns == 0 || columns > OPT_HELP_COLUMNS)
        p.columns = OPT_HELP_COLUMNS;
    if (command == OPT_CMD_NONE)
        opt_help_program(&p);
    else
        opt_help_command(&p, command);
}
