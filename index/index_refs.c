#include "index/index_refs.h"

#include <stdlib.h>

#include "index/index_reader.h"
#include "index/index_record.h"
#include "index/index_refs_load.h"

uint64_t index_refs_share(const struct index_loc *loc)
{
    if (loc->frame_raw == 0)
        return 0;
    return ((uint64_t)loc->bytes * loc->frame_stored + loc->frame_raw - 1) /
           loc->frame_raw;
}

/* ---- reading ------------------------------------------------------------ */

static int index_refs_find(const struct index *ix, MDB_txn *txn,
                           const struct chunk_id *id, struct index_ref *out)
{
    struct bytes value;
    bool found;
    int rc = index_lmdb_get(ix, txn, ix->refs, bytes_of(id->b, sizeof id->b),
                            &value, &found);

    *out = (struct index_ref){.home = INDEX_NO_PACK};
    return rc == 0 && found ? index_record_get_ref(value, &ix->key, id, out)
                            : rc;
}

static int index_refs_find_use(const struct index *ix, MDB_txn *txn,
                               uint32_t pack, struct index_use *out)
{
    struct index_record_no key = index_record_no(pack);
    struct bytes value;
    bool found;
    int rc = index_lmdb_get(ix, txn, ix->uses, bytes_of(key.b, sizeof key.b),
                            &value, &found);

    *out = (struct index_use){.chunk_n = 0};
    return rc == 0 && found ? index_record_get_use(value, &ix->key, pack, out)
                            : rc;
}

int index_refs_get(struct index_reader *r, const struct chunk_id *id,
                   struct index_ref *out)
{
    const struct index *ix;
    MDB_txn *txn;
    int rc = index_reader_txn(r, &ix, &txn);

    return rc < 0 ? rc : index_refs_find(ix, txn, id, out);
}

int index_refs_use(struct index_reader *r, uint32_t pack, struct index_use *out)
{
    const struct index *ix;
    MDB_txn *txn;
    int rc = index_reader_txn(r, &ix, &txn);

    return rc < 0 ? rc : index_refs_find_use(ix, txn, pack, out);
}

/* ---- the places of a chunk ---------------------------------------------- */

/* Its places in packs that are not doomed, in u->loc. */
static int index_refs_places(struct index_update *u, const struct chunk_id *id,
                             size_t *n)
{
    struct bytes value;
    bool found;
    int rc = index_lmdb_get(u->ix, u->txn, u->ix->chunks,
                            bytes_of(id->b, sizeof id->b), &value, &found);

    *n = 0;
    return rc == 0 && found ? index_update_load(u, id, value, n) : rc;
}

/* How good a place is for a chunk to be at home in: first of all it must last,
 * as far as the index can tell. */
static int index_refs_rank(struct index_update *u, const struct chunk_id *id,
                           uint32_t no, int *rank)
{
    static const struct writer_id unlisted = {{0}};
    struct index_record_suspect key = index_record_suspect(id, no);
    struct index_pack pack;
    struct bytes value;
    bool suspect = false;
    int rc = index_lmdb_pack(u->ix, u->txn, no, &pack);

    if (rc == 0)
        rc = index_lmdb_get(u->ix, u->txn, u->ix->suspects,
                            bytes_of(key.b, sizeof key.b), &value, &suspect);
    if (rc < 0)
        return rc;
    *rank = 1 + (pack.state == INDEX_LIVE) + 2 * pack.trusted;
    if (memcmp(pack.writer.b, unlisted.b, sizeof unlisted.b) != 0)
        *rank += 16;
    *rank += 8 * !pack.gone + 4 * !suspect;
    return 0;
}

/* Where a chunk is at home that was not yet, of the first n in u->loc; NULL: it
 * has no place. */
