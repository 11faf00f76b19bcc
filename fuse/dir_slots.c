#include "fuse/dir_slots.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#define SLOT_NONE UINT32_MAX

enum { SLOTS_FIRST = 1024 };

struct slot {
    struct dir_slot d;
    uint64_t held; /* by the kernel, and by slots below; 0: free */
    uint32_t next; /* in the bucket's chain, or of the free ones */
};

struct dir_slots {
    pthread_mutex_t lock;
    struct slot *slot;
    uint32_t n;   /* that were ever used */
    uint32_t cap; /* a power of two; as many buckets */
    uint32_t *bucket;
    uint32_t free;
    uint32_t *of_snap; /* slots in each snapshot; of_snap_n of them */
    uint32_t of_snap_n;
};

static uint32_t slots_bucket(uint32_t cap, uint32_t parent, uint32_t key)
{
    uint64_t h = ((uint64_t)parent << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(h >> 32) & (cap - 1);
}

static void slots_link(struct dir_slots *t, uint32_t no)
{
    struct slot *s = &t->slot[no];
    uint32_t *at = &t->bucket[slots_bucket(t->cap, s->d.parent, s->d.key)];

    s->next = *at;
    *at = no;
}

/* Twice as many; all are linked anew. */
static bool slots_grow(struct dir_slots *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : SLOTS_FIRST;
    uint32_t *bucket;
    struct slot *slot;

    if (cap == 0) /* beyond 2^31 */
        return false;
    slot = mem_resize(t->slot, cap * sizeof *slot);
    if (!slot)
        return false;
    t->slot = slot;
    bucket = mem_resize(t->bucket, cap * sizeof *bucket);
    if (!bucket)
        return false;
    t->bucket = bucket;
    t->cap = cap;
    for (uint32_t i = 0; i < cap; i++)
        bucket[i] = SLOT_NONE;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->slot[i].held)
            slots_link(t, i);
    }
    return true;
}

/* Room to count the slots of that snapshot. */
static bool slots_count_snap(struct dir_slots *t, uint32_t snap)
{
    uint32_t n = t->of_snap_n ? t->of_snap_n : 64;
    uint32_t *of_snap;

    if (snap == DIR_SLOTS_NO_SNAP || snap < t->of_snap_n)
        return true;
    while (n <= snap)
        n *= 2;
    of_snap = mem_resize(t->of_snap, n * sizeof *of_snap);
    if (!of_snap)
        return false;
    for (uint32_t i = t->of_snap_n; i < n; i++)
        of_snap[i] = 0;
    t->of_snap = of_snap;
    t->of_snap_n = n;
    return true;
}

/* A new slot, held by nobody yet. */
static int slots_make(struct dir_slots *t, const struct dir_slot *d,
                      uint32_t *no)
{
    if (!slots_count_snap(t, d->snap) ||
        (t->free == SLOT_NONE && t->n == t->cap && !slots_grow(t)))
        return err_set(E_NOMEM, "out of memory for directories");
    *no = t->free;
    if (*no == SLOT_NONE)
        *no = t->n++;
    else
        t->free = t->slot[*no].next;
    t->slot[*no] = (struct slot){.d = *d};
    slots_link(t, *no);
    if (d->snap != DIR_SLOTS_NO_SNAP)
        t->of_snap[d->snap]++;
    return 0;
}

struct dir_slots *dir_slots_new(const struct dir_slot *root)
{
    struct dir_slots *t = mem_alloc(sizeof *t);
    struct dir_slot top = *root;
    uint32_t no;

    if (!t)
        return NULL;
    (void)pthread_mutex_init(&t->lock, NULL);
    t->free = SLOT_NONE;
    top.parent = DIR_SLOTS_ROOT;
    top.key = UINT32_MAX; /* it is nobody's child */
    if (slots_make(t, &top, &no) < 0) {
        dir_slots_free(t);
        return NULL;
    }
    t->slot[no].held = 1;
    return t;
}

void dir_slots_free(struct dir_slots *t)
{
    if (!t)
        return;
    (void)pthread_mutex_destroy(&t->lock);
    free(t->slot);
    free(t->bucket);
    free(t->of_snap);
    free(t);
}

bool dir_slots_get(struct dir_slots *t, uint32_t no, struct dir_slot *out)
{
    bool lives;

    (void)pthread_mutex_lock(&t->lock);
    lives = no < t->n && t->slot[no].held > 0;
    if (lives)
        *out = t->slot[no].d;
    (void)pthread_mutex_unlock(&t->lock);
    return lives;
}

int dir_slots_enter(struct dir_slots *t, const struct dir_slot *d, uint32_t *no)
{
    int rc = 0;

    (void)pthread_mutex_lock(&t->lock);
    *no = t->bucket[slots_bucket(t->cap, d->parent, d->key)];
    while (*no != SLOT_NONE &&
           (t->slot[*no].d.parent != d->parent || t->slot[*no].d.key != d->key))
        *no = t->slot[*no].next;
    if (*no == SLOT_NONE) {
        rc = slots_make(t, d, no);
        if (rc == 0)
            t->slot[d->parent].held++;
    }
    if (rc == 0)
        t->slot[*no].held++;
    (void)pthread_mutex_unlock(&t->lock);
    return rc;
}

void dir_slots_hold(struct dir_slots *t, uint32_t no)
{
    (void)pthread_mutex_lock(&t->lock);
    ASSERT(no < t->n && t->slot[no].held > 0);
    t->slot[no].held++;
    (void)pthread_mutex_unlock(&t->lock);
}

/* With the lock: nobody holds it any more. */
static void slots_drop(struct dir_slots *t, uint32_t no)
{
    struct slot *s = &t->slot[no];
    uint32_t *at = &t->bucket[slots_bucket(t->cap, s->d.parent, s->d.key)];

    while (*at != no)
        at = &t->slot[*at].next;
    *at = s->next;
    if (s->d.snap != DIR_SLOTS_NO_SNAP)
        t->of_snap[s->d.snap]--;
    s->next = t->free;
    t->free = no;
}

void dir_slots_forget(struct dir_slots *t, uint32_t no, uint64_t n)
{
    (void)pthread_mutex_lock(&t->lock);
    /* the top is held by the table itself, and a slot holds its parent */
    while (no != DIR_SLOTS_ROOT && no < t->n && n > 0) {
        struct slot *s = &t->slot[no];

        s->held -= n < s->held ? n : s->held;
        if (s->held > 0)
            break;
        slots_drop(t, no);
        no = s->d.parent;
        n = 1;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

bool dir_slots_next(struct dir_slots *t, uint32_t snap, uint32_t *from,
                    struct dir_slot *out, uint32_t *no)
{
    bool found = false;

    (void)pthread_mutex_lock(&t->lock);
    while (*from < t->n && !found) {
        const struct slot *s = &t->slot[*from];

        found = s->held > 0 && s->d.snap == snap;
        *no = (*from)++;
        if (found)
            *out = s->d;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

size_t dir_slots_bytes(struct dir_slots *t)
{
    size_t n;

    (void)pthread_mutex_lock(&t->lock);
    n = t->n * (sizeof *t->slot + sizeof *t->bucket);
    (void)pthread_mutex_unlock(&t->lock);
    return n;
}

size_t dir_slots_of_snap(struct dir_slots *t, uint32_t snap)
{
    size_t n;

    (void)pthread_mutex_lock(&t->lock);
    n = snap < t->of_snap_n ? t->of_snap[snap] : 0;
    (void)pthread_mutex_unlock(&t->lock);
    return n;
}
