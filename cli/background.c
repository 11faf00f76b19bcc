#include "cli/background.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileop.h"
#include "cli/message.h"

/* Waits for the child's word, or its end; then this process ends. */
static _Noreturn void background_wait(struct cli *cli, pid_t child, int from)
{
    char word;
    int status = 0;
    ssize_t n;

    do {
        n = fileop_read(from, &word, 1);
        if (n < 0 && errno == EINTR && cancel_signal(cli->cancel))
            (void)kill(child, cancel_signal(cli->cancel));
    } while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
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
    rc = secrets_take_over(cli->secrets, p.secrets[0]);
    (void)fileop_close(p.secrets[0]);
    return started < 0 ? started : rc;
}

int background_ready(struct background *b)
{
    int null;

    if (b->ready == 0)
        return 0;
    null = fileop_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (null < 0)
        return err_set_errno(E_IO, errno, "/dev/null");
    (void)setsid();
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
