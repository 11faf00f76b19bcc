/*
 * stress: eight processes of dedup at a time on one repository: snapshots of
 * trees that change, forget, prune, restore, check. Some are killed, some are
 * stopped and go on later. Each snapshot that was reported must be there as
 * long as its series' rule keeps it, and restore to what it was made from;
 * nobody who was left alone may fail; and in the end `check --read-data` is
 * clean.
 *
 *     stress DEDUP DIR [--seconds N] [--seed S]
 *
 * DIR, an absolute path, is made, and removed when all is well. Exit: 0, 1: a
 * promise was broken.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/stress/stress_tree.h"

enum {
    STRESS_WRITERS = 4,
    STRESS_SLOTS = 8,
    STRESS_KEEP = 3,    /* of each series */
    STRESS_PACKS = 100, /* that may be left of those few */
    STRESS_ID = 64,
    STRESS_TIME = 40,
    STRESS_SNAPSHOTS = 20000,
    STRESS_TEXT = 1 << 20, /* of what a process says */
    STRESS_PATH = 512,
    STRESS_ARGS = 12,
    STRESS_HANGS_S = 180
};

enum stress_deed {
    STRESS_SNAPSHOT,
    STRESS_FORGET,
    STRESS_PRUNE,
    STRESS_RESTORE,
    STRESS_CHECK,
    STRESS_DEEDS
};

static const char *const stress_deeds[STRESS_DEEDS] = {
    "snapshot", "forget", "prune", "restore", "check"};

/* A snapshot that somebody was told of. */
struct stress_snapshot {
    char id[STRESS_ID + 1];
    char begin[STRESS_TIME];
    unsigned series;
    uint64_t attempt; /* the how many-th run of its series */
    struct stress_tree tree;
};

struct stress_slot {
    pid_t pid; /* 0: nothing runs */
    enum stress_deed deed;
    bool killed;
    double stopped_until; /* 0: it runs */
    double begun;
    size_t target; /* of a restore */
    unsigned turn;
};

struct stress {
    const char *dedup;
    const char *dir;
    struct prng prng;
    struct stress_slot slot[STRESS_SLOTS];
    struct stress_tree tree[STRESS_WRITERS];
    uint64_t attempts[STRESS_WRITERS];
    struct stress_snapshot *snapshot;
    size_t snapshot_n;
    uint64_t done[STRESS_DEEDS];
    uint64_t killed[STRESS_DEEDS];
    uint64_t stopped;
    uint64_t overtaken; /* restores of what was forgotten meanwhile */
    unsigned failures;
};

static double stress_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stress_fail(struct stress *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void stress_fail(struct stress *x, const char *fmt, ...)
{
    va_list ap;

    x->failures++;
    (void)printf("FAILED: ");
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)printf("\n");
    (void)fflush(stdout);
}

static void stress_path(const struct stress *x, const char *what, size_t no,
                        char out[STRESS_PATH])
{
    (void)snprintf(out, STRESS_PATH, "%s/%s%zu", x->dir, what, no);
}

/* ---- processes ----------------------------------------------------------- */

static void stress_redirect(const struct stress *x, const char *what, size_t no,
                            int to)
{
    char path[STRESS_PATH];
    int fd;

    stress_path(x, what, no, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || dup2(fd, to) < 0)
        _exit(126);
}

/* Those on the even slots share a cache, and those on the odd ones. */
static pid_t stress_spawn(const struct stress *x, size_t no, const char **argv)
{
    char path[STRESS_PATH];
    pid_t pid;

    /* one that is killed before it begins has said nothing: what stands there
     * was said by the one before */
    stress_path(x, "out", no, path);
    (void)unlink(path);
    stress_path(x, "err", no, path);
    (void)unlink(path);
    pid = fork();
    if (pid != 0)
        return pid;
    stress_redirect(x, "out", no, STDOUT_FILENO);
    stress_redirect(x, "err", no, STDERR_FILENO);
    stress_path(x, "cache", no % 2, path);
    (void)setenv("DEDUP_CACHE_DIR", path, 1);
    (void)snprintf(path, sizeof path, "%s/repo", x->dir);
    (void)setenv("DEDUP_REPO", path, 1);
    (void)snprintf(path, sizeof path, "%s/key", x->dir);
    (void)setenv("DEDUP_KEY_FILE", path, 1);
    (void)execv(x->dedup, (char *const *)(uintptr_t)argv); /* reads only */
    _exit(127);
}

