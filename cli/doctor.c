#include "cli/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/text.h"
#include "cli/backup_set.h"
#include "cli/config_apply.h"
#include "cli/job_series.h"
#include "cli/session.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/repo_role.h"
#include "repo/snapshot_list.h"

enum {
    DOCTOR_LINE_MAX = 1 << 16,
    DOCTOR_AHEAD_S = 300,        /* what clocks of a network differ by */
    DOCTOR_ROOM_PERCENT = 5,     /* free, below which a warning is due */
    DOCTOR_EPOCH_S = 1767225600, /* 2026-01-01: no clock that goes is before */
    DOCTOR_PLACES_MAX = 1000
};

struct doctor {
    struct cli *cli;
    const char *job;         /* being looked at; NULL: none */
    struct err_record first; /* failure */
    size_t failed;
    size_t warned;
};

/* ---- saying it --------------------------------------------------------- */

static void doctor_text(struct doctor *d, enum doctor_verdict v,
                        const char *what, const char *text)
{
    static const char *const word[] = {"ok    ", "warn  ", "FAIL  "};
    struct buf line;

    buf_init(&line, DOCTOR_LINE_MAX);
    buf_add_bytes(&line, bytes_of_str(word[v]));
    if (d->job) {
        buf_add_bytes(&line, bytes_of_str(d->job));
        buf_add(&line, ": ", 2);
    }
    buf_add_bytes(&line, bytes_of_str(what));
    buf_add(&line, ": ", 2);
    text_escape(&line, bytes_of_str(text));
    buf_add(&line, "\n", 1);
    if (buf_status(&line) == 0)
        out_add(d->cli->out, buf_bytes(&line));
    buf_release(&line);
}

static void doctor_json(struct doctor *d, enum doctor_verdict v,
                        const char *what, const char *text)
{
    static const char *const word[] = {"ok", "warn", "fail"};
    struct json_out *j = d->cli->json;

    json_out_begin(j, "finding");
    json_out_text(j, "verdict", word[v]);
    if (d->job)
        json_out_text(j, "job", d->job);
    json_out_text(j, "about", what);
    json_out_bytes(j, "message", bytes_of_str(text));
    err_ignore(json_out_end(j), "the exit code tells");
}

