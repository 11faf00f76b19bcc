#include "repo/intake.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/kept_places.h"
#include "repo/known.h"

/* Chunks of durable packs that are published at once: what a run remembers of
 * each, and its place in a segment, take some 250 bytes. */
enum { INTAKE_PUBLISH_CHUNKS = 131072 };

/* What an intake keeps for each kind of pack. */
struct intake_kind {
    struct intake *in;
    struct pack_sink *sink;
    struct known *known;
    struct pack_info *ready; /* durable packs, not yet published */
    size_t ready_n;
    size_t ready_cap;
    uint64_t ready_below; /* number of the first pack that is not durable */
};

struct intake {
    const struct keyring *keys;
    struct index *index;
    struct intake_options opt;
    intake_publish *publish;
    void *ctx;
    struct intake_kind kind[2]; /* PACK_DATA, PACK_META */
    struct kept_places *places; /* NULL: the keyring opens metadata */
    int64_t flushed_at;         /* monotonic ns, of the last flush's end */
    pthread_rwlock_t looking;   /* shared: from a look at the index until its
                                   answer is remembered */
    pthread_mutex_t lock;       /* for all below, and kind[].ready* */
    uint64_t ready_bytes;
    uint64_t ready_chunks;
    struct intake_stats stats;
    uint8_t *hit; /* a bit for each pack number */
    size_t hit_bytes;
};

struct intake_lane {
    struct intake *in;
    struct intake_kind *kind;
    enum pack_kind pack_kind;
    struct index_reader *reader;
    struct frame_ctx *frame;
    uint8_t *raw; /* FRAME_RAW_MAX bytes: the frame being filled */
    size_t raw_n;
    struct pack_dir_chunk *chunk; /* FRAME_CHUNKS_MAX: what it is made of */
    size_t chunk_n;
    uint32_t last_hit; /* pack of the last hit; saves taking the lock */
    uint32_t frame_no; /* among the kept ones, of the frame being filled */
};

static struct intake_kind *intake_kind_of(struct intake *in,
                                          enum pack_kind kind)
{
    return &in->kind[kind == PACK_META];
}

/* On the sink's thread: a pack has become durable. */
static int intake_pack_done(void *ctx, uint64_t pack, uint64_t below,
                            struct pack_info *info)
{
    struct intake_kind *k = ctx;
    struct intake *in = k->in;
    int rc = 0;

    (void)pack;
    (void)pthread_mutex_lock(&in->lock);
    if (!MEM_GROW(k->ready, k->ready_n, k->ready_cap))
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0) {
        k->ready[k->ready_n++] = *info;
        k->ready_below = below;
        in->ready_bytes += info->bytes;
        in->ready_chunks += info->chunk_n;
        *info = (struct pack_info){.bytes = 0};
    }
    (void)pthread_mutex_unlock(&in->lock);
    return rc;
}

static int intake_kind_open(struct intake *in, enum pack_kind kind,
                            struct store *s)
{
    struct intake_kind *k = intake_kind_of(in, kind);

    k->in = in;
    k->known = known_new();
    if (!k->known)
        return err_set(E_NOMEM, "out of memory");
    return pack_sink_open(s, in->keys, kind, intake_pack_done, k, &k->sink);
}

int intake_open(struct store *s, const struct keyring *k, struct index *ix,
                const struct intake_options *opt, intake_publish *publish,
                void *ctx, struct intake **out)
{
    struct intake *in = mem_alloc(sizeof *in);
    int rc;

    *out = NULL;
    if (!in)
        return err_set(E_NOMEM, "out of memory");
    in->keys = k;
    in->index = ix;
    in->opt = *opt;
    in->publish = publish;
    in->ctx = ctx;
    in->flushed_at = clock_monotonic_ns();
    (void)pthread_mutex_init(&in->lock, NULL);
    (void)pthread_rwlock_init(&in->looking, NULL);
    if (opt->kept)
        in->places = kept_places_new(s, opt->kept);
    rc = !opt->kept || in->places ? intake_kind_open(in, PACK_DATA, s)
                                  : err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = intake_kind_open(in, PACK_META, s);
    if (rc < 0) {
        intake_free(in);
        return rc;
    }
    *out = in;
    return 0;
}

