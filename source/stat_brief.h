/* stat_brief: what this folder wants of a statx, in less than half of its
 * bytes: a look at many directories keeps one of each name. Pure. */
#ifndef SOURCE_STAT_BRIEF_H
#define SOURCE_STAT_BRIEF_H

#include "source/stat_entry.h"

struct stat_brief {
    uint64_t ino;
    uint64_t size;
    int64_t atime_s;
    int64_t btime_s;
    int64_t ctime_s;
    int64_t mtime_s;
    uint32_t atime_ns;
    uint32_t btime_ns;
    uint32_t ctime_ns;
    uint32_t mtime_ns;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint16_t mode;
    uint16_t has_btime;
};

/* stat_brief_of: of st, which STAT_ENTRY_MASK was asked for. stat_brief_to: the
 * same as a statx; what was not kept is 0. */
void stat_brief_of(const struct statx *st, struct stat_brief *b);
void stat_brief_to(const struct stat_brief *b, struct statx *st);

/* stat_brief_dev: as stat_entry_dev(). */
static inline uint64_t stat_brief_dev(const struct stat_brief *b)
{
    return (uint64_t)b->dev_major << 32 | b->dev_minor;
}

#endif
