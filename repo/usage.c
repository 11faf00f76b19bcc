#include "repo/usage.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/random.h"
#include "index/index_refs.h"
#include "repo/closure.h"
#include "repo/fetch.h"
#include "repo/idmap.h"
#include "repo/seen.h"
#include "repo/snapshot_list.h"

enum {
    USAGE_COUNTED = 'c', /* + snapshot: it is in the counts */
    USAGE_WHOLE = 'C',   /* alone: the counts' version, and whether they are
                            whole */
    USAGE_KEY_BYTES = 1 + ID_BYTES,
    USAGE_PENDING_MAX = 200000, /* chunks; more are counted anew */
    USAGE_ALONE_MAX = 4000000,  /* chunks: 200 MB and more */
    USAGE_BATCH = 10000,        /* of them in one transaction */
    USAGE_WAIT_MS = 60000,
    USAGE_TRIES = 5,
    USAGE_ROOTS_BYTES_MAX = 1 << 30,
    USAGE_CACHE_BYTES = 48 << 20
};

static const uint8_t usage_whole_key[] = {USAGE_WHOLE};

/* A change of a chunk's counts. */
struct usage_move {
    struct chunk_id id;
    int32_t by;
    int32_t by_nodes;
    struct index_ref was;
};

/* One attempt. */
struct usage {
    struct repo *r;
    struct cancel *cancel;
    struct index_reader *reader; /* the state that it begins with */
    struct fetch *fetch;
    struct fetch_lane *lane[CLOSURE_SOURCES_MAX];
    struct closure *closure;
    uint64_t version; /* of the counts, random; 0: there are none */
    bool whole;       /* they stand for what they say */
    struct roots counted;
    struct usage_move *move; /* what changes; and ... */
    size_t move_n;
    size_t move_cap;
    size_t move_max;
    struct idmap moved; /* ... its place, by the chunk's id */
    bool too_many;      /* ... for memory */
    struct seen nodes;  /* counting anew: those met */
    struct index_recount *recount;
};

static void usage_end(struct usage *u)
{
    index_recount_free(u->recount);
    closure_free(u->closure);
    for (size_t i = 0; i < CLOSURE_SOURCES_MAX; i++)
        fetch_lane_free(u->lane[i]);
    fetch_free(u->fetch);
    index_reader_free(u->reader);
    roots_release(&u->counted);
    idmap_release(&u->moved);
    free(u->move);
    seen_release(&u->nodes);
}

/* ---- what the counts stand for ------------------------------------------ */

static int usage_read_version(struct index_reader *r, uint64_t *version,
                              bool *whole)
{
    struct buf value;
    struct codec c;
    bool found;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, bytes_of(usage_whole_key, sizeof usage_whole_key),
                           &value, &found);
    codec_init(&c, buf_bytes(&value));
    *version = rc == 0 && found ? codec_u64(&c) : 0;
    *whole = rc == 0 && found && codec_u8(&c) == 1 && !c.failed;
    buf_release(&value);
    return rc;
}

static int usage_counted_of(struct index_reader *r, struct roots *counted)
{
    struct buf key, value;
    bool found = true;
    int rc;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&key, USAGE_COUNTED);
    rc = buf_status(&key);
    while (rc == 0) {
        struct object_id id;

        rc = index_reader_next_mark(r, &key, &value, &found);
        if (rc < 0 || !found || key.p[0] != USAGE_COUNTED)
            break;
        if (key.n != USAGE_KEY_BYTES)
            continue;
        memcpy(id.b, key.p + 1, sizeof id.b);
        rc = roots_add(counted, &id);
    }
    buf_release(&key);
    buf_release(&value);
    return rc;
}

int usage_stands_for(struct index_reader *r, const struct roots *roots,
                     bool *yes)
{
    struct roots counted = {.n = 0};
    uint64_t version;
    int rc = usage_read_version(r, &version, yes);

    if (rc == 0 && *yes)
        rc = usage_counted_of(r, &counted);
    *yes = rc == 0 && *yes && counted.n == roots->n;
    for (size_t i = 0; i < counted.n && *yes; i++)
        *yes = object_id_equal(&counted.id[i], &roots->id[i]);
    roots_release(&counted);
    return rc;
}

