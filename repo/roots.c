#include "repo/roots.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/snapshot_list.h"

void roots_release(struct roots *l)
{
    free(l->id);
    *l = (struct roots){.id = NULL};
}

static size_t roots_find(const struct roots *l, const struct object_id *id)
{
    size_t lo = 0;
    size_t hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (memcmp(l->id[mid].b, id->b, sizeof id->b) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool roots_has(const struct roots *l, const struct object_id *id)
{
    size_t at = roots_find(l, id);

    return at < l->n && object_id_equal(&l->id[at], id);
}

int roots_add(struct roots *l, const struct object_id *id)
{
    size_t at = roots_find(l, id);

    if (at < l->n && object_id_equal(&l->id[at], id))
        return 0;
    if (!MEM_GROW(l->id, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory for the snapshots");
    memmove(&l->id[at + 1], &l->id[at], (l->n - at) * sizeof *l->id);
    l->id[at] = *id;
    l->n++;
    return 0;
}

static int roots_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct object_id));
}

static int roots_take(struct roots *l, const struct snapshot_item *it)
{
    char hex[ID_HEX_CHARS + 1];

    if (it->damaged || it->sealed)
        return err_set(it->damaged ? E_CORRUPT : E_ROLE,
                       "snapshot %.8s cannot be read%s: what it needs is not "
                       "known ('dedup check' tells more)",
                       id_hex(it->id.b, sizeof it->id.b, hex),
                       it->damaged ? "" : " with this key");
    if (it->superseded)
        return 0;
    if (!MEM_GROW(l->id, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory for the snapshots");
    l->id[l->n++] = it->id;
    return 0;
}

int roots_load(const struct repo *r, struct roots *l)
{
    struct snapshot_list list = {.n = 0};
    int rc = snapshot_list_load(r->index, &r->state, &list);

    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = roots_take(l, &list.item[i]);
    snapshot_list_release(&list);
    if (l->n > 0)
        qsort(l->id, l->n, sizeof *l->id, roots_order);
    return rc;
}

int roots_without(const struct roots *l, const struct roots *others,
                  struct roots *out)
{
    for (size_t i = 0; i < l->n; i++) {
        if (roots_has(others, &l->id[i]))
            continue;
        if (!MEM_GROW(out->id, out->n, out->cap))
            return err_set(E_NOMEM, "out of memory for the snapshots");
        out->id[out->n++] = l->id[i];
    }
    return 0;
}

/* Those of l that a list has. told: of each of l, whether it is in out. */
static void roots_listed(const struct roots *l,
                         const struct snapshot_list *list, bool *told,
                         struct object_id *out, size_t *n)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct object_id *id = &list->item[i].id;
        size_t at = roots_find(l, id);

        if (at == l->n || told[at] || !object_id_equal(&l->id[at], id))
            continue;
        told[at] = true;
        out[(*n)++] = *id;
    }
}

int roots_by_time(const struct repo *r, const struct roots *l,
                  struct object_id *out)
{
    struct snapshot_list list = {.n = 0};
    struct snapshot_list gone = {.n = 0};
    bool *told = mem_array(l->n, sizeof *told);
    size_t n = 0;
    int rc = told ? snapshot_list_load(r->index, &r->state, &list)
                  : err_set(E_NOMEM, "out of memory for the snapshots");

    if (rc == 0)
        rc = snapshot_list_load_forgotten(r->index, &r->state, &gone);
    if (rc == 0) {
        roots_listed(l, &gone, told, out, &n);
        roots_listed(l, &list, told, out, &n);
        for (size_t i = 0; i < l->n; i++) {
            if (!told[i])
                out[n++] = l->id[i];
        }
    }
    free(told);
    snapshot_list_release(&list);
    snapshot_list_release(&gone);
    return rc;
}
