#include "source/stat_entry.h"

#include "base/clock.h"

static const struct {
    mode_t mode;
    enum entry_type type;
} stat_types[] = {
    {S_IFREG, ENTRY_FILE},    {S_IFDIR, ENTRY_DIR},   {S_IFLNK, ENTRY_SYMLINK},
    {S_IFCHR, ENTRY_CHAR},    {S_IFBLK, ENTRY_BLOCK}, {S_IFIFO, ENTRY_FIFO},
    {S_IFSOCK, ENTRY_SOCKET},
};

enum { STAT_TYPES = sizeof stat_types / sizeof stat_types[0] };

mode_t stat_entry_mode(enum entry_type type)
{
    for (size_t i = 0; i < STAT_TYPES; i++) {
        if (stat_types[i].type == type)
            return stat_types[i].mode;
    }
    return 0;
}

static struct entry_time stat_time(struct statx_timestamp t)
{
    return (struct entry_time){t.tv_sec, t.tv_nsec};
}

bool stat_entry_fill(const struct statx *st, bool with_atime, struct entry *e)
{
    size_t i = 0;

    while (i < STAT_TYPES && stat_types[i].mode != (st->stx_mode & S_IFMT))
        i++;
    if (i == STAT_TYPES)
        return false;
    *e = (struct entry){
        .type = stat_types[i].type,
        .mode = st->stx_mode & 07777U,
        .uid = st->stx_uid,
        .gid = st->stx_gid,
        .mtime = stat_time(st->stx_mtime),
        .ctime = stat_time(st->stx_ctime),
        .inode = st->stx_ino,
        .nlink = st->stx_nlink,
        .has_btime = (st->stx_mask & STATX_BTIME) != 0,
        .has_atime = with_atime,
    };
    if (e->has_btime)
        e->btime = stat_time(st->stx_btime);
    if (e->has_atime)
        e->atime = stat_time(st->stx_atime);
    if (e->type == ENTRY_FILE)
        e->size = st->stx_size;
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        e->rdev_major = st->stx_rdev_major;
        e->rdev_minor = st->stx_rdev_minor;
    }
    return true;
}

bool stat_entry_unsettled(struct entry_time ctime, int64_t looked_ns)
{
    int64_t window =
        ctime.ns ? STAT_ENTRY_SETTLE_NS : STAT_ENTRY_SETTLE_COARSE_NS;
    int64_t from = looked_ns - window;
    struct entry_time limit = {from / CLOCK_SECOND_NS,
                               (uint32_t)(from % CLOCK_SECOND_NS)};

    return entry_time_cmp(ctime, limit) >= 0;
}
