#include "index/index_update.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "index/index_lock.h"
#include "index/index_record.h"
#include "index/index_runs.h"
#include "index/index_sort.h"

/* One update at a time: in this process by the flag, among processes by the
 * lock; both with one time limit. */
static int index_update_lock(struct index *ix, uint32_t wait_ms, bool *locked)
{
    const int64_t ms = CLOCK_SECOND_NS / 1000;
    int64_t start = clock_monotonic_ns();
    int64_t left;
    bool idle = false;
    int rc;

    *locked = false;
    while (!atomic_compare_exchange_strong(&ix->updating, &idle, true)) {
        if (!index_lock_wait(start, wait_ms))
            return err_set(E_BUSY, "index cache %s: updated by another thread",
                           ix->path);
        idle = false;
    }
    if (ix->lock_fd < 0)
        return 0;
    left = wait_ms - (clock_monotonic_ns() - start) / ms;
    rc = index_lock_take(ix->lock_fd, INDEX_LOCK_UPDATE,
                         left > 0 ? (uint32_t)left : 0, ix->path);
    *locked = rc == 0;
    if (rc < 0)
        atomic_store(&ix->updating, false);
    return rc;
}

static int index_update_last_no(struct index_update *u)
{
    MDB_cursor *cursor;
    MDB_val key = {0, NULL};
    MDB_val value = {0, NULL};
    uint32_t no;
    int rc = mdb_cursor_open(u->txn, u->ix->packs, &cursor);

    u->next_no = 0;
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
        mdb_cursor_close(cursor);
    }
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return index_lmdb_error(u->ix, rc, "begin an update");
    rc = index_record_get_no(index_lmdb_bytes(key), &no);
    if (rc == 0)
        u->next_no = no + 1;
    return rc;
}

static int index_update_start(struct index_update *u)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    bool replaced = u->ix->lock_fd >= 0 && index_lmdb_replaced(u->ix);
    int rc;

    (void)fileop_enter(was);
    if (replaced)
        return err_set(E_LATER,
                       "index cache %s: replaced by another process; open it "
                       "again",
                       u->ix->path);
    rc = mdb_txn_begin(u->ix->env, NULL, 0, &u->txn);
    if (rc != 0)
        return index_lmdb_error(u->ix, rc, "begin an update");
    return index_update_last_no(u);
}

int index_update_begin(struct index *ix, uint32_t wait_ms,
                       struct index_update **out)
{
    struct index_update *u;
    int rc = index_lmdb_forked(ix);

    *out = NULL;
    if (rc < 0)
        return rc;
    u = mem_alloc(sizeof *u);
    if (!u)
        return err_set(E_NOMEM, "index cache %s: update", ix->path);
    buf_init(&u->scratch, SIZE_MAX / 2);
    rc = index_update_lock(ix, wait_ms, &u->locked);
    if (rc < 0) {
        free(u);
        return rc;
    }
    u->ix = ix;
    rc = index_update_start(u);
    if (rc < 0) {
        index_update_abort(u);
        return rc;
    }
    *out = u;
    return 0;
}

static void index_update_end(struct index_update *u)
{
    struct index *ix = u->ix;

    if (u->locked)
        index_lock_drop(ix->lock_fd, INDEX_LOCK_UPDATE);
    buf_release(&u->scratch);
    free(u->loc);
    free(u);
    atomic_store(&ix->updating, false);
}

void index_update_abort(struct index_update *u)
{
    if (!u)
        return;
    if (u->txn)
        mdb_txn_abort(u->txn);
    index_update_end(u);
}

int index_update_commit(struct index_update *u)
{
    struct index *ix = u->ix;
    enum fileop_domain was;
    int rc = u->dead;

    if (rc < 0) {
        index_update_abort(u);
        return rc;
    }
    was = fileop_enter(FILEOP_CACHE);
    rc = index_lmdb_commit(ix, u->txn);
    u->txn = NULL;
    if (rc == 0)
        err_ignore(index_lmdb_extend(ix),
                   "the update is durable; a file too short is filled again");
    (void)fileop_enter(was);
    index_update_end(u);
    return rc;
}

int index_update_turn(struct index_update *u)
{
    int rc = index_lmdb_commit(u->ix, u->txn);

    u->txn = NULL;
    if (rc < 0)
        return rc;
    rc = mdb_txn_begin(u->ix->env, NULL, 0, &u->txn);
    return rc == 0 ? 0 : index_lmdb_error(u->ix, rc, "go on");
}