/* What a process said, as a string; to be used before the next call. */
static const char *stress_said(const struct stress *x, const char *what,
                               size_t no)
{
    static char text[STRESS_TEXT];
    char path[STRESS_PATH];
    size_t n = 0;
    FILE *f;

    stress_path(x, what, no, path);
    f = fopen(path, "rb");
    if (f) {
        n = fread(text, 1, sizeof text - 1, f);
        (void)fclose(f);
    }
    text[n] = 0;
    return text;
}

/* The string of a key in one line of JSON; empty when it is not there. */
static void stress_field(const char *line, const char *key, char *out, size_t n)
{
    char find[64];
    const char *at;
    size_t len;

    out[0] = 0;
    (void)snprintf(find, sizeof find, "\"%s\":\"", key);
    at = strstr(line, find);
    if (!at)
        return;
    at += strlen(find);
    len = strcspn(at, "\"\n");
    if (len < n && at[len] == '"')
        (void)snprintf(out, n, "%.*s", (int)len, at);
}

/* ---- what they do -------------------------------------------------------- */

/* The newest of a series that is taken at random; false: there is none. */
static bool stress_pick(struct stress *x, size_t *target)
{
    unsigned series = (unsigned)prng_below(&x->prng, STRESS_WRITERS);

    for (size_t i = x->snapshot_n; i > 0; i--) {
        if (x->snapshot[i - 1].series == series) {
            *target = i - 1;
            return true;
        }
    }
    return false;
}

static void stress_remove(const char *path)
{
    char command[STRESS_PATH + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        (void)fprintf(stderr, "%s stays\n", path);
}

static enum stress_deed stress_choose(struct stress *x, size_t no,
                                      struct stress_slot *s)
{
    if (no < STRESS_WRITERS)
        return STRESS_SNAPSHOT;
    if (no == STRESS_WRITERS)
        return STRESS_FORGET;
    if (no < STRESS_SLOTS - 1)
        return STRESS_PRUNE;
    return s->turn++ % 4 < 3 && stress_pick(x, &s->target) ? STRESS_RESTORE
                                                           : STRESS_CHECK;
}

static void stress_begin(struct stress *x, size_t no)
{
    struct stress_slot *s = &x->slot[no];
    unsigned series =
        (unsigned)(no < STRESS_WRITERS ? no
                                       : prng_below(&x->prng, STRESS_WRITERS));
    char name[16];
    char path[STRESS_PATH];
    char keep[16];
    const char *argv[STRESS_ARGS] = {"dedup", "--json", NULL};
    size_t n = 2;

    s->deed = stress_choose(x, no, s);
    argv[n++] = stress_deeds[s->deed];
    (void)snprintf(name, sizeof name, "s%u", series);
    (void)snprintf(keep, sizeof keep, "%d", STRESS_KEEP);
    stress_path(x, "tree", series, path);
    if (s->deed == STRESS_SNAPSHOT || s->deed == STRESS_FORGET) {
        argv[n++] = "--series";
        argv[n++] = name;
    }
    if (s->deed == STRESS_SNAPSHOT) {
        if (!stress_tree_change(&x->tree[no], path, &x->prng))
            stress_fail(x, "%s: %s", path, strerror(errno));
        x->attempts[no]++;
        argv[n++] = path;
    } else if (s->deed == STRESS_FORGET) {
        argv[n++] = "--keep-last";
        argv[n++] = keep;
    } else if (s->deed == STRESS_PRUNE) {
        argv[n++] = "--max-unused";
        argv[n++] = prng_below(&x->prng, 2) ? "0%" : "20%";
    } else if (s->deed == STRESS_RESTORE) {
        stress_path(x, "back", no, path);
        stress_remove(path);
        argv[n++] = x->snapshot[s->target].id;
        argv[n++] = "--target";
        argv[n++] = path;
    }
    s->killed = false;
    s->stopped_until = 0;
    s->begun = stress_now();
    s->pid = stress_spawn(x, no, argv);
    if (s->pid < 0) {
        stress_fail(x, "fork: %s", strerror(errno));
        s->pid = 0;
    }
}

/* ---- what came of it ----------------------------------------------------- */

/* Reported is what was said, whatever became of the process after that. */
static void stress_reported(struct stress *x, size_t no)
{
    const char *said = stress_said(x, "out", no);
    struct stress_snapshot *s = &x->snapshot[x->snapshot_n];

    if (!strchr(said, '\n') || x->snapshot_n == STRESS_SNAPSHOTS)
        return;
    stress_field(said, "id", s->id, sizeof s->id);
    stress_field(said, "begin", s->begin, sizeof s->begin);
    s->series = (unsigned)no;
    s->attempt = x->attempts[no];
    s->tree = x->tree[no];
    x->snapshot_n += s->id[0] != 0;
}

static void stress_judge_tree(struct stress *x, const struct stress_snapshot *s,
                              const char *back)
{
    char tree[STRESS_PATH];
    char path[2 * STRESS_PATH];
    char why[256];

    stress_path(x, "tree", s->series, tree);
    (void)snprintf(path, sizeof path, "%s%s", back, tree);
    if (!stress_tree_is(&s->tree, path, why))
        stress_fail(x, "snapshot %.12s restored: %s", s->id, why);
}

static void stress_restored(struct stress *x, size_t no, int code)
{
    const struct stress_snapshot *s = &x->snapshot[x->slot[no].target];
    char back[STRESS_PATH];

    stress_path(x, "back", no, back);
    if (code == 0)
        stress_judge_tree(x, s, back);
    else if (x->attempts[s->series] >= s->attempt + STRESS_KEEP)
        x->overtaken++; /* it may have been forgotten since it was chosen */
    else
        stress_fail(x, "restore of %.12s: exit %d: %s", s->id, code,
                    stress_said(x, "err", no));
}

static void stress_ended(struct stress *x, size_t no, int status)
{
    struct stress_slot *s = &x->slot[no];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool killed = s->killed && WIFSIGNALED(status);

    s->pid = 0;
    if (s->deed == STRESS_SNAPSHOT)
        stress_reported(x, no);
    if (killed) {
        x->killed[s->deed]++;
        return;
    }
    x->done[s->deed]++;
    if (s->deed == STRESS_RESTORE)
        stress_restored(x, no, code);
    else if (code != 0)
        stress_fail(x, "%s: status %d: %s%s", stress_deeds[s->deed], status,
                    stress_said(x, "err", no), code < 0 ? " (a signal)" : "");
}

/* ---- all of them --------------------------------------------------------- */

static void stress_disturb(struct stress *x)
{
    struct stress_slot *s = &x->slot[prng_below(&x->prng, STRESS_SLOTS)];

    if (s->pid == 0 || s->stopped_until > 0)
        return;
    if (prng_below(&x->prng, 2)) {
        s->killed = kill(s->pid, SIGKILL) == 0;
    } else if (kill(s->pid, SIGSTOP) == 0) {
        x->stopped++;
        s->stopped_until =
            stress_now() + (double)prng_below(&x->prng, 4000) / 1000;
    }
}

static void stress_look(struct stress *x, size_t no, bool goes_on)
{
    struct stress_slot *s = &x->slot[no];
    double now = stress_now();
    int status;

    if (s->pid == 0) {
        if (goes_on)
            stress_begin(x, no);
        return;
    }
    if (s->stopped_until > 0 && (now > s->stopped_until || !goes_on)) {
        s->stopped_until = 0;
        (void)kill(s->pid, SIGCONT);
    }
    if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
        stress_ended(x, no, status);
    } else if (now - s->begun > STRESS_HANGS_S) {
        stress_fail(x, "%s hangs", stress_deeds[s->deed]);
        s->killed = kill(s->pid, SIGKILL) == 0;
        s->begun = now;
    }
}

