#include "fuse/dir_slots.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"

#define SLOT_NONE UINT32_MAX

enum { SLOTS_FIRST = 1024 };

struct slot {
    struct dir_slot d;
    uint64_t held; /* by the kernel, and by slots below; 0: free */
    uint32_t next; /* in the bucket's chain, or of the free ones */
    char *name;    /* owned; NULL: it has none */
};

struct dir_slots {
    pthread_mutex_t lock;
    struct slot *slot;
    uint32_t n;   /* that were ever used */
    uint32_t cap; /* a power of two; as many buckets */
    uint32_t *bucket;
    uint32_t free;
    size_t name_bytes; /* of all names */
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

/* A new slot, held by nobody yet. name.n 0: it has none. */
static int slots_make(struct dir_slots *t, const struct dir_slot *d,
                      struct bytes name, uint32_t *no)
{
    char *copy = name.n > 0 ? mem_dup(name) : NULL;

    if ((name.n > 0 && !copy) || !slots_count_snap(t, d->snap) ||
        (t->free == SLOT_NONE && t->n == t->cap && !slots_grow(t))) {
        free(copy);
        return err_set(E_NOMEM, "out of memory for directories");
    }
    *no = t->free;
    if (*no == SLOT_NONE)
        *no = t->n++;
    else
        t->free = t->slot[*no].next;
    t->slot[*no] = (struct slot){.d = *d, .name = copy};
    t->name_bytes += name.n;
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
    if (slots_make(t, &top, bytes_of(NULL, 0), &no) < 0) {
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
    for (uint32_t i = 0; i < t->n; i++)
        free(t->slot[i].name);
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

static bool slot_is(const struct slot *s, const struct dir_slot *d,
                    struct bytes name)
{
    return s->d.parent == d->parent && s->d.key == d->key &&
           bytes_equal(bytes_of_str(s->name ? s->name : ""), name);
}

static int slots_enter(struct dir_slots *t, const struct dir_slot *d,
                       struct bytes name, uint32_t *no)
{
    int rc = 0;

    (void)pthread_mutex_lock(&t->lock);
    *no = t->bucket[slots_bucket(t->cap, d->parent, d->key)];
    while (*no != SLOT_NONE && !slot_is(&t->slot[*no], d, name))
        *no = t->slot[*no].next;
    if (*no == SLOT_NONE) {
        rc = slots_make(t, d, name, no);
        if (rc == 0)
            t->slot[d->parent].held++;
    }
    if (rc == 0)
        t->slot[*no].held++;
    (void)pthread_mutex_unlock(&t->lock);
    return rc;
}

int dir_slots_enter(struct dir_slots *t, const struct dir_slot *d, uint32_t *no)
{
    return slots_enter(t, d, bytes_of(NULL, 0), no);
}

int dir_slots_enter_named(struct dir_slots *t, const struct dir_slot *d,
                          struct bytes name, uint32_t *no)
{
    static const struct siphash_key key = {3, 4};
    struct dir_slot named = *d;

    ASSERT(name.n > 0 && name.n <= DIR_SLOTS_NAME_MAX);
    named.key = (uint32_t)siphash(&key, name); /* finds the bucket */
    return slots_enter(t, &named, name, no);
}

size_t dir_slots_name(struct dir_slots *t, uint32_t no,
                      char name[DIR_SLOTS_NAME_MAX + 1])
{
    struct bytes is = bytes_of(NULL, 0);

    (void)pthread_mutex_lock(&t->lock);
    if (no < t->n && t->slot[no].held > 0 && t->slot[no].name)
        is = bytes_of_str(t->slot[no].name);
    if (is.n > 0)
        memcpy(name, is.p, is.n);
    name[is.n] = 0;
    (void)pthread_mutex_unlock(&t->lock);
    return is.n;
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
    t->name_bytes -= s->name ? strlen(s->name) : 0;
    free(s->name);
    s->name = NULL;
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
    n = t->n * (sizeof *t->slot + sizeof *t->bucket) + t->name_bytes;
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
