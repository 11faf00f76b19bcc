#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/background.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/inside.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "fuse/mount.h"
#include "repo/repo_role.h"

#define CMD_MOUNT_CACHE     (UINT64_C(256) << 20)
#define CMD_MOUNT_CACHE_MIN (UINT64_C(32) << 20)

struct cmd_mount {
    struct cli *cli;
    struct background background;
    bool leave; /* the working directory: nothing is named from there */
    char dir[PATH_MAX];
    char *
        source; /* the repository, as `mount` shows it; NULL: as it was given */
};

static void cmd_mount_say(void *ctx, enum mount_says what, const char *text)
{
    (void)ctx;
    if (what == MOUNT_DAMAGE)
        message_damage("%s", text);
    else
        message_warn("%s", text);
}

static int cmd_mount_ready(void *ctx)
{
    struct cmd_mount *c = ctx;

    message_detail("mounted on %s", c->dir);
    signals_be_patient(c->cli->signals);
    return background_ready(&c->background, c->leave);
}

/* A mount point over the repository would hide it from ourselves; one in it, or
 * above, would make us wait for ourselves. The same of the cache. */
static int cmd_mount_apart(const struct cmd_mount *c, const char *other,
                           const char *what)
{
    bool in = false, over = false;
    int rc = inside_dir(c->dir, other, true, &in);

    if (rc == 0)
        rc = inside_dir(other, c->dir, true, &over);
    if (rc == 0 && (in || over))
        return err_set(E_USAGE,
                       "%s: %s lies %s it (%s): choose another directory",
                       c->dir, what, in ? "around" : "in", other);
    return rc;
}

/* One whose program was killed has still its attributes in the kernel's memory;
 * of its room it has to be asked. */
static int cmd_mount_look(const char *dir, struct stat *st)
{
    struct statvfs room;
    int fd = fileop_openat(AT_FDCWD, dir, O_PATH, 0);
    int rc = fd < 0 ? -1 : fileop_fstat(fd, st);
    int errnum;

    if (rc == 0)
        rc = fileop_statvfs(fd, &room);
    errnum = errno;
    if (fd >= 0)
        (void)fileop_close(fd);
    errno = errnum;
    return rc;
}

static int cmd_mount_dir(struct cmd_mount *c, const char *dir)
{
    struct stat st;

    if (!realpath(dir, c->dir) || cmd_mount_look(c->dir, &st) < 0) {
        if (errno == ENOTCONN)
            return err_set(E_USAGE,
                           "%s: a mount whose program has died: 'umount %s' "
                           "first",
                           dir, dir);
        return err_set_errno(E_USAGE, errno, "%s: cannot be mounted on", dir);
    }
    if (!S_ISDIR(st.st_mode))
        return err_set(E_USAGE, "%s: not a directory", dir);
    return 0;
}

/* The snapshot's own directory, which becomes the top. */
static int cmd_mount_pick(struct session *s, const char *spec, bool all,
                          struct snap_pick *pick)
{
    int rc = snap_pick_open(s, spec, false, all, pick);

    if (rc == 0 && pick->te.e.type != ENTRY_DIR)
        rc = err_set(E_USAGE, "/%.*s: not a directory, but a %s",
                     (int)pick->path.n, (const char *)pick->path.p,
                     entry_out_type(pick->te.e.type));
    /* the mount reads by itself */
    fetch_lane_free(pick->lane);
    fetch_free(pick->fetch);
    pick->lane = NULL;
    pick->fetch = NULL;
    return rc;
}

static int cmd_mount_open(struct cmd_mount *c, struct session *s)
{
    int rc = session_open(c->cli, SESSION_WORK, s);

    if (rc == 0)
        rc = repo_role_allows(s->repo, REPO_ACT_CONTENT);
    if (rc == 0)
        rc = cmd_mount_apart(c, store_place(s->store), "the repository");
    if (rc == 0)
        rc = cmd_mount_apart(c, s->repo->cache, "the cache");
    return rc;
}

int cmd_mount(struct cli *cli)
{
    const struct opt_set *o = cli->opt;
    struct cmd_mount c = {.cli = cli};
    struct session s = {.store = NULL};
    struct snap_pick pick = {.fetch = NULL};
    struct mount_options m = {.all = opt_has(o, OPT_ALL),
                              .allow_other = opt_has(o, OPT_ALLOW_OTHER),
                              .owner_me = opt_has(o, OPT_OWNER_ME),
                              .no_follow_out = opt_has(o, OPT_NO_FOLLOW_OUT),
                              .cache_bytes =
                                  opt_bytes(o, OPT_CACHE_SIZE, CMD_MOUNT_CACHE),
                              .say = cmd_mount_say,
                              .ctx = &c,
                              .cancel = cli->cancel,
                              .ready = cmd_mount_ready};
    int rc = cmd_mount_dir(&c, o->arg[o->arg_n - 1]);

    mem_return_large();

    if (rc == 0 && m.cache_bytes < CMD_MOUNT_CACHE_MIN)
        rc = err_set(E_USAGE, "--cache-size: at least 32M");
    if (rc == 0 && !opt_has(o, OPT_FOREGROUND))
        rc = background_begin(cli, &c.background);
    if (rc == 0)
        rc = cmd_mount_open(&c, &s);
    if (rc == 0 && o->arg_n == 2)
        rc = cmd_mount_pick(&s, o->arg[0], m.all, &pick);
    if (rc == 0) {
        c.leave = *store_place(s.store) == '/' && *s.repo->cache == '/';
        c.source = realpath(store_place(s.store), NULL);
        m.source = c.source ? c.source : store_place(s.store);
        m.snapshot = o->arg_n == 2 ? &pick.snapshot.id : NULL;
        m.top = &pick.te;
        rc = mount_run(s.repo, c.dir, &m);
    }
    snap_pick_release(&pick);
    session_close(&s);
    free(c.source);
    return rc;
}
