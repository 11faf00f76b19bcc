#include "source/jail_meta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "source/attrs.h"
#include "source/jail.h"

enum {
    META_LIST_MAX = 65536, /* the kernel's own limit */
    /* what a file must have before it has content, a directory before it has
     * entries */
    META_EARLY_FLAGS =
        FS_NOCOW_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_DAX_FL | FS_CASEFOLD_FL,
    /* what every file system with flags knows */
    META_COMMON_FLAGS = FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL |
                        FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL |
                        FS_PROJINHERIT_FL
};

static const char acl_access[] = "system.posix_acl_access";
static const char acl_default[] = "system.posix_acl_default";

/* Refusals that depend on who we are and on what the file system knows; an
 * attribute may also be too large for it (ENOSPC on ext4). */
static bool errno_is_loss(int errnum)
{
    static const int losses[] = {EPERM,  EACCES, ENOTSUP, EINVAL,    ENOSYS,
                                 ENOTTY, ENOSPC, EDQUOT,  E2BIG,     ERANGE,
                                 ENOENT, EBADF,  EXDEV,   EOVERFLOW, ENODATA};

    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (losses[i] == errnum)
            return true;
    }
    return false;
}

/* r of a system call: 0, also for a loss, which is noted; -1 otherwise. */
static int note(int r, unsigned kind, unsigned *lost)
{
    if (r >= 0)
        return 0;
    if (!errno_is_loss(errno))
        return -1;
    *lost |= kind;
    return 0;
}

static const char *object_path(const struct jail_object *o, char path[32])
{
    (void)snprintf(path, 32, "/proc/self/fd/%d", o->fd);
    return path;
}

/* ---- owner ------------------------------------------------------------ */

int jail_meta_ids(struct owner_cache *owners, const struct entry *e,
                  uint32_t *uid, uint32_t *gid)
{
    int rc = 0;

    *uid = e->uid;
    *gid = e->gid;
    if (!owners)
        return 0;
    if (e->user.n)
        rc = owner_uid(owners, e->user, e->uid, uid);
    if (rc == 0 && e->group.n)
        rc = owner_gid(owners, e->group, e->gid, gid);
    return rc;
}

static int object_chown(const struct jail_object *o, uint32_t uid, uint32_t gid)
{
    return o->is_path ? fileop_fchownat(o->fd, "", uid, gid, AT_EMPTY_PATH)
                      : fileop_fchown(o->fd, uid, gid);
}

/* *mode loses the set-id bits of an owner the object did not get. */
static int apply_owner(const struct jail_object *o, uint32_t uid, uint32_t gid,
                       uint32_t *mode, unsigned *lost)
{
    struct statx st;

    if (object_chown(o, uid, gid) == 0)
        return 0;
    if (!errno_is_loss(errno))
        return -1;
    /* Anybody may give a file to a group of theirs. */
    if (object_chown(o, (uint32_t)-1, gid) < 0 && !errno_is_loss(errno))
        return -1;
    if (fileop_statx(o->fd, "", AT_EMPTY_PATH, STATX_UID | STATX_GID, &st) < 0)
        return -1;
    if (st.stx_uid != uid || st.stx_gid != gid)
        *lost |= JAIL_LOST_OWNER;
    if (st.stx_uid != uid && (*mode & 04000)) {
        *mode &= ~(uint32_t)04000;
        *lost |= JAIL_LOST_MODE;
    }
    if (st.stx_gid != gid && (*mode & 02000)) {
        *mode &= ~(uint32_t)02000;
        *lost |= JAIL_LOST_MODE;
    }
    return 0;
}

/* ---- attributes ------------------------------------------------------- */

static unsigned xattr_kind(const char *name)
{
    return strncmp(name, "system.posix_acl_", 17) == 0 ? JAIL_LOST_ACL
                                                       : JAIL_LOST_XATTR;
}

