#include "cli/completion.h"

static const char completion_fish_head[] =
    "# fish completion of dedup, made by 'dedup completion fish'\n"
    "\n"
    "function __dedup_words --description 'command and arguments so far'\n"
    "    set -l skip\n"
    "    set -l typed (commandline -opc)\n"
    "    set -e typed[1]\n"
    "    for word in $typed\n"
    "        if test -n \"$skip\"\n"
    "            set skip\n"
    "            continue\n"
    "        end\n"
    "        switch $word\n"
    "            case";

static const char completion_fish_functions[] =
    "\n"
    "                set skip 1\n"
    "            case '-*'\n"
    "            case '*'\n"
    "                echo -- $word\n"
    "        end\n"
    "    end\n"
    "end\n"
    "\n"
    "function __dedup_at --description 'exactly these words were typed'\n"
    "    set -l words (__dedup_words)\n"
    "    test \"$words\" = \"$argv\"\n"
    "end\n"
    "\n"
    "function __dedup_in --description 'the command is one of these'\n"
    "    set -l words (__dedup_words)\n"
    "    test (count $words) -gt 0; and contains -- $words[1] $argv\n"
    "end\n"
    "\n"
    "complete -c dedup -f\n";

/* text inside '...' */
static void completion_fish_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_add(out, "\\", 1);
        buf_add(out, text, 1);
    }
}

/* What `complete` is told about an argument; option: its own value. */
static void completion_fish_argument(struct buf *out, struct bytes arg,
                                     bool option)
{
    switch (completion_kind(arg)) {
    case COMPLETION_WORDS:
        completion_add(out, " %s '", option ? "-x -a" : "-a");
        completion_words(out, arg);
        completion_add(out, "'");
        break;
    case COMPLETION_FILES:
        completion_add(out, option ? " -r -F" : " -F");
        break;
    case COMPLETION_DIRECTORIES:
        completion_add(out, " -x -a '(__fish_complete_directories)'");
        break;
    case COMPLETION_COMMANDS:
        completion_add(out, " -a '");
        completion_commands(out, OPT_EVERY);
        completion_add(out, "'");
        break;
    case COMPLETION_JOBS:
        completion_add(out, " -x -a '(" COMPLETION_ASK_JOBS ")'");
        break;
    case COMPLETION_ANY:
        completion_add(out, option ? " -x" : " -f");
        break;
    }
}

static void completion_fish_option(struct buf *out, const struct opt_info *o)
{
    completion_add(out, "complete -c dedup");
    if (o->commands != OPT_EVERY) {
        completion_add(out, " -n '__dedup_in ");
        completion_commands(out, o->commands);
        completion_add(out, "'");
    }
    if (o->letter)
        completion_add(out, " -s %c", o->letter);
    completion_add(out, " -l %s", o->name);
    if (o->arg)
        completion_fish_argument(out, bytes_of_str(o->arg), true);
    completion_add(out, " -d '");
    completion_fish_text(out, o->help);
    completion_add(out, "'\n");
}

static void completion_fish_command(struct buf *out, enum opt_command command)
{
    const struct opt_command_info *c = opt_command_info(command);
    const char *args = c->args;
    struct completion_way way;
    size_t start;

    completion_add(out, "complete -c dedup -n '__dedup_at' -a %s -d '",
                   c->name);
    completion_fish_text(out, c->summary);
    completion_add(out, "'\n");
    start = out->n;
    completion_add(out, "complete -c dedup -n '__dedup_at %s' -a '", c->name);
    if (completion_first_words(out, command))
        completion_add(out, "'\n");
    else
        buf_truncate(out, start);
    while (completion_way(&args, &way)) {
        if (completion_kind(way.rest) == COMPLETION_ANY)
            continue;
        completion_add(out, "complete -c dedup -n '__dedup_%s %s",
                       way.word.n || c->args_max == 1 ? "at" : "in", c->name);
        if (way.word.n)
            completion_add(out, " ");
        buf_add_bytes(out, way.word);
        completion_add(out, "'");
        completion_fish_argument(out, way.rest, false);
        completion_add(out, "\n");
        if (way.word.n == 0)
            return; /* one that is free is like the other */
    }
}

void completion_fish(struct buf *out)
{
    completion_add(out, "%s", completion_fish_head);
    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *o = opt_info((enum opt_id)i);

        if (!o->arg)
            continue;
        completion_add(out, " --%s", o->name);
        if (o->letter)
            completion_add(out, " -%c", o->letter);
    }
    completion_add(out, "%s", completion_fish_functions);
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
        completion_fish_command(out, (enum opt_command)c);
    for (unsigned i = 0; i < OPT_END; i++)
        completion_fish_option(out, opt_info((enum opt_id)i));
}