static bool stress_runs(const struct stress *x)
{
    for (size_t i = 0; i < STRESS_SLOTS; i++) {
        if (x->slot[i].pid > 0)
            return true;
    }
    return false;
}

static void stress_run(struct stress *x, double seconds)
{
    static const struct timespec tick = {.tv_nsec = 5000000};
    double end = stress_now() + seconds;
    double next = 0;
    bool goes_on = true;

    while (goes_on || stress_runs(x)) {
        goes_on = stress_now() < end && x->failures == 0;
        for (size_t i = 0; i < STRESS_SLOTS; i++)
            stress_look(x, i, goes_on);
        if (goes_on && stress_now() > next) {
            stress_disturb(x);
            next = stress_now() + (double)prng_below(&x->prng, 400) / 1000;
        }
        (void)nanosleep(&tick, NULL);
    }
}

/* One process alone; what it says is in out0 and err0. */
static bool stress_alone(struct stress *x, const char **argv)
{
    pid_t pid = stress_spawn(x, 0, argv);
    int status = -1;

    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return true;
    stress_fail(x, "%s: status %d: %s", argv[2], status,
                stress_said(x, "err", 0));
    return false;
}

/* ---- the end ------------------------------------------------------------- */

/* Those of the series that are listed and began later. */
static unsigned stress_later(const char *list, unsigned series,
                             const char *begin)
{
    unsigned n = 0;

    for (const char *line = list; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char its[STRESS_TIME];
        char name[16];

        stress_field(line, "series", name, sizeof name);
        stress_field(line, "begin", its, sizeof its);
        n += name[0] == 's' && atoi(name + 1) == (int)series &&
             strcmp(its, begin) > 0;
    }
    return n;
}

