#include "fuse/foresee.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    FORESEE_MAX = 512,  /* directories at a time; the farthest ones go */
    FORESEE_CREDIT = 2, /* what each that was foreseen is worth */
    FORESEE_AHEAD = 8   /* that are read before the first one is listed */
};

struct foresee_place {
    struct chunk_id root;
    bool done;
};

struct foresee {
    foresee_load *load;
    void *ctx;
    pthread_mutex_t lock;                    /* for all below */
    struct foresee_place place[FORESEE_MAX]; /* the next one last */
    size_t n;
    struct chunk_id last; /* the directory that was listed last, ... */
    size_t base;          /* ... and where the places of those in it begin */
    int credit;           /* how many may be read ahead */
    bool busy; /* one is being read: others have requests to answer */
};

struct foresee *foresee_new(foresee_load *load, void *ctx)
{
    struct foresee *f = mem_alloc(sizeof *f);

    if (!f)
        return NULL;
    f->load = load;
    f->ctx = ctx;
    (void)pthread_mutex_init(&f->lock, NULL);
    return f;
}

void foresee_free(struct foresee *f)
{
    if (!f)
        return;
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

/* It was foreseen: those before it were passed over. */
static void foresee_take(struct foresee *f, const struct chunk_id *root)
{
    size_t i = f->n;

    while (i > 0 && !chunk_id_equal(&f->place[i - 1].root, root))
        i--;
    if (i == 0) {
        f->credit = 0;
        f->n = 0;
        return;
    }
    f->n = i - 1;
    f->credit += FORESEE_CREDIT;
    if (f->credit > FORESEE_AHEAD)
        f->credit = FORESEE_AHEAD;
}

/* Those come behind what is known of the directory that was listed last, and
 * before all others. */
static void foresee_add(struct foresee *f, const struct chunk_id *dir, size_t n)
{
    const size_t own = f->n - f->base;
    size_t drop;

    n = n < FORESEE_MAX - own ? n : FORESEE_MAX - own;
    drop = f->n + n > FORESEE_MAX ? f->n + n - FORESEE_MAX : 0;
    memmove(f->place, f->place + drop, (f->base - drop) * sizeof *f->place);
    memmove(f->place + f->base - drop + n, f->place + f->base,
            own * sizeof *f->place);
    f->base -= drop;
    f->n += n - drop;
    for (size_t i = 0; i < n; i++)
        f->place[f->base + n - 1 - i] = (struct foresee_place){.root = dir[i]};
}

void foresee_listed(struct foresee *f, const struct chunk_id *root, bool begun,
                    const struct chunk_id *dir, size_t n)
{
    (void)pthread_mutex_lock(&f->lock);
    if (begun) {
        foresee_take(f, root);
        f->last = *root;
        f->base = f->n;
    }
    if (chunk_id_equal(&f->last, root))
        foresee_add(f, dir, n);
    (void)pthread_mutex_unlock(&f->lock);
}

static bool foresee_next(struct foresee *f, struct chunk_id *root)
{
    bool found = false;

    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = f->busy ? 0 : f->n; i-- > 0 && f->credit > 0 && !found;) {
        found = !f->place[i].done;
        if (found) {
            f->place[i].done = true;
            *root = f->place[i].root;
            f->credit--;
        }
    }
    f->busy |= found;
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

bool foresee_step(void *ctx)
{
    struct foresee *f = ctx;
    struct chunk_id root;

    if (!foresee_next(f, &root))
        return false;
    f->load(f->ctx, &root);
    (void)pthread_mutex_lock(&f->lock);
    f->busy = false;
    (void)pthread_mutex_unlock(&f->lock);
    return true;
}
