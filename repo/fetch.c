#include "repo/fetch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "repo/kept_places.h"

enum { FETCH_BUCKETS = 1024 };

enum fetch_state { FETCH_LOADING, FETCH_READY, FETCH_FAILED };

/* One decoded frame. Those that nobody has lent stand in the list of the idle,
 * the longest idle first. */
struct fetch_frame {
    uint32_t pack;
    uint32_t off;
    enum fetch_state state;
    unsigned lent;
    uint8_t *raw;
    uint32_t raw_n;
    uint32_t raw_cap;        /* bytes that there is room for */
    struct err_record error; /* FETCH_FAILED */
    struct fetch_frame *chain;
    struct fetch_frame *prev; /* in the list of the idle */
    struct fetch_frame *next;
};

struct fetch {
    struct store *store;
    const struct keyring *keys;
    struct index *index;
    struct pack_reader *packs;
    struct kept_frames *kept;   /* NULL: the keyring alone opens frames */
    struct kept_places *places; /* of kept */
    size_t cache_max;
    fetch_refresh *refresh; /* NULL: nobody to ask */
    void *ctx;
    void (*before_load)(void); /* NULL: nothing */
    pthread_mutex_t asking;    /* refresh; and for: */
    uint64_t moves;            /* that it has brought */
    pthread_mutex_t lock;      /* for all below */
    pthread_cond_t loaded;
    size_t bytes;       /* of all frames */
    size_t cache_bytes; /* of idle ones */
    uint64_t decoded;
    struct fetch_frame *bucket[FETCH_BUCKETS];
    struct fetch_frame idle; /* head of the ring */
};

struct fetch_lane {
    struct fetch *f;
    struct index_reader *reader;
    struct frame_ctx *frame;
};

int fetch_open(struct store *s, const struct keyring *k, struct index *ix,
               size_t cache_bytes, struct fetch **out)
{
    struct fetch *f = mem_alloc(sizeof *f);
    int rc;

    *out = NULL;
    if (!f)
        return err_set(E_NOMEM, "out of memory");
    f->store = s;
    f->keys = k;
    f->index = ix;
    f->cache_max = cache_bytes;
    f->idle.next = f->idle.prev = &f->idle;
    (void)pthread_mutex_init(&f->asking, NULL);
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->loaded, NULL);
    rc = pack_reader_new(s, k, &f->packs);
    if (rc < 0) {
        fetch_free(f);
        return rc;
    }
    *out = f;
    return 0;
}

int fetch_keep(struct fetch *f, struct kept_frames *kept)
{
    f->kept = kept;
    f->places = kept_places_new(f->store, kept);
    return f->places ? 0 : err_set(E_NOMEM, "out of memory");
}

void fetch_follow(struct fetch *f, fetch_refresh *refresh, void *ctx)
{
    f->refresh = refresh;
    f->ctx = ctx;
}

void fetch_before_load(struct fetch *f, void (*call)(void))
{
    f->before_load = call;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < FETCH_BUCKETS; i++) {
        while (f->bucket[i]) {
            struct fetch_frame *fr = f->bucket[i];

            f->bucket[i] = fr->chain;
            free(fr->raw);
            free(fr);
        }
    }
    pack_reader_free(f->packs);
    kept_places_free(f->places);
    (void)pthread_cond_destroy(&f->loaded);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_mutex_destroy(&f->asking);
    free(f);
}

int fetch_lane_new(struct fetch *f, struct fetch_lane **out)
{
    struct fetch_lane *l = mem_alloc(sizeof *l);
    int rc;

    *out = NULL;
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    l->f = f;
    rc = frame_ctx_new(&l->frame);
    if (rc == 0)
        rc = index_reader_new(f->index, &l->reader);
    if (rc < 0) {
        fetch_lane_free(l);
        return rc;
    }
    index_reader_pause(l->reader);
    *out = l;
    return 0;
}

void fetch_lane_free(struct fetch_lane *l)
{
    if (!l)
        return;
    index_reader_free(l->reader);
    frame_ctx_free(l->frame);
    free(l);
}

void fetch_lane_pause(struct fetch_lane *l)
{
    index_reader_pause(l->reader);
}

static struct fetch_frame **fetch_bucket(struct fetch *f, uint32_t pack,
                                         uint32_t off)
{
    return &f->bucket[(pack * 31 + (off >> 12)) % FETCH_BUCKETS];
}

static void fetch_idle_remove(struct fetch *f, struct fetch_frame *fr)
{
    fr->prev->next = fr->next;
    fr->next->prev = fr->prev;
    f->cache_bytes -= fr->raw_cap;
}

