#include "fuse/loop.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    LOOP_THREADS_MAX = 64,
    LOOP_POLL_MS = 200 /* between two looks whether it is over */
};

/* How long the leader looks for the next request before it sleeps. To be woken
 * costs about as much; a client that does one thing after the other comes
 * sooner. */
#define LOOP_LOOK_NS INT64_C(50000)

struct loop {
    struct fuse_session *se;
    loop_idle *idle;
    void *idle_ctx;
    pthread_mutex_t lead;
    atomic_int broken; /* errno; 0: not */
};

static _Thread_local pthread_mutex_t *loop_leading;

void loop_let_lead(void)
{
    if (loop_leading)
        (void)pthread_mutex_unlock(loop_leading);
    loop_leading = NULL;
}

static void loop_take_lead(struct loop *l)
{
    if (loop_leading)
        return;
    (void)pthread_mutex_lock(&l->lead);
    loop_leading = &l->lead;
}

/* The next request into b; 0: none, look whether it is over. */
static int loop_receive(struct loop *l, struct fuse_buf *b)
{
    const int64_t until = clock_monotonic_ns() + LOOP_LOOK_NS;
    struct pollfd p = {.fd = fuse_session_fd(l->se), .events = POLLIN};

    for (;;) {
        int n = fuse_session_receive_buf(l->se, b);

        if (n != -EAGAIN)
            return n == -EINTR ? 0 : n;
        if (l->idle(l->idle_ctx)) {
            if (!loop_leading)
                return 0;
            continue;
        }
        if (clock_monotonic_ns() < until)
            continue;
        n = poll(&p, 1, LOOP_POLL_MS);
        if (n <= 0)
            return 0;
    }
}

static void *loop_thread(void *arg)
{
    struct loop *l = arg;
    struct fuse_buf b = {.mem = NULL};

    while (!fuse_session_exited(l->se)) {
        int n;

        loop_take_lead(l);
        n = fuse_session_exited(l->se) ? 0 : loop_receive(l, &b);
        if (n > 0)
            fuse_session_process_buf(l->se, &b);
        else if (n < 0 && n != -ENODEV)
            atomic_store(&l->broken, -n);
        if (n < 0)
            fuse_session_exit(l->se);
    }
    loop_let_lead();
    free(b.mem);
    return NULL;
}

int loop_run(struct fuse_session *se, unsigned threads, loop_idle *idle,
             void *ctx)
{
    struct loop l = {.se = se, .idle = idle, .idle_ctx = ctx};
    pthread_t thread[LOOP_THREADS_MAX];
    unsigned n = 0;
    int fd = fuse_session_fd(se);

    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        return err_set_errno(E_IO, errno, "the mount");
    (void)pthread_mutex_init(&l.lead, NULL);
    while (n + 1 < threads && n < LOOP_THREADS_MAX &&
           pthread_create(&thread[n], NULL, loop_thread, &l) == 0)
        n++;
    (void)loop_thread(&l);
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(thread[i], NULL);
    (void)pthread_mutex_destroy(&l.lead);
    return l.broken ? err_set_errno(E_IO, l.broken, "the mount") : 0;
}
