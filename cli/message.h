/*
 * message: the door to standard error: everything that is said to people. One
 * line each, "dedup: COMMAND: what", escaped, written at once, so that lines
 * of several threads never mix; while a status line stands on the terminal it
 * is taken away first and put back after.
 * Any thread. The sink is one for the process.
 */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum message_level { MESSAGE_QUIET, MESSAGE_NORMAL, MESSAGE_VERBOSE };

#define MESSAGE_LINE_MAX 4096

/* How many lines an error can have below it. */
#define MESSAGE_FOLLOW_MAX 11

/* How many lines about one kind of trouble are printed before they are only
 * counted. */
#define MESSAGE_PROBLEMS_SHOWN 20

/* Counts troubles of one kind; zeroed at first. Locked by the sink. */
struct message_problems {
    size_t n;
};

/*
 * message_setup: before the first message, from one thread.
 *   fd       where messages go; 2 but in tests
 *   command  for the head of each line; borrowed for ever; NULL: none
 *   level    MESSAGE_QUIET: errors and warnings only
 *   watched  somebody looks on: message_note() speaks at the normal level too
 */
void message_setup(int fd, const char *command, enum message_level level,
                   bool watched);

/* message_to_log: from now on they go to the system's log: there is nobody at
 * the terminal any more. */
void message_to_log(void);

/* message_error: what a failed command says last: this thread's err_text(), and
 * below it what message_follow() was given. */
void message_error(void);

/* message_follow: a line to stand below the next error, such as one of the
 * candidates that it speaks of; what exceeds MESSAGE_FOLLOW_MAX is dropped. */
void message_follow(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_warn: something the user should know; at every level. */
void message_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_damage: something stored is broken; at every level. */
void message_damage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_note: a summary or hint: when somebody looks on, or with -v; never
 * with -q. */
void message_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_detail: with -v only. */
void message_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* message_problem: warn of one of many, until MESSAGE_PROBLEMS_SHOWN have been
 * shown; all are counted. */
void message_problem(struct message_problems *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* message_problems_end: say how many more there were, if any; what is the
 * plural of the trouble ("files could not be read"). */
void message_problems_end(const struct message_problems *p, const char *what);

/*
 * message_status: put line, which is escaped already and fits the terminal,
 * below all messages in place of the last one; "" takes it away. For
 * cli/progress.c, on a terminal only.
 */
void message_status(const char *line);

/* message_line: one line as it is, escaped already: for answers to SIGUSR1. */
void message_line(const char *line);

#endif
