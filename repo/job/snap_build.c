#include "repo/job/snap_build.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/job/tree_builder.h"

struct snap_build {
    struct tree_builder *tree;
    struct content_writer *content; /* of the file whose pieces are coming */
    uint64_t content_bytes;         /* of those pieces */
    uint64_t hole_bytes; /* a hole that has not been added yet: runs of holes
                            are one extent */
    struct problems *problems;
    struct snap_progress *progress;
    struct kept_frames *kept; /* may be NULL */
    struct buf root;
    struct buf so_far; /* the same, of an unfinished tree */
    bool cut;          /* a unit was: what follows is not taken */
};

struct snap_build *snap_build_new(const struct node_key *key,
                                  struct intake_lane *meta,
                                  struct problems *problems,
                                  struct snap_progress *progress)
{
    struct snap_build *b = mem_alloc(sizeof *b);
    struct node_sink sink = intake_node_sink(meta);

    if (!b)
        return NULL;
    b->problems = problems;
    b->progress = progress;
    buf_init(&b->root, TREE_ENTRY_BYTES_MAX);
    buf_init(&b->so_far, TREE_ENTRY_BYTES_MAX);
    b->tree = tree_builder_new(key, &sink);
    b->content = content_writer_new(key, &sink);
    if (!b->tree || !b->content) {
        snap_build_free(b);
        return NULL;
    }
    return b;
}

void snap_build_free(struct snap_build *b)
{
    if (!b)
        return;
    tree_builder_free(b->tree);
    content_writer_free(b->content);
    buf_release(&b->root);
    buf_release(&b->so_far);
    free(b);
}

void snap_build_keep(struct snap_build *b, struct kept_frames *kept)
{
    b->kept = kept;
}

/* A hole that is longer than an extent can be is several. */
static int snap_build_hole(struct snap_build *b)
{
    int rc = 0;

    while (b->hole_bytes > 0 && rc == 0) {
        struct extent hole = {.kind = EXTENT_HOLE, .length = b->hole_bytes};

        if (hole.length > EXTENT_LENGTH_MAX)
            hole.length = EXTENT_LENGTH_MAX;
        b->hole_bytes -= hole.length;
        rc = content_writer_add(b->content, &hole);
    }
    return rc;
}

static void snap_build_begin(struct snap_build *b)
{
    content_writer_reset(b->content);
    b->content_bytes = 0;
    b->hole_bytes = 0;
    atomic_store(&b->progress->part_bytes, 0);
    if (b->kept)
        kept_frames_list_begin(b->kept);
}

static int snap_build_pieces(struct snap_build *b, const struct snap_unit *u,
                             const struct snap_item *it)
{
    int rc = 0;

    for (size_t i = 0; i < it->piece_n && rc == 0; i++) {
        const struct extent *e = &u->pieces.piece[it->piece + i].extent;

        b->content_bytes += e->length;
        if (e->kind == EXTENT_HOLE) {
            b->hole_bytes += e->length;
            continue;
        }
        rc = snap_build_hole(b);
        if (rc == 0)
            rc = content_writer_add(b->content, e);
    }
    return rc;
}

static int snap_build_put(struct snap_build *b, const struct snap_item *it,
                          bool is_dir)
{
    return is_dir ? tree_builder_enter(b->tree, &it->te)
                  : tree_builder_add(b->tree, &it->te);
}

/* Adds an entry; one whose metadata is too long loses its short holes, which
 * the content has as zeros, then its attributes. */
static int snap_build_add(struct snap_build *b, struct snap_item *it,
                          bool is_dir)
{
    int rc = snap_build_put(b, it, is_dir);

    if (rc == E_LIMIT && it->te.holes.n > 0) {
        it->te.holes = bytes_of(NULL, 0);
        rc = snap_build_put(b, it, is_dir);
    }
    if (rc != E_LIMIT || it->te.attr_n == 0)
        return rc;
    problems_add(b->problems, MANIFEST_METADATA, it->te.e.name,
                 bytes_of_str("too many extended attributes: not stored"));
    it->te.attr_n = 0;
    return snap_build_put(b, it, is_dir);
}

