#include "cli/config_apply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/backup_set.h"
#include "cli/config_disk.h"

static const char config_apply_system[] = "/etc/dedup/dedup.yaml";

/* Options that mean one thing between them: whoever says one of them on a level
 * has spoken for all. OPT_END ends a row. */
static const enum opt_id config_apply_groups[][5] = {
    {OPT_KEY_FILE, OPT_PASSPHRASE_FILE, OPT_PASSPHRASE_COMMAND,
     OPT_PASSPHRASE_FD, OPT_END},
    {OPT_QUIET, OPT_VERBOSE, OPT_END},
    {OPT_WAIT, OPT_PARALLEL, OPT_END}};

enum {
    CONFIG_APPLY_GROUPS =
        sizeof config_apply_groups / sizeof config_apply_groups[0]
};

bool config_apply_adds_up(enum opt_id id)
{
    return id == OPT_EXCLUDE || id == OPT_IEXCLUDE || id == OPT_EXCLUDE_FILE;
}

/* Which options need no further level. */
struct config_apply_said {
    bool of[OPT_END];
};

static void config_apply_close_groups(struct config_apply_said *said)
{
    for (size_t g = 0; g < CONFIG_APPLY_GROUPS; g++) {
        const enum opt_id *row = config_apply_groups[g];
        bool any = false;

        for (size_t i = 0; row[i] != OPT_END; i++)
            any = any || said->of[row[i]];
        for (size_t i = 0; any && row[i] != OPT_END; i++)
            said->of[row[i]] = true;
    }
}

static void config_apply_look(const struct opt_set *o,
                              struct config_apply_said *said)
{
    for (unsigned i = 0; i < OPT_END; i++)
        said->of[i] = opt_has(o, (enum opt_id)i);
    config_apply_close_groups(said);
}

/* The patterns among the values from `from` on go before all others. */
static int config_apply_front(struct opt_set *o, size_t from)
{
    struct opt_value *all = mem_array(o->value_n, sizeof *all);
    size_t n = 0;

    if (!all)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = from; i < o->value_n; i++) {
        if (config_apply_adds_up(o->value[i].id))
            all[n++] = o->value[i];
    }
    for (size_t i = 0; i < o->value_n; i++) {
        if (i < from || !config_apply_adds_up(o->value[i].id))
            all[n++] = o->value[i];
    }
    free(o->value);
    o->value = all;
    o->value_cap = o->value_n;
    return 0;
}

/* One level: what no higher one speaks of. */
static int config_apply_level(struct opt_set *o, const struct config_section *s,
                              enum opt_origin origin,
                              struct config_apply_said *said)
{
    struct config_apply_said before = *said;
    size_t from = o->value_n;
    bool stream = opt_has(o, OPT_STDIN) || opt_has(o, OPT_COMMAND);
    int rc = 0;

    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct config_setting *x = &s->setting[i];

        if (before.of[x->id] && !config_apply_adds_up(x->id))
            continue;
        /* a default for paths says nothing of streams */
        if (stream && origin != OPT_FROM_JOB && backup_set_of_paths(x->id))
            continue;
        said->of[x->id] = true;
        if (!x->off)
            rc =
                opt_put(o, (struct opt_value){x->id, origin, x->text, x->line});
    }
    config_apply_close_groups(said);
    return rc < 0 ? rc : config_apply_front(o, from);
}

int config_apply_top(struct opt_set *o, const struct config_file *c)
{
    struct config_apply_said said;

    config_apply_look(o, &said);
    return config_apply_level(o, &c->top, OPT_FROM_TOP, &said);
}

static int config_apply_arguments(struct opt_set *o,
                                  const struct config_job *job)
{
    const struct config_words *w = job->paths.n ? &job->paths : &job->run;
    const char **arg;

    if (o->arg_n > 0 || w->n == 0)
        return 0;
    arg = mem_resize(o->arg, w->n * sizeof *arg);
    if (!arg)
        return err_set(E_NOMEM, "out of memory");
    o->arg = arg;
    for (size_t i = 0; i < w->n; i++)
        arg[i] = w->word[i].text;
    o->arg_n = w->n;
    return 0;
}

int config_apply_snapshot(struct opt_set *o, const struct config_file *c,
                          const struct config_job *job)
{
    struct config_apply_said said;
    int rc = 0;

    config_apply_look(o, &said);
    o->job = job ? job->name : NULL;
    if (job)
        rc = config_apply_level(o, &job->options, OPT_FROM_JOB, &said);
    if (rc == 0 && job)
        rc = config_apply_arguments(o, job);
    if (rc == 0)
        rc = config_apply_level(o, &c->defaults, OPT_FROM_DEFAULTS, &said);
    if (rc == 0)
        rc = config_apply_level(o, &c->top, OPT_FROM_TOP, &said);
    return rc;
}

int config_apply_job(const struct opt_set *asked, const struct config_file *c,
                     const struct config_job *job, struct opt_set *o)
{
    int rc = opt_copy(asked, o);

    o->arg_n = 0;
    return rc < 0 ? rc : config_apply_snapshot(o, c, job);
}

/* ---- which file -------------------------------------------------------- */

static bool config_apply_is_there(const char *path)
{
    struct stat st;

    /* what cannot be looked at is there: reading it will tell */
    return fileop_fstatat(AT_FDCWD, path, &st, 0) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

/* The system's file may be root's alone, with secrets in it: for others it is
 * as if it were not there. */
static bool config_apply_system_is_there(struct config_file *c)
{
    int fd = fileop_openat(AT_FDCWD, config_apply_system,
                           O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);

    if (fd < 0 && errno == EACCES)
        c->shut = config_apply_system;
    if (fd < 0)
        return errno != EACCES && errno != ENOENT && errno != ENOTDIR;
    (void)fileop_close(fd);
    return true;
}

/* The user's file, if there is a place for it. */
static bool config_apply_user(char path[PATH_MAX])
{
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n;

    if (xdg && *xdg == '/') /* a relative one is to be ignored */
        n = snprintf(path, PATH_MAX, "%s/dedup/dedup.yaml", xdg);
    else if (home && *home == '/')
        n = snprintf(path, PATH_MAX, "%s/.config/dedup/dedup.yaml", home);
    else
        return false;
    return n > 0 && n < PATH_MAX;
}

int config_apply_read(struct opt_set *o, struct config_file *c)
{
    const char *said = opt_text(o, OPT_CONFIG);
    char user[PATH_MAX];
    int rc;

    *c = (struct config_file){.path = NULL};
    if (!said && config_apply_user(user) && config_apply_is_there(user))
        said = user;
    if (!said && config_apply_system_is_there(c))
        said = config_apply_system;
    if (!said)
        return 0;
    rc = config_disk_read(said, c);
    o->config = c->path;
    return rc;
}
