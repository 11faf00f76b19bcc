#include "source/owner.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/mem.h"

enum {
    OWNER_SLOTS_FIRST = 64, /* a power of two */
    OWNER_BUF_FIRST = 1024,
    OWNER_BUF_MAX = 1 << 20 /* a group with very many members */
};

/* The four questions; each is a table of its own. */
enum owner_table_kind {
    OWNER_USER_OF,
    OWNER_GROUP_OF,
    OWNER_UID_OF,
    OWNER_GID_OF,
    OWNER_TABLES
};

struct owner_slot {
    bool used;
    bool known; /* the name service had an answer */
    uint32_t id;
    char *name; /* heap; ends with NUL; NULL: unknown */
    size_t name_n;
};

/* Open addressing, at most half full. */
struct owner_table {
    struct owner_slot *slot;
    size_t cap;
    size_t n;
};

struct owner_cache {
    pthread_mutex_t lock; /* held while the name service is asked */
    struct owner_table table[OWNER_TABLES];
};

int owner_cache_new(struct owner_cache **out)
{
    struct owner_cache *cache = mem_alloc(sizeof *cache);

    if (!cache)
        return err_set(E_NOMEM, "out of memory for owners");
    (void)pthread_mutex_init(&cache->lock, NULL);
    *out = cache;
    return 0;
}

