/* mounts: which file systems are windows into the kernel, or into a dedup
 * repository, rather than data. Any thread. */
#ifndef SOURCE_MOUNTS_H
#define SOURCE_MOUNTS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * mounts_type_is_pseudo: whether a file system of this type ("proc", "cgroup2",
 * "fuse.dedup", as /proc/self/mountinfo writes it) holds nothing to back up.
 */
bool mounts_type_is_pseudo(struct bytes type);

/*
 * mounts_find_type: the type of the file system on a device.
 *   text  what /proc/self/mountinfo holds
 *   dev   as stat_entry_dev
 * Returns it, lent from text; empty when no line names dev.
 */
struct bytes mounts_find_type(struct bytes text, uint64_t dev);

/*
 * mounts_is_pseudo: both, of the mounts this process sees now.
 *   out  out: false also when there is no /proc to ask
 * Returns 0; E_NOMEM; E_SOURCE when the list cannot be read.
 */
MUST_CHECK int mounts_is_pseudo(uint64_t dev, bool *out);

#endif
