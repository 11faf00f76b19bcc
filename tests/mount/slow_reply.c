/*
 * slow_reply: to be preloaded into a mount's program: after the first answer of
 * 3000 bytes and more once the file SLOW_REPLY exists the thread that gave it
 * sleeps for two seconds, as one that another program has driven from its
 * processor.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t writev(int fd, const struct iovec *iov, int n);

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    static atomic_int slept;
    const char *from = getenv("SLOW_REPLY");
    ssize_t rc = syscall(SYS_writev, fd, iov, n);

    if (from && rc >= 3000 && access(from, F_OK) == 0 &&
        atomic_exchange(&slept, 1) == 0)
        (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    return rc;
}
