#include "cli/piped.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "cli/child.h"
#include "cli/message.h"
#include "cli/packed.h"
#include "cli/terminal.h"

enum {
    PIPED_LINE_MAX = 1024,     /* of its standard error; longer ones are cut */
    PIPED_PIPE_BYTES = 1 << 20 /* what it can be ahead of us, if allowed; no
                                  pipe holds more unless root says so */
};

enum {
    PIPED_POLL_MS = 50, /* how long a signal to us may wait */
    PIPED_REAP_MS = 5   /* ... the end of a command that closed its output */
};

#define PIPED_PATIENCE_NS CLOCK_SECOND_NS /* for the first bytes */

struct piped {
    const struct cancel *cancel;
    const char *name; /* of the command; NULL: standard input */
    bool allow_empty;
    bool was_looked_at; /* packed has been asked */
    bool ended_well;
    struct child child; /* not reaped before piped_close */
    int out;            /* -1: it has ended */
    int err;
    uint64_t bytes;
    char line[PIPED_LINE_MAX + 1]; /* of standard error, not ended */
    char last[PIPED_LINE_MAX + 1]; /* the last whole one */
    size_t line_n;
    struct packed packed;
};

/* ---- what goes together ------------------------------------------------ */

/* Whether a path names what descriptor 0 is: /dev/stdin, a fifo. */
static bool piped_is_input(const char *path)
{
    struct stat a, b;

    return fileop_fstat(0, &a) == 0 &&
           fileop_fstatat(AT_FDCWD, path, &b, 0) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int piped_check(const struct opt_set *o)
{
    static const enum opt_id file[] = {OPT_PASSPHRASE_FILE, OPT_KEY_FILE};

    if (!opt_has(o, OPT_STDIN))
        return 0;
    if (terminal_is(0))
        return err_set(E_USAGE,
                       "--stdin: standard input is a terminal; pipe a program "
                       "into it, or use --command");
    if (opt_fd(o, OPT_PASSPHRASE_FD) == 0)
        return err_set(E_USAGE, "--stdin: standard input cannot be both the "
                                "passphrase and the file");
    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        if (opt_has(o, file[i]) && piped_is_input(opt_text(o, file[i])))
            return err_set(E_USAGE,
                           "--stdin: standard input is what --%s names",
                           opt_info(file[i])->name);
    }
    return 0;
}

/* ---- life -------------------------------------------------------------- */

static int piped_start(struct piped *p, char *const *argv, const int out[2],
                       const int err[2])
{
    struct spawn s = {
        .argv = argv, .out = out[1], .err = err[1], .only_these = true};
    int rc = spawn_null(&s.in);

    if (rc == 0)
        rc = child_start(&s, &p->child);
    (void)fileop_close(s.in);
    return rc;
}

static int piped_run(struct piped *p, char *const *argv)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    int rc;

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        rc = err_set_errno(E_IO, errno, "making a pipe");
    else
        rc = piped_start(p, argv, out, err);
    (void)fileop_close(out[1]);
    (void)fileop_close(err[1]);
    p->out = out[0];
    p->err = err[0];
    if (rc == 0)
        (void)fcntl(p->out, F_SETPIPE_SZ, PIPED_PIPE_BYTES);
    return rc;
}

static int piped_command(struct piped *p, const struct opt_set *o)
{
    char **argv = mem_array(o->arg_n + 1, sizeof *argv);
    const char *slash = strrchr(o->arg[0], '/');
    int rc = 0;

    p->out = -1;
    p->name = slash && slash[1] ? slash + 1 : o->arg[0];
    for (size_t i = 0; argv && i < o->arg_n; i++) {
        argv[i] = mem_dup(bytes_of_str(o->arg[i]));
        if (!argv[i])
            rc = E_NOMEM;
    }
    if (!argv || rc < 0)
        rc = err_set(E_NOMEM, "starting %s", p->name);
    else
        rc = piped_run(p, argv);
    for (size_t i = 0; argv && i < o->arg_n; i++)
        free(argv[i]);
    free(argv);
    return rc;
}

int piped_open(const struct opt_set *o, const struct cancel *c,
               struct piped **out)
{
    struct piped *p = mem_alloc(sizeof *p);
    int rc = 0;