static void fetch_drop(struct fetch *f, struct fetch_frame *fr)
{
    struct fetch_frame **at = fetch_bucket(f, fr->pack, fr->off);

    while (*at != fr)
        at = &(*at)->chain;
    *at = fr->chain;
    if (fr->raw)
        f->bytes -= fr->raw_cap;
    free(fr->raw);
    free(fr);
}

/* With the lock. */
static void fetch_trim(struct fetch *f)
{
    while (f->cache_bytes > f->cache_max) {
        struct fetch_frame *fr = f->idle.next;

        fetch_idle_remove(f, fr);
        fetch_drop(f, fr);
    }
}

/* With the lock: nobody needs the frame at the moment. */
static void fetch_give_back(struct fetch *f, struct fetch_frame *fr)
{
    if (--fr->lent > 0)
        return;
    if (fr->state == FETCH_FAILED) {
        fetch_drop(f, fr);
        return;
    }
    fr->prev = f->idle.prev;
    fr->next = &f->idle;
    fr->prev->next = fr;
    f->idle.prev = fr;
    f->cache_bytes += fr->raw_cap;
    fetch_trim(f);
}

void fetch_limit(struct fetch *f, size_t cache_bytes)
{
    (void)pthread_mutex_lock(&f->lock);
    f->cache_max = cache_bytes;
    fetch_trim(f);
    (void)pthread_mutex_unlock(&f->lock);
}

/* Frames of large files differ by less than a chunk: rounded up to eighths of
 * the largest, the memory of one does for nearly any other. */
static uint32_t fetch_cap(uint32_t raw_n)
{
    const uint32_t step = FRAME_RAW_MAX / 8;

    return raw_n <= FRAME_RAW_MAX / 2 ? raw_n
                                      : (raw_n + step - 1) / step * step;
}

/* Memory for a frame, which decoding it fills. Where the cache will be full
 * when what is lent comes back, it is that of the frame that would have to go:
 * new pages cost as much as a third of decoding it. */
static bool fetch_room(struct fetch *f, struct fetch_frame *fr)
{
    struct fetch_frame *old = f->idle.next;

    fr->raw_cap = fetch_cap(fr->raw_n);
    if (f->bytes + fr->raw_cap > f->cache_max && old != &f->idle &&
        old->raw_cap >= fr->raw_n && old->raw_cap / 2 <= fr->raw_n) {
        fetch_idle_remove(f, old);
        fr->raw = old->raw;
        fr->raw_cap = old->raw_cap;
        old->raw = NULL;
        fetch_drop(f, old);
    } else {
        fr->raw = mem_raw(fr->raw_cap);
        f->bytes += fr->raw ? fr->raw_cap : 0;
    }
    return fr->raw != NULL;
}

/* With the lock: the frame of that place, lent; made when absent, and then the
 * caller loads it. NULL when out of memory. */
static struct fetch_frame *fetch_take(struct fetch *f,
                                      const struct index_loc *loc, bool *load)
{
    struct fetch_frame **at = fetch_bucket(f, loc->pack, loc->frame_off);
    struct fetch_frame *fr = *at;

    while (fr && (fr->pack != loc->pack || fr->off != loc->frame_off))
        fr = fr->chain;
    *load = !fr;
    if (fr) {
        if (fr->lent++ == 0)
            fetch_idle_remove(f, fr);
        return fr;
    }
    fr = mem_alloc(sizeof *fr);
    if (!fr)
        return NULL;
    fr->raw_n = loc->frame_raw;
    if (!fetch_room(f, fr)) {
        free(fr);
        return NULL;
    }
    fr->pack = loc->pack;
    fr->off = loc->frame_off;
    fr->lent = 1;
    fr->chain = *fetch_bucket(f, fr->pack, fr->off);
    *fetch_bucket(f, fr->pack, fr->off) = fr;
    return fr;
}

/* A frame of metadata, where the keyring opens none: with the key that was
 * kept. */
static int fetch_load_kept(struct fetch_lane *l, const struct index_pack *pack,
                           const struct index_loc *loc, struct fetch_frame *fr)
{
    struct fetch *f = l->f;
    struct frame_kept key;
    uint32_t no;
    int rc = kept_places_frame(f->places, &pack->id, loc, &no);

    if (rc < 0)
        return rc;
    if (no == KEPT_FRAMES_NONE)
        return err_set(E_ROLE, "this key may not read metadata, and has not "
                               "kept what opens this");
    kept_frames_key(f->kept, no, &key);
    rc = pack_reader_kept(f->packs, l->frame, &pack->id, PACK_META, &key,
                          loc->frame_off, loc->frame_stored, loc->frame_raw,
                          fr->raw);
    crypto_wipe(&key, sizeof key);
    return rc;
}

