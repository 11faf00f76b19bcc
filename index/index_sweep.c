/* Taking the locations in doomed packs out of the table of chunks. */
#include "index/index_record.h"
#include "index/index_update.h"

/* Write chunk id back without what lies in doomed packs. */
static int index_sweep_one(struct index_update *u, const struct chunk_id *id,
                           size_t *removed)
{
    struct bytes key = bytes_of(id->b, sizeof id->b);
    struct bytes value;
    size_t n = 0;
    bool found;
    int rc = index_lmdb_get(u->ix, u->txn, u->ix->chunks, key, &value, &found);

    if (rc == 0 && found)
        rc = index_update_load(u, id, value, &n);
    if (rc < 0 || !found || n == index_record_loc_n(value))
        return rc;
    *removed += index_record_loc_n(value) - n;
    if (n == 0)
        return index_update_del(u, u->ix->chunks, key);
    rc = index_update_value(u, id, n);
    if (rc < 0)
        return rc;
    return index_update_put(u, u->ix->chunks, key, buf_bytes(&u->scratch));
}

/* Move place to a chunk, and note its id when a location of it is doomed. */
static int index_sweep_look(struct index_update *u, struct bytes key,
                            struct bytes value, struct index_place *place,
                            struct buf *ids)
{
    size_t n = 0;
    int rc;

    if (key.n != sizeof place->id.b)
        return err_set(E_CORRUPT, "index cache %s: chunk id of %zu bytes",
                       u->ix->path, key.n);
    memcpy(place->id.b, key.p, key.n);
    rc = index_update_load(u, &place->id, value, &n);
    if (rc == 0 && n < index_record_loc_n(value))
        buf_add(ids, place->id.b, sizeof place->id.b);
    return rc;
}

/* Collect the ids of the next max chunks that have a doomed location. Apart
 * from the writing, so that no cursor stands in a tree that changes. */
static int index_sweep_scan(struct index_update *u, struct index_place *place,
                            size_t max, struct buf *ids)
{
    struct chunk_id last = place->id;
    MDB_val key = index_lmdb_val(bytes_of(last.b, sizeof last.b));
    MDB_val value = {0, NULL};
    MDB_cursor *cursor;
    int rc = 0;
    int at = mdb_cursor_open(u->txn, u->ix->chunks, &cursor);

    if (at != 0)
        return index_lmdb_error(u->ix, at, "sweep");
    at = mdb_cursor_get(cursor, &key, &value,
                        place->started ? MDB_SET_RANGE : MDB_FIRST);
    /* the last one that was looked at comes first again: passed over */
    if (at == 0 && place->started &&
        bytes_equal(index_lmdb_bytes(key), bytes_of(last.b, sizeof last.b)))
        at = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    place->started = true;
    while (rc == 0 && at == 0 && max-- > 0) {
        rc = index_sweep_look(u, index_lmdb_bytes(key), index_lmdb_bytes(value),
                              place, ids);
        at = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (rc == 0 && at == MDB_NOTFOUND)
        place->started = false;
    else if (rc == 0 && at != 0)
        rc = index_lmdb_error(u->ix, at, "sweep");
    return rc;
}

int index_sweep(struct index_update *u, struct index_place *place, size_t max,
                size_t *removed)
{
    struct buf ids;
    int rc = index_update_alive(u);

    *removed = 0;
    if (rc < 0)
        return rc;
    buf_init(&ids, SIZE_MAX / 2);
    rc = index_sweep_scan(u, place, max, &ids);
    if (rc == 0)
        rc = buf_status(&ids);
    for (size_t i = 0; rc == 0 && i < ids.n; i += ID_BYTES) {
        struct chunk_id id;

        memcpy(id.b, ids.p + i, sizeof id.b);
        rc = index_sweep_one(u, &id, removed);
    }
    buf_release(&ids);
    return index_update_fail(u, rc);
}
