#include "repo/snapshot_own.h"

#include "repo/keepsake_file.h"

/* Whether a later item is of the same series and kind: that one was asked. */
static bool snapshot_own_asked(const struct snapshot_list *l, size_t i)
{
    const struct manifest *m = &l->item[i].manifest.m;

    for (size_t k = i + 1; k < l->n; k++)
        if (!l->item[k].damaged &&
            l->item[k].manifest.m.complete == m->complete &&
            bytes_equal(l->item[k].manifest.m.series, m->series))
            return true;
    return false;
}

static int snapshot_own_put(const struct keepsake *k, struct snapshot_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->item[i].sealed && object_id_equal(&l->item[i].id, &k->id))
            return snapshot_list_unseal(&l->item[i], &k->manifest.m);
    return 0;
}

int snapshot_own_fill(const struct repo *r, struct snapshot_list *l)
{
    int rc = 0;

    for (size_t i = l->n; i-- > 0 && rc == 0;) {
        const struct snapshot_item *it = &l->item[i];
        struct keepsake k;

        if (!it->sealed || snapshot_own_asked(l, i) ||
            !keepsake_file_read(r, it->manifest.m.series,
                                it->manifest.m.complete, NULL, &k))
            continue;
        rc = snapshot_own_put(&k, l);
        keepsake_release(&k);
    }
    return rc;
}
