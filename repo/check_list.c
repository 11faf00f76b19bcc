#include "repo/check_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/check_report.h"
#include "store/store.h"

void check_list_release(struct check_list *l)
{
    free(l->item);
    *l = (struct check_list){.item = NULL};
}

bool check_list_id(const char *name, struct object_id *id)
{
    static const char *const flat[] = {"index/", "snapshots/", "keys/"};
    static const char packs[] = "packs/";
    size_t n = sizeof packs - 1;

    /* two digits, a slash, and the digits again in front of the id */
    if (strncmp(name, packs, n) == 0)
        return strlen(name) > n + 3 && name[n + 2] == '/' &&
               memcmp(name + n, name + n + 3, 2) == 0 &&
               id_from_hex(name + n + 3, id->b, sizeof id->b);
    for (size_t i = 0; i < sizeof flat / sizeof flat[0]; i++) {
        n = strlen(flat[i]);
        if (strncmp(name, flat[i], n) == 0)
            return id_from_hex(name + n, id->b, sizeof id->b);
    }
    return false;
}

static int check_list_add(void *ctx, const char *name, uint64_t size)
{
    struct check_list *l = ctx;
    struct check_listed it = {.bytes = size};

    if (!check_list_id(name, &it.id))
        return 0;
    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->item[l->n++] = it;
    return 0;
}

/* An id comes first in an item, so this compares keys with items too. */
static int check_list_order(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

int check_list_load(struct store *s, const char *prefix, struct check_list *l)
{
    int rc = store_list(s, prefix, check_list_add, l);

    if (l->n > 0)
        qsort(l->item, l->n, sizeof *l->item, check_list_order);
    return rc;
}

const struct check_listed *check_list_find(const struct check_list *l,
                                           const struct object_id *id)
{
    if (l->n == 0)
        return NULL;
    return bsearch(id->b, l->item, l->n, sizeof *l->item, check_list_order);
}