void owner_cache_free(struct owner_cache *cache)
{
    if (!cache)
        return;
    for (size_t t = 0; t < OWNER_TABLES; t++) {
        for (size_t i = 0; i < cache->table[t].cap; i++)
            free(cache->table[t].slot[i].name);
        free(cache->table[t].slot);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool by_id(enum owner_table_kind kind)
{
    return kind == OWNER_USER_OF || kind == OWNER_GROUP_OF;
}

static size_t owner_hash(enum owner_table_kind kind, uint32_t id,
                         struct bytes name)
{
    uint64_t h = by_id(kind) ? id : 0xcbf29ce484222325U;

    for (size_t i = 0; !by_id(kind) && i < name.n; i++)
        h = (h ^ name.p[i]) * 0x100000001b3U;
    return (size_t)(h * 0x9e3779b97f4a7c15U >> 32);
}

/* The slot of this question: its answer, or free. */
static struct owner_slot *owner_find(struct owner_table *t,
                                     enum owner_table_kind kind, uint32_t id,
                                     struct bytes name)
{
    size_t i = owner_hash(kind, id, name) & (t->cap - 1);

    while (t->slot[i].used) {
        const struct owner_slot *s = &t->slot[i];

        if (by_id(kind) ? s->id == id
                        : bytes_equal(bytes_of(s->name, s->name_n), name))
            break;
        i = (i + 1) & (t->cap - 1);
    }
    return &t->slot[i];
}

static int owner_grow(struct owner_table *t, enum owner_table_kind kind)
{
    struct owner_table bigger = {.cap =
                                     t->cap ? t->cap * 2 : OWNER_SLOTS_FIRST};

    if (t->cap && t->n < t->cap / 2)
        return 0;
    bigger.slot = mem_array(bigger.cap, sizeof *bigger.slot);
    if (!bigger.slot)
        return err_set(E_NOMEM, "out of memory for owners");
    for (size_t i = 0; i < t->cap; i++) {
        const struct owner_slot *s = &t->slot[i];

        if (s->used)
            *owner_find(&bigger, kind, s->id, bytes_of(s->name, s->name_n)) =
                *s;
    }
    bigger.n = t->n;
    free(t->slot);
    *t = bigger;
    return 0;
}

/* One question to the name service. ERANGE: the buffer was too small. */
static int owner_ask(enum owner_table_kind kind, uint32_t *id, const char *name,
                     char *buf, size_t n, const char **found)
{
    struct passwd pw;
    struct passwd *pwp = NULL;
    struct group gr;
    struct group *grp = NULL;
    int e = 0;

    *found = NULL;
    switch (kind) {
    case OWNER_USER_OF:
        e = getpwuid_r(*id, &pw, buf, n, &pwp);
        break;
    case OWNER_UID_OF:
        e = getpwnam_r(name, &pw, buf, n, &pwp);
        break;
    case OWNER_GROUP_OF:
        e = getgrgid_r(*id, &gr, buf, n, &grp);
        break;
    case OWNER_GID_OF:
        e = getgrnam_r(name, &gr, buf, n, &grp);
        break;
    case OWNER_TABLES:
        break;
    }
    if (pwp) {
        *found = pwp->pw_name;
        *id = pwp->pw_uid;
    } else if (grp) {
        *found = grp->gr_name;
        *id = grp->gr_gid;
    }
    return e;
}

/* Asks, and puts question and answer into the free slot s. */
static int owner_fill(struct owner_slot *s, enum owner_table_kind kind,
                      uint32_t id, struct bytes name)
{
    struct owner_slot slot = {.used = true, .id = id};
    char *buf = NULL;
    const char *found = NULL;
    int e = ERANGE;
    int rc = err_set(E_NOMEM, "out of memory for owners");

    if (!by_id(kind)) {
        slot.name = mem_dup(name);
        slot.name_n = name.n;
        if (!slot.name)
            goto out;
    }
    for (size_t n = OWNER_BUF_FIRST; e == ERANGE && n <= OWNER_BUF_MAX;
         n *= 4) {
        free(buf);
        buf = mem_alloc(n);
        if (!buf)
            goto out;
        e = owner_ask(kind, &slot.id, slot.name, buf, n, &found);
    }
    slot.known = found != NULL;
    if (by_id(kind))
        slot.id = id;
    if (by_id(kind) && found && strlen(found) <= ENTRY_NAME_MAX) {
        slot.name_n = strlen(found);
        slot.name = mem_dup(bytes_of(found, slot.name_n));
        if (!slot.name)
            goto out;
    }
    *s = slot;
    slot.name = NULL;
    rc = 0;
out:
    free(slot.name);
    free(buf);
    return rc;
}

/* A copy of the answer; its name is lent for the life of the cache. */
static int owner_get(struct owner_cache *cache, enum owner_table_kind kind,
                     uint32_t id, struct bytes name, struct owner_slot *out)
{
    struct owner_table *t = &cache->table[kind];
    struct owner_slot *s;
    int rc;

    (void)pthread_mutex_lock(&cache->lock);
    rc = owner_grow(t, kind);
    if (rc == 0) {
        s = owner_find(t, kind, id, name);
        if (!s->used) {
            rc = owner_fill(s, kind, id, name);
            t->n += rc == 0;
        }
        *out = *s;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return rc;
}

static int owner_name_of(struct owner_cache *cache, enum owner_table_kind kind,
                         uint32_t id, struct bytes *name)
{
    struct owner_slot s = {0};
    int rc = owner_get(cache, kind, id, (struct bytes){0}, &s);

    *name = bytes_of(s.name, s.name ? s.name_n : 0);
    return rc;
}

static int owner_id_of(struct owner_cache *cache, enum owner_table_kind kind,
                       struct bytes name, uint32_t fallback, uint32_t *id)
{
    struct owner_slot s = {0};
    int rc = 0;

    /* A NUL would let one name pass for another. */
    if (name.n && !memchr(name.p, 0, name.n))
        rc = owner_get(cache, kind, 0, name, &s);
    *id = s.known ? s.id : fallback;
    return rc;
}

int owner_user(struct owner_cache *cache, uint32_t uid, struct bytes *name)
{
    return owner_name_of(cache, OWNER_USER_OF, uid, name);
}

int owner_group(struct owner_cache *cache, uint32_t gid, struct bytes *name)
{
    return owner_name_of(cache, OWNER_GROUP_OF, gid, name);
}

int owner_of_entry(struct owner_cache *cache, struct owner_last *last,
                   struct entry *e)
{
    int rc = 0;

    if (!cache)
        return 0;
    if (!last->known || last->uid != e->uid || last->gid != e->gid) {
        last->uid = e->uid;
        last->gid = e->gid;
        rc = owner_user(cache, e->uid, &last->user);
        if (rc == 0)
            rc = owner_group(cache, e->gid, &last->group);
        last->known = rc == 0;
    }
    e->user = last->user;
    e->group = last->group;
    return rc;
}

int owner_uid(struct owner_cache *cache, struct bytes name, uint32_t fallback,
              uint32_t *id)
{
    return owner_id_of(cache, OWNER_UID_OF, name, fallback, id);
}

int owner_gid(struct owner_cache *cache, struct bytes name, uint32_t fallback,
              uint32_t *id)
{
    return owner_id_of(cache, OWNER_GID_OF, name, fallback, id);
}
