#include "fuse/dir_slots.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"

#define SLOT_NONE UINT32_MAX

enum {
    SLOTS_BUCKETS = 1024, /* at least; a power of two */
    SLOTS_BLOCK = 4096    /* slots that come and go in one piece, which is large
                             enough for mem_return_large() */
};

struct slot {
    struct dir_slot d; /* of a name that fits it stands in the place of root */
    uint64_t held;     /* by the kernel, and by slots below; 0: free */
    uint32_t next;     /* in the bucket's chain, or of the block's free ones */
    uint8_t name_n;    /* 0: it has none */
    char *name;        /* owned: one that does not fit */
};

/* Numbers stay what they are: a block goes when none of its slots is held. */
struct slots_block {
    uint32_t held_n;
    uint32_t used; /* slots that were ever held; behind them all is untouched */
    uint32_t free; /* number of one of these */
    struct slot slot[SLOTS_BLOCK];
};

struct dir_slots {
    pthread_mutex_t lock;
    struct slots_block **block; /* NULL: none of its slots is held */
    size_t block_n;
    size_t block_cap;
    size_t room; /* blocks before this one are full */
    uint32_t n;  /* slots that are held */
    uint32_t *bucket;
    uint32_t bucket_n; /* a power of two */
    size_t name_bytes; /* of those that do not fit */
    uint32_t *of_snap; /* slots in each snapshot; of_snap_n of them */
    uint32_t of_snap_n;
};

/* ---- slots by number ------------------------------------------------------
 */

/* One that stands in a chain. */
static struct slot *slots_chained(const struct dir_slots *t, uint32_t no)
{
    return &t->block[no / SLOTS_BLOCK]->slot[no % SLOTS_BLOCK];
}

/* NULL: none of that number is held. */
static struct slot *slots_at(const struct dir_slots *t, uint32_t no)
{
    const size_t b = no / SLOTS_BLOCK;
    struct slot *s =
        b < t->block_n && t->block[b] ? slots_chained(t, no) : NULL;

    return s && s->held > 0 ? s : NULL;
}

/* The first block with room, or NULL. */
static struct slots_block *slots_room(struct dir_slots *t)
{
    struct slots_block *b;

    while (t->room < t->block_n && t->block[t->room] &&
           t->block[t->room]->held_n == SLOTS_BLOCK)
        t->room++;
    if (t->room == SLOT_NONE / SLOTS_BLOCK)
        return NULL;
    if (t->room == t->block_n) {
        if (!MEM_GROW(t->block, t->block_n, t->block_cap))
            return NULL;
        t->block[t->block_n++] = NULL;
    }
    b = t->block[t->room];
    if (!b) {
        b = mem_alloc(sizeof *b);
        if (b)
            b->free = SLOT_NONE;
        t->block[t->room] = b;
    }
    return b;
}

/* A number of the block that slots_room() gave. */
static uint32_t slots_take(struct dir_slots *t, struct slots_block *b)
{
    uint32_t no = b->free;

    if (no == SLOT_NONE)
        no = (uint32_t)t->room * SLOTS_BLOCK + b->used++;
    else
        b->free = b->slot[no % SLOTS_BLOCK].next;
    b->held_n++;
    t->n++;
    return no;
}

static void slots_give(struct dir_slots *t, uint32_t no)
{
    const size_t at = no / SLOTS_BLOCK;
    struct slots_block *b = t->block[at];

    b->slot[no % SLOTS_BLOCK].next = b->free;
    b->free = no;
    t->n--;
    t->room = at < t->room ? at : t->room;
    if (--b->held_n > 0)
        return;
    free(b);
    t->block[at] = NULL;
}

/* ---- slots by place and name ----------------------------------------------
 */

static uint32_t *slots_bucket(const struct dir_slots *t, uint32_t parent,
                              uint32_t key)
{
    uint64_t h = ((uint64_t)parent << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);

    return &t->bucket[(uint32_t)(h >> 32) & (t->bucket_n - 1)];
}

static void slots_link(struct dir_slots *t, struct slot *s, uint32_t no)
{
    uint32_t *at = slots_bucket(t, s->d.parent, s->d.key);

    s->next = *at;
    *at = no;
}