/* what: one word; the rest is escaped here. */
static void doctor_say(struct doctor *d, enum doctor_verdict v,
                       const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void doctor_say(struct doctor *d, enum doctor_verdict v,
                       const char *what, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    d->warned += v == DOCTOR_WARN;
    if (d->cli->json)
        doctor_json(d, v, what, text);
    else
        doctor_text(d, v, what, text);
}

static void doctor_fail(struct doctor *d, int rc, const char *what)
{
    if (d->first.code == 0)
        err_save(rc, &d->first);
    d->failed++;
    doctor_say(d, DOCTOR_FAIL, what, "%s", err_text());
}

/* ---- jobs -------------------------------------------------------------- */

/* The paths of a job as its run would find them: of one that is missing the
 * snapshot will say that it is incomplete, each time. */
static void doctor_paths(struct doctor *d, const struct config_job *job,
                         const struct backup_set *b)
{
    char line[32] = "";
    size_t missing = 0;

    for (size_t i = 0; i < b->paths.n; i++) {
        struct bytes p = b->paths.root[i];
        int errnum;

        if (backup_paths_is_there(p, &errnum))
            continue;
        missing++;
        if (i < job->paths.n) /* behind these stand those of lists */
            (void)snprintf(line, sizeof line,
                           "line %u: ", job->paths.word[i].line);
        doctor_say(d, DOCTOR_WARN, "paths",
                   "%s%.*s: %s: each run will end with exit code 3",
                   i < job->paths.n ? line : "", (int)p.n, (const char *)p.p,
                   strerror(errnum));
    }
    doctor_say(d, DOCTOR_OK, "paths", "%zu of %zu are there",
               b->paths.n - missing, b->paths.n);
}

/* What is to be backed up, made as a run would make it. */
static void doctor_set(struct doctor *d, const struct config_job *job,
                       const struct opt_set *o)
{
    struct backup_set b;
    int rc = backup_set_make(o, NULL, &b);

    if (rc == E_NOTFOUND && opt_has(o, OPT_BEFORE))
        doctor_say(d, DOCTOR_WARN, "paths", "%s: unless 'before' brings them",
                   err_text());
    else if (rc < 0)
        doctor_fail(d, err_add(rc, "line %u", job->line),
                    rc == E_NOTFOUND ? "paths" : "options");
    else
        doctor_say(d, DOCTOR_OK, "series", "%s", b.series);
    if (rc == 0 && !b.is_stream)
        doctor_paths(d, job, &b);
    backup_set_release(&b);
}

static bool doctor_is_program(const char *path)
{
    struct stat st;

    return fileop_fstatat(AT_FDCWD, path, &st, 0) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}

/* Whether a program of that name would be found as execvp() looks for it. */
static bool doctor_finds(const char *name)
{
    const char *path = getenv("PATH");
    char full[4096];

    if (strchr(name, '/'))
        return doctor_is_program(name);
    while (path && *path) {
        size_t n = strcspn(path, ":");
        int len = snprintf(full, sizeof full, "%.*s/%s", (int)n, path, name);

        if (len > 0 && (size_t)len < sizeof full && doctor_is_program(full))
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

static void doctor_program(struct doctor *d, const struct config_job *job)
{
    const char *name = job->run.word[0].text;

    if (doctor_finds(name))
        doctor_say(d, DOCTOR_OK, "run", "%s is there", name);
    else
        doctor_fail(d,
                    err_set(E_NOTFOUND, "line %u: no program '%s' in PATH",
                            job->run.word[0].line, name),
                    "run");
}

/* ---- a repository ------------------------------------------------------ */

/* A secret that stands in a file is one only as long as others cannot read it.
 */
static void doctor_secret(struct doctor *d, const struct opt_set *o)
{
    static const enum opt_id file[] = {OPT_PASSPHRASE_FILE, OPT_KEY_FILE};
    struct stat st;

    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        const char *p = opt_text(o, file[i]);

        if (p && fileop_fstatat(AT_FDCWD, p, &st, 0) == 0 &&
            S_ISREG(st.st_mode) && (st.st_mode & (S_IROTH | S_IWOTH)))
            doctor_say(d, DOCTOR_WARN, "secret",
                       "%s: every user of this machine can %s it: chmod o= it",
                       p, st.st_mode & S_IROTH ? "read" : "change");
    }
}

static void doctor_room(struct doctor *d, const char *what, const char *path)
{
    char free_text[WORDS_MAX];
    struct statvfs st;
    uint64_t bytes, percent;
    int fd =
        fileop_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0 || fileop_statvfs(fd, &st) < 0) {
        doctor_fail(d, err_set_errno(E_IO, errno, "%s", path), what);
    } else {
        bytes = (uint64_t)st.f_bavail * st.f_frsize;
        percent = st.f_blocks ? st.f_bavail * UINT64_C(100) / st.f_blocks : 100;
        (void)words_size(bytes, free_text);
        doctor_say(d, percent < DOCTOR_ROOM_PERCENT ? DOCTOR_WARN : DOCTOR_OK,
                   what, "%s: %s free, %llu %%", path, free_text,
                   (unsigned long long)percent);
    }
    if (fd >= 0)
        (void)fileop_close(fd);
}

enum doctor_verdict doctor_clock(int64_t now, int64_t newest)
{
    if (now < DOCTOR_EPOCH_S)
        return DOCTOR_FAIL;
    return newest > now + DOCTOR_AHEAD_S ? DOCTOR_WARN : DOCTOR_OK;
}

/* The clock against what the newest snapshot, of whatever host, was told. */
static void doctor_time(struct doctor *d, const struct repo *r)
{
    struct entry_time now = {.s = clock_realtime_ns() / CLOCK_SECOND_NS};
    struct entry_time newest = {.s = 0};
    struct snapshot_list l = {.item = NULL};
    char text[WHEN_TEXT_MAX];
    enum doctor_verdict v;
    int rc = snapshot_list_load(r->index, &r->state, &l);

    if (rc == 0 && l.n)
        newest = l.item[l.n - 1].manifest.m.begin;
    snapshot_list_release(&l);
    v = doctor_clock(now.s, newest.s);
    if (rc == 0 && v == DOCTOR_FAIL)
        rc = err_set(E_IO, "this machine's clock says %s: set it",
                     when_local(now, text));
    if (rc < 0)
        doctor_fail(d, rc, "clock");
    else if (v == DOCTOR_WARN)
        doctor_say(d, v, "clock",
                   "the newest snapshot says that it began on %s, which is to "
                   "come: this clock, or that of its host, is wrong",
                   when_local(newest, text));
    else
        doctor_say(d, v, "clock", "%s", when_local(now, text));
}

static void doctor_opened(struct doctor *d, const char *place,
                          const struct session *s)
{
    int rc = repo_role_allows(s->repo, REPO_ACT_BACKUP);

    doctor_say(d, DOCTOR_OK, "repo", "%s: opens", place);
    if (rc < 0)
        doctor_fail(d, rc, "key");
    else
        doctor_say(d, DOCTOR_OK, "key", "'%s' may back up: its role is '%s'",
                   s->repo->slot.label, repo_role_name(s->repo->slot.role));
    if (s->repo->private_cache)
        doctor_say(d, DOCTOR_WARN, "cache", "%s", s->repo->cache_trouble.text);
    else
        doctor_room(d, "cache", s->repo->cache);
    doctor_room(d, "space", place);
    doctor_time(d, s->repo);
}

/* With the options as they would count. */
static void doctor_repo(struct doctor *d, const struct opt_set *o)
{
    const struct opt_set *asked = d->cli->opt;
    struct session s = {.store = NULL};
    const char *place;
    int rc;

    doctor_secret(d, o);
    d->cli->opt = o;
    rc = session_place(d->cli, &place);
    if (rc == 0)
        rc = session_open(d->cli, SESSION_WORK, &s);
    if (rc < 0)
        doctor_fail(d, rc, "repo");
    else
        doctor_opened(d, place, &s);
    session_close(&s);
    d->cli->opt = asked;
}

/* ---- all of it --------------------------------------------------------- */

static int doctor_job(struct doctor *d, const struct config_job *job)
{
    struct opt_set o;
    int rc = config_apply_job(d->cli->opt, d->cli->config, job, &o);

    if (rc == 0) {
        d->job = job->name;
        doctor_set(d, job, &o);
        if (job->run.n)
            doctor_program(d, job);
        doctor_repo(d, &o);
        d->job = NULL;
    }
    opt_release(&o);
    return rc;
}

static int doctor_top(struct doctor *d)
{
    struct opt_set o;
    int rc = opt_copy(d->cli->opt, &o);

    if (rc == 0)
        rc = config_apply_top(&o, d->cli->config);
    if (rc == 0)
        doctor_repo(d, &o);
    opt_release(&o);
    return rc;
}

int doctor_run(struct cli *cli)
{
    const struct config_file *c = cli->config;
    struct doctor d = {.cli = cli, .first = {.code = 0}};
    const struct config_job *only = NULL;
    int rc = 0;

    if (opt_has(cli->opt, OPT_JOB))
        rc = config_file_job(c, opt_text(cli->opt, OPT_JOB), &only);
    if (rc < 0)
        return rc;
    if (c->path)
        doctor_say(&d, DOCTOR_OK, "config", "%s: %zu job%s", c->path, c->job_n,
                   c->job_n == 1 ? "" : "s");
    if (c->shut)
        doctor_say(&d, DOCTOR_OK, "config",
                   "%s: is not for this user, and does not count", c->shut);
    rc = job_series_check(cli->opt, c);
    if (rc < 0)
        doctor_fail(&d, rc, "series");
    rc = 0;
    if (c->job_n == 0)
        rc = doctor_top(&d);
    for (size_t i = 0; i < c->job_n && rc == 0; i++) {
        if (!only || only == &c->job[i])
            rc = doctor_job(&d, &c->job[i]);
    }
    if (rc < 0 || d.failed == 0)
        return rc;
    return err_set(d.first.code, "%zu check%s failed, %zu warning%s", d.failed,
                   d.failed == 1 ? "" : "s", d.warned,
                   d.warned == 1 ? "" : "s");
}
