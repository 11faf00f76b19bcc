/* stat_entry: what the kernel's statx says about a file, as an entry. Pure. */
#ifndef SOURCE_STAT_ENTRY_H
#define SOURCE_STAT_ENTRY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/entry.h"

/* What every statx of this folder asks for. */
#define STAT_ENTRY_MASK (STATX_BASIC_STATS | STATX_BTIME)

/*
 * stat_entry_fill: an entry with all that st tells. Name, names of the owners,
 * target, attributes, inode flags and project are left empty.
 *   with_atime  keep the access time too
 *   e           out
 * Returns false for a type no entry can have (e is then unspecified).
 */
bool stat_entry_fill(const struct statx *st, bool with_atime, struct entry *e);

/* stat_entry_mode: the S_IF* bits of a type. */
mode_t stat_entry_mode(enum entry_type type);

/* stat_entry_dev: the number of the device st was found on. */
static inline uint64_t stat_entry_dev(const struct statx *st)
{
    return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

#endif