int index_update_fail(struct index_update *u, int rc)
{
    if (rc < 0)
        u->dead = rc;
    return rc;
}

int index_update_alive(const struct index_update *u)
{
    if (u->dead == 0)
        return 0;
    return err_set(u->dead, "index cache %s: this update failed before",
                   u->ix->path);
}

int index_update_put(struct index_update *u, MDB_dbi dbi, struct bytes key,
                     struct bytes value)
{
    MDB_val k = index_lmdb_val(key);
    MDB_val v = index_lmdb_val(value);
    int rc = mdb_put(u->txn, dbi, &k, &v, 0);

    return rc == 0 ? 0 : index_lmdb_error(u->ix, rc, "write");
}

int index_update_del(struct index_update *u, MDB_dbi dbi, struct bytes key)
{
    MDB_val k = index_lmdb_val(key);
    int rc = mdb_del(u->txn, dbi, &k, NULL);

    if (rc == 0 || rc == MDB_NOTFOUND)
        return 0;
    return index_lmdb_error(u->ix, rc, "delete");
}

/* ---- packs ---- */

static int index_update_write_pack(struct index_update *u,
                                   const struct index_pack *pack)
{
    struct index_record_no key = index_record_no(pack->no);
    int rc;

    buf_reset(&u->scratch);
    index_record_put_pack(&u->scratch, &u->ix->key, pack);
    rc = buf_status(&u->scratch);
    if (rc == 0)
        rc = index_update_put(u, u->ix->packs, bytes_of(key.b, sizeof key.b),
                              buf_bytes(&u->scratch));
    return rc;
}

static int index_update_new_pack(struct index_update *u,
                                 const struct index_pack *pack)
{
    int rc = index_update_write_pack(u, pack);

    if (rc < 0)
        return rc;
    buf_reset(&u->scratch);
    index_record_put_number(&u->scratch, &u->ix->key, &pack->id, pack->no);
    rc = buf_status(&u->scratch);
    if (rc == 0)
        rc = index_update_put(u, u->ix->pack_ids,
                              bytes_of(pack->id.b, sizeof pack->id.b),
                              buf_bytes(&u->scratch));
    if (rc == 0)
        u->next_no++;
    return rc;
}

int index_update_put_pack(struct index_update *u, const struct index_pack *pack,
                          uint32_t *no)
{
    struct index_pack known;
    struct index_pack put = *pack;
    bool found;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    rc = index_lmdb_pack_by_id(u->ix, u->txn, &pack->id, &known, &found);
    if (rc == 0 && found) {
        put.no = known.no;
        put.state = known.state;
        put.condemned_by = known.condemned_by;
        rc = index_update_write_pack(u, &put);
    } else if (rc == 0 && u->next_no == INDEX_NO_PACK) {
        rc = err_set(E_LIMIT, "index cache %s: too many packs", u->ix->path);
    } else if (rc == 0) {
        put.no = u->next_no;
        rc = index_update_new_pack(u, &put);
    }
    *no = put.no;
    return index_update_fail(u, rc);
}

int index_update_find_pack(struct index_update *u, const struct object_id *id,
                           struct index_pack *out, bool *found)
{
    int rc = index_update_alive(u);

    *found = false;
    if (rc < 0)
        return rc;
    return index_update_fail(
        u, index_lmdb_pack_by_id(u->ix, u->txn, id, out, found));
}

int index_update_set_state(struct index_update *u, uint32_t no,
                           enum index_state state, uint64_t log)
{
    struct index_pack pack;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    rc = index_lmdb_pack(u->ix, u->txn, no, &pack);
    if (rc < 0)
        return index_update_fail(u, rc);
    if (pack.state == INDEX_DOOMED && state != INDEX_DOOMED)
        return err_set(E_REFUSED, "index cache %s: a doomed pack stays doomed",
                       u->ix->path);
    pack.state = state;
    if (state == INDEX_CONDEMNED)
        pack.condemned_by = log;
    else if (state == INDEX_LIVE)
        pack.condemned_by = 0;
    return index_update_fail(u, index_update_write_pack(u, &pack));
}

