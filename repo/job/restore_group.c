#include "repo/job/restore_group.h"

#include <stdlib.h>

#include "base/mem.h"

struct restore_left {
    struct restore_left *next;
    struct jail_dir *dir;
    uint8_t *raw;
    size_t raw_n;
};

void restore_group_map_init(struct restore_group_map *m)
{
    *m = (struct restore_group_map){.rest = {.n = 0}};
    buf_init(&m->rest, TREE_ENTRY_BYTES_MAX);
}

static struct restore_group *group_of(uint64_t value)
{
    return (struct restore_group *)(uintptr_t)value;
}

void restore_group_map_release(struct restore_group_map *m)
{
    const struct idmap_slot *slot;
    size_t at = 0;

    while ((slot = idmap_next(&m->by_inode, &at)))
        restore_group_unref(group_of(slot->value));
    idmap_release(&m->by_inode);
    buf_release(&m->rest);
}

static void left_free(struct restore_left *l)
{
    jail_dir_unref(l->dir);
    free(l->raw);
    free(l);
}

static struct restore_left *left_pop(struct restore_group *g)
{
    struct restore_left *l = g->left;

    g->left = l->next;
    return l;
}

void restore_group_unref(struct restore_group *g)
{
    if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
        return;
    while (g->left)
        left_free(left_pop(g));
    jail_made_free(g->made);
    free(g->raw);
    free(g->first);
    free(g);
}

/*
 * What must agree for two entries to be one inode: all but the name, and what
 * says when it was looked at rather than what it was.
 */
static int group_rest(struct restore_group_map *m, const struct tree_entry *e,
                      struct bytes *rest)
{
    struct tree_entry te = *e;
    int rc;

    te.e.name = bytes_of(NULL, 0);
    te.e.unsettled = false;
    te.e.changing = false;
    te.e.has_atime = false;
    /* names that came or went meanwhile move these */
    te.e.ctime = (struct entry_time){0, 0};
    te.e.nlink = 0;
    buf_reset(&m->rest);
    rc = tree_entry_put(&m->rest, &te);
    *rest = buf_bytes(&m->rest);
    return rc;
}

/* NULL: out of memory. */
static struct restore_group *group_new(struct restore_group_map *m,
                                       const uint8_t *key, struct bytes rest)
{
    struct restore_group *g = mem_alloc(sizeof *g);

    if (!g)
        return NULL;
    atomic_init(&g->refs, 1);
    g->raw = mem_dup(rest);
    g->raw_n = rest.n;
    if (!g->raw || idmap_put(&m->by_inode, key, (uintptr_t)g) < 0) {
        restore_group_unref(g);
        return NULL;
    }
    return g;
}

int restore_group_find(struct restore_group_map *m, const struct tree_entry *te,
                       uint64_t mark, struct restore_group **out, bool *first)
{
    uint8_t key[ID_BYTES] = {0};
    struct restore_group *g;
    struct bytes rest;
    uint64_t at;
    int rc = group_rest(m, te, &rest);

    *out = NULL;
    if (rc < 0)
        return rc;
    /* idmap spreads by the first eight bytes: let the inode stand there */
    memcpy(key, &te->e.inode, sizeof te->e.inode);
    memcpy(key + 8, &mark, sizeof mark);
    *first = !idmap_get(&m->by_inode, key, &at);
    g = *first ? group_new(m, key, rest) : group_of(at);
    if (!g)
        return err_set(E_NOMEM, "out of memory for hard links");
    g->seen++;
    if (g->names < te->e.nlink)
        g->names = te->e.nlink;
    if (bytes_equal(bytes_of(g->raw, g->raw_n), rest)) {
        (void)atomic_fetch_add(&g->refs, 1);
        *out = g;
    }
    if (g->seen >= g->names) {
        idmap_drop(&m->by_inode, key);
        restore_group_unref(g);
    }
    return 0;
}

int restore_group_leave(struct restore_group *g, struct jail_dir *dir,
                        const struct tree_entry *te)
{
    struct restore_left *l = mem_alloc(sizeof *l);

    if (l)
        l->raw = mem_dup(te->raw);
    if (!l || !l->raw) {
        free(l);
        return err_set(E_NOMEM, "out of memory");
    }
    l->raw_n = te->raw.n;
    l->dir = jail_dir_ref(dir);
    l->next = g->left;
    g->left = l;
    return 0;
}

static int left_link(const struct restore_left *l, const struct jail_made *made)
{
    struct tree_entry te = {.attr = NULL};
    struct jail_result res;
    struct codec c;
    bool linked;
    int rc;

    codec_init(&c, bytes_of(l->raw, l->raw_n));
    rc = tree_entry_get(&c, &te, false);
    /* where links are not possible it stays what it is: it agrees */
    if (rc == 0)
        rc = jail_link_late(l->dir, &te.e, made, &linked, &res);
    tree_entry_release(&te);
    return rc;
}

int restore_group_join(struct restore_group *g)
{
    struct err_record why = {.code = 0};

    while (g->made && g->left) {
        struct restore_left *l = left_pop(g);
        int rc = left_link(l, g->made);

        if (rc < 0 && why.code == 0)
            err_save(rc, &why);
        left_free(l);
    }
    return why.code ? err_load(&why) : 0;
}
