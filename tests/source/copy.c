#include "tests/source/copy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_file.h"
#include "source/reader.h"
#include "source/walk.h"

enum { COPY_DEPTH = 5000, COPY_BLOCK = 1 << 20 };

struct copy_link {
    uint64_t inode;
    struct jail_made *made;
};

struct copy {
    struct walk *walk;
    struct reader *reader;
    struct attrs_cache *attrs;
    struct jail *jail;
    struct arena arena;
    struct jail_dir *dir[COPY_DEPTH]; /* NULL: kept, nothing goes below it */
    struct entry entry[COPY_DEPTH];   /* of these; copies in arenas */
    struct arena kept[COPY_DEPTH];
    size_t depth;
    struct copy_link *link;
    size_t link_n;
    size_t link_cap;
    uint8_t *block;
    struct copy_result *result;
};

/* E_SOURCE and E_TARGET are counted, others end the run. */
static int count(struct copy *c, int rc)
{
    if (rc != E_SOURCE && rc != E_TARGET)
        return rc;
    if (c->result->first[0] == 0)
        (void)snprintf(c->result->first, sizeof c->result->first, "%.500s",
                       err_text());
    c->result->problems += rc == E_SOURCE;
    c->result->failures += rc == E_TARGET;
    return 0;
}

static void outcome(struct copy *c, const struct jail_result *res)
{
    c->result->outcome[res->outcome]++;
    c->result->lost |= res->lost;
}

/* ---- links ------------------------------------------------------------ */

static struct jail_made *link_find(const struct copy *c, uint64_t inode)
{
    for (size_t i = 0; i < c->link_n; i++) {
        if (c->link[i].inode == inode)
            return c->link[i].made;
    }
    return NULL;
}

static int link_add(struct copy *c, uint64_t inode, struct jail_made *made)
{
    if (!made)
        return 0;
    if (c->link_n == c->link_cap) {
        size_t cap = c->link_cap ? c->link_cap * 2 : 64;
        struct copy_link *p = realloc(c->link, cap * sizeof *p);

        if (!p) {
            jail_made_free(made);
            return err_set(E_NOMEM, "links");
        }
        c->link = p;
        c->link_cap = cap;
    }
    c->link[c->link_n++] = (struct copy_link){inode, made};
    return 0;
}

static int try_link(struct copy *c, const struct entry *e, bool *linked)
{
    const struct jail_made *made = e->nlink > 1 ? link_find(c, e->inode) : NULL;
    struct jail_result res;
    int rc;

    *linked = false;
    if (!made)
        return 0;
    rc = jail_link(c->dir[c->depth - 1], e, made, linked, &res);
    if (rc == 0 && *linked)
        outcome(c, &res);
    return rc;
}

/* ---- files ------------------------------------------------------------ */

static int copy_content(struct copy *c, struct jail_file *f)
{
    struct reader_run run;
    int rc;

    do {
        rc = reader_next(c->reader, c->block, COPY_BLOCK, &run);
        if (rc == 0 && run.kind == READER_DATA) {
            uint64_t off = run.off;

            /* what a restore does with the short holes that were noted */
            for (size_t i = 0; rc == 0 && i <= run.hole_n; i++) {
                uint64_t end =
                    i < run.hole_n ? run.hole[i].off : run.off + run.n;

                if (end > off)
                    rc = jail_file_write(f, c->block + (off - run.off),
                                         (size_t)(end - off), off);
                if (i < run.hole_n)
                    off = end + run.hole[i].n;
            }
        }
        if (rc == 0 && run.kind == READER_HOLE)
            rc = jail_file_hole(f, run.off, run.n);
    } while (rc == 0 && run.kind != READER_END);
    return rc;
}

static int copy_open_file(struct copy *c, struct entry *e)
{
    struct jail_file *f = NULL;
    struct jail_made *made = NULL;
    struct jail_result res = {0};
    bool changed;
    int rc = reader_attrs(c->reader, e, &c->arena);

    if (rc == 0)
        rc = jail_file_begin(c->dir[c->depth - 1], e, false, &f, &res);
    if (rc == 0 && f)
        rc = copy_content(c, f);
    if (rc == 0)
        rc = reader_finish(c->reader, e, &changed);
    if (rc == 0 && f) {
        rc = jail_file_finish(f, e, e->nlink > 1 ? &made : NULL, &res);
        f = NULL;
    }
    jail_file_abandon(f);
    if (rc == 0)
        outcome(c, &res);
    return rc == 0 ? link_add(c, e->inode, made) : rc;
}

