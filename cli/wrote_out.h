/* wrote_out: what a key wrote, for people and for JSON ('check --writer').
 * Confined to the main thread. */
#ifndef CLI_WROTE_OUT_H
#define CLI_WROTE_OUT_H

#include "cli/cli.h"

struct repo;

/*
 * wrote_out_show: print it.
 *   name  of the key, as key_list_find() takes it
 * Returns 0; E_USAGE: there is no such key; E_CORRUPT: something that it wrote
 * is damaged, as far as is known without a check; what index, store or output
 * returned.
 */
MUST_CHECK int wrote_out_show(struct cli *cli, const struct repo *r,
                              const char *name);

#endif
