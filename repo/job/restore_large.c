#include "repo/job/restore_large.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/job/restore_write.h"
#include "repo/tree_walk.h"

void restore_large_unref(struct restore_large *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    jail_file_abandon(l->file);
    (void)pthread_mutex_destroy(&l->turn);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

void restore_large_fail(struct restore_large *l, int rc)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->why.code == 0)
        err_save(rc, &l->why);
    (void)pthread_mutex_unlock(&l->lock);
}

int restore_large_cut_init(struct restore_large_cut *c,
                           const struct node_source *source,
                           const struct cancel *cancel)
{
    *c = (struct restore_large_cut){.cancel = cancel};
    buf_init(&c->raw, TREE_ENTRY_BYTES_MAX);
    buf_init(&c->path, TREE_WALK_PATH_MAX);
    c->content = content_reader_new(source);
    return c->content ? 0 : err_set(E_NOMEM, "out of memory");
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
    content_reader_free(c->content);
    tree_entry_release(&c->te);
    buf_release(&c->raw);
    buf_release(&c->path);
}

/* A hole between two parts: it is neither's. */
static int cut_pass_hole(struct restore_large_cut *c, const struct extent *e,
                         uint64_t at)
{
    struct jail_file *f = c->large->file;

    return at < jail_file_was(f) ? jail_file_hole(f, at, e->length) : 0;
}

/* The first data that begins at or behind c->off. */
static int cut_find(struct restore_large_cut *c)
{
    int rc =
        content_reader_open(c->content, &c->te.content, c->te.e.size, c->off);

    while (rc == 0) {
        struct extent e;
        uint64_t at = 0;

        rc = content_reader_next(c->content, &e, &at, &c->more);
        if (rc == 0)
            rc = cancel_check(c->cancel);
        if (rc < 0 || !c->more)
            break;
        if (at < c->off)
            continue;
        if (e.kind != EXTENT_HOLE) {
            c->off = at;
            break;
        }
        rc = cut_pass_hole(c, &e, at);
    }
    return rc;
}

/* cut_find(); what is wrong with the file alone ends its parts. */
static int cut_seek(struct restore_large_cut *c)
{
    int rc;

    c->more = false;
    rc = cut_find(c);
    if (rc == 0 || restore_write_fatal(rc))
        return rc;
    c->more = false;
    restore_large_fail(c->large, rc);
    return 0;
}

static int cut_copy(struct restore_large_cut *c, const struct tree_entry *te,
                    struct bytes path)
{
    struct codec in;
    int rc;

    buf_reset(&c->raw);
    buf_add_bytes(&c->raw, te->raw);
    buf_reset(&c->path);
    buf_add_bytes(&c->path, path);
    rc = buf_status(&c->raw);
    if (rc == 0)
        rc = buf_status(&c->path);
    if (rc < 0)
        return rc;
    codec_init(&in, buf_bytes(&c->raw));
    return tree_entry_get(&in, &c->te, false);
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
    (void)pthread_mutex_init(&c->large->turn, NULL);
    (void)pthread_mutex_init(&c->large->lock, NULL);
    c->large->file = f;
    c->dir = jail_dir_ref(dir);
    c->off = 0;
    *parts = true;
    rc = cut_copy(c, te, path);
    return rc < 0 ? rc : cut_seek(c);
}

int restore_large_next(struct restore_large_cut *c, struct restore_unit *u)
{
    struct restore_item *it;
    int rc = restore_unit_add(u, RESTORE_PART, buf_bytes(&c->raw),
                              buf_bytes(&c->path), c->dir, &it);

    (void)atomic_fetch_add(&c->large->refs, 1);
    it->large = c->large;
    it->off = c->off;
    /* a file of holes alone has one part, of nothing */
    it->n = c->more ? RESTORE_UNIT_PART : 0;
    c->off += it->n;
    if (rc == 0 && c->more)
        rc = cut_seek(c);
    it->last = !c->more;
    if (it->last)
        cut_end(c);
    return rc;
}
