#include "source/walk_prime.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "source/walk_impl.h"

enum {
    WALK_PRIME_PIECE = 96 << 10, /* below what malloc maps apart */
    WALK_PRIME_PIECES = 100
};

struct walk_prime {
    pthread_t thread;
    sem_t ready;
    atomic_bool stop;
};

/*
 * Makes the heap of this thread as large as it will be. While another thread
 * has memory mapped and made, as the derivation of a key does first, no heap
 * can grow, and looks would wait for that.
 */
static void walk_prime_grow(void)
{
    void *piece[WALK_PRIME_PIECES];

    for (size_t i = 0; i < WALK_PRIME_PIECES; i++)
        piece[i] = mem_alloc(WALK_PRIME_PIECE);
    for (size_t i = 0; i < WALK_PRIME_PIECES; i++)
        free(piece[i]);
}

/* What stands at name in d, whose reference is given up: the directory, opened
 * as a path. NULL when there is none. */
static struct dirfd *walk_prime_down(struct dirfd *d, const char *name)
{
    struct statx st;
    struct dirfd *child = NULL;
    int errnum;

    if (dirfd_pin(d) >= 0) {
        err_ignore(dirfd_open(d, name, O_PATH, &st, &child, &errnum),
                   "the walk says what is amiss");
        dirfd_unpin(d);
    }
    dirfd_unref(d);
    return child;
}

/* What is in the directory that path names. */
static int walk_prime_root(struct walk *w, struct bytes path)
{
    char name[ENTRY_NAME_MAX + 1];
    struct dirfd *d = NULL;
    struct bytes rest = path;
    struct statx st;
    int rc = 0;

    err_ignore(dirfd_root_at(w->pool, "/", &st, &d),
               "the walk says what is amiss");
    while (d && rest.n > 0) {
        const uint8_t *slash = memchr(rest.p, '/', rest.n);
        size_t n = slash ? (size_t)(slash - rest.p) : rest.n;

        if (n > ENTRY_NAME_MAX)
            break;
        memcpy(name, rest.p, n);
        name[n] = 0;
        n += slash != NULL;
        rest = bytes_of(rest.p + n, rest.n - n);
        if (slash)
            d = walk_prime_down(d, name);
        else
            rc = walk_foresee_root(&w->foresee, d, bytes_of_str(name), path,
                                   &w->prime->stop);
    }
    dirfd_unref(d);
    return rc;
}

/* Whether another root lies in the i-th: the walk takes no look of that. */
static bool walk_prime_holds_root(const struct walk *w, size_t i)
{
    struct bytes above = w->roots.path[i];

    for (size_t k = i + 1; k < w->roots.n; k++) {
        struct bytes p = w->roots.path[k];

        if (p.n > above.n && p.p[above.n] == '/' &&
            memcmp(p.p, above.p, above.n) == 0)
            return true;
    }
    return false;
}

static void *walk_prime_main(void *arg)
{
    struct walk *w = arg;
    int rc = 0;

    walk_prime_grow();
    (void)sem_post(&w->prime->ready);
    (void)fileop_enter(FILEOP_SOURCE);
    for (size_t i = 0; i < w->roots.n && rc == 0; i++) {
        if (!walk_prime_holds_root(w, i))
            rc = walk_prime_root(w, w->roots.path[i]);
    }
    err_ignore(rc, "the walk looks itself");
    return NULL;
}

int walk_prime_begin(struct walk *w)
{
    struct walk_prime *p = mem_alloc(sizeof *p);

    ASSERT(!w->prime && w->depth == 0 && w->foresee.ahead && !w->options.from);
    if (!p)
        return err_set(E_NOMEM, "out of memory for a walk");
    atomic_init(&p->stop, false);
    (void)sem_init(&p->ready, 0, 0);
    w->prime = p;
    if (thread_start(&p->thread, walk_prime_main, w) != 0) {
        w->prime = NULL;
        (void)sem_destroy(&p->ready);
        free(p);
        return 0;
    }
    while (sem_wait(&p->ready) < 0)
        ; /* interrupted */
    return 0;
}

void walk_prime_end(struct walk *w, const struct walk_options *options)
{
    if (w->prime) {
        atomic_store(&w->prime->stop, true);
        (void)pthread_join(w->prime->thread, NULL);
        (void)sem_destroy(&w->prime->ready);
        free(w->prime);
        w->prime = NULL;
    }
    w->options = *options;
}