static int usage_begin(struct usage *u)
{
    struct node_source source[CLOSURE_SOURCES_MAX];
    size_t n = u->r->threads;
    int rc = index_reader_new(u->r->index, &u->reader);

    if (n > CLOSURE_SOURCES_MAX)
        n = CLOSURE_SOURCES_MAX;

    if (rc == 0)
        rc = usage_read_version(u->reader, &u->version, &u->whole);
    if (rc == 0)
        rc = usage_counted_of(u->reader, &u->counted);
    if (rc == 0)
        rc = fetch_open(u->r->store, u->r->keys, u->r->index, USAGE_CACHE_BYTES,
                        &u->fetch);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = fetch_lane_new(u->fetch, &u->lane[i]);
        source[i] = fetch_node_source(u->lane[i]);
    }
    if (rc < 0)
        return rc;
    u->closure = closure_new(source, n, u->cancel);
    return u->closure ? 0 : err_set(E_NOMEM, "out of memory");
}

/* ---- walking ------------------------------------------------------------- */

static int usage_in_snapshot(int rc, const struct object_id *id)
{
    char hex[ID_HEX_CHARS + 1];

    return err_add(rc, "snapshot %.8s", id_hex(id->b, sizeof id->b, hex));
}

/* Appends the root entry of a snapshot; n: out: its bytes. */
static int usage_root(struct usage *u, const struct object_id *id,
                      struct buf *out, size_t *n)
{
    struct snapshot s;
    int rc = snapshot_list_read(u->r->store, u->r->keys, id, &s);

    if (rc < 0)
        return usage_in_snapshot(rc, id);
    *n = s.manifest.m.root.n;
    buf_add_bytes(out, s.manifest.m.root);
    snapshot_list_drop(&s);
    return buf_status(out);
}

static int usage_walk(struct usage *u, const struct object_id *id, size_t n,
                      closure_visit *visit, void *ctx)
{
    struct bytes *root = mem_array(n, sizeof *root);
    struct buf text;
    size_t from = 0;
    size_t at;
    int rc = root ? 0 : err_set(E_NOMEM, "out of memory for the snapshots");

    buf_init(&text, USAGE_ROOTS_BYTES_MAX);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = usage_root(u, &id[i], &text, &root[i].n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        root[i].p = text.p + from;
        from += root[i].n;
    }
    if (rc == 0) {
        rc = closure_walk(u->closure, root, n, &at, visit, ctx);
        if (rc < 0)
            rc = usage_in_snapshot(rc, &id[at]);
    }
    buf_release(&text);
    free(root);
    return rc;
}

/* A change that is not there yet. */
static int usage_move_new(struct usage *u, const struct chunk_id *id)
{
    int rc;

    if (u->move_n == u->move_max) {
        u->too_many = true;
        return err_set(E_LIMIT, "too much has changed");
    }
    if (!MEM_GROW(u->move, u->move_n, u->move_cap))
        return err_set(E_NOMEM, "out of memory for the references");
    u->move[u->move_n] = (struct usage_move){.id = *id};
    rc = index_refs_get(u->reader, id, &u->move[u->move_n].was);
    if (rc == 0)
        rc = idmap_put(&u->moved, id->b, u->move_n);
    u->move_n += rc == 0;
    return rc;
}

/*
 * Changes a count in memory.
 *   now  out: what the counts of the chunk are then
 */
static int usage_bump(struct usage *u, const struct edges_to *to, int32_t by,
                      struct index_ref *now)
{
    const uint64_t *at = idmap_at(&u->moved, to->id.b);
    size_t no = at ? (size_t)*at : u->move_n;
    int rc = at ? 0 : usage_move_new(u, &to->id);
    struct usage_move *m;

    if (rc < 0)
        return rc;
    m = &u->move[no];
    m->by += by;
    m->by_nodes += to->is_node ? by : 0;
    *now = m->was;
    now->count += (uint32_t)m->by;
    now->nodes += (uint32_t)m->by_nodes;
    return 0;
}

/* Below a node is walked when the first reference to it as a node comes, or the
 * last one goes: others say nothing of what it holds. */
static int usage_count_in(void *ctx, const struct edges_to *to, bool *below)
{
    struct index_ref now;
    int rc = usage_bump(ctx, to, 1, &now);

    *below = rc == 0 && to->is_node && now.nodes == 1;
    return rc;
}

