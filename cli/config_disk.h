/* config_disk: the configuration file from disk. Confined to one thread. */
#ifndef CLI_CONFIG_DISK_H
#define CLI_CONFIG_DISK_H

#include "cli/config_file.h"

/*
 * config_disk_read: read a file, and hold it to the option table.
 *   path  as messages name it; copied
 *   c     out: zeroed first; release it whatever is returned
 * Returns 0; E_USAGE: cannot be read, others could have written it, it is not
 * YAML, or says what nobody understands: the text names file and line;
 * E_NOMEM.
 */
MUST_CHECK int config_disk_read(const char *path, struct config_file *c);

#endif
