/*
 * opt: the command line. Reads argv and the environment against opt_list.def
 * and hands out what was said, in the order in which it was said.
 *
 * Options stand before or after the command and its arguments; "--" ends them.
 * Both "--name VALUE" and "--name=VALUE" are understood, names are never
 * abbreviated (a later option must not change what a script means), and flags
 * of one letter can be joined. A value on the command line beats one from the
 * environment.
 * Confined to one thread; parsed values are immutable and may be read by any.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum opt_command {
    OPT_CMD_NONE, /* no command was named */
#define COMMAND(id, ...) OPT_CMD_##id,
#define OPTION(id, ...)
#include "cli/opt_list.def"
    OPT_CMD_END
};

enum opt_id {
#define COMMAND(id, ...)
#define OPTION(id, ...) OPT_##id,
#include "cli/opt_list.def"
    OPT_END
};

enum opt_kind {
    OPT_FLAG,    /* no value */
    OPT_TEXT,    /* any text but the empty one */
    OPT_CHOICE,  /* one of the words that its ARGUMENT lists */
    OPT_BYTES,   /* a size */
    OPT_FD,      /* a file descriptor: a number */
    OPT_DURATION /* seconds, at most OPT_SECONDS_MAX */
};

enum { OPT_SECONDS_MAX = 1000000000 };

/* Whether an option may stand in a configuration file: docs/config.md. */
enum opt_config {
    OPT_CONFIG_NO,
    OPT_CONFIG_ONE, /* one value */
    OPT_CONFIG_LIST /* several, as it may be repeated on the command line */
};

/* A set of commands, one bit each. */
#define OPT_IN(id) (UINT32_C(1) << OPT_CMD_##id)
#define OPT_EVERY  (~UINT32_C(0))

/* One row of the table. */
struct opt_info {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    const char *arg;  /* what help calls its value; NULL for a flag */
    enum opt_kind kind;
    uint32_t commands; /* a set made by OPT_IN */
    const char *env;   /* variable that stands in for it; NULL: none */
    enum opt_config config;
    const char *help; /* one sentence, no full stop */
};

struct opt_command_info {
    const char *name;
    const char *args; /* as help shows them; "" for none */
    int args_min;
    int args_max;        /* -1: no limit */
    const char *summary; /* half a sentence, no full stop */
    const char *example; /* one line that can be typed */
};

/* The lower value wins over the higher one. */
enum opt_origin {
    OPT_FROM_ARGV,
    OPT_FROM_ENV,
    OPT_FROM_JOB, /* these three: of the configuration file */
    OPT_FROM_DEFAULTS,
    OPT_FROM_TOP
};

struct opt_value {
    enum opt_id id;
    enum opt_origin origin;
    const char *text; /* NULL for a flag; lent by argv, the environment or the
                         configuration */
    unsigned line;    /* of the configuration; else 0 */
};

/*
 * What a command line said. Immutable once parsed, and completed from the
 * configuration (cli/config_apply).
 * 1. value lists occurrences: argv's in their order, then the environment's,
 *    then the configuration's, level by level, which appear only where what
 *    stands before has none of that option. Patterns of the configuration
 *    appear always, and before all else, the lower level's first.
 * 2. Each value fits the kind of its option.
 */
struct opt_set {
    enum opt_command command;
    struct opt_value *value;
    size_t value_n;
    size_t value_cap;
    const char **arg; /* the command's arguments, lent as the values are */
    size_t arg_n;
    const char *config; /* the configuration's path; NULL: there is none */
    const char *job;    /* of it; NULL: none */
};

/* opt_info / opt_command_info: the row of an id (< OPT_END, OPT_CMD_END, and
 * not OPT_CMD_NONE). */
const struct opt_info *opt_info(enum opt_id id);
const struct opt_command_info *opt_command_info(enum opt_command command);

/* opt_command_named: the command of that name. Returns 0; E_USAGE, with the
 * nearest name in the text (*command is OPT_CMD_NONE then). */
MUST_CHECK int opt_command_named(const char *name, enum opt_command *command);

/*
 * opt_parse: read a command line.
 *   o     out: zeroed first; release it whatever is returned
 *   argv  argv[0] is skipped; borrowed as long as o is used, as is the
 *         environment
 * Returns 0; E_USAGE when a command, option or value is unknown or does not
 * fit, with the nearest known name in the text; E_NOMEM. With --help or
 * --version the number of arguments is not checked. o->command is set as soon
 * as it is known, so that an error can point at the right help.
 */
MUST_CHECK int opt_parse(struct opt_set *o, int argc, char **argv);

/* opt_check: whether text is a value of that option, as invariant 2 has it.
 * shown is how the user named the option. Returns 0 or E_USAGE. */
MUST_CHECK int opt_check(enum opt_id id, const char *shown, const char *text);

/* opt_put: one more occurrence, behind the others. Returns 0 or E_NOMEM. */
MUST_CHECK int opt_put(struct opt_set *o, struct opt_value v);

/* opt_copy: the same again, lent as from is. Release to whatever is returned.
 * Returns 0 or E_NOMEM. */
MUST_CHECK int opt_copy(const struct opt_set *from, struct opt_set *to);

enum { OPT_NAMED_MAX = ERR_TEXT_MAX };

/* opt_named: how the user named the option of v, for messages: "--repo",
 * "DEDUP_REPO", "/etc/dedup/dedup.yaml:3: repo"; cut when too long. Returns
 * out. */
const char *opt_named(const struct opt_set *o, const struct opt_value *v,
                      char out[OPT_NAMED_MAX]);

/* opt_release: frees what opt_parse allocated; zeroed is fine. */
void opt_release(struct opt_set *o);

/* opt_has: whether the option was given, wherever. */
bool opt_has(const struct opt_set *o, enum opt_id id);

/* opt_count: how often it was given. */
size_t opt_count(const struct opt_set *o, enum opt_id id);

/* opt_last: its last occurrence, which is the one that counts for options
 * that hold one value; NULL when not given. */
const struct opt_value *opt_last(const struct opt_set *o, enum opt_id id);

/* opt_text: the text of opt_last, or NULL. */
const char *opt_text(const struct opt_set *o, enum opt_id id);

/* opt_bytes: the size that an OPT_BYTES option says, or absent. */
uint64_t opt_bytes(const struct opt_set *o, enum opt_id id, uint64_t absent);

/* opt_seconds: what an OPT_DURATION option says, or absent. */
uint64_t opt_seconds(const struct opt_set *o, enum opt_id id, uint64_t absent);

/* opt_fd: the descriptor that an OPT_FD option says, or -1. */
int opt_fd(const struct opt_set *o, enum opt_id id);

#endif
