#include "cli/opt_help.h"

#include <stdio.h>
#include <string.h>

enum {
    OPT_HELP_INDENT = 2,
    OPT_HELP_TEXT_COLUMN = 30, /* where explanations begin */
    OPT_HELP_COMMAND_COLUMN = 14
};

static const char opt_help_head[] =
    "usage: dedup [-r REPO] COMMAND [OPTION...] [ARGUMENT...]\n"
    "\n"
    "Deduplicating, encrypted backups of a server's files.\n"
    "\n"
    "Commands:\n";

static const char opt_help_foot[] =
    "\n"
    "SNAP is 'latest', a series, the first 4 or more digits of a snapshot's "
    "id,\n"
    "or a date such as 2026-11-20 or 2026-11-20T18:30; SNAP~1 is the one "
    "before.\n"
    "SNAP:/path goes inside. 'dedup help COMMAND' explains one command.\n"
    "\n"
    "Exit codes: 0 done, 1 usage, 2 failed, 3 done but incomplete, 4 no such\n"
    "repository, 5 wrong key, 6 busy, 7 no space, 8 corruption found, 9 "
    "storage\n"
    "or network, 10 refused, 75 try again later, 128+n ended by signal n.\n";

static void opt_help_add(struct buf *out, const char *text)
{
    buf_add_bytes(out, bytes_of_str(text));
}

/* Spaces until column, from the present one; a new line where that is past. */
static size_t opt_help_tab(struct buf *out, size_t at, size_t column)
{
    if (at + 2 > column) {
        opt_help_add(out, "\n");
        at = 0;
    }
    for (; at < column; at++)
        opt_help_add(out, " ");
    return column;
}

/* text, wrapped between words, from column `at` on, later lines indented to
 * column; ends the line. */
static void opt_help_wrap(struct buf *out, size_t at, size_t column,
                          const char *text)
{
    bool first = true;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (!first && at + 1 + n > OPT_HELP_COLUMNS) {
            opt_help_add(out, "\n");
            at = opt_help_tab(out, 0, column);
        } else if (!first) {
            opt_help_add(out, " ");
            at++;
        }
        buf_add(out, text, n);
        at += n;
        text += n + strspn(text + n, " ");
        first = false;
    }
    opt_help_add(out, "\n");
}

static void opt_help_option(struct buf *out, const struct opt_info *o)
{
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
    opt_help_add(out, left);
    (void)opt_help_tab(out, strlen(left), OPT_HELP_TEXT_COLUMN);
    opt_help_wrap(out, OPT_HELP_TEXT_COLUMN, OPT_HELP_TEXT_COLUMN, text);
}

/* The options that every command takes, or those that this one does besides;
 * the heading only where one follows. */
static void opt_help_options(struct buf *out, const char *heading,
                             uint32_t command, bool every)
{
    bool any = false;

    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *o = opt_info((enum opt_id)i);

        if ((o->commands == OPT_EVERY) != every || !(o->commands & command))
            continue;
        if (!any)
            opt_help_add(out, heading);
        any = true;
        opt_help_option(out, o);
    }
}

static void opt_help_program(struct buf *out)
{
    opt_help_add(out, opt_help_head);
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        const struct opt_command_info *info =
            opt_command_info((enum opt_command)c);

        opt_help_add(out, "  ");
        opt_help_add(out, info->name);
        (void)opt_help_tab(out, strlen(info->name) + OPT_HELP_INDENT,
                           OPT_HELP_COMMAND_COLUMN);
        opt_help_add(out, info->summary);
        opt_help_add(out, "\n");
    }
    opt_help_options(out, "\nOptions of every command:\n", OPT_EVERY, true);
    opt_help_add(out, opt_help_foot);
}

/* A heading, what stands whole behind it, and text that may be wrapped below
 * that. */
static void opt_help_headed(struct buf *out, const char *heading,
                            const char *whole, const char *text)
{
    opt_help_add(out, heading);
    opt_help_add(out, whole);
    opt_help_wrap(out, strlen(heading) + strlen(whole), strlen(heading), text);
}

void opt_help(enum opt_command command, struct buf *out)
{
    const struct opt_command_info *c;
    char usage[80];
    uint32_t set;

    if (command == OPT_CMD_NONE) {
        opt_help_program(out);
        return;
    }
    c = opt_command_info(command);
    set = UINT32_C(1) << command;
    (void)snprintf(usage, sizeof usage, "dedup [-r REPO] %s [OPTION...]%s",
                   c->name, *c->args ? " " : "");
    opt_help_headed(out, "usage: ", usage, c->args);
    opt_help_add(out, "\n");
    opt_help_add(out, c->name);
    opt_help_add(out, ": ");
    opt_help_add(out, c->summary);
    opt_help_add(out, ".\n");
    opt_help_headed(out, "Example: ", "", c->example);
    opt_help_options(out, "\nOptions:\n", set, false);
    opt_help_options(out, "\nOptions of every command:\n", set, true);
}