    *out = NULL;
    if (!p)
        return err_set(E_NOMEM, "out of memory");
    p->cancel = c;
    p->allow_empty = opt_has(o, OPT_ALLOW_EMPTY);
    p->err = -1;
    if (opt_has(o, OPT_COMMAND))
        rc = err_add(piped_command(p, o), "--command");
    if (rc < 0) {
        piped_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

/* ---- its standard error ------------------------------------------------ */

static void piped_line(struct piped *p)
{
    if (p->line_n > 0 && p->line[p->line_n - 1] == '\r')
        p->line_n--;
    p->line[p->line_n] = 0;
    if (p->line_n > 0) {
        message_warn("%s: %s", p->name, p->line);
        memcpy(p->last, p->line, p->line_n + 1);
    }
    p->line_n = 0;
}

/* Passes on what is there; returns how much. */
static size_t piped_hear(struct piped *p)
{
    char part[4096];
    ssize_t n = fileop_read(p->err, part, sizeof part);

    for (ssize_t i = 0; i < n; i++) {
        if (part[i] == '\n' || p->line_n == PIPED_LINE_MAX)
            piped_line(p);
        if (part[i] != '\n')
            p->line[p->line_n++] = part[i] ? part[i] : '?';
    }
    if (n > 0)
        return (size_t)n;
    piped_line(p);
    (void)fileop_close(p->err);
    p->err = -1;
    return 0;
}

/* All that is there already: whoever still holds it is not waited for, however
 * much that one has to say. */
static void piped_hear_out(struct piped *p)
{
    struct pollfd fd = {.fd = p->err, .events = POLLIN};
    size_t n = 0;

    while (p->err >= 0 && n < PIPED_PIPE_BYTES && poll(&fd, 1, 0) > 0)
        n += piped_hear(p);
    piped_line(p);
}

/* ---- asking it to end -------------------------------------------------- */

/* It may say why: what nobody hears would end it before it has tidied up. */
static void piped_nap(void *ctx)
{
    struct piped *p = ctx;
    struct pollfd fd = {.fd = p->err, .events = POLLIN};

    if (poll(&fd, 1, PIPED_REAP_MS) > 0)
        (void)piped_hear(p);
}

void piped_close(struct piped *p)
{
    if (!p)
        return;
    if (p->name) /* closed first: it need not write to the end to see it */
        (void)fileop_close(p->out);
    if (p->child.pid) {
        child_end(&p->child, !p->ended_well, piped_nap, p);
        if (!p->ended_well)
            piped_hear_out(p);
    }
    (void)fileop_close(p->err);
    free(p);
}

/* ---- its end ----------------------------------------------------------- */

static int piped_failed(struct piped *p, const siginfo_t *how)
{
    const char *said = p->last[0] ? "; the last it said: " : "";

    if (how->si_code == CLD_EXITED)
        return err_set(E_SOURCE, "%s: exit code %d: nothing was committed%s%s",
                       p->name, how->si_status, said, p->last);
    return err_set(
        E_SOURCE, "%s: ended by signal %d (%s): nothing was committed%s%s",
        p->name, how->si_status, strsignal(how->si_status), said, p->last);
}

/* Whether it has ended; one that failed need not be heard to its end. */
static int piped_look(struct piped *p, bool *exited)
{
    siginfo_t how;

    *exited = p->child.pid == 0;
    if (*exited)
        return 0;
    if (!child_ask(&p->child, &how))
        return err_set_errno(E_IO, errno, "waiting for %s", p->name);
    *exited = how.si_pid != 0;
    if (!*exited || (how.si_code == CLD_EXITED && how.si_status == 0))
        return 0;
    piped_hear_out(p);
    return piped_failed(p, &how);
}

static int piped_whole(struct piped *p, bool *end)
{
    if (p->child.pid)
        piped_hear_out(p);
    if (p->bytes == 0 && !p->allow_empty)
        return err_set(E_SOURCE,
                       "%s: not one byte: nothing was committed "
                       "(--allow-empty takes it)",
                       p->name ? p->name : "standard input");
    p->ended_well = true;
    *end = true;
    return 0;
}

/* ---- its output -------------------------------------------------------- */

/* Says once what was noticed, when enough was seen or all. */
static void piped_notice(struct piped *p, struct bytes data)
{
    const char *what;

    if (p->was_looked_at)
        return;
    packed_add(&p->packed, data);
    if (data.n > 0 && p->packed.n < PACKED_SAMPLE)
        return;
    p->was_looked_at = true;
    what = packed_name(&p->packed);
    if (what)
        message_warn("the data looks %s%s: little of it will be found again in "
                     "the next run; dumps that are plain (pg_dump -Fp or "
                     "--compress=0, mysqldump without gzip) are deduplicated, "
                     "and compressed here",
                     what, strchr(what, ' ') ? "" : "-compressed");
}

static int piped_take(struct piped *p, uint8_t *to, size_t cap, size_t *n)
{
    ssize_t got = fileop_read(p->out, to, cap);

    if (got < 0)
        return err_set_errno(E_SOURCE, errno, "reading %s",
                             p->name ? p->name : "standard input");
    piped_notice(p, bytes_of(to, (size_t)got));
    *n = (size_t)got;
    p->bytes += *n;
    if (got > 0)
        return 0;
    if (p->name)
        (void)fileop_close(p->out);
    p->out = -1;
    return 0;
}

static int piped_step(struct piped *p, uint8_t *to, size_t cap, size_t *n,
                      bool *end)
{
    struct pollfd fd[2] = {{.fd = p->out, .events = POLLIN},
                           {.fd = p->err, .events = POLLIN}};
    int ready = poll(fd, 2, p->out < 0 ? PIPED_REAP_MS : PIPED_POLL_MS);
    bool exited = false;
    int rc;

    if (ready > 0 && fd[1].revents)
        (void)piped_hear(p);
    /* whatever flows: what it has left behind may write for ever */
    rc = piped_look(p, &exited);
    if (rc < 0)
        return rc;
    if (ready > 0 && fd[0].revents)
        return piped_take(p, to, cap, n);
    return exited && p->out < 0 ? piped_whole(p, end) : 0;
}

int piped_read(void *ctx, uint8_t *to, size_t cap, size_t *n, bool *end)
{
    struct piped *p = ctx;
    int64_t until = clock_monotonic_ns() + PIPED_PATIENCE_NS;
    int rc;

    *n = 0;
    *end = false;
    do {
        rc = cancel_check(p->cancel);
        if (rc == 0)
            rc = piped_step(p, to, cap, n, end);
    } while (rc == 0 && *n == 0 && !*end && clock_monotonic_ns() < until);
    return rc;
}
