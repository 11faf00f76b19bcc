#include "cli/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"

static const char spawn_secret[] = "DEDUP_PASSPHRASE";

/* Our environment without secrets: pointers into it. */
static char **spawn_environ(void)
{
    size_t n = 0, kept = 0;
    char **env;

    while (environ && environ[n])
        n++;
    env = mem_array(n + 1, sizeof *env);
    for (size_t i = 0; env && i < n; i++) {
        if (strncmp(environ[i], spawn_secret, sizeof spawn_secret - 1) != 0)
            env[kept++] = environ[i];
    }
    return env;
}

static void spawn_attributes(const struct spawn *s, posix_spawnattr_t *attr)
{
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, defaults;

    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    if (s->own_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    (void)posix_spawnattr_init(attr);
    (void)posix_spawnattr_setflags(attr, (short)flags);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &defaults);
    (void)posix_spawnattr_setpgroup(attr, 0);
}

/* Returns an errno value. */
static int spawn_descriptors(const struct spawn *s,
                             posix_spawn_file_actions_t *actions)
{
    const int from[] = {s->in, s->out, s->err};
    int errnum = 0;

    for (int fd = 0; fd <= 2 && errnum == 0; fd++) {
        if (from[fd] >= 0)
            errnum = posix_spawn_file_actions_adddup2(actions, from[fd], fd);
    }
    if (errnum == 0 && s->only_these)
        errnum = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return errnum;
}

static int spawn_failed(const char *name, int errnum)
{
    if (errnum == ENOMEM)
        return err_set(E_NOMEM, "starting %s", name);
    /* no fault of what was asked for */
    if (errnum == EAGAIN || errnum == EMFILE || errnum == ENFILE)
        return err_set_errno(E_IO, errnum, "%s: no process can be started",
                             name);
    return err_set_errno(E_USAGE, errnum, "%s", name);
}

int spawn_start(const struct spawn *s, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char **env = spawn_environ();
    int errnum;

    if (!env)
        return spawn_failed(s->argv[0], ENOMEM);
    (void)posix_spawn_file_actions_init(&actions);
    spawn_attributes(s, &attr);
    errnum = spawn_descriptors(s, &actions);
    if (errnum == 0)
        errnum = posix_spawnp(pid, s->argv[0], &actions, &attr, s->argv, env);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(env);
    return errnum ? spawn_failed(s->argv[0], errnum) : 0;
}

int spawn_null(int *fd)
{
    *fd = fileop_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    return *fd < 0 ? err_set_errno(E_IO, errno, "/dev/null") : 0;
}
