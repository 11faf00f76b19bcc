/* config_show: what holds, and where it is said: `config show`. Confined to the
 * main thread. */
#ifndef CLI_CONFIG_SHOW_H
#define CLI_CONFIG_SHOW_H

#include "cli/cli.h"

/*
 * config_show: write the options of the top, the defaults, and those of each
 * job as they would count, as YAML with the origin of each value beside it, or
 * as JSON. Read as a configuration, the YAML of all has the same effect, but
 * for what may hold secrets, which is not shown. Returns 0; E_USAGE: no job of
 * the name that --job says; E_NOMEM.
 */
MUST_CHECK int config_show(struct cli *cli);

#endif
