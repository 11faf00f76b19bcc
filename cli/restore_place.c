#include "cli/restore_place.h"

#include <errno.h>
#include <unistd.h>

#include "base/fileop.h"
#include "cli/inside.h"
#include "cli/message.h"
#include "cli/restore_mirror.h"
#include "source/walk_roots.h"

enum { RESTORE_PLACE_HOST = 256 };

int restore_place_check(const struct opt_set *o)
{
    bool in_place = opt_has(o, OPT_IN_PLACE);

    if (in_place && opt_text(o, OPT_TARGET))
        return err_set(E_USAGE, "--target and --in-place are two places: give "
                                "one");
    if (!in_place && !opt_text(o, OPT_TARGET))
        return err_set(E_USAGE, "--target DIR is missing: where to restore");
    return 0;
}

/* A repository's directory is no place for anybody's files, nor is a file. */
static int restore_place_fits(const struct opt_set *o, const char *target)
{
    const char *place = opt_text(o, OPT_REPO);
    struct stat st;
    bool inside;
    int rc;

    if (fileop_fstatat(AT_FDCWD, target, &st, 0) < 0)
        st.st_mode = errno == ENOTDIR ? S_IFREG : S_IFDIR;
    if (!S_ISDIR(st.st_mode))
        return err_set(E_USAGE, "--target: %s: is not a directory", target);
    rc = inside_dir(target, place, true, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "%s: is inside the repository %s", target, place);
    return rc;
}

/* Another machine's files go over ours only at a place that is named. */
static int restore_place_is_ours(const struct bytes host)
{
    char ours[RESTORE_PLACE_HOST] = "";

    if (gethostname(ours, sizeof ours - 1) == 0 &&
        bytes_equal(host, bytes_of_str(ours)))
        return 0;
    return err_set(E_REFUSED,
                   "--in-place: the snapshot is of the machine %.*s, this is "
                   "%s; --target / if that is meant",
                   (int)(host.n < 200 ? host.n : 200), (const char *)host.p,
                   ours);
}

/* No link may lead to another place than the one that was backed up. */
static int restore_place_is_itself(const char *target)
{
    struct buf now;
    struct stat st;
    int rc;

    buf_init(&now, TREE_ENTRY_BYTES_MAX);
    rc = walk_roots_resolve(target, &now);
    if (rc == 0 &&
        (!bytes_equal(buf_bytes(&now), bytes_of_str(target)) ||
         (fileop_fstatat(AT_FDCWD, target, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(st.st_mode))))
        rc = err_set(E_REFUSED,
                     "--in-place: %s: a symbolic link leads elsewhere now; "
                     "name the place with --target",
                     target);
    buf_release(&now);
    return rc;
}

/* A directory's own place; of anything else, the directory it is in. */
static int restore_place_own(const struct snap_pick *pick, struct buf *out)
{
    struct bytes path = buf_bytes(&pick->path);
    int rc = restore_place_is_ours(pick->snapshot.manifest.m.host);

    if (rc < 0)
        return rc;
    while (pick->te.e.type != ENTRY_DIR && path.n > 0 &&
           path.p[--path.n] != '/')
        ;
    buf_add(out, "/", 1);
    buf_add_bytes(out, path);
    buf_add(out, "", 1);
    rc = buf_status(out);
    if (rc == 0)
        rc = restore_place_is_itself((const char *)out->p);
    return rc;
}

int restore_place_find(const struct opt_set *o, const struct snap_pick *pick,
                       struct buf *out)
{
    const char *target = opt_text(o, OPT_TARGET);
    int rc = 0;

    if (target) {
        buf_add(out, target, strlen(target) + 1);
        rc = buf_status(out);
    } else {
        rc = restore_place_own(pick, out);
    }
    if (rc == 0)
        rc = restore_place_fits(o, (const char *)out->p);
    if (rc == 0 && !target && !opt_has(o, OPT_DRY_RUN))
        message_note(
            "in place: what differs from the snapshot %s %s is "
            "overwritten%s",
            pick->te.e.type == ENTRY_DIR ? "below" : "in", (const char *)out->p,
            restore_mirror_wanted(o) ? ", and what it does not have is deleted"
                                     : "");
    return rc;
}
