#include "repo/kept_places.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/idmap.h"
#include "repo/pack_layout.h"
#include "store/store.h"

struct kept_places {
    struct store *store;
    struct kept_frames *frames;
    pthread_mutex_t lock;
    struct idmap seen; /* guarded: of a place: its frame, or NONE */
};

struct kept_places *kept_places_new(struct store *s, struct kept_frames *frames)
{
    struct kept_places *p = mem_alloc(sizeof *p);

    if (!p)
        return NULL;
    p->store = s;
    p->frames = frames;
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void kept_places_free(struct kept_places *p)
{
    if (!p)
        return;
    idmap_release(&p->seen);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* A key of the map is spread by its first bytes. */
static void kept_places_key(const struct index_loc *loc, uint8_t key[ID_BYTES])
{
    uint64_t place = (uint64_t)loc->pack << 32 | loc->frame_off;
    uint64_t spread = place * UINT64_C(0x9e3779b97f4a7c15);

    spread ^= spread >> 32;
    memset(key, 0, ID_BYTES);
    memcpy(key, &spread, sizeof spread);
    memcpy(key + sizeof spread, &place, sizeof place);
}

static bool kept_places_recall(struct kept_places *p,
                               const uint8_t key[ID_BYTES], uint32_t *no)
{
    uint64_t value = KEPT_FRAMES_NONE;
    bool seen;

    (void)pthread_mutex_lock(&p->lock);
    seen = idmap_get(&p->seen, key, &value);
    (void)pthread_mutex_unlock(&p->lock);
    *no = (uint32_t)value;
    return seen;
}

int kept_places_frame(struct kept_places *p, const struct object_id *pack,
                      const struct index_loc *loc, uint32_t *no)
{
    char name[PACK_LAYOUT_NAME_MAX];
    uint8_t salt[CRYPTO_SALT_BYTES];
    uint8_t key[ID_BYTES];
    bool found;
    int rc;

    kept_places_key(loc, key);
    if (kept_places_recall(p, key, no))
        return 0;
    pack_layout_name(pack, name);
    rc = store_get_range(p->store, name, loc->frame_off, salt, sizeof salt,
                         &found);
    /* one that has been cut holds no frame there */
    if (rc == E_CORRUPT || (rc == 0 && !found)) {
        *no = KEPT_FRAMES_NONE;
        return 0;
    }
    if (rc < 0)
        return rc;
    *no = kept_frames_find(p->frames, salt, NULL);
    (void)pthread_mutex_lock(&p->lock);
    rc = idmap_put(&p->seen, key, *no);
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

/* The frame of a place that dedup may rely on; NONE: it may not. */
static int kept_places_try(struct kept_places *p, struct index_reader *r,
                           const struct chunk_id *id,
                           const struct index_loc *loc, uint32_t *no)
{
    struct index_pack pack;
    bool suspect = false;
    bool found;
    int rc = index_reader_pack(r, loc->pack, &pack, &found);

    *no = KEPT_FRAMES_NONE;
    if (rc < 0 || !found || pack.state != INDEX_LIVE || !pack.trusted)
        return rc;
    rc = index_reader_suspect(r, id, loc->pack, &suspect);
    if (rc < 0 || suspect)
        return rc;
    return kept_places_frame(p, &pack.id, loc, no);
}

/* All places of a node, if there are more than the one. */
static int kept_places_all(struct index_reader *r, const struct chunk_id *id,
                           struct index_loc **loc, size_t *n)
{
    int rc = index_reader_locations(r, id, NULL, 0, n);

    if (rc < 0 || *n < 2)
        return rc;
    *loc = mem_array(*n, sizeof **loc);
    if (!*loc)
        return err_set(E_NOMEM, "out of memory");
    return index_reader_locations(r, id, *loc, *n, n);
}

int kept_places_choose(struct kept_places *p, struct index_reader *r,
                       const struct chunk_id *id, struct index_loc *loc,
                       uint32_t *no)
{
    struct index_loc *all = NULL;
    size_t n = 0;
    int rc = kept_places_try(p, r, id, loc, no);

    if (rc == 0 && *no == KEPT_FRAMES_NONE)
        rc = kept_places_all(r, id, &all, &n);
    for (size_t i = 0; all && i < n && rc == 0 && *no == KEPT_FRAMES_NONE;
         i++) {
        rc = kept_places_try(p, r, id, &all[i], no);
        *loc = all[i];
    }
    free(all);
    return rc;
}