static int index_refs_home(struct index_update *u, const struct chunk_id *id,
                           size_t n, const struct index_loc **home)
{
    int best = 0;

    *home = NULL;
    for (size_t i = 0; i < n; i++) {
        int rank;
        int rc = index_refs_rank(u, id, u->loc[i].pack, &rank);

        if (rc < 0)
            return rc;
        if (rank > best) {
            best = rank;
            *home = &u->loc[i];
        }
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------ */

static int index_refs_write(struct index_update *u, const struct chunk_id *id,
                            const struct index_ref *ref)
{
    struct bytes key = bytes_of(id->b, sizeof id->b);
    int rc;

    if (ref->count == 0)
        return index_update_del(u, u->ix->refs, key);
    buf_reset(&u->scratch);
    index_record_put_ref(&u->scratch, &u->ix->key, id, ref);
    rc = buf_status(&u->scratch);
    return rc < 0
               ? rc
               : index_update_put(u, u->ix->refs, key, buf_bytes(&u->scratch));
}

static int index_refs_write_use(struct index_update *u, uint32_t pack,
                                const struct index_use *use)
{
    struct index_record_no key = index_record_no(pack);
    int rc;

    buf_reset(&u->scratch);
    index_record_put_use(&u->scratch, &u->ix->key, pack, use);
    rc = buf_status(&u->scratch);
    return rc < 0
               ? rc
               : index_update_put(u, u->ix->uses, bytes_of(key.b, sizeof key.b),
                                  buf_bytes(&u->scratch));
}

/* A chunk with a place there comes to be at home in a pack, or no longer is. */
static int index_refs_count_use(struct index_update *u,
                                const struct index_loc *loc, bool come)
{
    uint64_t share = index_refs_share(loc);
    struct index_use use;
    int rc = index_refs_find_use(u->ix, u->txn, loc->pack, &use);

    if (rc < 0)
        return rc;
    if (come) {
        use.chunk_n++;
        use.bytes += share;
    } else {
        use.chunk_n -= use.chunk_n > 0;
        use.bytes -= use.bytes < share ? use.bytes : share;
    }
    return index_refs_write_use(u, loc->pack, &use);
}

/* Takes a chunk, whose n places are in u->loc, out of its home. A doomed one
 * is used by nobody, whatever stands there. */
static int index_refs_leave(struct index_update *u, size_t n, uint32_t home)
{
    for (size_t i = 0; i < n; i++) {
        if (u->loc[i].pack == home)
            return index_refs_count_use(u, &u->loc[i], false);
    }
    return 0;
}

static int index_refs_arrive(struct index_update *u, const struct chunk_id *id,
                             size_t n, struct index_ref *ref)
{
    const struct index_loc *home;
    int rc = index_refs_home(u, id, n, &home);

    ref->home = home ? home->pack : INDEX_NO_PACK;
    return rc == 0 && home ? index_refs_count_use(u, home, true) : rc;
}

static int index_refs_move_one(struct index_update *u,
                               const struct index_refs_move *m)
{
    struct index_ref ref;
    bool was;
    int64_t now, nodes;
    size_t n = 0;
    int rc = index_refs_find(u->ix, u->txn, &m->id, &ref);

    if (rc < 0 || (m->by == 0 && m->by_nodes == 0))
        return rc;
    was = ref.count > 0;
    now = (int64_t)ref.count + m->by;
    nodes = (int64_t)ref.nodes + m->by_nodes;
    if (now < 0 || now > INDEX_REFS_MAX || nodes < 0 || nodes > now)
        return err_set(E_REFUSED, "index cache %s: references do not add up",
                       u->ix->path);
    ref.count = (uint32_t)now;
    ref.nodes = (uint32_t)nodes;
    if (was != (now > 0)) {
        rc = index_refs_places(u, &m->id, &n);
        if (rc == 0)
            rc = was ? index_refs_leave(u, n, ref.home)
                     : index_refs_arrive(u, &m->id, n, &ref);
    }
    return rc < 0 ? rc : index_refs_write(u, &m->id, &ref);
}

static int index_refs_move_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct chunk_id));
}

int index_refs_move(struct index_update *u, struct index_refs_move *m, size_t n)
{
    int rc = index_update_alive(u);

    if (rc == 0 && n > 0)
        qsort(m, n, sizeof *m, index_refs_move_order);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = index_refs_move_one(u, &m[i]);
    return index_update_fail(u, rc);
}

int index_refs_settle_in(struct index_update *u, const struct chunk_id *id,
                         uint32_t pack)
{
    struct index_ref ref = {.count = 0};
    size_t n = 0;
    int rc = index_update_alive(u);

    if (rc == 0)
        rc = index_refs_find(u->ix, u->txn, id, &ref);
    if (rc < 0 || ref.count == 0 || ref.home == pack)
        return index_update_fail(u, rc);
    rc = index_refs_places(u, id, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (u->loc[i].pack != pack)
            continue;
        rc = index_refs_leave(u, n, ref.home);
        if (rc == 0)
            rc = index_refs_count_use(u, &u->loc[i], true);
        ref.home = pack;
        if (rc == 0)
            rc = index_refs_write(u, id, &ref);
        break;
    }
    return index_update_fail(u, rc);
}

int index_refs_clear(struct index_update *u)
{
    int rc = index_update_alive(u);
    int code = 0;

    if (rc < 0)
        return rc;
    code = mdb_drop(u->txn, u->ix->refs, 0);
    if (code == 0)
        code = mdb_drop(u->txn, u->ix->uses, 0);
    if (code != 0)
        rc = index_lmdb_error(u->ix, code, "clear the references");
    return index_update_fail(u, rc);
}

int index_refs_append(struct index_update *u, MDB_cursor *cursor,
                      const struct chunk_id *id, const struct index_ref *counts,
                      struct index_refs_uses *uses)
{
    struct index_ref ref = {
        .count = counts->count, .nodes = counts->nodes, .home = INDEX_NO_PACK};
    MDB_val key = index_lmdb_val(bytes_of(id->b, sizeof id->b));
    const struct index_loc *home = NULL;
    MDB_val value;
    size_t n = 0;
    int rc = index_refs_places(u, id, &n);

    if (rc == 0)
        rc = index_refs_home(u, id, n, &home);
    if (rc == 0 && home && home->pack < uses->n) {
        ref.home = home->pack;
        uses->use[home->pack].chunk_n++;
        uses->use[home->pack].bytes += index_refs_share(home);
    }
    if (rc < 0)
        return rc;
    buf_reset(&u->scratch);
    index_record_put_ref(&u->scratch, &u->ix->key, id, &ref);
    rc = buf_status(&u->scratch);
    if (rc < 0)
        return rc;
    value = index_lmdb_val(buf_bytes(&u->scratch));
    rc = mdb_cursor_put(cursor, &key, &value, MDB_APPEND);
    return rc == 0 ? 0 : index_lmdb_error(u->ix, rc, "append");
}

int index_refs_put_uses(struct index_update *u,
                        const struct index_refs_uses *uses)
{
    int rc = 0;

    for (uint32_t i = 0; i < uses->n && rc == 0; i++) {
        if (uses->use[i].chunk_n > 0)
            rc = index_refs_write_use(u, i, &uses->use[i]);
    }
    return rc;
}
