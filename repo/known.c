#include "repo/known.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/idmap.h"

enum { KNOWN_SHARDS = 16 };

struct known_shard {
    pthread_mutex_t lock;
    struct idmap map; /* of an id: its pack */
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
        idmap_release(&k->shard[i].map);
    }
    free(k);
}

static struct known_shard *known_shard(struct known *k,
                                       const struct chunk_id *id)
{
    return &k->shard[id->b[8] % KNOWN_SHARDS];
}

bool known_has(struct known *k, const struct chunk_id *id)
{
    struct known_shard *s = known_shard(k, id);
    bool has;

    (void)pthread_mutex_lock(&s->lock);
    has = idmap_get(&s->map, id->b, NULL);
    (void)pthread_mutex_unlock(&s->lock);
    return has;
}

int known_claim(struct known *k, const struct chunk_id *id, bool *mine)
{
    struct known_shard *s = known_shard(k, id);
    int rc;

    (void)pthread_mutex_lock(&s->lock);
    rc = idmap_claim(&s->map, id->b, KNOWN_NO_PACK, mine);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

void known_place(struct known *k, const struct chunk_id *id, uint64_t pack)
{
    struct known_shard *s = known_shard(k, id);
    uint64_t *at;

    (void)pthread_mutex_lock(&s->lock);
    at = idmap_at(&s->map, id->b);
    ASSERT(at);
    *at = pack;
    (void)pthread_mutex_unlock(&s->lock);
}

void known_forget(struct known *k, uint64_t below)
{
    for (size_t i = 0; i < KNOWN_SHARDS; i++) {
        struct known_shard *s = &k->shard[i];

        (void)pthread_mutex_lock(&s->lock);
        idmap_drop_below(&s->map, below);
        (void)pthread_mutex_unlock(&s->lock);
    }
}

size_t known_count(struct known *k)
{
    size_t n = 0;

    for (size_t i = 0; i < KNOWN_SHARDS; i++) {
        (void)pthread_mutex_lock(&k->shard[i].lock);
        n += k->shard[i].map.n;
        (void)pthread_mutex_unlock(&k->shard[i].lock);
    }
    return n;
}
