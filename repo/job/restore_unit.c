#include "repo/job/restore_unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/job/restore_large.h"

static void restore_unit_drop(struct restore_item *it)
{
    jail_file_abandon(it->written);
    it->written = NULL;
    jail_dir_unref(it->dir);
    it->dir = NULL;
    ignore_unref(it->ignore);
    it->ignore = NULL;
    restore_group_unref(it->group);
    it->group = NULL;
    restore_large_unref(it->large);
    it->large = NULL;
}

int restore_unit_reset(struct restore_unit *u)
{
    if (!u->item)
        u->item = mem_array(RESTORE_UNIT_ITEMS, sizeof *u->item);
    if (!u->item)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < u->n; i++)
        restore_unit_drop(&u->item[i]);
    arena_reset(&u->arena);
    u->n = 0;
    u->bytes = 0;
    return 0;
}

void restore_unit_release(struct restore_unit *u)
{
    for (size_t i = 0; u->item && i < RESTORE_UNIT_ITEMS; i++) {
        if (i < u->n)
            restore_unit_drop(&u->item[i]);
        tree_entry_release(&u->item[i].te);
    }
    free(u->item);
    arena_release(&u->arena);
    *u = (struct restore_unit){.n = 0};
}

int restore_unit_add(struct restore_unit *u, enum restore_what what,
                     struct bytes raw, struct bytes path, struct jail_dir *dir,
                     struct restore_item **out)
{
    struct restore_item *it = &u->item[u->n];
    struct tree_attr *attr = it->te.attr;
    size_t attr_cap = it->te.attr_cap;
    struct bytes copy;
    struct codec c;
    int rc;

    ASSERT(u->n < RESTORE_UNIT_ITEMS);
    *it = (struct restore_item){.what = what,
                                .te = {.attr = attr, .attr_cap = attr_cap}};
    u->n++;
    it->dir = dir ? jail_dir_ref(dir) : NULL;
    *out = it;
    rc = arena_dup(&u->arena, path, &it->path);
    if (rc < 0 || raw.n == 0)
        return rc;
    rc = arena_dup(&u->arena, raw, &copy);
    if (rc < 0)
        return rc;
    codec_init(&c, copy);
    /* the root of a snapshot is the one entry without a name */
    return tree_entry_get(&c, &it->te, raw.p[0] == 0);
}

void restore_unit_fail(struct restore_item *it, int rc)
{
    if (it->error.code == 0)
        err_save(rc, &it->error);
}
