#include "cli/opt.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/nearest.h"

static const struct opt_command_info opt_commands[OPT_CMD_END] = {
#define COMMAND(id, ...) [OPT_CMD_##id] = {__VA_ARGS__},
#define OPTION(id, ...)
#include "cli/opt_list.def"
};

static const struct opt_info opt_table[OPT_END] = {
#define COMMAND(id, ...)
#define OPTION(id, ...) [OPT_##id] = {__VA_ARGS__},
#include "cli/opt_list.def"
};

/* Where the reading of argv has come to. */
struct opt_scan {
    int argc;
    char **argv;
    int at; /* the word being read */
};

const struct opt_info *opt_info(enum opt_id id)
{
    ASSERT(id < OPT_END);
    return &opt_table[id];
}

const struct opt_command_info *opt_command_info(enum opt_command command)
{
    ASSERT(command > OPT_CMD_NONE && command < OPT_CMD_END);
    return &opt_commands[command];
}

/* The option of that name, which has n letters; OPT_END when none. */
static enum opt_id opt_find_name(const char *name, size_t n)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        if (strncmp(opt_table[i].name, name, n) == 0 && !opt_table[i].name[n])
            return (enum opt_id)i;
    }
    return OPT_END;
}

static enum opt_id opt_find_letter(char letter)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        if (opt_table[i].letter == letter)
            return (enum opt_id)i;
    }
    return OPT_END;
}

static int opt_unknown_name(const char *name, size_t n)
{
    char typed[NEAREST_WORD_MAX + 1];
    struct nearest near;

    if (n > NEAREST_WORD_MAX)
        return err_set(E_USAGE, "unknown option '--%.*s'", (int)n, name);
    memcpy(typed, name, n);
    typed[n] = 0;
    nearest_init(&near, typed);
    for (unsigned i = 0; i < OPT_END; i++)
        nearest_offer(&near, opt_table[i].name);
    if (!near.best)
        return err_set(E_USAGE, "unknown option '--%s'", typed);
    return err_set(E_USAGE, "unknown option '--%s'; did you mean '--%s'?",
                   typed, near.best);
}

static int opt_unknown_command(const char *name)
{
    struct nearest near;

    nearest_init(&near, name);
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++)
        nearest_offer(&near, opt_commands[c].name);
    if (!near.best)
        return err_set(E_USAGE, "unknown command '%s'", name);
    return err_set(E_USAGE, "unknown command '%s'; did you mean '%s'?", name,
                   near.best);
}

int opt_command_named(const char *name, enum opt_command *command)
{
    *command = OPT_CMD_NONE;
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        if (strcmp(opt_commands[c].name, name) != 0)
            continue;
        *command = (enum opt_command)c;
        return 0;
    }
    return opt_unknown_command(name);
}

/* Whether word is one of those that list has between its bars. */
static bool opt_choice_has(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (list) {
        const char *bar = strchr(list, '|');
        size_t len = bar ? (size_t)(bar - list) : strlen(list);

        if (len == n && memcmp(list, word, n) == 0)
            return true;
        list = bar ? bar + 1 : NULL;
    }
    return false;
}

/* Without a unit 0 is as long as with any. */
static int opt_parse_duration(const char *text, uint64_t *seconds)
{
    if (strcmp(text, "0") != 0)
        return text_parse_duration(text, 0, OPT_SECONDS_MAX, seconds);
    *seconds = 0;
    return 0;
}

int opt_check(enum opt_id id, const char *shown, const char *text)
{
    const struct opt_info *info = opt_info(id);
    uint64_t n;

    if (info->kind == OPT_FLAG)
        return 0;
    if (*text == 0)
        return err_set(E_USAGE, "%s needs a %s that is not empty", shown,
                       info->arg);
    if (info->kind == OPT_CHOICE && !opt_choice_has(info->arg, text))
        return err_set(E_USAGE, "%s '%s': must be one of %s", shown, text,
                       info->arg);
    if (info->kind == OPT_BYTES)
        return err_add(text_parse_size(text, 0, UINT64_MAX, &n), "%s", shown);
    if (info->kind == OPT_DURATION)
        return err_add(opt_parse_duration(text, &n), "%s", shown);
    if (info->kind == OPT_FD)
        return err_add(text_parse_uint(text, 0, INT_MAX, &n), "%s", shown);
    return 0;
}

int opt_put(struct opt_set *o, struct opt_value v)
{
    if (!MEM_GROW(o->value, o->value_n, o->value_cap))
        return err_set(E_NOMEM, "reading the options");
    o->value[o->value_n++] = v;
    return 0;
}

