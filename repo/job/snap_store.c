#include "repo/job/snap_store.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/reach.h"

struct snap_store {
    struct snap_store_config config;
    struct intake_lane *data;
    struct intake_lane *meta; /* only asked, never filled */
    struct fetch_lane *fetch;
    struct reach *reach;
    struct cutter *cutter;
    struct reader *reader;
    struct blake3_item *hash; /* scratch: hash_cap of them */
    size_t hash_cap;
    size_t stored; /* pieces of the unit that were stored already */
};

/* What a kept entry's chunks are asked. */
struct snap_check {
    struct snap_store *s;
    bool missing;
};

int snap_store_new(const struct snap_store_config *config,
                   struct snap_store **out)
{
    struct snap_store *s = mem_alloc(sizeof *s);
    int rc;

    *out = NULL;
    if (!s)
        return err_set(E_NOMEM, "out of memory");
    s->config = *config;
    rc = intake_lane_new(config->intake, PACK_DATA, &s->data);
    if (rc == 0)
        rc = intake_lane_new(config->intake, PACK_META, &s->meta);
    if (rc == 0)
        rc = fetch_lane_new(config->fetch, &s->fetch);
    if (rc == 0)
        rc = reader_new(&config->reader, &s->reader);
    if (rc == 0) {
        struct node_source source = fetch_node_source(s->fetch);

        s->reach = reach_new(&source);
        s->cutter = cutter_new(config->chunker);
        if (!s->reach || !s->cutter)
            rc = err_set(E_NOMEM, "out of memory");
    }
    if (rc < 0) {
        snap_store_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void snap_store_free(struct snap_store *s)
{
    if (!s)
        return;
    intake_lane_free(s->data);
    intake_lane_free(s->meta);
    reach_free(s->reach);
    fetch_lane_free(s->fetch);
    reader_free(s->reader);
    cutter_free(s->cutter);
    free(s->hash);
    free(s);
}

/* Names the pieces that are not stored yet; chunks of different files share
 * the lanes of the hash. */
static int snap_store_name(struct snap_store *s, struct snap_unit *u)
{
    size_t n = 0;

    if (s->hash_cap < u->pieces.n) {
        void *p = mem_resize(s->hash, u->pieces.cap * sizeof *s->hash);

        if (!p)
            return err_set(E_NOMEM, "out of memory");
        s->hash = p;
        s->hash_cap = u->pieces.cap;
    }
    for (size_t i = s->stored; i < u->pieces.n; i++) {
        struct cutter_piece *piece = &u->pieces.piece[i];

        if (piece->extent.kind != EXTENT_CHUNK)
            continue;
        s->hash[n].in = bytes_of(piece->bytes, (size_t)piece->extent.length);
        s->hash[n].out = piece->extent.id.b;
        n++;
    }
    blake3_keyed_many(s->config.keys->k_data.b, s->hash, n);
    return 0;
}

/* Stores all pieces read so far; the buffer is then free for more. */
static int snap_store_pieces(struct snap_store *s, struct snap_unit *u)
{
    int rc = snap_store_name(s, u);

    for (; s->stored < u->pieces.n && rc == 0; s->stored++) {
        const struct cutter_piece *piece = &u->pieces.piece[s->stored];

        if (piece->extent.kind == EXTENT_CHUNK)
            rc = intake_put(
                s->data, bytes_of(piece->bytes, (size_t)piece->extent.length),
                &piece->extent.id, NULL);
    }
    u->buf.n = 0;
    return rc;
}

/* Moves e's attributes into the form of the tree; large values are chunks. */
static int snap_store_attrs(struct snap_store *s, struct snap_item *it)
{
    const struct entry *e = &it->te.e;
    int rc = 0;

    it->te.attr_n = 0;
    for (size_t i = 0; i < e->xattr_n && rc == 0; i++) {
        struct tree_attr a = {.name = e->xattr[i].name,
                              .value = e->xattr[i].value};

        if (a.value.n > TREE_ATTR_INLINE_MAX) {
            a.is_chunk = true;
            a.length = (uint32_t)a.value.n;
            keyring_chunk_id(s->config.keys, PACK_DATA, a.value, &a.id);
            rc = intake_put(s->data, a.value, &a.id, NULL);
        }
        if (rc == 0)
            rc = tree_entry_add_attr(&it->te, &a);
    }
    it->te.e.xattr = NULL;
    it->te.e.xattr_n = 0;
    return rc;
}

static int snap_store_drop(struct snap_unit *u, struct snap_item *it,
                           bool vanished)
{
    it->what = SNAP_DROPPED;
    it->piece_n = 0;
    return snap_unit_problem(
        u, it, vanished ? MANIFEST_VANISHED : MANIFEST_UNREADABLE, it->dir,
        it->te.e.name, vanished ? "vanished" : err_text());
}

/* Some metadata could not be read: the entry stays, without it, and the next
 * run asks again. So does a directory that vanishes, since its LEAVE follows.
 */
static int snap_store_lessen(struct snap_unit *u, struct snap_item *it,
                             enum manifest_problem_kind kind, const char *text)
{
    bool self = it->what == SNAP_ENTER;

    it->te.e.unsettled = true;
    return snap_unit_problem(u, it, kind, it->dir,
                             self ? bytes_of(NULL, 0) : it->te.e.name, text);
}

/* Reads an open file to its end, storing whenever the buffer is full. */
static int snap_store_read(struct snap_store *s, struct snap_unit *u)
{
    size_t room = s->config.chunker->params.max;
    bool end = false;
    int rc = 0;

    cutter_start(s->cutter, s->reader);
    while (rc == 0 && !end) {
        /* it may have grown since the walk saw it */
        rc = cancel_check(s->config.stop);
        if (rc < 0)
            break;
        if (u->buf.cap - u->buf.n < room)
            rc = snap_store_pieces(s, u);
        if (rc == 0)
            rc = cutter_fill(s->cutter, &u->buf, &u->pieces, &end);
    }
    return rc;
}

/* One reading of a file. E_SOURCE: it cannot be read. */
static int snap_store_once(struct snap_store *s, struct snap_unit *u,
                           struct snap_item *it, bool *vanished, bool *changed)
{
    struct entry *e = &it->te.e;
    int rc = reader_open(s->reader, it->dir, e->name, e, vanished);

    if (rc < 0 || *vanished)
        return rc;
    rc = reader_attrs(s->reader, e, &u->arena);
    if (rc == E_SOURCE)
        rc = snap_store_lessen(u, it, MANIFEST_METADATA, err_text());
    if (rc < 0)
        return rc;
    it->piece = u->pieces.n;
    rc = snap_store_read(s, u);
    it->piece_n = u->pieces.n - it->piece;
    if (rc == 0)
        rc = cutter_holes(s->cutter, &u->arena, &it->te.holes);
    return rc < 0 ? rc : reader_finish(s->reader, e, changed);
}

static int snap_store_file(struct snap_store *s, struct snap_unit *u,
                           struct snap_item *it)
{
    bool vanished = false;
    bool changed = false;
    int rc = snap_store_once(s, u, it, &vanished, &changed);

    if (rc == 0 && changed)
        rc = snap_store_once(s, u, it, &vanished, &changed);
    if (rc == E_SOURCE || (rc == 0 && vanished)) {
        reader_close(s->reader);
        return snap_store_drop(u, it, vanished);
    }
    it->te.e.changing = changed;
    it->te.e.unsettled |= it->problem == MANIFEST_METADATA;
    if (rc == 0 && changed)
        rc = snap_unit_problem(u, it, MANIFEST_CHANGING, it->dir, it->te.e.name,
                               "changed while it was read, twice");
    return rc < 0 ? rc : snap_store_attrs(s, it);
}

/* Directories and what is neither file nor directory. */
static int snap_store_other(struct snap_store *s, struct snap_unit *u,
                            struct snap_item *it)
{
    struct bytes name = it->te.e.name;
    bool vanished = false;
    int rc;

    if (it->has_attrs)
        return 0;
    if (it->what == SNAP_ENTER)
        name = bytes_of(NULL, 0);
    rc = attrs_complete(s->config.reader.attrs, it->dir, name, &it->te.e,
                        &u->arena, &vanished);
    if (rc == E_SOURCE)
        rc = snap_store_lessen(u, it, MANIFEST_METADATA, err_text());
    if (rc < 0)
        return rc;
    if (vanished && it->what == SNAP_OTHER)
        return snap_store_drop(u, it, true);
    if (vanished)
        rc = snap_store_lessen(u, it, MANIFEST_VANISHED, "vanished");
    return rc < 0 ? rc : snap_store_attrs(s, it);
}

static int snap_store_ask(void *ctx, enum pack_kind kind,
                          const struct chunk_id *id, uint64_t bytes, bool *stop)
{
    struct snap_check *c = ctx;
    bool has = false;
    int rc = cancel_check(c->s->config.stop);

    (void)bytes;
    if (rc == 0)
        rc = intake_has(kind == PACK_DATA ? c->s->data : c->s->meta, id, &has);
    c->missing = !has;
    *stop = !has;
    return rc;
}

/* Keeps an entry only if everything it reaches is there (I6); else it is read
 * again like a new one. */
static int snap_store_kept(struct snap_store *s, struct snap_unit *u,
                           struct snap_item *it)
{
    struct snap_check c = {.s = s};
    int rc = snap_unit_read(it);

    if (rc < 0 || !it->must_check)
        return rc;
    rc = reach_entry(s->reach, &it->te, snap_store_ask, &c);
    /* E_ROLE: its list is one that this host cannot read back */
    if (rc < 0 && rc != E_CORRUPT && rc != E_ROLE)
        return rc;
    if (rc == 0 && !c.missing)
        return 0;
    /* what its fields say of the content may not be true of what is read */
    it->te.raw = it->te.fields = it->te.holes = bytes_of(NULL, 0);
    it->te.attr_n = 0;
    it->what = it->te.e.type == ENTRY_FILE ? SNAP_FILE : SNAP_OTHER;
    return it->what == SNAP_FILE ? snap_store_file(s, u, it)
                                 : snap_store_other(s, u, it);
}

static int snap_store_item(struct snap_store *s, struct snap_unit *u,
                           struct snap_item *it)
{
    switch (it->what) {
    case SNAP_FILE:
        return snap_store_file(s, u, it);
    case SNAP_ENTER:
    case SNAP_OTHER:
        return snap_store_other(s, u, it);
    case SNAP_PART:
        return it->last ? snap_store_attrs(s, it) : 0;
    case SNAP_KEPT:
        return snap_store_kept(s, u, it);
    case SNAP_LEAVE:
    case SNAP_PROBLEM:
    case SNAP_DROPPED:
        break;
    }
    return 0;
}

int snap_store_unit(struct snap_store *s, struct snap_unit *u)
{
    int rc = 0;

    s->stored = 0;
    for (size_t i = 0; i < u->n && rc == 0 && !u->cut; i++) {
        rc = cancel_check(s->config.stop);
        if (rc == 0)
            rc = snap_store_item(s, u, &u->item[i]);
        if (rc == E_CANCELED) {
            u->cut = true;
            u->cut_n = i;
            rc = 0;
        }
    }
    return rc < 0 ? rc : snap_store_pieces(s, u);
}

int snap_store_flush(struct snap_store *s)
{
    return intake_lane_flush(s->data);
}
