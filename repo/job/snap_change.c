#include "repo/job/snap_change.h"

static bool snap_change_same_owner(const struct entry *a, const struct entry *b)
{
    return a->uid == b->uid && a->gid == b->gid &&
           bytes_equal(a->user, b->user) && bytes_equal(a->group, b->group);
}

static bool snap_change_same_inode(const struct snap_change_rules *rules,
                                   const struct entry *then,
                                   const struct entry *now)
{
    return then->inode == now->inode ||
           (rules->ignore_inode && (now->nlink == 1 || now->type == ENTRY_DIR));
}

bool snap_change_metadata_none(const struct snap_change_rules *rules,
                               const struct entry *then,
                               const struct entry *now)
{
    return then->mode == now->mode &&
           entry_time_cmp(then->mtime, now->mtime) == 0 &&
           (rules->ignore_ctime ||
            entry_time_cmp(then->ctime, now->ctime) == 0) &&
           snap_change_same_owner(then, now);
}

bool snap_change_content_none(const struct snap_change_rules *rules,
                              const struct entry *then, const struct entry *now)
{
    return then->type == now->type && !then->unsettled && !then->changing &&
           then->size == now->size &&
           snap_change_same_inode(rules, then, now) &&
           entry_time_cmp(then->mtime, now->mtime) == 0 &&
           then->rdev_major == now->rdev_major &&
           then->rdev_minor == now->rdev_minor &&
           bytes_equal(then->target, now->target);
}

bool snap_change_none(const struct snap_change_rules *rules,
                      const struct entry *then, const struct entry *now)
{
    return snap_change_content_none(rules, then, now) &&
           snap_change_metadata_none(rules, then, now) &&
           then->nlink == now->nlink;
}