static int usage_count_out(void *ctx, const struct edges_to *to, bool *below)
{
    struct index_ref now;
    int rc = usage_bump(ctx, to, -1, &now);

    *below = rc == 0 && to->is_node && now.nodes == 0;
    return rc;
}

static int usage_count_anew(void *ctx, const struct edges_to *to, bool *below)
{
    struct usage *u = ctx;

    if (to->is_node && seen_get(&u->nodes, &to->id) == 0) {
        int rc = seen_put(&u->nodes, &to->id, 1);

        if (rc < 0)
            return rc;
        *below = true;
    }
    return index_recount_add(u->recount, &to->id, to->is_node);
}

/* ---- writing ------------------------------------------------------------- */

/* A version that no other process takes for its own. */
static int usage_put_version(struct index_update *up, bool whole,
                             uint64_t *version)
{
    uint8_t space[9];
    struct buf b = {.p = space, .cap = sizeof space, .max = sizeof space};
    int rc = random_bytes(version, sizeof *version);

    if (rc < 0)
        return rc;
    codec_put_u64(&b, *version);
    codec_put_u8(&b, whole);
    return index_update_put_mark(
        up, bytes_of(usage_whole_key, sizeof usage_whole_key), buf_bytes(&b));
}

static int usage_put_counted(struct index_update *up,
                             const struct object_id *id, bool is)
{
    uint8_t key[USAGE_KEY_BYTES] = {USAGE_COUNTED};

    memcpy(key + 1, id->b, sizeof id->b);
    return is ? index_update_put_mark(up, bytes_of(key, sizeof key),
                                      bytes_of(NULL, 0))
              : index_update_drop_mark(up, bytes_of(key, sizeof key));
}

/* From now on the counts stand for these. Those that are said to be counted are
 * `before`. */
static int usage_put_roots(struct index_update *up, const struct roots *before,
                           const struct roots *roots)
{
    uint64_t version;
    int rc = 0;

    for (size_t i = 0; i < before->n && rc == 0; i++) {
        if (!roots_has(roots, &before->id[i]))
            rc = usage_put_counted(up, &before->id[i], false);
    }
    for (size_t i = 0; i < roots->n && rc == 0; i++) {
        if (!roots_has(before, &roots->id[i]))
            rc = usage_put_counted(up, &roots->id[i], true);
    }
    return rc < 0 ? rc : usage_put_version(up, true, &version);
}

/* An update of the counts as this attempt found them: nobody has changed them
 * since. E_LATER: somebody has. */
static int usage_update(struct usage *u, struct index_update **up)
{
    uint64_t version = 0;
    bool whole;
    int rc = index_update_begin(u->r->index, USAGE_WAIT_MS, up);

    if (rc == 0)
        rc = index_reader_renew(u->reader);
    if (rc == 0)
        rc = usage_read_version(u->reader, &version, &whole);
    if (rc == 0 && version != u->version)
        rc = err_set(E_LATER, "the counts were changed by another process");
    if (rc < 0) {
        index_update_abort(*up);
        *up = NULL;
    }
    return rc;
}

/* The moves as index_refs takes them. */
static struct index_refs_move *usage_moves(const struct usage *u, size_t *n)
{
    struct index_refs_move *m = mem_array(u->move_n, sizeof *m);

    *n = 0;
    for (size_t i = 0; m && i < u->move_n; i++) {
        const struct usage_move *x = &u->move[i];

        if (x->by != 0 || x->by_nodes != 0)
            m[(*n)++] = (struct index_refs_move){
                .id = x->id, .by = x->by, .by_nodes = x->by_nodes};
    }
    return m;
}

/* All but the last part, after which the counts are whole again: meanwhile they
 * are not. */
static int usage_apply_parts(struct usage *u, struct index_refs_move **m,
                             size_t *n)
{
    int rc = 0;

    while (rc == 0 && *n > USAGE_BATCH) {
        struct index_update *up;
        uint64_t version;

        rc = usage_update(u, &up);
        if (rc < 0)
            return rc;
        rc = usage_put_version(up, false, &version);
        if (rc == 0)
            rc = index_refs_move(up, *m, USAGE_BATCH);
        if (rc < 0) {
            index_update_abort(up);
            return rc;
        }
        rc = index_update_commit(up);
        u->version = version;
        *m += USAGE_BATCH;
        *n -= USAGE_BATCH;
    }
    return rc;
}