static void intake_kind_release(struct intake_kind *k)
{
    pack_sink_free(k->sink);
    known_free(k->known);
    for (size_t i = 0; i < k->ready_n; i++)
        pack_info_release(&k->ready[i]);
    free(k->ready);
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    intake_kind_release(&in->kind[0]);
    intake_kind_release(&in->kind[1]);
    kept_places_free(in->places);
    (void)pthread_mutex_destroy(&in->lock);
    (void)pthread_rwlock_destroy(&in->looking);
    free(in->hit);
    free(in);
}

int intake_lane_new(struct intake *in, enum pack_kind kind,
                    struct intake_lane **out)
{
    struct intake_lane *l = mem_alloc(sizeof *l);
    int rc;

    *out = NULL;
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    l->in = in;
    l->kind = intake_kind_of(in, kind);
    l->pack_kind = kind;
    l->last_hit = INDEX_NO_PACK;
    l->raw = mem_alloc(FRAME_RAW_MAX);
    l->chunk = mem_array(FRAME_CHUNKS_MAX, sizeof *l->chunk);
    if (l->raw && l->chunk)
        rc = frame_ctx_new(&l->frame);
    else
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = index_reader_new(in->index, &l->reader);
    if (rc < 0) {
        intake_lane_free(l);
        return rc;
    }
    index_reader_pause(l->reader);
    *out = l;
    return 0;
}

void intake_lane_free(struct intake_lane *l)
{
    if (!l)
        return;
    index_reader_free(l->reader);
    frame_ctx_free(l->frame);
    free(l->raw);
    free(l->chunk);
    free(l);
}

/* Remembers that this run relies on a chunk of that pack. */
static int intake_note_hit(struct intake_lane *l, uint32_t pack)
{
    struct intake *in = l->in;
    size_t at = pack / 8;
    int rc = 0;

    if (pack == l->last_hit)
        return 0;
    (void)pthread_mutex_lock(&in->lock);
    if (at >= in->hit_bytes) {
        size_t n = (at + 1) * 2;
        uint8_t *p = mem_resize(in->hit, n);

        if (p) {
            memset(p + in->hit_bytes, 0, n - in->hit_bytes);
            in->hit = p;
            in->hit_bytes = n;
        } else {
            rc = err_set(E_NOMEM, "out of memory");
        }
    }
    if (rc == 0) {
        in->hit[at] |= (uint8_t)(1U << (pack % 8));
        l->last_hit = pack;
    }
    (void)pthread_mutex_unlock(&in->lock);
    return rc;
}

bool intake_hit(struct intake *in, uint32_t pack)
{
    bool hit;

    (void)pthread_mutex_lock(&in->lock);
    hit = pack / 8 < in->hit_bytes && (in->hit[pack / 8] >> (pack % 8) & 1);
    (void)pthread_mutex_unlock(&in->lock);
    return hit;
}

void intake_look_again(struct intake *in)
{
    (void)pthread_rwlock_wrlock(&in->looking);
    (void)pthread_rwlock_unlock(&in->looking);
}

/* Whether a lane's chunks are nodes that this keyring cannot read back. */
static bool intake_keeps(const struct intake_lane *l)
{
    return l->in->places && l->pack_kind == PACK_META;
}

static int intake_find(struct intake_lane *l, const struct chunk_id *id,
                       struct index_loc *loc, uint32_t *frame, bool *has)
{
    int rc = index_reader_find(l->reader, id, INDEX_DEDUP, loc, has);

    if (rc < 0 || !*has || !intake_keeps(l))
        return rc;
    rc = kept_places_choose(l->in->places, l->reader, id, loc, frame);
    *has = rc == 0 && *frame != KEPT_FRAMES_NONE;
    return rc;
}

