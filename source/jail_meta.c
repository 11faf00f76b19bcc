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

int jail_meta_want(struct owner_cache *owners, const struct jail_choice *choice,
                   const struct entry *e, struct jail_want *want)
{
    int rc = 0;

    *want = (struct jail_want){e, choice, e->uid, e->gid};
    if (!owners)
        return 0;
    if (e->user.n)
        rc = owner_uid(owners, e->user, e->uid, &want->uid);
    if (rc == 0 && e->group.n)
        rc = owner_gid(owners, e->group, e->gid, &want->gid);
    return rc;
}

/* The mode an object of these owners may have. */
static uint32_t owned_mode(const struct jail_want *want, uint32_t uid,
                           uint32_t gid)
{
    uint32_t mode = want->e->mode;

    if (uid != want->uid)
        mode &= ~(uint32_t)04000;
    if (gid != want->gid)
        mode &= ~(uint32_t)02000;
    return mode;
}

static int object_chown(const struct jail_object *o, uint32_t uid, uint32_t gid)
{
    return o->is_path ? fileop_fchownat(o->fd, "", uid, gid, AT_EMPTY_PATH)
                      : fileop_fchown(o->fd, uid, gid);
}

/* *mode is without the set-id bits of an owner the object did not get. */
static int apply_owner(const struct jail_object *o,
                       const struct jail_want *want, uint32_t *mode,
                       unsigned *lost)
{
    bool asked = !want->choice->no_owner;
    struct statx st;

    *mode = want->e->mode;
    if (asked && o->known && o->uid == want->uid && o->gid == want->gid)
        return 0;
    if (asked && object_chown(o, want->uid, want->gid) == 0)
        return 0;
    if (asked && !errno_is_loss(errno))
        return -1;
    /* Anybody may give a file to a group of theirs. */
    if (asked && object_chown(o, (uint32_t)-1, want->gid) < 0 &&
        !errno_is_loss(errno))
        return -1;
    if (fileop_statx(o->fd, "", AT_EMPTY_PATH, STATX_UID | STATX_GID, &st) < 0)
        return -1;
    *mode = owned_mode(want, st.stx_uid, st.stx_gid);
    if (asked && (st.stx_uid != want->uid || st.stx_gid != want->gid))
        *lost |= JAIL_LOST_OWNER;
    if (asked && *mode != want->e->mode)
        *lost |= JAIL_LOST_MODE;
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

/* Removes the attributes that the entry does not have. */
static int remove_others(const struct jail_object *o,
                         const struct jail_want *want, unsigned *lost)
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
        if (xattr_is_ours(name) && jail_choice_xattr(want->choice, name) &&
            !entry_has_xattr(want->e, name))
            r = note(object_removexattr(o, name), xattr_kind(name), lost);
    }
    free(names);
    return r;
}

/* The name of an attribute as a string. */
static void xattr_name(const struct entry_xattr *x,
                       char name[ENTRY_XATTR_NAME_MAX + 1])
{
    ASSERT(x->name.n <= ENTRY_XATTR_NAME_MAX);
    memcpy(name, x->name.p, x->name.n);
    name[x->name.n] = 0;
}

static int apply_xattrs(const struct jail_object *o,
                        const struct jail_want *want, unsigned *lost)
{
    const struct entry *e = want->e;
    char name[ENTRY_XATTR_NAME_MAX + 1];

    if (!o->fresh && remove_others(o, want, lost) < 0)
        return -1;
    for (size_t i = 0; i < e->xattr_n; i++) {
        xattr_name(&e->xattr[i], name);
        if (!jail_choice_xattr(want->choice, name))
            continue;
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

int jail_meta_apply(const struct jail_object *o, const struct jail_want *want,
                    unsigned *lost)
{
    const struct entry *e = want->e;
    uint32_t mode;

    /* A change of owner clears set-id bits and capabilities; a user who takes
     * away their own write permission can set no attributes any more; an ACL
     * changes the mode. */
    if (apply_owner(o, want, &mode, lost) < 0)
        return -1;
    if (apply_xattrs(o, want, lost) < 0)
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

/* From *at on, the next attribute of e that is brought back; NULL: none. */
static const struct entry_xattr *next_xattr(const struct jail_want *want,
                                            const struct entry *e, size_t *at)
{
    char name[ENTRY_XATTR_NAME_MAX + 1];

    while (*at < e->xattr_n) {
        const struct entry_xattr *x = &e->xattr[(*at)++];

        xattr_name(x, name);
        if (jail_choice_xattr(want->choice, name))
            return x;
    }
    return NULL;
}

static bool same_xattrs(const struct jail_want *want, const struct entry *now)
{
    size_t i = 0;
    size_t k = 0;

    for (;;) {
        const struct entry_xattr *a = next_xattr(want, want->e, &i);
        const struct entry_xattr *b = next_xattr(want, now, &k);

        if (!a || !b)
            return !a && !b;
        if (!bytes_equal(a->name, b->name) || !bytes_equal(a->value, b->value))
            return false;
    }
}

bool jail_meta_same(const struct jail_want *want, const struct entry *now)
{
    const struct entry *e = want->e;
    uint32_t mode = owned_mode(want, now->uid, now->gid);

    if (!want->choice->no_owner &&
        (now->uid != want->uid || now->gid != want->gid))
        return false;
    if (entry_time_cmp(now->mtime, e->mtime) != 0)
        return false;
    if (e->type != ENTRY_SYMLINK && now->mode != mode)
        return false;
    if (e->has_inode_flags &&
        (now->inode_flags != e->inode_flags || now->project != e->project))
        return false;
    return same_xattrs(want, now);
}
