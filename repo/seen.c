#include "repo/seen.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SEEN_FIRST = 1024 };

void seen_release(struct seen *s)
{
    free(s->slot);
    *s = (struct seen){.slot = NULL};
}

/* Where id is, or where it would be put. */
static struct seen_slot *seen_find(const struct seen *s, const uint8_t id[16])
{
    uint64_t at;

    memcpy(&at, id, sizeof at);
    for (;; at++) {
        struct seen_slot *slot = &s->slot[at & (s->slot_n - 1)];

        if (slot->value == 0 || memcmp(slot->id, id, sizeof slot->id) == 0)
            return slot;
    }
}

static int seen_grow(struct seen *s)
{
    struct seen grown = {.slot_n = s->slot_n ? s->slot_n * 2 : SEEN_FIRST,
                         .n = s->n};

    grown.slot = mem_array(grown.slot_n, sizeof *grown.slot);
    if (!grown.slot)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < s->slot_n; i++) {
        if (s->slot[i].value)
            *seen_find(&grown, s->slot[i].id) = s->slot[i];
    }
    free(s->slot);
    *s = grown;
    return 0;
}

uint64_t seen_get(const struct seen *s, const struct chunk_id *id)
{
    return s->slot_n ? seen_find(s, id->b)->value : 0;
}

int seen_put(struct seen *s, const struct chunk_id *id, uint64_t value)
{
    struct seen_slot *slot;
    int rc = 0;

    ASSERT(value != 0);
    if (s->n >= s->slot_n / 4 * 3)
        rc = seen_grow(s);
    if (rc < 0)
        return rc;
    slot = seen_find(s, id->b);
    if (slot->value == 0) {
        memcpy(slot->id, id->b, sizeof slot->id);
        s->n++;
    }
    slot->value = value;
    return 0;
}
