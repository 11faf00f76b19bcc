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

/* The child's half of the fork. */
static int background_child(struct cli *cli, int secrets)
{
    int rc;

    /* threads are not forked: that of the signals stayed behind */
    signals_abandon(cli->signals);
    cli->signals = NULL;
    rc = signals_start(&cli->signals, cli->cancel);
    if (rc == 0)
        rc = secrets_take_over(cli->secrets, secrets);
    (void)fileop_close(secrets);
    return rc;
}

static void background_close(const int fd[2])
{
    (void)fileop_close(fd[0]);
    (void)fileop_close(fd[1]);
}

int background_begin(struct cli *cli, struct background *b)
{
    int word[2], secrets[2], errnum;
    pid_t child;

    if (pipe2(word, O_CLOEXEC) < 0)
        return err_set_errno(E_IO, errno, "going into the background");
    if (pipe2(secrets, O_CLOEXEC) < 0) {
        errnum = errno;
        background_close(word);
        return err_set_errno(E_IO, errnum, "going into the background");
    }
    child = fork();
    if (child < 0) {
        errnum = errno;
        background_close(word);
        background_close(secrets);
        return err_set_errno(E_IO, errnum, "going into the background");
    }
    if (child > 0) {
        (void)fileop_close(word[1]);
        (void)fileop_close(secrets[0]);
        err_ignore(secrets_hand_over(cli->secrets, secrets[1]),
                   "the child, which lacks it then, says so");
        (void)fileop_close(secrets[1]);
        background_wait(cli, child, word[0]);
    }
    (void)fileop_close(word[0]);
    (void)fileop_close(secrets[1]);
    b->ready = word[1];
    return background_child(cli, secrets[0]);
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