/* Another number of buckets; all are linked anew. */
static bool slots_rehash(struct dir_slots *t, uint32_t n)
{
    uint32_t *bucket = n > 0 ? mem_array(n, sizeof *bucket) : NULL;

    if (!bucket) /* n 0: beyond 2^31 */
        return false;
    free(t->bucket);
    t->bucket = bucket;
    t->bucket_n = n;
    for (uint32_t i = 0; i < n; i++)
        bucket[i] = SLOT_NONE;
    for (size_t b = 0; b < t->block_n; b++) {
        for (uint32_t i = 0; t->block[b] && i < t->block[b]->used; i++) {
            struct slot *s = &t->block[b]->slot[i];

            if (s->held > 0)
                slots_link(t, s, (uint32_t)b * SLOTS_BLOCK + i);
        }
    }
    return true;
}

static bool slot_fits(size_t name_n)
{
    return name_n <= sizeof((struct dir_slot *)NULL)->root.b;
}

static struct bytes slot_name(const struct slot *s)
{
    return bytes_of(slot_fits(s->name_n) ? s->d.root.b : (void *)s->name,
                    s->name_n);
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

/* A new slot, held once. name.n 0: it has none. */
static int slots_make(struct dir_slots *t, const struct dir_slot *d,
                      struct bytes name, uint32_t *no)
{
    struct slots_block *b = NULL;
    char *copy = slot_fits(name.n) ? NULL : mem_dup(name);
    struct slot *s;

    if ((slot_fits(name.n) || copy) && slots_count_snap(t, d->snap) &&
        (t->n < t->bucket_n || slots_rehash(t, t->bucket_n * 2)))
        b = slots_room(t);
    if (!b) {
        free(copy);
        return err_set(E_NOMEM, "out of memory for directories");
    }
    *no = slots_take(t, b);
    s = &b->slot[*no % SLOTS_BLOCK];
    *s = (struct slot){
        .d = *d, .held = 1, .name_n = (uint8_t)name.n, .name = copy};
    if (copy)
        t->name_bytes += name.n;
    else if (name.n > 0)
        memcpy(s->d.root.b, name.p, name.n);
    slots_link(t, s, *no);
    if (d->snap != DIR_SLOTS_NO_SNAP)
        t->of_snap[d->snap]++;
    return 0;
}

/* ---- the table ------------------------------------------------------------
 */

struct dir_slots *dir_slots_new(const struct dir_slot *root)
{
    struct dir_slots *t = mem_alloc(sizeof *t);
    struct dir_slot top = *root;
    uint32_t no;

    if (!t)
        return NULL;
    (void)pthread_mutex_init(&t->lock, NULL);
    top.parent = DIR_SLOTS_ROOT;
    top.key = UINT32_MAX; /* it is nobody's child */
    if (!slots_rehash(t, SLOTS_BUCKETS) ||
        slots_make(t, &top, bytes_of(NULL, 0), &no) < 0) {
        dir_slots_free(t);
        return NULL;
    }
    return t;
}

void dir_slots_free(struct dir_slots *t)
{
    if (!t)
        return;
    (void)pthread_mutex_destroy(&t->lock);
    for (size_t b = 0; b < t->block_n; b++) {
        for (uint32_t i = 0; t->block[b] && i < t->block[b]->used; i++)
            free(t->block[b]->slot[i].name);
        free(t->block[b]);
    }
    free(t->block);
    free(t->bucket);
    free(t->of_snap);
    free(t);
}

static void slot_copy(const struct slot *s, struct dir_slot *out)
{
    *out = s->d;
    if (s->name_n > 0)
        out->root = (struct chunk_id){{0}};
}

bool dir_slots_get(struct dir_slots *t, uint32_t no, struct dir_slot *out)
{
    const struct slot *s;

    (void)pthread_mutex_lock(&t->lock);
    s = slots_at(t, no);
    if (s)
        slot_copy(s, out);
    (void)pthread_mutex_unlock(&t->lock);
    return s != NULL;
}

static bool slot_is(const struct slot *s, const struct dir_slot *d,
                    struct bytes name)
{
    return s->d.parent == d->parent && s->d.key == d->key &&
           bytes_equal(slot_name(s), name);
}

static int slots_enter(struct dir_slots *t, const struct dir_slot *d,
                       struct bytes name, uint32_t *no)
{
    struct slot *above;
    int rc = 0;

