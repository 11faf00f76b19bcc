#include "repo/known.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { KNOWN_SHARDS = 16, KNOWN_FIRST_SLOTS = 256 };

struct known_slot {
    struct chunk_id id;
    bool used;
    uint64_t pack;
};

/* Open addressing with linear probing, at most half full. Ids are keyed
 * hashes, so their own bytes spread them. */
struct known_shard {
    pthread_mutex_t lock;
    struct known_slot *slot;
    size_t slot_n; /* a power of two */
    size_t used_n;
};

struct known {
    struct known_shard shard[KNOWN_SHARDS];
};

struct known *known_new(void)
{
    struct known *k = mem_alloc(sizeof *k);

    if (!k)
        return NULL;
    for (size_t i = 0; i < KNOWN_SHARDS; i++)
        (void)pthread_mutex_init(&k->shard[i].lock, NULL);
    return k;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KNOWN_SHARDS; i++) {
        (void)pthread_mutex_destroy(&k->shard[i].lock);
        free(k->shard[i].slot);
    }
    free(k);
}

static struct known_shard *known_shard(struct known *k,
                                       const struct chunk_id *id)
{
    return &k->shard[id->b[8] % KNOWN_SHARDS];
}

/* The slot of id, or the free one where it belongs; NULL in an empty table. */
static struct known_slot *known_find(const struct known_shard *s,
                                     const struct chunk_id *id)
{
    uint64_t h;
    size_t i;

    if (s->slot_n == 0)
        return NULL;
    memcpy(&h, id->b, sizeof h);
    for (i = h & (s->slot_n - 1);
         s->slot[i].used && !chunk_id_equal(&s->slot[i].id, id);
         i = (i + 1) & (s->slot_n - 1))
        ;
    return &s->slot[i];
}

/* Moves the slots that `keep` wants into a table of slot_n slots. */
static int known_rebuild(struct known_shard *s, size_t slot_n, uint64_t below)
{
    struct known_shard to = {.slot_n = slot_n};

    to.slot = mem_array(slot_n, sizeof *to.slot);
    if (!to.slot)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < s->slot_n; i++) {
        if (s->slot[i].used && s->slot[i].pack >= below) {
            *known_find(&to, &s->slot[i].id) = s->slot[i];
            to.used_n++;
        }
    }
    free(s->slot);
    s->slot = to.slot;
    s->slot_n = to.slot_n;
    s->used_n = to.used_n;
    return 0;
}

bool known_has(struct known *k, const struct chunk_id *id)
{
    struct known_shard *s = known_shard(k, id);
    const struct known_slot *slot;
    bool has;

    (void)pthread_mutex_lock(&s->lock);
    slot = known_find(s, id);
    has = slot && slot->used;
    (void)pthread_mutex_unlock(&s->lock);
    return has;
}

static int known_claim_locked(struct known_shard *s, const struct chunk_id *id,
                              bool *mine)
{
    struct known_slot *slot;

    if ((s->used_n + 1) * 2 > s->slot_n) {
        size_t n = s->slot_n ? s->slot_n * 2 : KNOWN_FIRST_SLOTS;
        int rc = known_rebuild(s, n, 0);

        if (rc < 0)
            return rc;
    }
    slot = known_find(s, id);
    *mine = !slot->used;
    if (*mine) {
        *slot = (struct known_slot){*id, true, KNOWN_NO_PACK};
        s->used_n++;
    }
    return 0;
}

int known_claim(struct known *k, const struct chunk_id *id, bool *mine)
{
    struct known_shard *s = known_shard(k, id);
    int rc;

    (void)pthread_mutex_lock(&s->lock);
    rc = known_claim_locked(s, id, mine);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

void known_place(struct known *k, const struct chunk_id *id, uint64_t pack)
{
    struct known_shard *s = known_shard(k, id);
    struct known_slot *slot;

    (void)pthread_mutex_lock(&s->lock);
    slot = known_find(s, id);
    ASSERT(slot && slot->used);
    slot->pack = pack;
    (void)pthread_mutex_unlock(&s->lock);
}

void known_forget(struct known *k, uint64_t below)
{
    for (size_t i = 0; i < KNOWN_SHARDS; i++) {
        struct known_shard *s = &k->shard[i];

        (void)pthread_mutex_lock(&s->lock);
        /* without memory for the smaller table the larger one stays: the
         * index has these ids too, so the answers remain right */
        if (s->slot_n > 0)
            err_ignore(known_rebuild(s, s->slot_n, below), "still right");
        (void)pthread_mutex_unlock(&s->lock);
    }
}

size_t known_count(struct known *k)
{
    size_t n = 0;

    for (size_t i = 0; i < KNOWN_SHARDS; i++) {
        (void)pthread_mutex_lock(&k->shard[i].lock);
        n += k->shard[i].used_n;
        (void)pthread_mutex_unlock(&k->shard[i].lock);
    }
    return n;
}
