/*
 * terminal: what we know about the terminal, and asking it for a secret.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/secret.h"

/* terminal_is: whether fd is one. */
bool terminal_is(int fd);

/* terminal_can_redraw: whether fd is a terminal on which a line can be taken
 * back: TERM is set and not "dumb". */
bool terminal_can_redraw(int fd);

/* terminal_columns: its width now; 80 where it does not say. */
size_t terminal_columns(int fd);

/* terminal_any: whether there is one to ask on. */
bool terminal_any(void);

/*
 * terminal_ask: write prompt to the controlling terminal and read one line
 * from it, with echo off, and on again whatever happens.
 *   c  ends the wait when a signal asks to stop; NULL: nothing does
 *   s  initialized; then what was typed, without the newline
 * Returns 0; E_USAGE when there is no terminal, or it was closed instead of a
 * line typed; E_LIMIT when the line is longer than s holds; E_CANCELED;
 * E_NOMEM; E_IO. s is unchanged then.
 */
MUST_CHECK int terminal_ask(const char *prompt, const struct cancel *c,
                            struct secret *s);

/* terminal_ask_shown: the same with echo as it is, for what is too long to be
 * typed blindly; what was typed ahead counts, so that lines can be pasted. */
MUST_CHECK int terminal_ask_shown(const char *prompt, const struct cancel *c,
                                  struct secret *s);

#endif
