#include "cli/background.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileop.h"
#include "cli/message.h"

enum { BACKGROUND_LOOK_MS = 100 };

/* Waits for the child's word, or its end; then this process ends. What we are
 * told by a signal the child is told. */
static _Noreturn void background_wait(struct cli *cli, pid_t child, int from)
{
    struct pollfd p = {.fd = from, .events = POLLIN};
    bool told = false;
    int status = 0;
    char word;

    while (poll(&p, 1, BACKGROUND_LOOK_MS) <= 0) {
        const int signal = cancel_signal(cli->cancel);

        if (signal && !told)
            (void)kill(child, signal);
        told = signal != 0;
    }
    if (fileop_read(from, &word, 1) == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* What we were started with, and would keep from others: a lock, the end of a
 * pipe. Nothing of ours is open yet but what is named. */
static void background_let_go(int a, int b, int c)
{
    const int keep[] = {a, b, c};
    unsigned from = 3;

    for (;;) {
        unsigned next = UINT_MAX;

        for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++) {
            if (keep[i] >= (int)from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        }
        if (next > from)
            (void)close_range(from, next - (next < UINT_MAX), 0);
        if (next == UINT_MAX)
            return;
        from = next + 1;
    }
}

static void background_close(const int fd[2])
{
    (void)fileop_close(fd[0]);
    (void)fileop_close(fd[1]);
}

/* What the child says that it is ready by, and what it gets the passphrase by.
 */
struct background_pipes {
    int word[2];
    int secrets[2];
};

static int background_pipes(struct background_pipes *p)
{
    int errnum;

    if (pipe2(p->word, O_CLOEXEC) < 0)
        return err_set_errno(E_IO, errno, "going into the background");
    if (pipe2(p->secrets, O_CLOEXEC) == 0)
        return 0;
    errnum = errno;
    background_close(p->word);
    return err_set_errno(E_IO, errnum, "going into the background");
}

static _Noreturn void background_parent(struct cli *cli, pid_t child,
                                        struct background_pipes *p)
{
    (void)fileop_close(p->word[1]);
    (void)fileop_close(p->secrets[0]);
    err_ignore(secrets_hand_over(cli->secrets, p->secrets[1]),
               "the child, which lacks it then, says so");
    (void)fileop_close(p->secrets[1]);
    background_wait(cli, child, p->word[0]);
}

int background_begin(struct cli *cli, struct background *b)
{
    struct background_pipes p;
    pid_t child;
    int errnum, started;
    int rc = background_pipes(&p);

    if (rc < 0)
        return rc;
    /* threads are not forked: none may be there */
    signals_stop(cli->signals);
    cli->signals = NULL;
    child = fork();
    errnum = errno;
    started = signals_start(&cli->signals, cli->cancel);
    if (child > 0)
        background_parent(cli, child, &p);
    if (child < 0) {
        background_close(p.word);
        background_close(p.secrets);
        return err_set_errno(E_IO, errnum, "going into the background");
    }
    (void)fileop_close(p.word[0]);
    (void)fileop_close(p.secrets[1]);
    b->ready = p.word[1];
    background_let_go(b->ready, p.secrets[0],
                      opt_fd(cli->opt, OPT_PASSPHRASE_FD));
    rc = secrets_take_over(cli->secrets, p.secrets[0]);
    (void)fileop_close(p.secrets[0]);
    return started < 0 ? started : rc;
}

int background_ready(struct background *b, bool leave)
{
    int null;

    if (b->ready == 0)
        return 0;
    null = fileop_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (null < 0)
        return err_set_errno(E_IO, errno, "/dev/null");
    (void)setsid();
    if (leave)
        (void)!chdir("/");
    message_to_log();
    for (int fd = 0; fd <= 2; fd++)
        (void)dup2(null, fd);
    if (null > 2)
        (void)fileop_close(null);
    (void)!fileop_write(b->ready, "", 1);
    (void)fileop_close(b->ready);
    b->ready = 0;
    return 0;
}
