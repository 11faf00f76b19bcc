#include "index/index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "index/index_reader.h"
#include "index/index_record.h"

struct index_reader {
    struct index *ix;
    MDB_txn *txn;       /* NULL until the first use */
    bool active;        /* txn holds a snapshot */
    bool suspects;      /* that snapshot has any suspect */
    struct buf scratch; /* of marks */
};

static int index_reader_seen(struct index_reader *r)
{
    MDB_stat st;
    int rc = mdb_stat(r->txn, r->ix->suspects, &st);

    if (rc != 0) {
        mdb_txn_reset(r->txn);
        return index_lmdb_error(r->ix, rc, "read");
    }
    r->suspects = st.ms_entries > 0;
    r->active = true;
    return 0;
}

int index_reader_renew(struct index_reader *r)
{
    int rc = index_lmdb_forked(r->ix);

    if (rc < 0)
        return rc;
    index_reader_pause(r);
    if (r->txn)
        rc = mdb_txn_renew(r->txn);
    else
        rc = mdb_txn_begin(r->ix->env, NULL, MDB_RDONLY, &r->txn);
    if (rc != 0)
        return index_lmdb_error(r->ix, rc, "begin reading");
    return index_reader_seen(r);
}

void index_reader_pause(struct index_reader *r)
{
    if (r->active)
        mdb_txn_reset(r->txn);
    r->active = false;
}

static int index_reader_wake(struct index_reader *r)
{
    return r->active ? 0 : index_reader_renew(r);
}

int index_reader_txn(struct index_reader *r, const struct index **ix,
                     MDB_txn **txn)
{
    int rc = index_reader_wake(r);

    *ix = r->ix;
    *txn = rc == 0 ? r->txn : NULL;
    return rc;
}

