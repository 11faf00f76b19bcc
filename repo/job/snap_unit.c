#include "repo/job/snap_unit.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SNAP_UNIT_PATH_MAX = 8 << 20 }; /* WALK_DEPTH_MAX names fit */

int snap_unit_reset(struct snap_unit *u, size_t chunk_max)
{
    if (!u->item)
        u->item = mem_array(SNAP_UNIT_ITEMS, sizeof *u->item);
    if (!u->buf.p) {
        u->buf.cap = SNAP_UNIT_BYTES + chunk_max;
        u->buf.p = mem_alloc(u->buf.cap);
    }
    if (!u->item || !u->buf.p)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < u->n; i++) {
        dirfd_unref(u->item[i].dir);
        u->item[i].dir = NULL;
    }
    arena_reset(&u->arena);
    u->n = 0;
    u->content = 0;
    u->buf.n = 0;
    u->pieces.n = 0;
    u->cut = false;
    return 0;
}

void snap_unit_release(struct snap_unit *u)
{
    for (size_t i = 0; u->item && i < SNAP_UNIT_ITEMS; i++) {
        if (i < u->n)
            dirfd_unref(u->item[i].dir);
        tree_entry_release(&u->item[i].te);
    }
    free(u->item);
    free(u->buf.p);
    cutter_list_release(&u->pieces);
    arena_release(&u->arena);
    *u = (struct snap_unit){.n = 0};
}

struct snap_item *snap_unit_add(struct snap_unit *u, enum snap_what what)
{
    struct snap_item *it = &u->item[u->n];
    struct tree_attr *attr = it->te.attr;
    size_t attr_cap = it->te.attr_cap;

    ASSERT(u->n < SNAP_UNIT_ITEMS);
    *it = (struct snap_item){.what = what,
                             .te = {.attr = attr, .attr_cap = attr_cap}};
    u->n++;
    return it;
}

struct snap_item *snap_unit_add_kept(struct snap_unit *u)
{
    struct snap_item *it = &u->item[u->n];

    ASSERT(u->n < SNAP_UNIT_ITEMS);
    /* reading it sets te, which is most of it */
    memset(it, 0, offsetof(struct snap_item, te));
    it->what = SNAP_KEPT;
    u->n++;
    return it;
}

static int snap_unit_xattrs(struct snap_unit *u, struct snap_item *it,
                            const struct entry *e)
{
    struct entry_xattr *x = NULL;
    int rc = 0;

    if (e->xattr_n > 0) {
        x = arena_alloc(&u->arena, e->xattr_n * sizeof *x);
        if (!x)
            return err_set(E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < e->xattr_n && rc == 0; i++) {
        rc = arena_dup(&u->arena, e->xattr[i].name, &x[i].name);
        if (rc == 0)
            rc = arena_dup(&u->arena, e->xattr[i].value, &x[i].value);
    }
    it->te.e.xattr = x;
    return rc;
}

int snap_unit_entry(struct snap_unit *u, struct snap_item *it,
                    const struct entry *e)
{
    struct entry *to = &it->te.e;
    struct arena *a = &u->arena;
    int rc;

    *to = *e;
    rc = snap_unit_xattrs(u, it, e);
    if (rc == 0)
        rc = arena_dup(a, e->name, &to->name);
    if (rc == 0)
        rc = arena_dup(a, e->user, &to->user);
    if (rc == 0)
        rc = arena_dup(a, e->group, &to->group);
    if (rc == 0)
        rc = arena_dup(a, e->target, &to->target);
    return rc;
}

int snap_unit_raw(struct snap_unit *u, struct snap_item *it, struct bytes raw)
{
    return arena_dup(&u->arena, raw, &it->te.raw);
}

int snap_unit_read(struct snap_item *it)
{
    struct codec c;

    codec_init(&c, it->te.raw);
    return tree_entry_get(&c, &it->te, false);
}

int snap_unit_problem(struct snap_unit *u, struct snap_item *it,
                      enum manifest_problem_kind kind, const struct dirfd *dir,
                      struct bytes name, const char *text)
{
    struct buf path;
    int rc = 0;

    /* that something is missing weighs more than that it was changing */
    if (it->problem == MANIFEST_METADATA && kind == MANIFEST_CHANGING)
        return 0;

    buf_init(&path, SNAP_UNIT_PATH_MAX);
    if (dir) {
        dirfd_path(dir, name, &path);
    } else {
        buf_add(&path, "/", 1);
        buf_add_bytes(&path, name);
    }
    rc = buf_status(&path);
    /* no more of it will be written down */
    if (path.n > MANIFEST_PROBLEM_TEXT_MAX)
        buf_truncate(&path, MANIFEST_PROBLEM_TEXT_MAX);
    if (rc == 0)
        rc = arena_dup(&u->arena, buf_bytes(&path), &it->problem_path);
    if (rc == 0)
        rc = arena_dup(&u->arena, bytes_of_str(text), &it->problem_text);
    it->problem = kind;
    buf_release(&path);
    return rc;
}