static int object_setxattr(const struct jail_object *o, const char *name,
                           struct bytes value)
{
    char path[32];

    return o->is_path ? fileop_setxattr(object_path(o, path), name, value.p,
                                        value.n, 0)
                      : fileop_fsetxattr(o->fd, name, value.p, value.n, 0);
}

static int object_removexattr(const struct jail_object *o, const char *name)
{
    char path[32];

    return o->is_path ? fileop_removexattr(object_path(o, path), name)
                      : fileop_fremovexattr(o->fd, name);
}

static bool entry_has_xattr(const struct entry *e, const char *name)
{
    for (size_t i = 0; i < e->xattr_n; i++) {
        if (bytes_equal(e->xattr[i].name, bytes_of_str(name)))
            return true;
    }
    return false;
}

/* Labels in security.* belong to the system that runs here. */
static bool xattr_is_ours(const char *name)
{
    return strncmp(name, "user.", 5) == 0 ||
           strncmp(name, "trusted.", 8) == 0 ||
           strncmp(name, "system.posix_acl_", 17) == 0 ||
           strcmp(name, "security.capability") == 0;
}

/* Removes the attributes that e does not have. */
static int remove_others(const struct jail_object *o, const struct entry *e,
                         unsigned *lost)
{
    char path[32];
    char *names = mem_alloc(META_LIST_MAX);
    ssize_t n;
    int r = 0;

    if (!names) {
        errno = ENOMEM;
        return -1;
    }
    n = o->is_path
            ? fileop_listxattr(object_path(o, path), names, META_LIST_MAX)
            : fileop_flistxattr(o->fd, names, META_LIST_MAX);
    if (n < 0 && !errno_is_loss(errno))
        r = -1;
    for (ssize_t at = 0; at < n && r == 0;) {
        const char *name = names + at;

        at += (ssize_t)strlen(name) + 1;
        if (xattr_is_ours(name) && !entry_has_xattr(e, name))
            r = note(object_removexattr(o, name), xattr_kind(name), lost);
    }
    free(names);
    return r;
}

static int apply_xattrs(const struct jail_object *o, const struct entry *e,
                        unsigned *lost)
{
    char name[ENTRY_XATTR_NAME_MAX + 1];

    if (!o->fresh && remove_others(o, e, lost) < 0)
        return -1;
    for (size_t i = 0; i < e->xattr_n; i++) {
        struct bytes from = e->xattr[i].name;

        ASSERT(from.n < sizeof name);
        memcpy(name, from.p, from.n);
        name[from.n] = 0;
        if (note(object_setxattr(o, name, e->xattr[i].value), xattr_kind(name),
                 lost) < 0)
            return -1;
    }
    return 0;
}

void jail_meta_strip_acl(const struct jail_object *o)
{
    /* Neither may be there, and the mode is 0600 until the entry's own
     * attributes are set. */
    int r = object_removexattr(o, acl_access);

    if (!o->is_path)
        r = object_removexattr(o, acl_default);
    (void)r;
}

/* ---- mode and times --------------------------------------------------- */

static int object_chmod(const struct jail_object *o, uint32_t mode)
{
    char path[32];

    return o->is_path ? fileop_fchmodat(AT_FDCWD, object_path(o, path), mode)
                      : fileop_fchmod(o->fd, mode);
}

static int apply_times(const struct jail_object *o, const struct entry *e)
{
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = e->mtime.s, .tv_nsec = e->mtime.ns},
    };
    char path[32];

    if (e->has_atime)
        times[0] = (struct timespec){e->atime.s, e->atime.ns};
    if (!o->is_path)
        return fileop_futimens(o->fd, times);
    return fileop_utimensat(AT_FDCWD, object_path(o, path), times, 0);
}