/* The word after the present one, as the value of shown. */
static int opt_next_word(struct opt_scan *s, const char *shown,
                         const char **text)
{
    if (s->at + 1 >= s->argc)
        return err_set(E_USAGE, "%s needs a value after it", shown);
    *text = s->argv[++s->at];
    return 0;
}

/* "--name", "--name=VALUE" or "--name VALUE"; word begins after the dashes. */
static int opt_scan_name(struct opt_set *o, struct opt_scan *s,
                         const char *word)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const char *text = equals ? equals + 1 : NULL;
    enum opt_id id = opt_find_name(word, n);
    char shown[NEAREST_WORD_MAX];
    int rc;

    if (id == OPT_END)
        return opt_unknown_name(word, n);
    (void)snprintf(shown, sizeof shown, "--%s", opt_table[id].name);
    if (opt_table[id].kind == OPT_FLAG && text)
        return err_set(E_USAGE, "%s takes no value", shown);
    if (opt_table[id].kind != OPT_FLAG && !text) {
        rc = opt_next_word(s, shown, &text);
        if (rc < 0)
            return rc;
    }
    rc = opt_check(id, shown, text);
    if (rc < 0)
        return rc;
    return opt_put(o, (struct opt_value){id, OPT_FROM_ARGV, text, 0});
}

/* "-l", "-lR", "-rVALUE" or "-r VALUE"; word begins after the dash. */
static int opt_scan_letters(struct opt_set *o, struct opt_scan *s,
                            const char *word)
{
    int rc;

    for (; *word; word++) {
        enum opt_id id = opt_find_letter(*word);
        char shown[3] = {'-', *word, 0};
        const char *text;

        if (id == OPT_END)
            return err_set(E_USAGE, "unknown option '%s'", shown);
        if (opt_table[id].kind == OPT_FLAG) {
            rc = opt_put(o, (struct opt_value){id, OPT_FROM_ARGV, NULL, 0});
            if (rc < 0)
                return rc;
            continue;
        }
        text = word + 1;
        if (*text == 0) {
            rc = opt_next_word(s, shown, &text);
            if (rc < 0)
                return rc;
        }
        rc = opt_check(id, shown, text);
        if (rc < 0)
            return rc;
        return opt_put(o, (struct opt_value){id, OPT_FROM_ARGV, text, 0});
    }
    return 0;
}

/* Of a command line that is to be run nothing may be taken for ours: pg_dump's
 * -v, say. */
static int opt_check_ended(const struct opt_set *o, bool ended)
{
    if (ended || o->arg_n == 0 || !opt_has(o, OPT_COMMAND))
        return 0;
    return err_set(E_USAGE,
                   "--command: put -- before '%s': dedup snapshot --command "
                   "NAME -- CMD ARG...",
                   o->arg[0]);
}

/* A word that is no option: first the command, then its arguments. */
static int opt_scan_plain(struct opt_set *o, const char *word)
{
    if (o->command != OPT_CMD_NONE) {
        o->arg[o->arg_n++] = word;
        return 0;
    }
    return opt_command_named(word, &o->command);
}

static int opt_scan_argv(struct opt_set *o, int argc, char **argv)
{
    struct opt_scan s = {argc, argv, 1};
    bool ended = false;
    int rc = 0;

    for (; s.at < argc && rc == 0; s.at++) {
        const char *word = argv[s.at];

        if (ended || word[0] != '-' || word[1] == 0)
            rc = opt_scan_plain(o, word);
        else if (word[1] != '-')
            rc = opt_scan_letters(o, &s, word + 1);
        else if (word[2] == 0)
            ended = true;
        else
            rc = opt_scan_name(o, &s, word + 2);
        if (rc == 0)
            rc = opt_check_ended(o, ended);
    }
    return rc;
}

/* Invariant 1 of struct opt_set. An empty variable counts as unset. */
static int opt_scan_env(struct opt_set *o)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        const char *name = opt_table[i].env;
        const char *text = name ? getenv(name) : NULL;
        int rc;

        if (!text || *text == 0 || opt_has(o, (enum opt_id)i))
            continue;
        rc = opt_check((enum opt_id)i, name, text);
        if (rc < 0)
            return rc;
        rc = opt_put(o,
                     (struct opt_value){(enum opt_id)i, OPT_FROM_ENV, text, 0});
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The first command that takes the option, for an error's hint. */
static const char *opt_some_command(const struct opt_info *info)
{
    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        if (info->commands >> c & 1)
            return opt_commands[c].name;
    }
    return "no command";
}

