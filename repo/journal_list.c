#include "repo/journal_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/record_journal.h"
#include "store/store.h"

void journal_list_release(struct journal_list *l)
{
    free(l->item);
    *l = (struct journal_list){.item = NULL};
}

static int journal_list_add(void *ctx, const char *name, uint64_t size)
{
    struct journal_list *l = ctx;
    struct journal_list_item it;

    (void)size;
    if (!record_journal_number(name, &it.writer, &it.last))
        return 0;
    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->item[l->n++] = it;
    return 0;
}

static int journal_list_order(const void *a, const void *b)
{
    const struct journal_list_item *x = a;
    const struct journal_list_item *y = b;
    int c = memcmp(x->writer.b, y->writer.b, sizeof x->writer.b);

    return c ? c : (x->last > y->last) - (x->last < y->last);
}

int journal_list_load(struct store *s, struct journal_list *l)
{
    size_t n = 0;
    int rc = store_list_names(s, "w", journal_list_add, l);

    if (rc < 0 || l->n == 0)
        return rc;
    qsort(l->item, l->n, sizeof *l->item, journal_list_order);
    /* of each writer the last one stays: its highest number */
    for (size_t i = 0; i < l->n; i++) {
        bool last = i + 1 == l->n ||
                    memcmp(l->item[i].writer.b, l->item[i + 1].writer.b,
                           sizeof l->item[i].writer.b) != 0;

        if (last)
            l->item[n++] = l->item[i];
    }
    l->n = n;
    return 0;
}

static int journal_list_cmp(const void *key, const void *item)
{
    const struct journal_list_item *it = item;

    return memcmp(key, it->writer.b, sizeof it->writer.b);
}

bool journal_list_find(const struct journal_list *l, const struct writer_id *w,
                       uint64_t *last)
{
    const struct journal_list_item *it;

    if (l->n == 0)
        return false;
    it = bsearch(w->b, l->item, l->n, sizeof *l->item, journal_list_cmp);
    if (it)
        *last = it->last;
    return it != NULL;
}

/* --- one of them --- */

void journal_list_numbers_release(struct journal_list_numbers *l)
{
    free(l->k);
    *l = (struct journal_list_numbers){.k = NULL};
}

static int journal_list_number(void *ctx, const char *name, uint64_t size)
{
    struct journal_list_numbers *l = ctx;
    struct writer_id w;
    uint64_t k;

    (void)size;
    if (!record_journal_number(name, &w, &k))
        return 0;
    if (!MEM_GROW(l->k, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->k[l->n++] = k;
    return 0;
}

static int journal_list_number_order(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

int journal_list_numbers(struct store *s, const struct writer_id *w,
                         struct journal_list_numbers *out)
{
    char hex[2 * sizeof w->b + 1];
    char folder[RECORD_NAME_MAX];
    int rc;

    (void)snprintf(folder, sizeof folder, "w/%s",
                   id_hex(w->b, sizeof w->b, hex));
    rc = store_list_names(s, folder, journal_list_number, out);
    if (rc == 0 && out->n > 0)
        qsort(out->k, out->n, sizeof *out->k, journal_list_number_order);
    return rc;
}