static int usage_apply(struct usage *u, const struct roots *roots)
{
    struct index_update *up = NULL;
    size_t n;
    struct index_refs_move *all = usage_moves(u, &n);
    struct index_refs_move *m = all;
    int rc = all ? usage_apply_parts(u, &m, &n)
                 : err_set(E_NOMEM, "out of memory for the references");

    if (rc == 0)
        rc = usage_update(u, &up);
    if (rc == 0) {
        rc = index_refs_move(up, m, n);
        if (rc == 0)
            rc = usage_put_roots(up, &u->counted, roots);
        if (rc == 0)
            rc = index_update_commit(up);
        else
            index_update_abort(up);
    }
    free(all);
    return rc;
}

/* ---- all of it ----------------------------------------------------------- */

/* Walks all of them, each page in about the order in which it was stored. */
static int usage_walk_all(struct usage *u, const struct roots *of,
                          closure_visit *visit)
{
    struct object_id *id = mem_array(of->n, sizeof *id);
    int rc = id ? roots_by_time(u->r, of, id)
                : err_set(E_NOMEM, "out of memory for the snapshots");

    if (rc == 0)
        rc = usage_walk(u, id, of->n, visit, u);
    free(id);
    return rc;
}

static int usage_walk_change(struct usage *u, const struct roots *roots,
                             struct usage_done *done)
{
    struct roots come = {.n = 0};
    struct roots go = {.n = 0};
    int rc = roots_without(roots, &u->counted, &come);

    if (rc == 0)
        rc = roots_without(&u->counted, roots, &go);
    done->added = come.n;
    done->removed = go.n;
    if (rc == 0 && come.n > 0)
        rc = usage_walk_all(u, &come, usage_count_in);
    if (rc == 0 && go.n > 0)
        rc = usage_walk_all(u, &go, usage_count_out);
    roots_release(&come);
    roots_release(&go);
    return rc;
}

static int usage_by_change(struct usage *u, const struct roots *roots,
                           struct usage_done *done)
{
    int rc = usage_walk_change(u, roots, done);

    if (u->too_many && rc == E_LIMIT) {
        err_ignore(rc, "all is counted anew");
        idmap_release(&u->moved);
        u->move_n = 0;
        return 0;
    }
    if (rc < 0 || done->added + done->removed == 0)
        return rc;
    return usage_apply(u, roots);
}

static int usage_anew(struct usage *u, const struct roots *roots,
                      struct usage_done *done)
{
    struct index_update *up = NULL;
    uint64_t version;
    int rc = index_recount_begin(u->r->index, &u->recount);

    *done = (struct usage_done){.added = roots->n, .anew = true};
    if (rc == 0)
        rc = usage_walk_all(u, roots, usage_count_anew);
    if (rc == 0)
        rc = usage_update(u, &up);
    if (rc < 0)
        return rc;
    rc = usage_put_version(up, false, &version);
    if (rc == 0)
        rc = index_recount_load(u->recount, up);
    if (rc == 0)
        rc = usage_put_roots(up, &u->counted, roots);
    if (rc == 0)
        return index_update_commit(up);
    index_update_abort(up);
    return rc;
}

/* anew: what there is cannot be relied on. */
static int usage_try(struct repo *r, const struct roots *roots,
                     struct cancel *cancel, bool anew, struct usage_done *done)
{
    struct usage u = {.r = r, .cancel = cancel, .move_max = USAGE_PENDING_MAX};
    int rc = usage_begin(&u);

    *done = (struct usage_done){.added = 0};
    anew = anew || !u.whole;
    if (rc == 0 && !anew)
        rc = usage_by_change(&u, roots, done);
    if (rc == 0 && (anew || u.too_many))
        rc = usage_anew(&u, roots, done);
    usage_end(&u);
    return rc;
}

int usage_catch_up(struct repo *r, const struct roots *roots,
                   struct cancel *cancel, struct usage_done *done)
{
    struct usage_done mine;
    bool anew = false;
    int rc = E_LATER;

