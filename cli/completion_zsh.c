#include <string.h>

#include "cli/completion.h"

static const char completion_zsh_head[] =
    "#compdef dedup\n"
    "# zsh completion of dedup, made by 'dedup completion zsh'\n"
    "\n"
    "_dedup_jobs() {\n"
    "    local -a names=( ${(f)\"$(" COMPLETION_ASK_JOBS ")\"} )\n"
    "    compadd \"$@\" -- $names\n"
    "}\n"
    "\n"
    "_dedup() {\n"
    "    local curcontext=\"$curcontext\" context state state_descr line "
    "ret=1\n"
    "    local -a every options commands\n"
    "    typeset -A opt_args\n";

static const char completion_zsh_walk[] =
    "    _arguments -C -S -s $every '(-): :->command' "
    "'(-)*:: :->arguments' && ret=0\n"
    "    if [[ $state == arguments ]]; then\n"
    "        state=\n"
    "        curcontext=\"${curcontext%:*:*}:dedup-$words[1]:\"\n"
    "        case $words[1] in\n";

static const char completion_zsh_behind[] =
    "        *) return 1 ;;\n"
    "        esac\n"
    "        _arguments -S -s $every $options && ret=0\n"
    "    fi\n"
    "    case $state in\n"
    "    command) _describe -t commands command commands && ret=0 ;;\n"
    "    behind)\n"
    "        case \"$words[1] $line[1]\" in\n";

static const char completion_zsh_foot[] =
    "        esac ;;\n"
    "    esac\n"
    "    return ret\n"
    "}\n"
    "\n"
    "# autoloaded: complete; sourced: be there from now on\n"
    "if [[ $funcstack[1] == _dedup ]]; then\n"
    "    _dedup \"$@\"\n"
    "else\n"
    "    compdef _dedup dedup\n"
    "fi\n";

/* text inside '...'; what is in `escaped` gets a backslash. */
static void completion_zsh_text(struct buf *out, const char *text,
                                const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'') {
            completion_add(out, "'\\''");
            continue;
        }
        if (strchr(escaped, *text))
            buf_add(out, "\\", 1);
        buf_add(out, text, 1);
    }
}

/* The action of _arguments that completes an argument. */
static void completion_zsh_action(struct buf *out, struct bytes arg)
{
    switch (completion_kind(arg)) {
    case COMPLETION_WORDS:
        completion_add(out, "(");
        completion_words(out, arg);
        completion_add(out, ")");
        break;
    case COMPLETION_FILES:
        completion_add(out, "_files");
        break;
    case COMPLETION_DIRECTORIES:
        completion_add(out, "_files -/");
        break;
    case COMPLETION_COMMANDS:
        completion_add(out, "->command");
        break;
    case COMPLETION_JOBS:
        completion_add(out, "_dedup_jobs");
        break;
    case COMPLETION_ANY:
        completion_add(out, " ");
        break;
    }
}

/* One option; those with a value may be given again, since the last one counts
 * or all do. */
static void completion_zsh_option(struct buf *out, const struct opt_info *o)
{
    const char *value = o->arg ? "=" : "";

    completion_add(out, "            ");
    if (o->letter && o->arg)
        completion_add(out, "'*'{-%c+,--%s=}'", o->letter, o->name);
    else if (o->letter)
        completion_add(out, "'(-%c --%s)'{-%c,--%s}'", o->letter, o->name,
                       o->letter, o->name);
    else
        completion_add(out, "'%s--%s%s", o->arg ? "*" : "", o->name, value);
    completion_add(out, "[");
    completion_zsh_text(out, o->help, "[]\\");
    completion_add(out, "]");
    if (o->arg) {
        completion_add(out, ":");
        completion_zsh_text(
            out,
            completion_kind(bytes_of_str(o->arg)) == COMPLETION_WORDS ? o->name
                                                                      : o->arg,
            "[]:\\");
        completion_add(out, ":");
        completion_zsh_action(out, bytes_of_str(o->arg));
    }
    completion_add(out, "'\n");
}

static void completion_zsh_options(struct buf *out, unsigned command,
                                   bool every)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *o = opt_info((enum opt_id)i);

        if ((o->commands == OPT_EVERY) == every && (o->commands >> command & 1))
            completion_zsh_option(out, o);
    }
}

/* The arguments of a command, by their place. */
static void completion_zsh_places(struct buf *out, enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);
    const char *args = c->args;
    struct completion_way way;
    size_t start = out->n;

    completion_add(out, "            '1:argument:(");
    if (completion_first_words(out, command)) {
        completion_add(out, ")'\n");
        if (c->args_max > 1)
            completion_add(out, "            '2: :->behind'\n");
        return;
    }
    buf_truncate(out, start);
    if (!completion_way(&args, &way))
        return;
    completion_add(out,
                   "            '%s:argument:", c->args_max == 1 ? "1" : "*");
    completion_zsh_action(out, way.rest);
    completion_add(out, "'\n");
}

/* What stands behind the first word of a command's arguments. */
static void completion_zsh_behind_words(struct buf *out,
                                        enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);
    const char *args = c->args;
    struct completion_way way;

    while (completion_way(&args, &way)) {
        enum completion_kind kind = completion_kind(way.rest);

        if (way.word.n == 0 ||
            (kind != COMPLETION_WORDS && kind != COMPLETION_FILES))
            continue;
        completion_add(out, "        '%s ", c->name);
        buf_add_bytes(out, way.word);
        completion_add(out, "') %s",
                       kind == COMPLETION_FILES ? "_files" : "compadd -- ");
        if (kind == COMPLETION_WORDS)
            completion_words(out, way.rest);
        completion_add(out, " && ret=0 ;;\n");
    }
}

void completion_zsh(struct buf *out)
{
    completion_add(out, "%s    every=(\n", completion_zsh_head);
    completion_zsh_options(out, OPT_CMD_NONE, true);
    completion_add(out, "    )\n    commands=(\n");
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        const struct opt_command_info *info =
            opt_command_info((enum opt_command)c);

        completion_add(out, "        '%s:", info->name);
        completion_zsh_text(out, info->summary, ":\\");
        completion_add(out, "'\n");
    }
    completion_add(out, "    )\n%s", completion_zsh_walk);
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        completion_add(out, "        %s) options=(\n",
                       opt_command_info((enum opt_command)c)->name);
        completion_zsh_options(out, c, false);
        completion_zsh_places(out, (enum opt_command)c);
        completion_add(out, "            ) ;;\n");
    }
    completion_add(out, "%s", completion_zsh_behind);
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
        completion_zsh_behind_words(out, (enum opt_command)c);
    completion_add(out, "%s", completion_zsh_foot);
}