    (void)pthread_mutex_lock(&t->lock);
    *no = *slots_bucket(t, d->parent, d->key);
    while (*no != SLOT_NONE && !slot_is(slots_chained(t, *no), d, name))
        *no = slots_chained(t, *no)->next;
    if (*no != SLOT_NONE) {
        slots_chained(t, *no)->held++;
    } else {
        above = slots_at(t, d->parent);
        ASSERT(above);
        rc = slots_make(t, d, name, no);
        if (rc == 0)
            above->held++;
    }
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

    ASSERT(name.n > 0 && name.n <= DIR_SLOTS_NAME_MAX &&
           d->snap == DIR_SLOTS_NO_SNAP);
    named.key = (uint32_t)siphash(&key, name); /* finds the bucket */
    return slots_enter(t, &named, name, no);
}

size_t dir_slots_name(struct dir_slots *t, uint32_t no,
                      char name[DIR_SLOTS_NAME_MAX + 1])
{
    struct bytes is = bytes_of(NULL, 0);
    const struct slot *s;

    (void)pthread_mutex_lock(&t->lock);
    s = slots_at(t, no);
    if (s)
        is = slot_name(s);
    if (is.n > 0)
        memcpy(name, is.p, is.n);
    name[is.n] = 0;
    (void)pthread_mutex_unlock(&t->lock);
    return is.n;
}

void dir_slots_hold(struct dir_slots *t, uint32_t no)
{
    struct slot *s;

    (void)pthread_mutex_lock(&t->lock);
    s = slots_at(t, no);
    ASSERT(s);
    s->held++;
    (void)pthread_mutex_unlock(&t->lock);
}

/* With the lock: nobody holds it any more. */
static void slots_drop(struct dir_slots *t, struct slot *s, uint32_t no)
{
    uint32_t *at = slots_bucket(t, s->d.parent, s->d.key);

    while (*at != no)
        at = &slots_chained(t, *at)->next;
    *at = s->next;
    if (s->d.snap != DIR_SLOTS_NO_SNAP)
        t->of_snap[s->d.snap]--;
    t->name_bytes -= s->name ? s->name_n : 0;
    free(s->name);
    s->name = NULL;
    slots_give(t, no);
    /* larger than need be is no trouble */
    if (t->bucket_n > SLOTS_BUCKETS && t->n < t->bucket_n / 8)
        (void)slots_rehash(t, t->bucket_n / 4);
}

void dir_slots_forget(struct dir_slots *t, uint32_t no, uint64_t n)
{
    struct slot *s;

    (void)pthread_mutex_lock(&t->lock);
    /* the top is held by the table itself, and a slot holds its parent */
    while (no != DIR_SLOTS_ROOT && n > 0 && (s = slots_at(t, no))) {
        const uint32_t parent = s->d.parent;

        s->held -= n < s->held ? n : s->held;
        if (s->held > 0)
            break;
        slots_drop(t, s, no);
        no = parent;
        n = 1;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

bool dir_slots_next(struct dir_slots *t, uint32_t snap, uint32_t *from,
                    struct dir_slot *out, uint32_t *no)
{
    bool found = false;

    (void)pthread_mutex_lock(&t->lock);
    while (*from / SLOTS_BLOCK < t->block_n && !found) {
        const struct slots_block *b = t->block[*from / SLOTS_BLOCK];
        const struct slot *s;

        if (!b || *from % SLOTS_BLOCK >= b->used) { /* to the next block */
            *from += SLOTS_BLOCK - *from % SLOTS_BLOCK;
            continue;
        }
        s = &b->slot[*from % SLOTS_BLOCK];
        found = s->held > 0 && s->d.snap == snap;
        *no = (*from)++;
        if (found)
            slot_copy(s, out);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

size_t dir_slots_bytes(struct dir_slots *t)
{
    size_t n;

    (void)pthread_mutex_lock(&t->lock);
    n = t->bucket_n * sizeof *t->bucket + t->name_bytes;
    for (size_t b = 0; b < t->block_n; b++)
        n += t->block[b] ? t->block[b]->used * sizeof(struct slot) : 0;
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