static int opt_check_set(const struct opt_set *o)
{
    const struct opt_command_info *c = &opt_commands[o->command];
    int n = o->arg_n > INT_MAX ? INT_MAX : (int)o->arg_n;

    if (opt_has(o, OPT_HELP) || opt_has(o, OPT_VERSION))
        return 0;
    if (o->command == OPT_CMD_NONE)
        return err_set(E_USAGE, "no command given");
    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_info *info = &opt_table[o->value[i].id];

        if (!(info->commands >> o->command & 1))
            return err_set(E_USAGE, "--%s is an option of %s, not of %s",
                           info->name, opt_some_command(info), c->name);
    }
    if (n < c->args_min && islower((unsigned char)c->args[0]))
        return err_set(E_USAGE, "what to do is missing, one of: %s", c->args);
    if (n < c->args_min)
        return err_set(E_USAGE, "%s is missing: dedup %s %s", c->args, c->name,
                       c->args);
    if (c->args_max >= 0 && n > c->args_max)
        return err_set(E_USAGE, "unexpected argument '%s'",
                       o->arg[c->args_max]);
    return 0;
}

int opt_parse(struct opt_set *o, int argc, char **argv)
{
    int rc;

    memset(o, 0, sizeof *o);
    o->arg = mem_array(argc > 0 ? (size_t)argc : 0, sizeof *o->arg);
    if (!o->arg)
        return err_set(E_NOMEM, "reading the command line");
    rc = opt_scan_argv(o, argc, argv);
    if (rc < 0)
        return rc;
    rc = opt_scan_env(o);
    if (rc < 0)
        return rc;
    return opt_check_set(o);
}

int opt_copy(const struct opt_set *from, struct opt_set *to)
{
    *to = *from;
    to->value = mem_array(from->value_n, sizeof *to->value);
    to->arg = mem_array(from->arg_n, sizeof *to->arg);
    to->value_cap = from->value_n;
    if (!to->value || !to->arg)
        return err_set(E_NOMEM, "reading the options");
    if (from->value_n)
        memcpy(to->value, from->value, from->value_n * sizeof *to->value);
    if (from->arg_n)
        memcpy(to->arg, from->arg, from->arg_n * sizeof *to->arg);
    return 0;
}

const char *opt_named(const struct opt_set *o, const struct opt_value *v,
                      char out[OPT_NAMED_MAX])
{
    const struct opt_info *info = opt_info(v->id);

    if (v->origin == OPT_FROM_ARGV)
        (void)snprintf(out, OPT_NAMED_MAX, "--%s", info->name);
    else if (v->origin == OPT_FROM_ENV)
        (void)snprintf(out, OPT_NAMED_MAX, "%s", info->env);
    else
        (void)snprintf(out, OPT_NAMED_MAX, "%s:%u: %s", o->config, v->line,
                       info->name);
    return out;
}

void opt_release(struct opt_set *o)
{
    free(o->value);
    free(o->arg);
    memset(o, 0, sizeof *o);
}

bool opt_has(const struct opt_set *o, enum opt_id id)
{
    return opt_last(o, id) != NULL;
}

size_t opt_count(const struct opt_set *o, enum opt_id id)
{
    size_t n = 0;

    for (size_t i = 0; i < o->value_n; i++)
        n += o->value[i].id == id;
    return n;
}

const struct opt_value *opt_last(const struct opt_set *o, enum opt_id id)
{
    for (size_t i = o->value_n; i > 0; i--) {
        if (o->value[i - 1].id == id)
            return &o->value[i - 1];
    }
    return NULL;
}

const char *opt_text(const struct opt_set *o, enum opt_id id)
{
    const struct opt_value *v = opt_last(o, id);

    return v ? v->text : NULL;
}

uint64_t opt_bytes(const struct opt_set *o, enum opt_id id, uint64_t absent)
{
    const char *text = opt_text(o, id);
    uint64_t bytes = absent;
    int rc = text ? text_parse_size(text, 0, UINT64_MAX, &bytes) : 0;

    ASSERT(rc == 0); /* opt_check() refused all others */
    return bytes;
}

uint64_t opt_seconds(const struct opt_set *o, enum opt_id id, uint64_t absent)
{
    const char *text = opt_text(o, id);
    uint64_t seconds = absent;
    int rc = text ? opt_parse_duration(text, &seconds) : 0;

    ASSERT(rc == 0); /* opt_check() refused all others */
    return seconds;
}

int opt_fd(const struct opt_set *o, enum opt_id id)
{
    const char *text = opt_text(o, id);
    uint64_t fd = 0;
    int rc = text ? text_parse_uint(text, 0, INT_MAX, &fd) : 0;

    ASSERT(rc == 0); /* opt_check() refused all others */
    return text ? (int)fd : -1;
}
