/* sim_read: whether a snapshot reads back as what it says it is. */
#ifndef SIM_SIM_READ_H
#define SIM_SIM_READ_H

#include "base/id.h"
#include "repo/repo.h"

/*
 * sim_read: read all of it.
 * Returns 0; E_CORRUPT: something is missing, damaged, or not what it should
 * be: the text says what; what else stopped the reading.
 */
MUST_CHECK int sim_read(struct repo *r, const struct object_id *id);

#endif