/* frame: out: of a node, its number among the kept frames; NONE: it is one of
 * this run's own, or none is kept. */
static int intake_look_up(struct intake_lane *l, const struct chunk_id *id,
                          uint32_t *frame, bool *has)
{
    struct index_loc loc;
    int rc;

    *frame = KEPT_FRAMES_NONE;
    *has = known_has(l->kind->known, id);
    if (*has)
        return 0;
    /* ids leave `known` when the index has them: see what it has now; and hold
     * on to nothing of it, or updates could not use again what they free */
    rc = intake_find(l, id, &loc, frame, has);
    index_reader_pause(l->reader);
    if (rc < 0)
        return rc;
    return *has ? intake_note_hit(l, loc.pack) : 0;
}

static int intake_ask(struct intake_lane *l, const struct chunk_id *id,
                      uint32_t *frame, bool *has)
{
    int rc;

    (void)pthread_rwlock_rdlock(&l->in->looking);
    rc = intake_look_up(l, id, frame, has);
    (void)pthread_rwlock_unlock(&l->in->looking);
    return rc;
}

int intake_has(struct intake_lane *l, const struct chunk_id *id, bool *has)
{
    uint32_t frame;

    return intake_ask(l, id, &frame, has);
}

static void intake_count(struct intake *in, bool isnew, size_t bytes)
{
    (void)pthread_mutex_lock(&in->lock);
    if (isnew) {
        in->stats.new_chunks++;
        in->stats.new_bytes += bytes;
    } else {
        in->stats.dup_chunks++;
        in->stats.dup_bytes += bytes;
    }
    (void)pthread_mutex_unlock(&in->lock);
}

/* The tree lies in the frame of a node that is put: that where it was found, or
 * the one that is being filled. */
static int intake_keep(struct intake_lane *l, uint32_t found, bool mine)
{
    struct kept_frames *kept = l->in->opt.kept;
    int rc = 0;

    if (!intake_keeps(l) || (!mine && found == KEPT_FRAMES_NONE))
        return 0;
    if (mine && l->chunk_n == 0)
        rc = kept_frames_reserve(kept, &l->frame_no);
    return rc < 0 ? rc : kept_frames_use(kept, mine ? l->frame_no : found);
}

int intake_put(struct intake_lane *l, struct bytes chunk,
               const struct chunk_id *id, bool *isnew)
{
    uint32_t frame;
    bool has;
    bool mine = false;
    int rc = intake_ask(l, id, &frame, &has);

    if (rc == 0 && !has)
        rc = known_claim(l->kind->known, id, &mine);
    if (rc == 0 && mine &&
        (chunk.n > FRAME_RAW_MAX - l->raw_n || l->chunk_n == FRAME_CHUNKS_MAX))
        rc = intake_lane_flush(l);
    if (rc == 0)
        rc = intake_keep(l, frame, mine);
    if (rc < 0)
        return rc;
    intake_count(l->in, mine, chunk.n);
    if (isnew)
        *isnew = mine;
    if (!mine)
        return 0;
    memcpy(l->raw + l->raw_n, chunk.p, chunk.n);
    l->raw_n += chunk.n;
    l->chunk[l->chunk_n].id = *id;
    l->chunk[l->chunk_n].bytes = (uint32_t)chunk.n;
    l->chunk_n++;
    return 0;
}

static int intake_put_node(void *ctx, struct bytes node, struct chunk_id *id)
{
    struct intake_lane *l = ctx;

    keyring_chunk_id(l->in->keys, PACK_META, node, id);
    return intake_put(l, node, id, NULL);
}

struct node_sink intake_node_sink(struct intake_lane *l)
{
    ASSERT(l->pack_kind == PACK_META);
    return (struct node_sink){intake_put_node, l};
}

/* Puts the prepared frame into a pack, and keeps its key if that is how its
 * nodes will be read. */