int index_update_set_trusted(struct index_update *u, uint32_t no, bool trusted)
{
    struct index_pack pack;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    rc = index_lmdb_pack(u->ix, u->txn, no, &pack);
    if (rc == 0 && pack.trusted != trusted) {
        pack.trusted = trusted;
        rc = index_update_write_pack(u, &pack);
    }
    return index_update_fail(u, rc);
}

int index_update_set_gone(struct index_update *u, uint32_t no, bool gone)
{
    struct index_pack pack;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    rc = index_lmdb_pack(u->ix, u->txn, no, &pack);
    if (rc == 0 && pack.gone != gone) {
        pack.gone = gone;
        rc = index_update_write_pack(u, &pack);
    }
    return index_update_fail(u, rc);
}

int index_update_retract(struct index_update *u, uint32_t no)
{
    struct index_pack pack;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    rc = index_lmdb_pack(u->ix, u->txn, no, &pack);
    if (rc == 0)
        rc = index_update_del(u, u->ix->pack_ids,
                              bytes_of(pack.id.b, sizeof pack.id.b));
    if (rc == 0) {
        pack = (struct index_pack){
            .no = no, .kind = pack.kind, .state = INDEX_DOOMED};
        rc = index_update_write_pack(u, &pack);
    }
    return index_update_fail(u, rc);
}

/* ---- chunks ---- */

int index_update_room(struct index_update *u, size_t n)
{
    struct index_loc *grown;

    if (n <= u->loc_cap)
        return 0;
    n = n < 16 ? 16 : n + n / 2;
    grown = mem_array(n, sizeof *grown);
    if (!grown)
        return err_set(E_NOMEM, "index cache %s: locations", u->ix->path);
    if (u->loc)
        memcpy(grown, u->loc, u->loc_cap * sizeof *grown);
    free(u->loc);
    u->loc = grown;
    u->loc_cap = n;
    return 0;
}

int index_update_load(struct index_update *u, const struct chunk_id *id,
                      struct bytes value, size_t *n)
{
    size_t stored = index_record_loc_n(value);
    int rc;

    if (stored == 0)
        return err_set(E_CORRUPT, "index cache %s: %zu bytes of locations",
                       u->ix->path, value.n);
    rc = index_update_room(u, *n + stored);
    for (size_t i = 0; rc == 0 && i < stored; i++) {
        struct index_pack pack;

        rc = index_lmdb_loc(u->ix, id, value, i, &u->loc[*n]);
        if (rc == 0)
            rc = index_lmdb_pack(u->ix, u->txn, u->loc[*n].pack, &pack);
        if (rc == 0)
            *n += pack.state != INDEX_DOOMED;
    }
    return rc;
}

int index_update_value(struct index_update *u, const struct chunk_id *id,
                       size_t n)
{
    buf_reset(&u->scratch);
    for (size_t i = 0; i < n; i++)
        index_record_put_loc(&u->scratch, &u->ix->key, id, &u->loc[i]);
    return buf_status(&u->scratch);
}

/* The chunk is there already: join both and write when that is news. */
static int index_update_merge(struct index_update *u, const struct chunk_id *id,
                              struct bytes old, size_t n)
{
    int rc = index_update_load(u, id, old, &n);

    if (rc < 0)
        return rc;
    rc = index_update_value(u, id, index_sort_locs(u->loc, n));
    if (rc < 0 || bytes_equal(old, buf_bytes(&u->scratch)))
        return rc;
    return index_update_put(u, u->ix->chunks, bytes_of(id->b, sizeof id->b),
                            buf_bytes(&u->scratch));
}

/* n references to one chunk, sorted: the new ones of its locations. */
static int index_update_put_one(struct index_update *u, MDB_cursor *cursor,
                                const struct index_sort_ref *ref, size_t n)
{
    const struct chunk_id *id = &ref->chunk->id;
    MDB_val key = index_lmdb_val(bytes_of(id->b, sizeof id->b));
    MDB_val value = {0, NULL};
    int rc = index_update_room(u, n);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        u->loc[i] = ref[i].chunk->loc;
    n = index_sort_locs(u->loc, n);
    rc = index_update_value(u, id, n);
    if (rc < 0)
        return rc;
    value = index_lmdb_val(buf_bytes(&u->scratch));
    rc = mdb_cursor_put(cursor, &key, &value, MDB_NOOVERWRITE);
    if (rc == MDB_KEYEXIST)
        return index_update_merge(u, id, index_lmdb_bytes(value), n);
    return rc == 0 ? 0 : index_lmdb_error(u->ix, rc, "write");
}

