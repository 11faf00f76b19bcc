/*
 * completion: scripts by which shells complete our command line, made from the
 * option table. Pure; any thread.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/opt.h"

enum { COMPLETION_BYTES_MAX = 1 << 18 /* more than any script has */ };

/* completion_script: append the script for a shell ("bash", "zsh", "fish") to
 * out; ask buf_status(out) afterwards. Returns 0; E_USAGE: no such shell. */
MUST_CHECK int completion_script(const char *shell, struct buf *out);

/* completion_bash, completion_zsh, completion_fish: the same, each. */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* ---- what they read out of the table ----------------------------------- */

/* What may stand in a place. */
enum completion_kind {
    COMPLETION_ANY, /* nobody knows */
    COMPLETION_WORDS,
    COMPLETION_FILES,
    COMPLETION_DIRECTORIES,
    COMPLETION_COMMANDS, /* names of our commands */
    COMPLETION_JOBS      /* what COMPLETION_ASK_JOBS prints */
};

/* The command of a shell that prints the names of the jobs, one a line: words
 * without anything that a shell gives a meaning to. It asks nobody, and reads
 * the file of the environment or of its usual place. */
#define COMPLETION_ASK_JOBS "command dedup config jobs 2>/dev/null </dev/null"

/* completion_kind: by what help calls an argument, of an option or of a
 * command: "FILE", "DIR", "a|b|c". */
enum completion_kind completion_kind(struct bytes argument);

/* One of the ways to go on behind a command: "sheet FILE". */
struct completion_way {
    struct bytes word; /* as it stands; empty: the place is free */
    struct bytes rest; /* the argument behind the word, or in its place */
};

/* completion_way: the next way of a command. *args: at first that of its
 * opt_command_info; moved. False: no more. */
bool completion_way(const char **args, struct completion_way *out);

/* completion_add: append text. fmt must make less than 1024 bytes. */
void completion_add(struct buf *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* completion_words: append words, split by '|', with spaces between them. */
void completion_words(struct buf *out, struct bytes words);

/* completion_first_words: append the words with which the ways of a command
 * begin, with spaces between them. Returns whether there are any. */
bool completion_first_words(struct buf *out, enum opt_command command);

/* completion_commands: append the names of all commands, or of those in set,
 * with spaces between them. */
void completion_commands(struct buf *out, uint32_t set);

#endif
