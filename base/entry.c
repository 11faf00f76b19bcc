#include "base/entry.h"

bool entry_name_ok(struct bytes name)
{
    if (name.n == 0 || name.n > ENTRY_NAME_MAX)
        return false;
    if (memchr(name.p, '/', name.n) || memchr(name.p, 0, name.n))
        return false;
    return !bytes_equal(name, bytes_of_str(".")) &&
           !bytes_equal(name, bytes_of_str(".."));
}

int entry_time_cmp(struct entry_time a, struct entry_time b)
{
    if (a.s != b.s)
        return a.s < b.s ? -1 : 1;
    return (a.ns > b.ns) - (a.ns < b.ns);
}

static int entry_check_xattrs(const struct entry *e)
{
    if (e->xattr_n > ENTRY_XATTR_MAX)
        return err_set(E_CORRUPT, "entry: too many extended attributes");
    for (size_t i = 0; i < e->xattr_n; i++) {
        const struct entry_xattr *x = &e->xattr[i];

        if (x->name.n == 0 || x->name.n > ENTRY_XATTR_NAME_MAX ||
            memchr(x->name.p, 0, x->name.n))
            return err_set(E_CORRUPT, "entry: bad name of an attribute");
        if (x->value.n > ENTRY_XATTR_VALUE_MAX)
            return err_set(E_CORRUPT, "entry: attribute too long");
        if (i > 0 && bytes_cmp(e->xattr[i - 1].name, x->name) >= 0)
            return err_set(E_CORRUPT, "entry: attributes out of order");
    }
    return 0;
}

static bool entry_times_ok(const struct entry *e)
{
    const uint32_t second = 1000000000;

    return e->mtime.ns < second && e->ctime.ns < second &&
           e->btime.ns < second && e->atime.ns < second;
}

static int entry_check_type(const struct entry *e)
{
    switch (e->type) {
    case ENTRY_FILE:
    case ENTRY_DIR:
    case ENTRY_SYMLINK:
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
    case ENTRY_FIFO:
    case ENTRY_SOCKET:
        break;
    default:
        return err_set(E_CORRUPT, "entry: unknown type %d", (int)e->type);
    }
    if ((e->type == ENTRY_SYMLINK) !=
        (e->target.n > 0 && e->target.n <= ENTRY_TARGET_MAX))
        return err_set(E_CORRUPT, "entry: bad symlink target");
    if (e->target.n && memchr(e->target.p, 0, e->target.n))
        return err_set(E_CORRUPT, "entry: bad symlink target");
    if (e->type != ENTRY_FILE && e->size != 0)
        return err_set(E_CORRUPT, "entry: a size on what is no file");
    if (e->type != ENTRY_DIR && e->starts_fs)
        return err_set(E_CORRUPT, "entry: a file system below no directory");
    return 0;
}

int entry_check(const struct entry *e)
{
    int rc;

    if (!entry_name_ok(e->name))
        return err_set(E_CORRUPT, "entry: name not allowed");
    if (e->mode > 07777)
        return err_set(E_CORRUPT, "entry: mode %o", e->mode);
    if (e->user.n > ENTRY_NAME_MAX || e->group.n > ENTRY_NAME_MAX)
        return err_set(E_CORRUPT, "entry: owner's name too long");
    if (!entry_times_ok(e))
        return err_set(E_CORRUPT, "entry: nanoseconds beyond a second");
    rc = entry_check_type(e);
    if (rc < 0)
        return rc;
    return entry_check_xattrs(e);
}