/* Chunks mostly come pack by pack: the last pack's answer is remembered. */
int index_update_refs(struct index_update *u, const struct index_chunk *c,
                      size_t n, struct index_sort_ref *ref, size_t *ref_n)
{
    struct index_pack pack = {.no = INDEX_NO_PACK};

    *ref_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (c[i].loc.pack != pack.no || i == 0) {
            int rc;

            if (c[i].loc.pack >= u->next_no)
                return err_set(E_INTERNAL, "index cache %s: chunk in pack %u",
                               u->ix->path, c[i].loc.pack);
            rc = index_lmdb_pack(u->ix, u->txn, c[i].loc.pack, &pack);
            if (rc < 0)
                return rc;
        }
        if (pack.state != INDEX_DOOMED)
            ref[(*ref_n)++] = index_sort_ref(&c[i]);
    }
    return 0;
}

static int index_update_put_sorted(struct index_update *u,
                                   const struct index_sort_ref *ref, size_t n)
{
    MDB_cursor *cursor;
    size_t same;
    int rc = mdb_cursor_open(u->txn, u->ix->chunks, &cursor);

    if (rc != 0)
        return index_lmdb_error(u->ix, rc, "write");
    for (size_t i = 0; rc == 0 && i < n; i += same) {
        same = 1;
        while (i + same < n &&
               chunk_id_equal(&ref[i].chunk->id, &ref[i + same].chunk->id))
            same++;
        rc = index_update_put_one(u, cursor, ref + i, same);
    }
    mdb_cursor_close(cursor);
    return rc;
}

static int index_update_put_runs(struct index_update *u,
                                 const struct index_sort_ref *ref, size_t n)
{
    enum fileop_domain was = fileop_enter(FILEOP_CACHE);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = index_runs_add(u->runs, ref[i].chunk);
    (void)fileop_enter(was);
    return rc;
}

int index_update_put_chunks(struct index_update *u, const struct index_chunk *c,
                            size_t n)
{
    struct index_sort_ref *ref;
    size_t ref_n;
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    ref = mem_array(n, sizeof *ref);
    if (!ref)
        return index_update_fail(
            u, err_set(E_NOMEM, "index cache %s: %zu chunks", u->ix->path, n));
    rc = index_update_refs(u, c, n, ref, &ref_n);
    if (rc == 0 && u->runs) {
        rc = index_update_put_runs(u, ref, ref_n);
    } else if (rc == 0) {
        index_sort(ref, ref_n);
        rc = index_update_put_sorted(u, ref, ref_n);
    }
    free(ref);
    return index_update_fail(u, rc);
}

/* ---- suspects and marks ---- */

int index_update_put_suspect(struct index_update *u, const struct chunk_id *id,
                             uint32_t pack)
{
    struct index_record_suspect key = index_record_suspect(id, pack);
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    return index_update_fail(u, index_update_put(u, u->ix->suspects,
                                                 bytes_of(key.b, sizeof key.b),
                                                 bytes_of("", 0)));
}

int index_update_drop_suspect(struct index_update *u, const struct chunk_id *id,
                              uint32_t pack)
{
    struct index_record_suspect key = index_record_suspect(id, pack);
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    return index_update_fail(
        u, index_update_del(u, u->ix->suspects, bytes_of(key.b, sizeof key.b)));
}

int index_update_put_mark(struct index_update *u, struct bytes key,
                          struct bytes value)
{
    int rc = index_update_alive(u);

    if (rc < 0)
        return rc;
    if (key.n == 0 || key.n > INDEX_MARK_KEY_MAX ||
        value.n > INDEX_MARK_VALUE_MAX)
        return index_update_fail(
            u, err_set(E_LIMIT, "index cache %s: mark of %zu + %zu bytes",
                       u->ix->path, key.n, value.n));
    index_record_put_mark(&u->scratch, &u->ix->key, key, value);
    rc = buf_status(&u->scratch);
    if (rc == 0)
        rc = index_update_put(u, u->ix->marks, key, buf_bytes(&u->scratch));
    return index_update_fail(u, rc);
}

int index_update_drop_mark(struct index_update *u, struct bytes key)
{
    int rc = index_update_alive(u);

    if (rc < 0 || key.n == 0 || key.n > INDEX_MARK_KEY_MAX)
        return rc;
    return index_update_fail(u, index_update_del(u, u->ix->marks, key));
}
