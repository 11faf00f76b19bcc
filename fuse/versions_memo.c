#include "fuse/versions_memo.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

/* The snapshots of an edition: they live as long as directories of it do. */
struct memo_snaps {
    struct versions_snaps snaps;
    unsigned lent; /* to directories, and to the memo */
};

/* The directories of one path. */
struct memo_dirs {
    struct versions_dirs dirs; /* first: what is lent leads back here */
    struct memo_snaps *of;
    char *path;
    size_t path_n;
    unsigned lent; /* to callers, and to the memo */
};

struct versions_memo {
    pthread_mutex_t lock; /* for all below, and all counts */
    uint64_t edition;
    bool any; /* an edition was set */
    struct memo_snaps *snaps;
    struct memo_dirs *top;
    struct memo_dirs *kept[VERSIONS_MEMO_PATHS]; /* the latest used first */
};

/* ---- counts, with the lock -----------------------------------------------
 */

static void snaps_give(struct memo_snaps *s)
{
    if (!s || --s->lent > 0)
        return;
    versions_snaps_release(&s->snaps);
    free(s);
}

static void dirs_give(struct memo_dirs *d)
{
    if (!d || --d->lent > 0)
        return;
    versions_dirs_release(&d->dirs);
    snaps_give(d->of);
    free(d->path);
    free(d);
}

static void memo_clear(struct versions_memo *m)
{
    for (size_t i = 0; i < VERSIONS_MEMO_PATHS; i++) {
        dirs_give(m->kept[i]);
        m->kept[i] = NULL;
    }
    dirs_give(m->top);
    snaps_give(m->snaps);
}

/* ---- its life -------------------------------------------------------------
 */

struct versions_memo *versions_memo_new(void)
{
    struct versions_memo *m = mem_alloc(sizeof *m);

    if (m)
        (void)pthread_mutex_init(&m->lock, NULL);
    return m;
}

void versions_memo_free(struct versions_memo *m)
{
    if (!m)
        return;
    memo_clear(m);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

bool versions_memo_is(struct versions_memo *m, uint64_t edition)
{
    bool is;

    (void)pthread_mutex_lock(&m->lock);
    is = m->any && m->edition == edition;
    (void)pthread_mutex_unlock(&m->lock);
    return is;
}

int versions_memo_set(struct versions_memo *m, uint64_t edition,
                      struct versions_snaps *snaps)
{
    struct memo_snaps *s = mem_alloc(sizeof *s);
    struct memo_dirs *top = mem_alloc(sizeof *top);
    int rc = s && top ? 0 : err_set(E_NOMEM, "out of memory");

    if (rc == 0) {
        *s = (struct memo_snaps){.snaps = *snaps, .lent = 2};
        *snaps = (struct versions_snaps){.snap = NULL};
        rc = versions_top(&s->snaps, &top->dirs);
        top->of = s;
        top->lent = 1;
    }
    if (rc < 0) {
        if (top)
            versions_dirs_release(&top->dirs);
        if (s)
            versions_snaps_release(&s->snaps);
        versions_snaps_release(snaps);
        free(top);
        free(s);
        return rc;
    }
    (void)pthread_mutex_lock(&m->lock);
    memo_clear(m);
    m->snaps = s;
    m->top = top;
    m->edition = edition;
    m->any = true;
    (void)pthread_mutex_unlock(&m->lock);
    return 0;
}

/* ---- paths ----------------------------------------------------------------
 */

/* With the lock: what is kept of exactly that path becomes the latest used. */
static struct memo_dirs *memo_find(struct versions_memo *m, struct bytes path)
{
    for (size_t i = 0; i < VERSIONS_MEMO_PATHS && m->kept[i]; i++) {
        struct memo_dirs *d = m->kept[i];

        if (!bytes_equal(bytes_of(d->path, d->path_n), path))
            continue;
        memmove(&m->kept[1], &m->kept[0], i * sizeof d);
        m->kept[0] = d;
        return d;
    }
    return NULL;
}

/* Lends what is kept of the longest part of a path; n: how long that is. */
static struct memo_dirs *memo_begin(struct versions_memo *m, struct bytes path,
                                    size_t *n)
{
    struct memo_dirs *d = NULL;

    *n = path.n;
    (void)pthread_mutex_lock(&m->lock);
    while (*n > 0 && !d) {
        d = memo_find(m, bytes_of(path.p, *n));
        while (!d && *n > 0 && path.p[--*n] != '/')
            ;
    }
    d = d ? d : m->top;
    if (d)
        d->lent++;
    (void)pthread_mutex_unlock(&m->lock);
    return d;
}

/* Keeps directories, unless they are of another edition or others were faster:
 * then they are the caller's alone. */
static void memo_keep(struct versions_memo *m, struct memo_dirs *d)
{
    const size_t last = VERSIONS_MEMO_PATHS - 1;

    (void)pthread_mutex_lock(&m->lock);
    d->of->lent++;
    if (d->of == m->snaps && !memo_find(m, bytes_of(d->path, d->path_n))) {
        d->lent++;
        dirs_give(m->kept[last]);
        memmove(&m->kept[1], &m->kept[0], last * sizeof d);
        m->kept[0] = d;
    }
    (void)pthread_mutex_unlock(&m->lock);
}

/* The directories of a path whose last name begins at `from`; above: of the
 * path without it. */
static int memo_below(struct versions_memo *m, const struct versions_reader *r,
                      const struct memo_dirs *above, struct bytes path,
                      size_t from, struct memo_dirs **out)
{
    struct memo_dirs *d = mem_alloc(sizeof *d);
    int rc;

    *out = NULL;
    if (!d)
        return err_set(E_NOMEM, "out of memory");
    d->path = mem_dup(path);
    d->path_n = path.n;
    d->of = above->of;
    d->lent = 1;
    rc = versions_below(r, &above->dirs, bytes_of(path.p + from, path.n - from),
                        &d->dirs);
    if (rc == 0 && !d->path)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc < 0) {
        versions_dirs_release(&d->dirs);
        free(d->path);
        free(d);
        return rc;
    }
    memo_keep(m, d);
    *out = d;
    return 0;
}

int versions_memo_get(struct versions_memo *m, const struct versions_reader *r,
                      struct bytes path, struct versions_dirs **out)
{
    size_t n;
    struct memo_dirs *d = memo_begin(m, path, &n);
    int rc = d ? 0 : err_set(E_NOTFOUND, "no snapshots were shown");

    while (rc == 0 && n < path.n) {
        size_t from = n + (n > 0); /* behind the slash */
        struct memo_dirs *below;

        for (n = from; n < path.n && path.p[n] != '/';)
            n++;
        rc = memo_below(m, r, d, bytes_of(path.p, n), from, &below);
        versions_memo_give(m, &d->dirs);
        d = below;
    }
    *out = rc == 0 ? &d->dirs : NULL;
    return rc;
}

void versions_memo_give(struct versions_memo *m, struct versions_dirs *d)
{
    (void)pthread_mutex_lock(&m->lock);
    dirs_give((struct memo_dirs *)d); /* its first member */
    (void)pthread_mutex_unlock(&m->lock);
}