int jail_meta_apply(const struct jail_object *o, const struct entry *e,
                    uint32_t uid, uint32_t gid, unsigned *lost)
{
    uint32_t mode = e->mode;

    /* A change of owner clears set-id bits and capabilities; a user who takes
     * away their own write permission can set no attributes any more; an ACL
     * changes the mode. */
    if (apply_owner(o, uid, gid, &mode, lost) < 0)
        return -1;
    if (apply_xattrs(o, e, lost) < 0)
        return -1;
    if (e->type != ENTRY_SYMLINK &&
        note(object_chmod(o, mode), JAIL_LOST_MODE, lost) < 0)
        return -1;
    return note(apply_times(o, e), JAIL_LOST_TIMES, lost);
}

/* ---- flags and project ------------------------------------------------ */

static uint32_t flags_mask(void)
{
    return attrs_flags_kept(UINT32_MAX);
}

void jail_meta_early(const struct jail_object *o, const struct entry *e)
{
    uint32_t wanted = e->inode_flags & META_EARLY_FLAGS;
    unsigned flags = 0;
    int r;

    if (!e->has_inode_flags || wanted == 0 || o->is_path)
        return;
    r = fileop_get_flags(o->fd, &flags);
    if (r == 0 && (flags & wanted) != wanted)
        r = fileop_set_flags(o->fd, flags | wanted);
    (void)r;
}

static int apply_project(const struct jail_object *o, const struct entry *e,
                         unsigned *lost)
{
    struct fsxattr fsx = {0};

    if (fileop_get_fsxattr(o->fd, &fsx) < 0) {
        if (e->project == 0 && errno_is_loss(errno))
            return 0;
        return note(-1, JAIL_LOST_PROJECT, lost);
    }
    if (fsx.fsx_projid == e->project)
        return 0;
    fsx.fsx_projid = e->project;
    return note(fileop_set_fsxattr(o->fd, &fsx), JAIL_LOST_PROJECT, lost);
}

static int apply_flags(const struct jail_object *o, const struct entry *e,
                       unsigned *lost)
{
    uint32_t wanted = e->has_inode_flags ? attrs_flags_kept(e->inode_flags) : 0;
    unsigned flags = 0;
    unsigned all;
    unsigned some;

    if (fileop_get_flags(o->fd, &flags) < 0) {
        if (wanted == 0 && errno_is_loss(errno))
            return 0;
        return note(-1, JAIL_LOST_FLAGS, lost);
    }
    if (!e->has_inode_flags || (flags & flags_mask()) == wanted)
        return 0;
    all = (flags & ~flags_mask()) | wanted;
    if (fileop_set_flags(o->fd, all) == 0)
        return 0;
    if (!errno_is_loss(errno))
        return -1;
    *lost |= JAIL_LOST_FLAGS;
    some =
        (flags & ~(unsigned)META_COMMON_FLAGS) | (wanted & META_COMMON_FLAGS);
    return note(fileop_set_flags(o->fd, some), JAIL_LOST_FLAGS, lost);
}

int jail_meta_late(const struct jail_object *o, const struct entry *e,
                   unsigned *lost)
{
    if (o->is_path)
        return 0;
    if (apply_project(o, e, lost) < 0)
        return -1;
    return apply_flags(o, e, lost);
}

/* ---- comparing -------------------------------------------------------- */

bool jail_meta_same(const struct entry *e, uint32_t uid, uint32_t gid,
                    const struct entry *now)
{
    if (now->uid != uid || now->gid != gid || now->xattr_n != e->xattr_n ||
        entry_time_cmp(now->mtime, e->mtime) != 0)
        return false;
    if (e->type != ENTRY_SYMLINK && now->mode != e->mode)
        return false;
    if (e->has_inode_flags &&
        (now->inode_flags != e->inode_flags || now->project != e->project))
        return false;
    for (size_t i = 0; i < e->xattr_n; i++) {
        if (!bytes_equal(e->xattr[i].name, now->xattr[i].name) ||
            !bytes_equal(e->xattr[i].value, now->xattr[i].value))
            return false;
    }
    return true;
}