int index_reader_new(struct index *ix, struct index_reader **out)
{
    struct index_reader *r = mem_alloc(sizeof *r);
    int rc;

    *out = NULL;
    if (!r)
        return err_set(E_NOMEM, "index cache %s: reader", ix->path);
    r->ix = ix;
    buf_init(&r->scratch, INDEX_MARK_KEY_MAX + INDEX_MARK_VALUE_MAX);
    rc = index_reader_renew(r);
    if (rc < 0) {
        index_reader_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void index_reader_free(struct index_reader *r)
{
    if (!r)
        return;
    if (r->txn)
        mdb_txn_abort(r->txn);
    buf_release(&r->scratch);
    free(r);
}

static int index_reader_value(struct index_reader *r, const struct chunk_id *id,
                              struct bytes *value, size_t *n)
{
    bool found;
    int rc = index_reader_wake(r);

    *n = 0;
    if (rc < 0)
        return rc;
    rc = index_lmdb_get(r->ix, r->txn, r->ix->chunks,
                        bytes_of(id->b, sizeof id->b), value, &found);
    if (rc < 0 || !found)
        return rc;
    *n = index_record_loc_n(*value);
    if (*n == 0)
        return err_set(E_CORRUPT, "index cache %s: %zu bytes of locations",
                       r->ix->path, value->n);
    return 0;
}

static int index_reader_suspect_key(struct index_reader *r,
                                    const struct chunk_id *id, uint32_t pack,
                                    bool *found)
{
    struct index_record_suspect key = index_record_suspect(id, pack);
    struct bytes value;

    return index_lmdb_get(r->ix, r->txn, r->ix->suspects,
                          bytes_of(key.b, sizeof key.b), &value, found);
}

int index_reader_suspect(struct index_reader *r, const struct chunk_id *id,
                         uint32_t pack, bool *suspect)
{
    int rc = index_reader_wake(r);

    *suspect = false;
    if (rc < 0 || !r->suspects)
        return rc;
    rc = index_reader_suspect_key(r, id, pack, suspect);
    if (rc == 0 && !*suspect)
        rc = index_reader_suspect_key(r, id, INDEX_EVERY_PACK, suspect);
    return rc;
}

/* 0: not for this purpose; else the higher the better. */
static int index_reader_rank(struct index_reader *r, const struct chunk_id *id,
                             const struct index_loc *loc,
                             enum index_purpose purpose, int *rank)
{
    struct index_pack pack;
    bool suspect;
    int rc = index_lmdb_pack(r->ix, r->txn, loc->pack, &pack);

    *rank = 0;
    if (rc < 0 || pack.state == INDEX_DOOMED)
        return rc;
    if (purpose == INDEX_DEDUP &&
        (pack.state != INDEX_LIVE || !pack.trusted || pack.gone))
        return 0;
    rc = index_reader_suspect(r, id, loc->pack, &suspect);
    if (rc < 0 || (suspect && purpose == INDEX_DEDUP))
        return rc;
    *rank = 1 + (pack.trusted && !pack.gone) + 2 * (pack.state == INDEX_LIVE) +
            4 * !suspect;
    return 0;
}

int index_reader_find(struct index_reader *r, const struct chunk_id *id,
                      enum index_purpose purpose, struct index_loc *loc,
                      bool *found)
{
    struct bytes value = {NULL, 0};
    size_t n;
    int best = 0;
    int rc = index_reader_value(r, id, &value, &n);

    *found = false;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct index_loc one;
        int rank = 0;

        rc = index_lmdb_loc(r->ix, id, value, i, &one);
        if (rc == 0)
            rc = index_reader_rank(r, id, &one, purpose, &rank);
        if (rc == 0 && rank > best) {
            best = rank;
            *loc = one;
        }
    }
    *found = rc == 0 && best > 0;
    return rc;
}

/* Location i of a value, unless its pack is doomed. */
static int index_reader_undoomed(struct index_reader *r,
                                 const struct chunk_id *id, struct bytes value,
                                 size_t i, struct index_loc *loc, bool *ok)
{
    struct index_pack pack;
    int rc = index_lmdb_loc(r->ix, id, value, i, loc);

    *ok = false;
    if (rc == 0)
        rc = index_lmdb_pack(r->ix, r->txn, loc->pack, &pack);
    if (rc == 0)
        *ok = pack.state != INDEX_DOOMED;
    return rc;
}

int index_reader_locations(struct index_reader *r, const struct chunk_id *id,
                           struct index_loc *out, size_t cap, size_t *n)
{
    struct bytes value = {NULL, 0};
    size_t stored;
    int rc = index_reader_value(r, id, &value, &stored);

    *n = 0;
    for (size_t i = 0; rc == 0 && i < stored; i++) {
        struct index_loc one;
        bool ok;

        rc = index_reader_undoomed(r, id, value, i, &one, &ok);
        if (rc == 0 && ok) {
            if (*n < cap)
                out[*n] = one;
            (*n)++;
        }
    }
    return rc;
}

int index_reader_pack(struct index_reader *r, uint32_t no,
                      struct index_pack *out, bool *found)
{
    struct index_record_no key = index_record_no(no);
    struct bytes value;
    int rc = index_reader_wake(r);

    *found = false;
    if (rc < 0)
        return rc;
    rc = index_lmdb_get(r->ix, r->txn, r->ix->packs,
                        bytes_of(key.b, sizeof key.b), &value, found);
    if (rc < 0 || !*found)
        return rc;
    return index_record_get_pack(value, &r->ix->key, no, out);
}

int index_reader_pack_by_id(struct index_reader *r, const struct object_id *id,
                            struct index_pack *out, bool *found)
{
    int rc = index_reader_wake(r);

    *found = false;
    if (rc < 0)
        return rc;
    return index_lmdb_pack_by_id(r->ix, r->txn, id, out, found);
}

static int index_reader_cursor(struct index_reader *r, MDB_dbi dbi,
                               MDB_cursor **cursor)
{
    int rc = index_reader_wake(r);

    *cursor = NULL;
    if (rc < 0)
        return rc;
    rc = mdb_cursor_open(r->txn, dbi, cursor);
    return rc == 0 ? 0 : index_lmdb_error(r->ix, rc, "read");
}

/* A cursor step. end: there is nothing more. */
static int index_reader_step(struct index_reader *r, MDB_cursor *cursor,
                             MDB_cursor_op op, struct bytes *key,
                             struct bytes *value, bool *end)
{
    MDB_val k = index_lmdb_val(*key);
    MDB_val v;
    int rc = mdb_cursor_get(cursor, &k, &v, op);

    *end = rc == MDB_NOTFOUND;
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return index_lmdb_error(r->ix, rc, "read");
    *key = index_lmdb_bytes(k);
    *value = index_lmdb_bytes(v);
    return 0;
}

int index_reader_packs(struct index_reader *r, uint32_t *next,
                       struct index_pack *out, size_t cap, size_t *n)
{
    struct index_record_no from = index_record_no(*next);
    struct bytes key = bytes_of(from.b, sizeof from.b);
    struct bytes value;
    MDB_cursor *cursor;
    MDB_cursor_op op = MDB_SET_RANGE;
    bool end = false;
    int rc = index_reader_cursor(r, r->ix->packs, &cursor);

    *n = 0;
    while (rc == 0 && *n < cap && *next != INDEX_NO_PACK) {
        uint32_t no;

        rc = index_reader_step(r, cursor, op, &key, &value, &end);
        if (rc < 0 || end)
            break;
        rc = index_record_get_no(key, &no);
        if (rc == 0)
            rc = index_record_get_pack(value, &r->ix->key, no, &out[*n]);
        if (rc < 0)
            break;
        (*n)++;
        *next = no + 1;
        op = MDB_NEXT;
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return rc;
}

/* The locations of one chunk from place->skip on. full: out had no room for
 * the rest of them. */
static int index_reader_unfold(struct index_reader *r, struct bytes value,
                               struct index_place *place,
                               struct index_chunk *out, size_t cap, size_t *n,
                               bool *full)
{
    size_t stored = index_record_loc_n(value);

    *full = false;
    if (stored == 0)
        return err_set(E_CORRUPT, "index cache %s: %zu bytes of locations",
                       r->ix->path, value.n);
    while (place->skip < stored) {
        bool ok;
        int rc;

        if (*n == cap) {
            *full = true;
            return 0;
        }
        rc = index_reader_undoomed(r, &place->id, value, place->skip,
                                   &out[*n].loc, &ok);
        if (rc < 0)
            return rc;
        out[*n].id = place->id;
        *n += ok;
        place->skip++;
    }
    return 0;
}

int index_reader_chunks(struct index_reader *r, struct index_place *place,
                        struct index_chunk *out, size_t cap, size_t *n)
{
    struct chunk_id from = place->id;
    struct bytes key = bytes_of(from.b, sizeof from.b);
    struct bytes value;
    MDB_cursor *cursor;
    MDB_cursor_op op = place->started ? MDB_SET_RANGE : MDB_FIRST;
    bool end = false;
    bool full = false;
    int rc = index_reader_cursor(r, r->ix->chunks, &cursor);

    *n = 0;
    while (rc == 0 && !full) {
        rc = index_reader_step(r, cursor, op, &key, &value, &end);
        if (rc < 0 || end)
            break;
        if (key.n != sizeof place->id.b) {
            rc = err_set(E_CORRUPT, "index cache %s: chunk id of %zu bytes",
                         r->ix->path, key.n);
            break;
        }
        if (!place->started || memcmp(place->id.b, key.p, key.n) != 0)
            place->skip = 0;
        place->started = true;
        memcpy(place->id.b, key.p, key.n);
        rc = index_reader_unfold(r, value, place, out, cap, n, &full);
        op = MDB_NEXT;
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return rc;
}

static int index_reader_mark_value(struct index_reader *r, struct bytes key,
                                   struct bytes stored, struct buf *value)
{
    struct bytes content;
    int rc =
        index_record_get_mark(stored, &r->ix->key, key, &r->scratch, &content);

    if (rc < 0)
        return rc;
    buf_reset(value);
    buf_add_bytes(value, content);
    return buf_status(value);
}

int index_reader_mark(struct index_reader *r, struct bytes key,
                      struct buf *value, bool *found)
{
    struct bytes stored;
    int rc = index_reader_wake(r);

    *found = false;
    buf_reset(value);
    if (rc < 0)
        return rc;
    if (key.n == 0 || key.n > INDEX_MARK_KEY_MAX)
        return 0;
    rc = index_lmdb_get(r->ix, r->txn, r->ix->marks, key, &stored, found);
    if (rc < 0 || !*found)
        return rc;
    return index_reader_mark_value(r, key, stored, value);
}

int index_reader_next_mark(struct index_reader *r, struct buf *key,
                           struct buf *value, bool *found)
{
    struct bytes k = buf_bytes(key);
    struct bytes stored;
    MDB_cursor *cursor;
    bool end = false;
    int rc = index_reader_cursor(r, r->ix->marks, &cursor);

    *found = false;
    if (rc < 0)
        return rc;
    rc = index_reader_step(r, cursor, k.n ? MDB_SET_RANGE : MDB_FIRST, &k,
                           &stored, &end);
    if (rc == 0 && !end && bytes_equal(k, buf_bytes(key)))
        rc = index_reader_step(r, cursor, MDB_NEXT, &k, &stored, &end);
    if (rc == 0 && !end) {
        buf_reset(key);
        buf_add_bytes(key, k);
        rc = buf_status(key);
        if (rc == 0)
            rc = index_reader_mark_value(r, k, stored, value);
        *found = rc == 0;
    }
    mdb_cursor_close(cursor);
    return rc;
}

static int index_reader_entries(struct index_reader *r, MDB_dbi dbi,
                                struct index_stats *out, uint64_t *n)
{
    MDB_stat st;
    int rc = mdb_stat(r->txn, dbi, &st);

    if (rc != 0)
        return index_lmdb_error(r->ix, rc, "statistics");
    *n = st.ms_entries;
    out->used_bytes +=
        (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) *
        (uint64_t)st.ms_psize;
    return 0;
}

int index_reader_any_suspect(struct index_reader *r, bool *any)
{
    struct index_stats stats = {.used_bytes = 0};
    int rc = index_reader_wake(r);

    if (rc == 0)
        rc = index_reader_entries(r, r->ix->suspects, &stats, &stats.suspect_n);
    *any = rc == 0 && stats.suspect_n > 0;
    return rc;
}

int index_reader_stats(struct index_reader *r, struct index_stats *out)
{
    int rc = index_reader_wake(r);

    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = index_reader_entries(r, r->ix->chunks, out, &out->chunk_n);
    if (rc == 0)
        rc = index_reader_entries(r, r->ix->packs, out, &out->pack_n);
    if (rc == 0)
        rc = index_reader_entries(r, r->ix->pack_ids, out, &out->named_n);
    if (rc == 0 && out->named_n > out->pack_n)
        rc = err_set(E_CORRUPT, "index cache %s: %llu pack ids, %llu packs",
                     r->ix->path, (unsigned long long)out->named_n,
                     (unsigned long long)out->pack_n);
    if (rc == 0)
        rc = index_reader_entries(r, r->ix->suspects, out, &out->suspect_n);
    if (rc == 0)
        rc = index_reader_entries(r, r->ix->marks, out, &out->mark_n);
    if (rc == 0)
        rc = index_lmdb_size(r->ix, &out->file_bytes);
    return rc;
}
