#include "cli/snapshot_ids.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SNAPSHOT_IDS_CHARS = 8 };

static int snapshot_ids_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct object_id));
}

size_t snapshot_ids_chars(const struct snapshot_list *l)
{
    size_t chars = SNAPSHOT_IDS_CHARS;
    struct object_id *id = mem_array(l->n, sizeof *id);

    if (!id)
        return ID_HEX_CHARS;
    for (size_t i = 0; i < l->n; i++)
        id[i] = l->item[i].id;
    qsort(id, l->n, sizeof *id, snapshot_ids_order);
    /* those that are most alike stand beside each other now */
    for (size_t i = 1; i < l->n; i++) {
        size_t same = 0;

        while (same < ID_BYTES && id[i].b[same] == id[i - 1].b[same])
            same++;
        if (2 * same + 2 > chars)
            chars = 2 * same + 2;
    }
    free(id);
    return chars < ID_HEX_CHARS ? chars : ID_HEX_CHARS;
}
