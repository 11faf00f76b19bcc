#include "cli/completion.h"

static const char completion_bash_head[] =
    "# bash completion of dedup, made by 'dedup completion bash'\n"
    "\n"
    "_dedup_reply() # WORD...: those that begin with what is typed\n"
    "{\n"
    "    local word\n"
    "    for word in \"$@\"; do\n"
    "        [[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n"
    "    done\n"
    "}\n"
    "\n"
    "_dedup_paths() # -f: files, -d: directories\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_dedup_jobs()\n"
    "{\n"
    "    local -a jobs\n"
    "    mapfile -t jobs < <(" COMPLETION_ASK_JOBS ")\n"
    "    _dedup_reply \"${jobs[@]}\"\n"
    "}\n"
    "\n"
    "_dedup_takes() # OPTION: the value it takes, into value; false: none\n"
    "{\n"
    "    case $1 in\n";

static const char completion_bash_walk[] =
    "    *) return 1 ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_dedup()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local command= value= waits= ended= word i\n"
    "    local -a arguments=() options=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ -z $ended && $word == -- ]]; then\n"
    "            ended=1\n"
    "        elif [[ -z $ended && $word == -?* ]]; then\n"
    "            _dedup_takes \"$word\" || continue\n"
    "            # bash makes three words of --name=value\n"
    "            [[ ${COMP_WORDS[i + 1]-} == = ]] && ((i++))\n"
    "            ((++i >= COMP_CWORD)) && waits=1\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "        else\n"
    "            arguments+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    if [[ $waits ]]; then\n"
    "        [[ $cur == = ]] && cur=\n"
    "        case $value in\n"
    "        -f | -d) _dedup_paths \"$value\" ;;\n"
    "        -j) _dedup_jobs ;;\n"
    "        *) _dedup_reply $value ;;\n"
    "        esac\n"
    "        return\n"
    "    fi\n"
    "    if [[ -z $ended && $cur == -* ]]; then\n"
    "        case $command in\n";

static const char completion_bash_arguments[] =
    "        _dedup_reply \"${options[@]}\"\n"
    "        return\n"
    "    fi\n"
    "    case \"$command ${arguments[*]}\" in\n";

static const char completion_bash_foot[] = "    esac\n"
                                           "}\n"
                                           "\n"
                                           "complete -F _dedup dedup\n";

static void completion_bash_value(struct buf *out, const struct opt_info *o)
{
    struct bytes arg = bytes_of_str(o->arg);

    completion_add(out, "    --%s", o->name);
    if (o->letter)
        completion_add(out, " | -%c", o->letter);
    completion_add(out, ") value='");
    switch (completion_kind(arg)) {
    case COMPLETION_WORDS:
        completion_words(out, arg);
        break;
    case COMPLETION_FILES:
        completion_add(out, "-f");
        break;
    case COMPLETION_DIRECTORIES:
        completion_add(out, "-d");
        break;
    case COMPLETION_JOBS:
        completion_add(out, "-j");
        break;
    case COMPLETION_ANY:
    case COMPLETION_COMMANDS:
        break;
    }
    completion_add(out, "' ;;\n");
}

/* The options of a command, or (every) those that all take. */
static void completion_bash_options(struct buf *out, unsigned command,
                                    bool every)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *o = opt_info((enum opt_id)i);

        if ((o->commands == OPT_EVERY) == every && (o->commands >> command & 1))
            completion_add(out, " --%s", o->name);
    }
}

/* What completes one argument; the pattern in front of it was written. */
static void completion_bash_argument(struct buf *out, struct bytes arg)
{
    switch (completion_kind(arg)) {
    case COMPLETION_WORDS:
        completion_add(out, "_dedup_reply ");
        completion_words(out, arg);
        break;
    case COMPLETION_FILES:
        completion_add(out, "_dedup_paths -f");
        break;
    case COMPLETION_DIRECTORIES:
        completion_add(out, "_dedup_paths -d");
        break;
    case COMPLETION_COMMANDS:
        completion_add(out, "_dedup_reply ");
        completion_commands(out, OPT_EVERY);
        break;
    case COMPLETION_JOBS:
        completion_add(out, "_dedup_jobs");
        break;
    case COMPLETION_ANY:
        completion_add(out, ":");
        break;
    }
    completion_add(out, " ;;\n");
}

static void completion_bash_command(struct buf *out, enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);
    const char *args = c->args;
    struct completion_way way;
    size_t start = out->n;

    completion_add(out, "    '%s ') _dedup_reply ", c->name);
    if (completion_first_words(out, command))
        completion_add(out, " ;;\n");
    else
        buf_truncate(out, start);
    while (completion_way(&args, &way)) {
        if (way.word.n == 0) {
            completion_add(out, "    '%s '%s) ", c->name,
                           c->args_max == 1 ? "" : "*");
            completion_bash_argument(out, way.rest);
            return;
        }
        if (way.rest.n == 0)
            continue;
        completion_add(out, "    '%s ", c->name);
        buf_add_bytes(out, way.word);
        completion_add(out, "') ");
        completion_bash_argument(out, way.rest);
    }
}

void completion_bash(struct buf *out)
{
    completion_add(out, "%s", completion_bash_head);
    for (unsigned i = 0; i < OPT_END; i++) {
        if (opt_info((enum opt_id)i)->arg)
            completion_bash_value(out, opt_info((enum opt_id)i));
    }
    buf_add_bytes(out, bytes_of_str(completion_bash_walk));
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        completion_add(out, "        %s) options=(",
                       opt_command_info((enum opt_command)c)->name);
        completion_bash_options(out, c, false);
        completion_add(out, " ) ;;\n");
    }
    completion_add(out, "        esac\n        options+=(");
    completion_bash_options(out, OPT_CMD_NONE, true);
    completion_add(out, " )\n%s    ' ') _dedup_reply ",
                   completion_bash_arguments);
    completion_commands(out, OPT_EVERY);
    completion_add(out, " ;;\n");
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
        completion_bash_command(out, (enum opt_command)c);
    completion_add(out, "%s", completion_bash_foot);
}