static int intake_store(struct intake_lane *l, struct pack_place *place)
{
    struct frame_kept key;
    bool keep = intake_keeps(l);
    int rc = pack_sink_add(l->kind->sink, l->frame, l->chunk, l->chunk_n, place,
                           keep ? &key : NULL);

    if (rc == 0 && keep)
        rc = kept_frames_sealed(l->in->opt.kept, l->frame_no, &key);
    crypto_wipe(&key, sizeof key);
    return rc;
}

int intake_lane_flush(struct intake_lane *l)
{
    struct pack_place place;
    int rc;

    if (l->chunk_n == 0)
        return 0;
    rc = frame_prepare(l->frame, bytes_of(l->raw, l->raw_n), l->in->opt.level);
    if (rc == 0)
        rc = intake_store(l, &place);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l->chunk_n; i++)
        known_place(l->kind->known, &l->chunk[i].id, place.pack);
    l->raw_n = 0;
    l->chunk_n = 0;
    return 0;
}

/* Takes the durable packs of both kinds, and says below which number of each
 * kind there are no others. */
static int intake_take_ready(struct intake *in, struct pack_info **pack,
                             size_t *n, uint64_t below[2])
{
    int rc = 0;
    size_t all;

    (void)pthread_mutex_lock(&in->lock);
    all = in->kind[0].ready_n + in->kind[1].ready_n;
    *n = 0;
    *pack = all ? mem_array(all, sizeof **pack) : NULL;
    if (all && !*pack)
        rc = err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        struct intake_kind *k = &in->kind[i];

        for (size_t j = 0; j < k->ready_n; j++) {
            in->stats.stored_bytes += k->ready[j].bytes;
            (*pack)[(*n)++] = k->ready[j];
        }
        k->ready_n = 0;
        below[i] = k->ready_below;
    }
    if (rc == 0)
        in->ready_bytes = in->ready_chunks = 0;
    (void)pthread_mutex_unlock(&in->lock);
    return rc;
}

static int intake_publish_ready(struct intake *in)
{
    struct pack_info *pack;
    uint64_t below[2] = {0, 0};
    bool indexed = false;
    size_t n;
    int rc = intake_take_ready(in, &pack, &n, below);

    if (rc == 0 && n > 0)
        rc = in->publish(in->ctx, pack, n, &indexed);
    free(pack);
    if (rc < 0 || !indexed)
        return rc;
    /* who does not find an id here any more looks into the index as it is then
     */
    known_forget(in->kind[0].known, below[0]);
    known_forget(in->kind[1].known, below[1]);
    return 0;
}

static int intake_flush_sinks(struct intake *in)
{
    int rc = pack_sink_flush(in->kind[0].sink);

    if (rc == 0)
        rc = pack_sink_flush(in->kind[1].sink);
    /* not of its beginning: where the disk is slower than the source, one would
     * follow the other, and close packs of hardly anything */
    in->flushed_at = clock_monotonic_ns();
    return rc;
}

int intake_publish_due(struct intake *in)
{
    bool late = clock_monotonic_ns() - in->flushed_at >= in->opt.publish_ns;
    bool many;
    int rc = 0;

    (void)pthread_mutex_lock(&in->lock);
    many = in->ready_bytes >= in->opt.publish_bytes ||
           in->ready_chunks >= INTAKE_PUBLISH_CHUNKS;
    (void)pthread_mutex_unlock(&in->lock);
    if (!late && !many)
        return 0;
    if (late)
        rc = intake_flush_sinks(in);
    return rc < 0 ? rc : intake_publish_ready(in);
}

int intake_finish(struct intake *in)
{
    int rc = intake_flush_sinks(in);

    return rc < 0 ? rc : intake_publish_ready(in);
}

void intake_stats_get(struct intake *in, struct intake_stats *out)
{
    (void)pthread_mutex_lock(&in->lock);
    *out = in->stats;
    (void)pthread_mutex_unlock(&in->lock);
}
