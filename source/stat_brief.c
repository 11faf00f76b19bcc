#include "source/stat_brief.h"

void stat_brief_of(const struct statx *st, struct stat_brief *b)
{
    *b = (struct stat_brief){
        .ino = st->stx_ino,
        .size = st->stx_size,
        .atime_s = st->stx_atime.tv_sec,
        .btime_s = st->stx_btime.tv_sec,
        .ctime_s = st->stx_ctime.tv_sec,
        .mtime_s = st->stx_mtime.tv_sec,
        .atime_ns = st->stx_atime.tv_nsec,
        .btime_ns = st->stx_btime.tv_nsec,
        .ctime_ns = st->stx_ctime.tv_nsec,
        .mtime_ns = st->stx_mtime.tv_nsec,
        .nlink = st->stx_nlink,
        .uid = st->stx_uid,
        .gid = st->stx_gid,
        .dev_major = st->stx_dev_major,
        .dev_minor = st->stx_dev_minor,
        .rdev_major = st->stx_rdev_major,
        .rdev_minor = st->stx_rdev_minor,
        .mode = st->stx_mode,
        .has_btime = (st->stx_mask & STATX_BTIME) != 0,
    };
}

void stat_brief_to(const struct stat_brief *b, struct statx *st)
{
    *st = (struct statx){
        .stx_mask = STATX_BASIC_STATS | (b->has_btime ? STATX_BTIME : 0),
        .stx_ino = b->ino,
        .stx_size = b->size,
        .stx_atime = {.tv_sec = b->atime_s, .tv_nsec = b->atime_ns},
        .stx_btime = {.tv_sec = b->btime_s, .tv_nsec = b->btime_ns},
        .stx_ctime = {.tv_sec = b->ctime_s, .tv_nsec = b->ctime_ns},
        .stx_mtime = {.tv_sec = b->mtime_s, .tv_nsec = b->mtime_ns},
        .stx_nlink = b->nlink,
        .stx_uid = b->uid,
        .stx_gid = b->gid,
        .stx_dev_major = b->dev_major,
        .stx_dev_minor = b->dev_minor,
        .stx_rdev_major = b->rdev_major,
        .stx_rdev_minor = b->rdev_minor,
        .stx_mode = b->mode,
    };
}
