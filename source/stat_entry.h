/* stat_entry: what the kernel's statx says about a file, as an entry. Pure. */
#ifndef SOURCE_STAT_ENTRY_H
#define SOURCE_STAT_ENTRY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/entry.h"

/* What every statx of this folder asks for. */
#define STAT_ENTRY_MASK (STATX_BASIC_STATS | STATX_BTIME)

/*
 * How recent a change must be, in ns before we look, for an equal ctime to
 * prove nothing. The kernel stamps files with a clock that ticks every 1 to
 * 10 ms: a change that follows our last look within the same tick leaves the
 * same ctime. A ctime without nanoseconds is taken for that of a file system
 * that keeps (as FAT does) every other second.
 */
#define STAT_ENTRY_SETTLE_NS        INT64_C(20000000)
#define STAT_ENTRY_SETTLE_COARSE_NS INT64_C(2000000000)

/*
 * stat_entry_fill: an entry with all that st tells. Name, names of the owners,
 * target, attributes, inode flags and project are left empty, unsettled is
 * false.
 *   with_atime  keep the access time too
 *   e           out
 * Returns false for a type no entry can have (e is then unspecified).
 */
bool stat_entry_fill(const struct statx *st, bool with_atime, struct entry *e);

/*
 * stat_entry_unsettled: whether a change that left this ctime could have been
 * followed, after we looked, by one that leaves the same.
 *   looked_ns  clock_realtime_ns() before the statx that told ctime
 */
bool stat_entry_unsettled(struct entry_time ctime, int64_t looked_ns);

/* stat_entry_mode: the S_IF* bits of a type. */
mode_t stat_entry_mode(enum entry_type type);

/* stat_entry_dev: the number of the device st was found on. */
static inline uint64_t stat_entry_dev(const struct statx *st)
{
    return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

#endif