static int copy_entry(struct copy *c, const struct walk_item *item)
{
    struct entry e = item->entry;
    struct jail_made *made = NULL;
    struct jail_result res;
    bool vanished = false;
    bool linked = false;
    int rc;

    arena_reset(&c->arena);
    if (!c->dir[c->depth - 1])
        return 0;
    rc = try_link(c, &e, &linked);
    if (rc < 0 || linked)
        return rc;
    if (e.type == ENTRY_FILE) {
        rc = reader_open(c->reader, item->dir, e.name, &e, &vanished);
        if (rc == 0 && !vanished)
            rc = copy_open_file(c, &e);
        reader_close(c->reader);
        return rc;
    }
    rc = attrs_complete(c->attrs, item->dir, e.name, &e, &c->arena, &vanished);
    if (rc == 0 && !vanished) {
        rc = jail_node(c->dir[c->depth - 1], &e, e.nlink > 1 ? &made : NULL,
                       &res);
        if (rc == 0)
            outcome(c, &res);
    }
    return rc == 0 ? link_add(c, e.inode, made) : rc;
}

/* ---- directories ------------------------------------------------------ */

static int copy_enter(struct copy *c, const struct walk_item *item)
{
    struct entry *e = &c->entry[c->depth];
    struct arena *arena = &c->kept[c->depth];
    struct jail_result res = {0};
    bool vanished = false;
    int rc = 0;

    if (c->depth == COPY_DEPTH)
        return err_set(E_LIMIT, "too deep");
    *e = item->entry;
    c->dir[c->depth++] = NULL;
    if (arena_dup(arena, item->entry.name, &e->name) < 0)
        return err_set(E_NOMEM, "names");
    rc = attrs_complete(c->attrs, item->dir, (struct bytes){0}, e, arena,
                        &vanished);
    if (rc < 0)
        return rc;
    if (c->depth == 1) {
        c->dir[0] = jail_dir_ref(jail_root(c->jail));
        return 0;
    }
    if (!c->dir[c->depth - 2])
        return 0;
    rc = jail_dir_enter(c->dir[c->depth - 2], e, &c->dir[c->depth - 1], &res);
    if (rc == 0)
        outcome(c, &res);
    return rc;
}

static int copy_leave(struct copy *c, bool path_only)
{
    struct jail_result res = {0};
    int rc = 0;

    c->depth--;
    if (c->dir[c->depth] && !path_only)
        rc = jail_dir_finish(c->dir[c->depth], &c->entry[c->depth], &res);
    c->result->lost |= res.lost;
    jail_dir_unref(c->dir[c->depth]);
    c->dir[c->depth] = NULL;
    arena_release(&c->kept[c->depth]);
    return rc;
}

static int copy_step(struct copy *c, const struct walk_item *item)
{
    switch (item->kind) {
    case WALK_ENTER:
        return copy_enter(c, item);
    case WALK_ENTRY:
        return copy_entry(c, item);
    case WALK_LEAVE:
        return copy_leave(c, item->path_only);
    case WALK_PROBLEM:
        return err_set(E_SOURCE, "%s", item->text);
    case WALK_END:
        break;
    }
    return 0;
}

static int copy_open(struct copy *c, const char *root, const char *target,
                     const struct jail_options *options)
{
    struct bytes path = bytes_of_str(root);
    struct walk_options walking = {.max_open = DIRFD_OPEN_MIN};
    struct reader_options reading = {0};
    int rc = walk_new(&path, 1, &walking, &c->walk);

    if (rc == 0)
        rc = attrs_cache_new(&c->attrs);
    reading.attrs = c->attrs;
    if (rc == 0)
        rc = reader_new(&reading, &c->reader);
    if (rc == 0)
        rc = jail_open(target, options, &c->jail);
    c->block = malloc(COPY_BLOCK);
    return rc == 0 && !c->block ? err_set(E_NOMEM, "block") : rc;
}

static void copy_close(struct copy *c)
{
    while (c->depth > 0) {
        c->depth--;
        jail_dir_unref(c->dir[c->depth]);
        arena_release(&c->kept[c->depth]);
    }
    for (size_t i = 0; i < c->link_n; i++)
        jail_made_free(c->link[i].made);
    free(c->link);
    free(c->block);
    reader_free(c->reader);
    walk_free(c->walk);
    jail_free(c->jail);
    attrs_cache_free(c->attrs);
    arena_release(&c->arena);
}

int copy_tree(const char *root, const char *target,
              const struct jail_options *options, struct copy_result *result)
{
    struct copy *c = calloc(1, sizeof *c);
    struct walk_item item = {0};
    unsigned lost = 0;
    int rc;

    *result = (struct copy_result){0};
    if (!c)
        return err_set(E_NOMEM, "copy");
    c->result = result;
    rc = copy_open(c, root, target, options);
    while (rc == 0 && item.kind != WALK_END) {
        rc = walk_next(c->walk, &item);
        if (rc == 0)
            rc = count(c, copy_step(c, &item));
    }
    if (rc == 0)
        rc = count(c, jail_finish(c->jail, &lost));
    result->lost |= lost;
    copy_close(c);
    free(c);
    return rc;
}
