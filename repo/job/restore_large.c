#include "repo/job/restore_large.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/tree_walk.h"

void restore_large_unref(struct restore_large *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    jail_file_abandon(l->file);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

void restore_large_cut_init(struct restore_large_cut *c)
{
    *c = (struct restore_large_cut){.large = NULL};
    buf_init(&c->raw, TREE_ENTRY_BYTES_MAX);
    buf_init(&c->path, TREE_WALK_PATH_MAX);
}

static void cut_end(struct restore_large_cut *c)
{
    restore_large_unref(c->large);
    jail_dir_unref(c->dir);
    c->large = NULL;
    c->dir = NULL;
}

void restore_large_cut_release(struct restore_large_cut *c)
{
    cut_end(c);
    buf_release(&c->raw);
    buf_release(&c->path);
}

int restore_large_begin(struct restore_large_cut *c, struct jail_dir *dir,
                        const struct tree_entry *te, struct bytes path,
                        bool *parts)
{
    struct jail_file *f = NULL;
    struct jail_result res;
    int rc = jail_file_begin(dir, &te->e, false, &f, &res);

    *parts = false;
    if (rc < 0 || !f)
        return rc == E_TARGET ? 0 : rc;
    c->large = mem_alloc(sizeof *c->large);
    if (!c->large) {
        jail_file_abandon(f);
        return err_set(E_NOMEM, "out of memory");
    }
    atomic_init(&c->large->refs, 1);
    (void)pthread_mutex_init(&c->large->lock, NULL);
    c->large->file = f;
    c->dir = jail_dir_ref(dir);
    c->off = 0;
    c->size = te->e.size;
    buf_reset(&c->raw);
    buf_add_bytes(&c->raw, te->raw);
    buf_reset(&c->path);
    buf_add_bytes(&c->path, path);
    *parts = true;
    rc = buf_status(&c->raw);
    return rc < 0 ? rc : buf_status(&c->path);
}

int restore_large_next(struct restore_large_cut *c, struct restore_unit *u)
{
    struct restore_item *it;
    int rc = restore_unit_add(u, RESTORE_PART, buf_bytes(&c->raw),
                              buf_bytes(&c->path), c->dir, &it);

    (void)atomic_fetch_add(&c->large->refs, 1);
    it->large = c->large;
    it->off = c->off;
    it->n = RESTORE_UNIT_PART;
    c->off += it->n;
    it->last = c->off >= c->size;
    if (it->last)
        cut_end(c);
    return rc;
}