/* Without the lock: decode the frame of a place. */
static int fetch_load(struct fetch_lane *l, const struct index_loc *loc,
                      struct fetch_frame *fr)
{
    struct index_pack pack;
    bool found;
    int rc;

    if (l->f->before_load)
        l->f->before_load();
    limit_wait(LIMIT_READ);
    rc = index_reader_pack(l->reader, loc->pack, &pack, &found);

    if (rc < 0)
        return rc;
    if (!found)
        return err_set(E_CORRUPT, "pack number %u is unknown", loc->pack);
    if (l->f->kept && pack.kind == INDEX_META)
        return fetch_load_kept(l, &pack, loc, fr);
    return pack_reader_frame(l->f->packs, l->frame, &pack.id, loc->key_slot,
                             loc->frame_off, loc->frame_stored, loc->frame_raw,
                             fr->raw);
}

/* Lends the decoded frame of a place. */
static int fetch_frame(struct fetch_lane *l, const struct index_loc *loc,
                       struct fetch_frame **out)
{
    struct fetch *f = l->f;
    struct fetch_frame *fr;
    bool load;
    int rc = 0;

    (void)pthread_mutex_lock(&f->lock);
    fr = fetch_take(f, loc, &load);
    if (fr && load) {
        (void)pthread_mutex_unlock(&f->lock);
        rc = fetch_load(l, loc, fr);
        (void)pthread_mutex_lock(&f->lock);
        if (rc < 0)
            err_save(rc, &fr->error);
        fr->state = rc < 0 ? FETCH_FAILED : FETCH_READY;
        f->decoded++;
        (void)pthread_cond_broadcast(&f->loaded);
    }
    if (fr && fr->state == FETCH_LOADING && f->before_load) {
        /* another thread does: that takes as long */
        (void)pthread_mutex_unlock(&f->lock);
        f->before_load();
        (void)pthread_mutex_lock(&f->lock);
    }
    while (fr && fr->state == FETCH_LOADING)
        (void)pthread_cond_wait(&f->loaded, &f->lock);
    if (!fr)
        rc = err_set(E_NOMEM, "out of memory");
    else if (fr->state == FETCH_FAILED)
        rc = err_load(&fr->error);
    if (rc < 0 && fr) {
        fetch_give_back(f, fr);
        fr = NULL;
    }
    (void)pthread_mutex_unlock(&f->lock);
    *out = fr;
    return rc;
}

/* Lends the chunk from one place, proved to be the one that was asked for. */
static int fetch_from(struct fetch_lane *l, enum pack_kind kind,
                      const struct chunk_id *id, size_t bytes,
                      const struct index_loc *loc, struct fetch_chunk *out)
{
    struct chunk_id real;
    int rc;

    if (loc->frame_raw == 0 || loc->frame_raw > FRAME_RAW_MAX ||
        loc->off > loc->frame_raw || loc->bytes > loc->frame_raw - loc->off)
        return err_set(E_CORRUPT, "index: impossible location");
    if (bytes > 0 && loc->bytes != bytes)
        return err_set(E_CORRUPT, "chunk of %u bytes, not %zu", loc->bytes,
                       bytes);
    rc = fetch_frame(l, loc, &out->frame);
    if (!out->frame)
        return rc;
    out->bytes = bytes_of(out->frame->raw + loc->off, loc->bytes);
    keyring_chunk_id(l->f->keys, kind, out->bytes, &real);
    if (chunk_id_equal(&real, id))
        return 0;
    fetch_release(l, out);
    return err_set(E_CORRUPT, "content does not match its id");
}

/* Whether another place may have what this one has not. */
static bool fetch_is_of_place(int rc)
{
    return rc == E_CORRUPT || rc == E_ROLE;
}

/* All places of a chunk, as the index knows them now; owned by the caller. */
static int fetch_places(struct fetch_lane *l, const struct chunk_id *id,
                        struct index_loc **loc, size_t *n)
{
    int rc = index_reader_renew(l->reader);

    *loc = NULL;
    if (rc == 0)
        rc = index_reader_locations(l->reader, id, NULL, 0, n);
    if (rc < 0)
        return rc;
    *loc = mem_array(*n, sizeof **loc);
    if (!*loc)
        return err_set(E_NOMEM, "out of memory");
    return index_reader_locations(l->reader, id, *loc, *n, n);
}

/* The best place failed: try all others, however many somebody made up. */
static int fetch_elsewhere(struct fetch_lane *l, enum pack_kind kind,
                           const struct chunk_id *id, size_t bytes,
                           struct fetch_chunk *out)
{
    struct index_loc *loc;
    size_t n = 0;
    int rc = fetch_places(l, id, &loc, &n);

