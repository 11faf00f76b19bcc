#include "source/jail_policy.h"

#include <fnmatch.h>

/* Whether what stat tells about the content agrees. */
static bool content_agrees(const struct entry *a, const struct entry *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case ENTRY_FILE:
        return a->size == b->size && entry_time_cmp(a->mtime, b->mtime) == 0;
    case ENTRY_SYMLINK:
        return bytes_equal(a->target, b->target);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        return a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor;
    case ENTRY_DIR:
    case ENTRY_FIFO:
    case ENTRY_SOCKET:
        break;
    }
    return true;
}

bool jail_choice_xattr(const struct jail_choice *choice, const char *name)
{
    for (size_t i = 0; choice->chosen_xattrs && i < choice->xattr_n; i++) {
        if (fnmatch(choice->xattr[i], name, 0) == 0)
            return true;
    }
    return !choice->chosen_xattrs;
}

enum jail_decision jail_decide(enum jail_overwrite overwrite,
                               const struct entry *stored,
                               const struct entry *existing)
{
    bool dirs;

    if (!existing)
        return JAIL_DO_WRITE;
    dirs = stored->type == ENTRY_DIR && existing->type == ENTRY_DIR;
    switch (overwrite) {
    case JAIL_NEVER:
        return JAIL_DO_KEEP;
    case JAIL_IF_NEWER:
        if (entry_time_cmp(stored->mtime, existing->mtime) <= 0)
            return JAIL_DO_KEEP;
        break;
    case JAIL_IF_CHANGED:
        if (content_agrees(stored, existing))
            return JAIL_DO_SAME;
        break;
    case JAIL_ALWAYS:
        break;
    }
    return dirs ? JAIL_DO_SAME : JAIL_DO_WRITE;
}
