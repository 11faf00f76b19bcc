#include "repo/idmap.h"

#include <stdlib.h>

#include "base/mem.h"

enum { IDMAP_FIRST_SLOTS = 64 };

void idmap_release(struct idmap *m)
{
    free(m->slot);
    *m = (struct idmap){.slot = NULL};
}

/* The slot of id, or the free one where it belongs. Ids are hashes: their own
 * bytes spread them. */
static struct idmap_slot *idmap_find(const struct idmap *m, const void *id)
{
    uint64_t h;
    size_t i;

    memcpy(&h, id, sizeof h);
    for (i = h & (m->slot_n - 1);
         m->slot[i].used && memcmp(m->slot[i].id, id, ID_BYTES) != 0;
         i = (i + 1) & (m->slot_n - 1))
        ;
    return &m->slot[i];
}

static int idmap_grow(struct idmap *m)
{
    struct idmap to = {.slot_n = m->slot_n ? m->slot_n * 2 : IDMAP_FIRST_SLOTS};

    to.slot = mem_array(to.slot_n, sizeof *to.slot);
    if (!to.slot)
        return err_set(E_NOMEM, "out of memory");
    /* Every page will be used. One that is read before it is written has the
     * kernel map it twice, and interrupt the other cores. */
    memset(to.slot, 0, to.slot_n * sizeof *to.slot);
    for (size_t i = 0; i < m->slot_n; i++) {
        if (m->slot[i].used)
            *idmap_find(&to, m->slot[i].id) = m->slot[i];
    }
    to.n = m->n;
    free(m->slot);
    *m = to;
    return 0;
}

/* The slot of id, made when it is not there. NULL: out of memory, raised. */
static struct idmap_slot *idmap_make(struct idmap *m, const void *id,
                                     bool *added)
{
    struct idmap_slot *slot;

    if ((m->n + 1) * 2 > m->slot_n && idmap_grow(m) < 0)
        return NULL;
    slot = idmap_find(m, id);
    *added = !slot->used;
    if (*added) {
        memcpy(slot->id, id, ID_BYTES);
        slot->used = true;
        m->n++;
    }
    return slot;
}

int idmap_put(struct idmap *m, const void *id, uint64_t value)
{
    bool added;
    struct idmap_slot *slot = idmap_make(m, id, &added);

    if (!slot)
        return E_NOMEM;
    slot->value = value;
    return 0;
}

int idmap_claim(struct idmap *m, const void *id, uint64_t value, bool *added)
{
    struct idmap_slot *slot = idmap_make(m, id, added);

    if (!slot)
        return E_NOMEM;
    if (*added)
        slot->value = value;
    return 0;
}

uint64_t *idmap_at(const struct idmap *m, const void *id)
{
    struct idmap_slot *slot;

    if (m->n == 0)
        return NULL;
    slot = idmap_find(m, id);
    return slot->used ? &slot->value : NULL;
}

bool idmap_get(const struct idmap *m, const void *id, uint64_t *value)
{
    const uint64_t *at = idmap_at(m, id);

    if (at && value)
        *value = *at;
    return at != NULL;
}

/* Empties a slot in use. */
static void idmap_empty(struct idmap *m, struct idmap_slot *hole)
{
    size_t mask = m->slot_n - 1;

    hole->used = false;
    m->n--;
    /* what stood behind the hole may have been pushed past it */
    for (size_t i = ((size_t)(hole - m->slot) + 1) & mask; m->slot[i].used;
         i = (i + 1) & mask) {
        struct idmap_slot moved = m->slot[i];

        m->slot[i].used = false;
        *idmap_find(m, moved.id) = moved;
    }
}

void idmap_drop(struct idmap *m, const void *id)
{
    struct idmap_slot *slot;

    if (m->n == 0)
        return;
    slot = idmap_find(m, id);
    if (slot->used)
        idmap_empty(m, slot);
}

void idmap_drop_below(struct idmap *m, uint64_t value)
{
    /* emptying a slot moves later ids to it, or to others behind it; those that
     * come around the end of the table were looked at when it began */
    for (size_t i = 0; i < m->slot_n; i++) {
        while (m->slot[i].used && m->slot[i].value < value)
            idmap_empty(m, &m->slot[i]);
    }
}

const struct idmap_slot *idmap_next(const struct idmap *m, size_t *at)
{
    while (*at < m->slot_n) {
        const struct idmap_slot *slot = &m->slot[(*at)++];

        if (slot->used)
            return slot;
    }
    return NULL;
}