static int snap_build_file(struct snap_build *b, struct snap_item *it)
{
    int rc = snap_build_hole(b);

    if (rc == 0)
        rc = content_writer_finish(b->content, &it->te.content);
    if (rc == 0 && b->kept)
        rc = kept_frames_list_end(
            b->kept, it->te.content.is_list ? &it->te.content.root : NULL);
    if (rc < 0)
        return rc;
    /* what was read counts, whatever the size was said to be */
    it->te.e.size = b->content_bytes;
    atomic_store(&b->progress->part_bytes, 0);
    atomic_fetch_add(&b->progress->files, 1);
    atomic_fetch_add(&b->progress->bytes, it->te.e.size);
    atomic_fetch_add(&b->progress->fresh, 1);
    return snap_build_add(b, it, false);
}

static int snap_build_kept(struct snap_build *b, struct snap_item *it)
{
    if (it->te.e.type == ENTRY_FILE) {
        atomic_fetch_add(&b->progress->files, 1);
        atomic_fetch_add(&b->progress->bytes, it->te.e.size);
        atomic_fetch_add(&b->progress->kept_files, 1);
        atomic_fetch_add(&b->progress->kept_bytes, it->te.e.size);
        atomic_fetch_add(&b->progress->resumed_files, it->resumed);
        atomic_fetch_add(&b->progress->resumed_bytes,
                         it->resumed ? it->te.e.size : 0);
        if (b->kept && it->te.content.is_list)
            kept_frames_list_keep(b->kept, &it->te.content.root);
    } else {
        atomic_fetch_add(&b->progress->others, 1);
    }
    return tree_builder_add(b->tree, &it->te);
}

static void snap_build_tell(struct current *c, const struct snap_item *it)
{
    if (it->what == SNAP_ENTER)
        current_enter(c, it->te.e.name);
    else if (it->what == SNAP_LEAVE)
        current_leave(c);
    else if (it->te.e.name.n == 0)
        return; /* of a stream, whose entry comes last */
    else if (it->what == SNAP_FILE || it->what == SNAP_OTHER ||
             it->what == SNAP_KEPT || (it->what == SNAP_PART && it->first))
        current_at(c, it->te.e.name);
}

static int snap_build_item(struct snap_build *b, const struct snap_unit *u,
                           struct snap_item *it)
{
    int rc;

    snap_build_tell(&b->progress->current, it);
    switch (it->what) {
    case SNAP_ENTER:
        atomic_fetch_add(&b->progress->fresh_dirs, it->fresh);
        return snap_build_add(b, it, true);
    case SNAP_LEAVE:
        atomic_fetch_add(&b->progress->directories, 1);
        return tree_builder_leave(b->tree, &b->root);
    case SNAP_FILE:
        snap_build_begin(b);
        rc = snap_build_pieces(b, u, it);
        return rc < 0 ? rc : snap_build_file(b, it);
    case SNAP_PART:
        if (it->first)
            snap_build_begin(b);
        rc = snap_build_pieces(b, u, it);
        atomic_store(&b->progress->part_bytes, b->content_bytes);
        return rc < 0 || !it->last ? rc : snap_build_file(b, it);
    case SNAP_OTHER:
        atomic_fetch_add(&b->progress->others, 1);
        atomic_fetch_add(&b->progress->fresh, 1);
        return snap_build_add(b, it, false);
    case SNAP_KEPT:
        return snap_build_kept(b, it);
    case SNAP_PROBLEM:
        break;
    case SNAP_DROPPED:
        atomic_store(&b->progress->part_bytes, 0);
        break;
    }
    return 0;
}

int snap_build_take(struct snap_build *b, struct snap_unit *u)
{
    size_t n = u->cut ? u->cut_n : u->n;
    int rc = 0;

    if (b->cut)
        return 0;
    b->cut = u->cut;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct snap_item *it = &u->item[i];

        if (it->problem)
            problems_add(b->problems, it->problem, it->problem_path,
                         it->problem_text);
        rc = snap_build_item(b, u, it);
    }
    return rc;
}

bool snap_build_is_cut(const struct snap_build *b)
{
    return b->cut;
}

int snap_build_root(struct snap_build *b, struct bytes *root)
{
    if (tree_builder_depth(b->tree) > 0 || b->root.n == 0)
        return err_set(E_INTERNAL, "the walk ended below its root");
    *root = buf_bytes(&b->root);
    return 0;
}

int snap_build_so_far(struct snap_build *b, struct bytes *root)
{
    int rc;

    /* the walk has left its root, and was stopped before it said so */
    if (b->root.n > 0) {
        *root = buf_bytes(&b->root);
        return 0;
    }
    ASSERT(tree_builder_depth(b->tree) > 0);
    buf_reset(&b->so_far);
    rc = tree_builder_so_far(b->tree, &b->so_far);
    *root = buf_bytes(&b->so_far);
    return rc;
}
