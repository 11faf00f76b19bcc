/* input: who reads standard input. Confined to the main thread. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/opt.h"

/*
 * input_check: whether at most one of the options reads standard input: lists
 * of paths and patterns ("-", or a path to what the pipe is), secrets. Who
 * comes second would find it empty, and take that for what was meant. Returns 0
 * or E_USAGE, which names two.
 */
MUST_CHECK int input_check(const struct opt_set *o);

#endif