    if (rc == 0 && n == 0)
        rc = err_set(E_CORRUPT, "in no pack that the index knows");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = fetch_from(l, kind, id, bytes, &loc[i], out);
        if (!fetch_is_of_place(rc))
            break;
        rc = i + 1 < n ? 0 : rc;
    }
    free(loc);
    return rc;
}

/* From wherever the index says. */
static int fetch_somewhere(struct fetch_lane *l, enum pack_kind kind,
                           const struct chunk_id *id, size_t bytes,
                           struct fetch_chunk *out)
{
    struct index_loc loc;
    bool found;
    int rc = index_reader_find(l->reader, id, INDEX_READ, &loc, &found);

    if (rc < 0)
        return rc;
    rc = found ? fetch_from(l, kind, id, bytes, &loc, out) : E_CORRUPT;
    return fetch_is_of_place(rc) ? fetch_elsewhere(l, kind, id, bytes, out)
                                 : rc;
}

static uint64_t fetch_moves(struct fetch *f)
{
    uint64_t n;

    (void)pthread_mutex_lock(&f->asking);
    n = f->moves;
    (void)pthread_mutex_unlock(&f->asking);
    return n;
}

/* E_CORRUPT was raised, with what the index knew at that move. again: it knows
 * more now. */
static int fetch_ask(struct fetch *f, uint64_t move, bool *again)
{
    struct err_record why;
    bool moved = false;
    int rc = 0;

    err_save(E_CORRUPT, &why);
    (void)pthread_mutex_lock(&f->asking);
    if (f->moves == move)
        rc = f->refresh(f->ctx, &moved);
    f->moves += rc == 0 && moved;
    *again = rc == 0 && f->moves != move;
    (void)pthread_mutex_unlock(&f->asking);
    if (rc < 0)
        err_ignore(rc, "what was found is told instead");
    return *again ? 0 : err_load(&why);
}

int fetch_get(struct fetch_lane *l, enum pack_kind kind,
              const struct chunk_id *id, size_t bytes, struct fetch_chunk *out)
{
    char hex[ID_HEX_CHARS + 1];
    bool again = true;
    int rc = 0;

    *out = (struct fetch_chunk){.frame = NULL};
    while (again) {
        uint64_t move = l->f->refresh ? fetch_moves(l->f) : 0;

        again = false;
        rc = fetch_somewhere(l, kind, id, bytes, out);
        if (rc == E_CORRUPT && l->f->refresh)
            rc = fetch_ask(l->f, move, &again);
    }
    /* what a reader holds on to no update of the index can use again: for long
     * a lane may not be asked */
    index_reader_pause(l->reader);
    if (rc == E_CORRUPT)
        return err_add(rc, "chunk %s", id_hex(id->b, sizeof id->b, hex));
    return rc;
}

int fetch_extent(struct fetch_lane *l, const struct extent *e,
                 struct fetch_chunk *out)
{
    int rc;

    ASSERT(e->kind != EXTENT_HOLE);
    rc = fetch_get(l, PACK_DATA, &e->id,
                   e->kind == EXTENT_CHUNK ? (size_t)e->length : 0, out);
    if (rc < 0)
        return rc;
    if (e->offset > out->bytes.n || e->length > out->bytes.n - e->offset) {
        fetch_release(l, out);
        return err_set(E_CORRUPT, "a slice beyond its chunk");
    }
    out->bytes = bytes_of(out->bytes.p + e->offset, (size_t)e->length);
    return 0;
}

void fetch_release(struct fetch_lane *l, struct fetch_chunk *c)
{
    if (!c->frame)
        return;
    (void)pthread_mutex_lock(&l->f->lock);
    fetch_give_back(l->f, c->frame);
    (void)pthread_mutex_unlock(&l->f->lock);
    *c = (struct fetch_chunk){.frame = NULL};
}

static int fetch_get_node(void *ctx, const struct chunk_id *id,
                          struct buf *node)
{
    struct fetch_lane *l = ctx;
    struct fetch_chunk c;
    int rc = fetch_get(l, PACK_META, id, 0, &c);

    if (rc < 0)
        return rc;
    if (c.bytes.n > NODE_BYTES_MAX) {
        fetch_release(l, &c);
        return err_set(E_CORRUPT, "longer than a tree node can be");
    }
    buf_add_bytes(node, c.bytes);
    fetch_release(l, &c);
    return buf_status(node);
}

struct node_source fetch_node_source(struct fetch_lane *l)
{
    return (struct node_source){fetch_get_node, l};
}

uint64_t fetch_decoded(struct fetch *f)
{
    uint64_t n;

    (void)pthread_mutex_lock(&f->lock);
    n = f->decoded;
    (void)pthread_mutex_unlock(&f->lock);
    return n;
}
