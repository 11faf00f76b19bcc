#include "repo/job/live_compare.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "repo/job/snap_change.h"
#include "source/attrs.h"
#include "source/reader.h"

struct live_compare {
    const struct keyring *keys;
    struct fetch_lane *lane;
    const struct cancel *cancel;
    struct attrs_cache *attrs;
    struct reader *reader;
    struct content_reader *content;
    struct arena arena;    /* attributes of the entry at hand */
    struct tree_entry now; /* the entry at hand; its array is kept */
    uint8_t *buf;          /* NODE_CHUNK_MAX bytes of a live file */
    char lost[ERR_TEXT_MAX];
};

int live_compare_new(const struct keyring *keys, struct fetch_lane *lane,
                     struct owner_cache *owners, const struct cancel *cancel,
                     struct live_compare **out)
{
    struct node_source source = fetch_node_source(lane);
    struct live_compare *c = mem_alloc(sizeof *c);
    struct reader_options reader = {.owners = owners};
    int rc;

    *out = NULL;
    if (!c)
        return err_set(E_NOMEM, "out of memory");
    c->keys = keys;
    c->lane = lane;
    c->cancel = cancel;
    rc = attrs_cache_new(&c->attrs);
    reader.attrs = c->attrs;
    if (rc == 0)
        rc = reader_new(&reader, &c->reader);
    c->content = content_reader_new(&source);
    c->buf = mem_alloc(NODE_CHUNK_MAX);
    if (rc == 0 && (!c->content || !c->buf))
        rc = err_set(E_NOMEM, "out of memory");
    if (rc < 0) {
        live_compare_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void live_compare_free(struct live_compare *c)
{
    if (!c)
        return;
    reader_free(c->reader);
    attrs_cache_free(c->attrs);
    content_reader_free(c->content);
    tree_entry_release(&c->now);
    arena_release(&c->arena);
    free(c->buf);
    free(c);
}

/* ---- metadata ------------------------------------------------------------ */

/* The attributes of an entry as a tree has them. */
static int live_attrs(struct live_compare *c, const struct entry *e)
{
    int rc = 0;

    c->now.attr_n = 0;
    for (size_t i = 0; i < e->xattr_n && rc == 0; i++) {
        struct tree_attr a = {.name = e->xattr[i].name,
                              .value = e->xattr[i].value};

        if (a.value.n > TREE_ATTR_INLINE_MAX) {
            a.is_chunk = true;
            a.length = (uint32_t)a.value.n;
            keyring_chunk_id(c->keys, PACK_DATA, a.value, &a.id);
        }
        rc = tree_entry_add_attr(&c->now, &a);
    }
    return rc;
}

/* How two entries compare whose content is the same, if they have any. */
static enum tree_diff_how live_how(const struct live_compare *c,
                                   const struct tree_entry *was,
                                   const struct entry *now, bool lost)
{
    struct tree_entry te = {.e = *now,
                            .content = was->content,
                            .dir = was->dir,
                            .attr = c->now.attr,
                            .attr_n = c->now.attr_n};

    if (lost) {
        te.attr = was->attr;
        te.attr_n = was->attr_n;
        te.e.project = was->e.project;
    }
    /* A file system that has no flags has none set. */
    if (lost || !was->e.has_inode_flags) {
        te.e.has_inode_flags = was->e.has_inode_flags;
        te.e.inode_flags = was->e.inode_flags;
    } else if (!now->has_inode_flags) {
        te.e.has_inode_flags = true;
        te.e.inode_flags = 0;
    }
    return tree_diff_compare(was, &te);
}

/* rc of reading attributes; others than those are had. */
static int live_lessen(struct live_compare *c, int rc, bool *lost)
{
    *lost = rc == E_SOURCE;
    if (rc != E_SOURCE)
        return rc;
    (void)snprintf(c->lost, sizeof c->lost, "%s", err_text());
    return 0;
}

/* Directories, and what is neither file nor directory. */
static int live_other(struct live_compare *c, const struct tree_entry *was,
                      struct dirfd *dir, struct entry *now,
                      struct live_compare_result *out)
{
    struct bytes name = now->type == ENTRY_DIR ? bytes_of_str("") : now->name;
    bool lost = false;
    int rc =
        attrs_complete(c->attrs, dir, name, now, &c->arena, &out->vanished);

    rc = live_lessen(c, rc, &lost);
    if (rc == 0)
        rc = live_attrs(c, now);
    if (rc < 0 || out->vanished)
        return rc;
    out->lost = lost ? c->lost : NULL;
    out->how = live_how(c, was, now, lost);
    return 0;
}

/* ---- content ------------------------------------------------------------- */

/* The n bytes at off of the open file; *got fewer: it ends there. */
static int live_read(struct live_compare *c, uint64_t off, size_t n,
                     size_t *got)
{
    struct reader_run run = {.kind = READER_DATA};
    int rc = 0;

    *got = 0;
    reader_range(c->reader, off, off + n);
    while (rc == 0 && *got < n) {
        rc = reader_next(c->reader, c->buf + *got, n - *got, &run);
        if (rc < 0 || run.kind == READER_END)
            break;
        if (run.kind == READER_HOLE)
            memset(c->buf + *got, 0, (size_t)run.n);
        *got += (size_t)run.n;
    }
    return rc;
}

/* Whether the n bytes at off are zeros: what is a hole is not read. */
static int live_zeros(struct live_compare *c, uint64_t off, uint64_t n,
                      bool *same)
{
    struct reader_run run = {.kind = READER_DATA};
    uint64_t got = 0;
    int rc = 0;

    reader_range(c->reader, off, off + n);
    while (rc == 0 && got < n) {
        rc = cancel_check(c->cancel);
        if (rc == 0)
            rc = reader_next(c->reader, c->buf, NODE_CHUNK_MAX, &run);
        if (rc < 0 || run.kind == READER_END)
            break;
        got += run.n;
        if (run.kind == READER_DATA &&
            !bytes_is_zero(bytes_of(c->buf, (size_t)run.n)))
            break;
    }
    *same = rc == 0 && got == n &&
            (run.kind == READER_HOLE ||
             bytes_is_zero(bytes_of(c->buf, (size_t)run.n)));
    return rc;
}

/* Whether the file has that extent's bytes at off. */
static int live_extent(struct live_compare *c, const struct extent *e,
                       uint64_t off, bool *same)
{
    struct fetch_chunk chunk;
    struct chunk_id id;
    size_t n = (size_t)e->length, got;
    int rc;

    *same = false;
    if (e->kind == EXTENT_HOLE)
        return live_zeros(c, off, e->length, same);
    ASSERT(e->length <= NODE_CHUNK_MAX); /* the decoder saw to it */
    rc = live_read(c, off, n, &got);
    if (rc < 0 || got < n)
        return rc;
    if (e->kind == EXTENT_CHUNK) {
        keyring_chunk_id(c->keys, PACK_DATA, bytes_of(c->buf, n), &id);
        *same = chunk_id_equal(&id, &e->id);
        return 0;
    }
    rc = fetch_extent(c->lane, e, &chunk);
    if (rc < 0)
        return rc;
    *same = memcmp(chunk.bytes.p, c->buf, n) == 0;
    fetch_release(c->lane, &chunk);
    return 0;
}

/* Whether the open file, which is as long, has that content. */
static int live_content(struct live_compare *c, const struct tree_entry *was,
                        bool *same)
{
    int rc = content_reader_open(c->content, &was->content, was->e.size, 0);

    *same = true;
    while (rc == 0 && *same) {
        struct extent e;
        uint64_t off = 0;
        bool more;

        rc = content_reader_next(c->content, &e, &off, &more);
        if (rc == 0)
            rc = cancel_check(c->cancel);
        if (rc < 0 || !more)
            break;
        rc = live_extent(c, &e, off, same);
    }
    return rc;
}

/* One reading of a file. */
static int live_once(struct live_compare *c, const struct tree_entry *was,
                     struct dirfd *dir, struct entry *now,
                     struct live_compare_result *out, bool *changed)
{
    bool lost = false, same = false;
    int rc = reader_open(c->reader, dir, now->name, now, &out->vanished);

    if (rc < 0 || out->vanished)
        return rc;
    if (now->size != was->e.size) {
        out->how = TREE_DIFF_OTHER_CONTENT;
        return 0;
    }
    arena_reset(&c->arena);
    rc = live_lessen(c, reader_attrs(c->reader, now, &c->arena), &lost);
    out->lost = lost ? c->lost : NULL;
    if (rc == 0)
        rc = live_attrs(c, now);
    if (rc == 0)
        rc = live_content(c, was, &same);
    if (rc == 0)
        rc = reader_finish(c->reader, now, changed);
    if (rc == 0)
        out->how = same ? live_how(c, was, now, lost) : TREE_DIFF_OTHER_CONTENT;
    return rc;
}

static int live_file(struct live_compare *c, const struct tree_entry *was,
                     struct dirfd *dir, struct entry *now,
                     struct live_compare_result *out)
{
    bool changed = false;
    int rc = live_once(c, was, dir, now, out, &changed);

    if (rc == 0 && changed && !out->vanished) {
        changed = false;
        rc = live_once(c, was, dir, now, out, &changed);
        out->changing = changed;
    }
    reader_close(c->reader);
    return rc;
}

/* ---- one entry ----------------------------------------------------------- */

/* Whether stat tells all: as a snapshot has it. */
static bool live_unchanged(const struct entry *was, const struct entry *now)
{
    static const struct snap_change_rules all;

    if (now->type != ENTRY_DIR)
        return snap_change_none(&all, was, now);
    return !was->unsettled && was->inode == now->inode &&
           snap_change_metadata_none(&all, was, now);
}

int live_compare_entry(struct live_compare *c, const struct tree_entry *was,
                       struct dirfd *dir, struct entry *now,
                       struct live_compare_result *out)
{
    *out = (struct live_compare_result){.how = TREE_DIFF_SAME};
    if (live_unchanged(&was->e, now))
        return 0;
    if (now->type == ENTRY_FILE && now->size != was->e.size) {
        out->how = TREE_DIFF_OTHER_CONTENT;
        return 0;
    }
    arena_reset(&c->arena);
    return now->type == ENTRY_FILE ? live_file(c, was, dir, now, out)
                                   : live_other(c, was, dir, now, out);
}