    for (int i = 0; i < USAGE_TRIES && rc == E_LATER; i++) {
        rc = usage_try(r, roots, cancel, anew, done ? done : &mine);
        /* what went may be deleted already, and cannot be counted out; or the
         * counts do not add up */
        if ((rc == E_CORRUPT || rc == E_REFUSED) && !anew) {
            anew = true;
            rc = E_LATER;
        }
    }
    if (rc == E_LATER)
        return err_set(E_BUSY, "the references in the cache keep changing");
    return rc;
}

/* ---- without some of them ------------------------------------------------ */

struct usage_turn {
    struct usage u;
    struct usage_own *out;
};

/* What a chunk takes where it is at home, as it is counted there. */
static int usage_share(struct usage *u, const struct chunk_id *id,
                       uint32_t home, uint64_t *bytes)
{
    struct index_loc *loc;
    size_t n = 0;
    int rc = index_reader_locations(u->reader, id, NULL, 0, &n);

    *bytes = 0;
    if (rc < 0 || n == 0)
        return rc;
    loc = mem_array(n, sizeof *loc);
    if (!loc)
        return err_set(E_NOMEM, "out of memory for a chunk's places");
    rc = index_reader_locations(u->reader, id, loc, n, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (loc[i].pack == home)
            *bytes = index_refs_share(&loc[i]);
    }
    free(loc);
    return rc;
}

/* What one edge alone leads to needs no memory: most of it. */
static int usage_visit_turn(void *ctx, const struct edges_to *to, bool *below)
{
    struct usage_turn *t = ctx;
    struct index_ref ref;
    uint64_t bytes;
    int rc = index_refs_get(t->u.reader, &to->id, &ref);

    if (rc == 0 && ref.count == 0)
        rc = err_set(E_BUSY, "the references in the cache have changed");
    if (rc == 0 && ref.count > 1)
        rc = usage_bump(&t->u, to, -1, &ref);
    else
        ref.count = ref.nodes = 0;
    if (rc < 0)
        return rc;
    *below = to->is_node && ref.nodes == 0;
    if (ref.count > 0)
        return 0;
    rc = usage_share(&t->u, &to->id, ref.home, &bytes);
    t->out->chunks++;
    t->out->bytes += bytes;
    return rc;
}

static int usage_needed(struct usage *u, uint64_t *bytes)
{
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    int rc = 0;

    *bytes = 0;
    while (rc == 0 && n > 0) {
        rc = index_reader_packs(u->reader, &next, pack,
                                sizeof pack / sizeof pack[0], &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            struct index_use use;

            rc = index_refs_use(u->reader, pack[i].no, &use);
            *bytes += rc == 0 ? use.bytes : 0;
        }
    }
    return rc;
}

static int usage_turn_new(struct repo *r, struct cancel *cancel,
                          struct usage_turn **out)
{
    struct usage_turn *t = mem_alloc(sizeof *t);

    *out = t;
    if (!t)
        return err_set(E_NOMEM, "out of memory");
    t->u =
        (struct usage){.r = r, .cancel = cancel, .move_max = USAGE_ALONE_MAX};
    return usage_begin(&t->u);
}

int usage_turn_open(struct repo *r, struct cancel *cancel,
                    struct usage_turn **out, uint64_t *needed)
{
    int rc = usage_turn_new(r, cancel, out);

    if (rc == 0)
        rc = usage_needed(&(*out)->u, needed);
    if (rc < 0) {
        usage_turn_close(*out);
        *out = NULL;
    }
    return rc;
}

int usage_turn_stands_for(struct usage_turn *t, const struct roots *roots,
                          bool *yes)
{
    return usage_stands_for(t->u.reader, roots, yes);
}

void usage_turn_close(struct usage_turn *t)
{
    if (!t)
        return;
    usage_end(&t->u);
    free(t);
}

int usage_turn_take(struct usage_turn *t, const struct object_id *id,
                    struct usage_own *out)
{
    *out = (struct usage_own){.chunks = 0};
    t->out = out;
    return usage_walk(&t->u, id, 1, usage_visit_turn, t);
}

int usage_own(struct repo *r, const struct object_id *id, struct cancel *cancel,
              struct usage_own *out)
{
    struct usage_turn *t = NULL;
    int rc = usage_turn_new(r, cancel, &t);

    if (rc == 0)
        rc = usage_turn_take(t, id, out);
    usage_turn_close(t);
    return rc;
}