static void stress_restore_all(struct stress *x, const char *list)
{
    char back[STRESS_PATH];
    size_t restored = 0;

    stress_path(x, "back", 0, back);
    for (size_t i = 0; i < x->snapshot_n; i++) {
        struct stress_snapshot *s = &x->snapshot[i];
        const char *argv[] = {"dedup",    "--json", "restore", s->id,
                              "--target", back,     NULL};

        if (!strstr(list, s->id)) {
            if (stress_later(list, s->series, s->begin) < STRESS_KEEP)
                stress_fail(x, "%.12s of s%u, %s, was reported, and is gone",
                            s->id, s->series, s->begin);
            continue;
        }
        stress_remove(back);
        if (stress_alone(x, argv))
            stress_judge_tree(x, s, back);
        restored++;
    }
    (void)printf("in the end %zu of %zu snapshots are there, and restored\n",
                 restored, x->snapshot_n);
}

/* What was to go has gone. */
static void stress_lean(struct stress *x, const char *list)
{
    char path[STRESS_PATH];
    size_t packs;

    for (unsigned i = 0; i < STRESS_WRITERS; i++) {
        unsigned n = stress_later(list, i, "");

        if (n > STRESS_KEEP)
            stress_fail(x, "%u of s%u are left, not %d", n, i, STRESS_KEEP);
    }
    (void)snprintf(path, sizeof path, "%s/repo/packs", x->dir);
    packs = stress_tree_files(path);
    if (packs == 0 || packs > STRESS_PACKS)
        stress_fail(x, "%zu packs are left", packs);
}

static void stress_end(struct stress *x)
{
    const char *forget[] = {"dedup",       "--json", "forget",
                            "--keep-last", "3",      NULL};
    const char *list[] = {"dedup", "--json", "snapshots", NULL};
    const char *prune[] = {"dedup", "--json", "prune", NULL};
    const char *check[] = {"dedup", "--json", "check", "--read-data", NULL};
    char *seen = NULL;

    (void)stress_alone(x, forget);
    if (stress_alone(x, prune) && stress_alone(x, prune))
        (void)printf("%s", stress_said(x, "out", 0));
    (void)stress_alone(x, check);
    if (stress_alone(x, list))
        seen = strdup(stress_said(x, "out", 0));
    if (seen) {
        stress_lean(x, seen);
        stress_restore_all(x, seen);
    }
    free(seen);
}

static void stress_tell(const struct stress *x, double took)
{
    (void)printf("%.0f s", took);
    for (int d = 0; d < STRESS_DEEDS; d++)
        (void)printf(", %s: %" PRIu64 " ended, %" PRIu64 " killed",
                     stress_deeds[d], x->done[d], x->killed[d]);
    (void)printf("; stopped: %" PRIu64 "; restores overtaken: %" PRIu64 "\n",
                 x->stopped, x->overtaken);
    (void)fflush(stdout);
}

static bool stress_set_up(struct stress *x)
{
    const char *init[] = {"dedup", "--json", "init", NULL};
    unsigned char secret[32];
    char path[STRESS_PATH];
    FILE *f;
    bool ok;

    if (mkdir(x->dir, 0700) != 0) {
        (void)fprintf(stderr, "stress: %s: %s\n", x->dir, strerror(errno));
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/key", x->dir);
    prng_fill(&x->prng, secret, sizeof secret);
    f = fopen(path, "wb");
    ok = f && chmod(path, 0600) == 0 &&
         fwrite(secret, 1, sizeof secret, f) == sizeof secret;
    return f && fclose(f) == 0 && ok && stress_alone(x, init);
}

int main(int argc, char **argv)
{
    static struct stress x;
    uint64_t seconds = 60;
    uint64_t seed = (uint64_t)time(NULL);

    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else
            argc = 0;
    }
    if (argc < 3 || argc % 2 == 0 || argv[2][0] != '/') {
        (void)fprintf(stderr, "stress DEDUP DIR [--seconds N] [--seed S]\n");
        return 2;
    }
    x.dedup = argv[1];
    x.dir = argv[2];
    x.snapshot = calloc(STRESS_SNAPSHOTS + 1, sizeof *x.snapshot);
    prng_init(&x.prng, seed);
    (void)printf("seed %" PRIu64 "\n", seed);
    if (!x.snapshot || !stress_set_up(&x))
        return 2;
    stress_run(&x, (double)seconds);
    stress_tell(&x, (double)seconds);
    stress_end(&x);
    free(x.snapshot);
    if (x.failures > 0)
        return 1;
    stress_remove(x.dir);
    return 0;
}
