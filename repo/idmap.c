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
    for (size_t i = 0; i < m->slot_n; i++) {
        if (m->slot[i].used)
            *idmap_find(&to, m->slot[i].id) = m->slot[i];
    }
    to.n = m->n;
    free(m->slot);
    *m = to;
    return 0;
}

int idmap_put(struct idmap *m, const void *id, uint64_t value)
{
    struct idmap_slot *slot;

    if ((m->n + 1) * 2 > m->slot_n) {
        int rc = idmap_grow(m);

        if (rc < 0)
            return rc;
    }
    slot = idmap_find(m, id);
    if (!slot->used) {
        memcpy(slot->id, id, ID_BYTES);
        slot->used = true;
        m->n++;
    }
    slot->value = value;
    return 0;
}

bool idmap_get(const struct idmap *m, const void *id, uint64_t *value)
{
    const struct idmap_slot *slot;

    if (m->n == 0)
        return false;
    slot = idmap_find(m, id);
    if (slot->used && value)
        *value = slot->value;
    return slot->used;
}

void idmap_drop(struct idmap *m, const void *id)
{
    struct idmap_slot *hole;
    size_t mask = m->slot_n - 1;

    if (m->n == 0)
        return;
    hole = idmap_find(m, id);
    if (!hole->used)
        return;
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

const struct idmap_slot *idmap_next(const struct idmap *m, size_t *at)
{
    while (*at < m->slot_n) {
        const struct idmap_slot *slot = &m->slot[(*at)++];

        if (slot->used)
            return slot;
    }
    return NULL;
}
