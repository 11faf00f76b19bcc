#include "repo/repack.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "index/index_refs.h"
#include "repo/catchup_marks.h"
#include "repo/pad.h"
#include "repo/repack_fresh.h"
#include "repo/repack_out.h"
#include "repo/reserve.h"
#include "repo/trust.h"
#include "repo/writer.h"

enum {
    REPACK_PACKS = 32,     /* read at a time */
    REPACK_BATCH = 16,     /* new packs that are published at a time */
    REPACK_CHUNKS = 10000, /* that move house in one update */
    REPACK_WAIT_MS = 60000,
    REPACK_IDLE_PERCENT = 5, /* of a frame may stay idle */
    REPACK_GAIN = 20         /* a pack is moved for this part of it */
};

/* A frame of an old pack, and which of its chunks are at home there. */
struct repack_frame {
    struct pack_dir_frame f;
    struct pack_dir_chunk chunk[FRAME_CHUNKS_MAX + 1];
    const bool *want; /* of each, lent */
    uint64_t raw;     /* bytes that are wanted, of f.raw_bytes */
    uint64_t stored;  /* their share of what is stored */
};

struct repack {
    struct repo *r;
    struct cancel *cancel;
    bool eager;
    struct repack_done *done;
    struct index_reader *reader; /* the state in which packs were chosen */
    struct repack_pack *pack;    /* n */
    size_t n;
    size_t cap;
    struct pack_reader *packs;
    struct writer *w;
    struct repack_out *out[2];           /* by kind: data, metadata */
    struct repack_fresh *fresh[2];       /* likewise, what the key can read */
    struct pack_info info[REPACK_BATCH]; /* written, not yet published */
    size_t info_n;
    bool *want; /* of each chunk of the pack at hand, by its place there */
    size_t want_cap;
    struct repack_frame frame_at; /* the frame at hand */
};

static void repack_end(struct repack *x)
{
    for (size_t i = 0; i < x->info_n; i++)
        pack_info_release(&x->info[i]);
    for (int i = 0; i < 2; i++) {
        repack_out_free(x->out[i]);
        repack_fresh_free(x->fresh[i]);
    }
    writer_free(x->w);
    pack_reader_free(x->packs);
    index_reader_free(x->reader);
    free(x->pack);
    free(x->want);
    free(x);
}

/* ---- which packs --------------------------------------------------------- */

/* What of a pack is not frames, about. */
static uint64_t repack_overhead(const struct index_pack *p)
{
    return pack_layout_header_bytes(1) + PACK_LAYOUT_DIR_OVERHEAD +
           PACK_LAYOUT_TRAILER_BYTES +
           (uint64_t)p->chunk_n * PACK_DIR_CHUNK_MAX;
}

/* How long a pack would be that holds so many bytes of p's frames. What it is
 * padded by is no gain: the next run would find it again. */
static uint64_t repack_padded(const struct index_pack *p, uint64_t frames)
{
    return pad_size(frames + repack_overhead(p), PACK_STEP_BYTES);
}

/*
 * Live, listed, whole, and its writer has ended; something in it is needed:
 * else it is idle anyway. And by somebody on whom we would rely: what a key
 * that can read signs is relied on by everybody, and a pack of a stolen key
 * would have its forged chunks vouched for; and a maintain key's packs are not
 * relied on by hosts that rely on nobody else's.
 */
static int repack_consider(struct repack *x, const struct index_pack *p)
{
    struct index_use use;
    bool closed;
    uint64_t rest;
    int rc;

    if (p->state != INDEX_LIVE || p->gone || !trust_listed(p) || !p->trusted)
        return 0;
    rc = catchup_marks_closed(x->reader, &p->writer, &closed);
    if (rc == 0 && closed)
        rc = index_refs_use(x->reader, p->no, &use);
    if (rc < 0 || !closed || use.chunk_n == 0)
        return rc;
    if (!MEM_GROW(x->pack, x->n, x->cap))
        return err_set(E_NOMEM, "out of memory for the packs");
    rest = use.bytes + repack_overhead(p);
    if (use.chunk_n >= p->chunk_n || rest > p->size_bytes)
        rest = p->size_bytes;
    x->pack[x->n++] = (struct repack_pack){.id = p->id,
                                           .no = p->no,
                                           .meta = p->kind == INDEX_META,
                                           .bytes = p->size_bytes,
                                           .dead = p->size_bytes - rest};
    return 0;
}

static int repack_choose_all(struct repack *x,
                             const struct repack_limits *limits)
{
    struct index_pack pack[REPACK_PACKS];
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_new(x->r->index, &x->reader);

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(x->reader, &next, pack, REPACK_PACKS, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = repack_consider(x, &pack[i]);
    }
    if (rc == 0)
        repack_choose(x->pack, x->n, limits);
    /* none may be open when a writer reads the log */
    index_reader_free(x->reader);
    x->reader = NULL;
    return rc;
}

/* In the order in which they were written: what belongs together stays so. */
static int repack_by_number(const void *va, const void *vb)
{
    const struct repack_pack *a = va;
    const struct repack_pack *b = vb;

    return (a->no > b->no) - (a->no < b->no);
}

/* ---- new packs ----------------------------------------------------------- */

static int repack_id_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct chunk_id));
}

/* One update. */
static int repack_settle_some(struct repack *x, const struct object_id *pack,
                              struct chunk_id *id, size_t n)
{
    struct index_update *u = NULL;
    struct index_pack p;
    bool found = false;
    int rc = index_update_begin(x->r->index, REPACK_WAIT_MS, &u);

    qsort(id, n, sizeof *id, repack_id_order);
    if (rc == 0)
        rc = index_update_find_pack(u, pack, &p, &found);
    for (size_t i = 0; i < n && rc == 0 && found; i++)
        rc = index_refs_settle_in(u, &id[i], p.no);
    if (rc == 0)
        return index_update_commit(u);
    index_update_abort(u);
    return rc;
}

/* The chunks of a pack that is in the index now are at home there, if they were
 * in one of those that it replaces: in updates of a bounded size, each in the
 * order of the table. */
static int repack_settle(struct repack *x, const struct object_id *pack,
                         struct bytes content)
{
    struct chunk_id *id = mem_array(REPACK_CHUNKS, sizeof *id);
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;
    size_t n = 0;
    int rc = id ? 0 : err_set(E_NOMEM, "out of memory for a pack");

    pack_dir_read(&dir, content);
    while (rc == 0 && pack_dir_next_frame(&dir, &f)) {
        while (rc == 0 && pack_dir_next_chunk(&dir, &c)) {
            id[n++] = c.id;
            if (n < REPACK_CHUNKS)
                continue;
            rc = repack_settle_some(x, pack, id, n);
            n = 0;
        }
    }
    if (rc == 0 && n > 0)
        rc = repack_settle_some(x, pack, id, n);
    free(id);
    return rc;
}

static int repack_alive(struct repack *x)
{
    const struct writer_reliance on = {.parent_n = 0};

    return writer_renew(x->w, &on);
}

/* What is written becomes known, and the old packs lose what moved. */
static int repack_publish(struct repack *x)
{
    struct buf dir[REPACK_BATCH];
    struct object_id id[REPACK_BATCH];
    size_t n = x->info_n;
    bool indexed = false;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        id[i] = x->info[i].id;
        buf_init(&dir[i], PACK_DIR_MAX);
        buf_add_bytes(&dir[i], buf_bytes(&x->info[i].dir));
        if (rc == 0)
            rc = buf_status(&dir[i]);
    }
    if (rc == 0 && n > 0) {
        x->info_n = 0;
        rc = writer_publish(x->w, x->info, n, &indexed);
    }
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && indexed)
            rc = repack_settle(x, &id[i], buf_bytes(&dir[i]));
        buf_release(&dir[i]);
    }
    return rc < 0 ? rc : repack_alive(x);
}

/* A pack more that is durable. */
static int repack_wrote(void *ctx, struct pack_info *info)
{
    struct repack *x = ctx;

    x->done->written += info->bytes;
    x->info[x->info_n++] = *info;
    return x->info_n == REPACK_BATCH ? repack_publish(x) : 0;
}

/* What was damaged since it was chosen is not moved. */
static int repack_write(struct repack *x, struct repack_out *o, bool full)
{
    struct pack_info info;
    int rc = repack_out_write(o, full, &info);

    if (rc == E_CORRUPT) {
        log_debug("packs that are not moved: %s", err_text());
        return 0;
    }
    return rc < 0 ? rc : repack_wrote(x, &info);
}

/* Whether the key opens what packs of that kind hold. */
static bool repack_reads(const struct repack *x, int meta)
{
    return x->r->keys->role == KEYRING_FULL || meta;
}

static int repack_begin(struct repack *x)
{
    int rc = pack_reader_new(x->r->store, x->r->keys, &x->packs);

    if (rc == 0)
        rc = writer_open(x->r, bytes_of(NULL, 0), &x->w);
    if (rc == 0)
        rc = index_reader_new(x->r->index, &x->reader);
    for (int i = 0; i < 2 && rc == 0; i++) {
        enum pack_kind kind = i ? PACK_META : PACK_DATA;

        x->out[i] = repack_out_new(x->r->store, x->r->keys, x->packs, kind);
        if (!x->out[i])
            rc = err_set(E_NOMEM, "out of memory for a pack");
        if (rc == 0 && repack_reads(x, i))
            rc = repack_fresh_new(x->r->store, x->r->keys, x->packs, kind,
                                  x->r->config.level, repack_wrote, x,
                                  &x->fresh[i]);
    }
    return rc;
}

/* ---- one old pack -------------------------------------------------------- */

/* Which chunks of a pack are at home there: x->want. */
static int repack_look(struct repack *x, uint32_t no,
                       const struct pack_info *info)
{
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    struct pack_dir_chunk c;
    size_t n = 0;
    int rc = 0;

    pack_dir_read(&dir, buf_bytes(&info->dir));
    while (rc == 0 && pack_dir_next_frame(&dir, &f)) {
        while (rc == 0 && pack_dir_next_chunk(&dir, &c)) {
            struct index_ref ref;

            if (!MEM_GROW(x->want, n, x->want_cap))
                return err_set(E_NOMEM, "out of memory for a pack");
            rc = index_refs_get(x->reader, &c.id, &ref);
            x->want[n++] = rc == 0 && ref.count > 0 && ref.home == no;
        }
    }
    return rc;
}

/* The chunks of a frame. first: the place of its first one in the pack; moves
 * behind them. */
static void repack_frame_get(struct repack *x, struct pack_dir_reader *dir,
                             size_t *first)
{
    struct repack_frame *at = &x->frame_at;
    size_t n = 0;

    at->raw = 0;
    at->want = x->want + *first;
    for (; pack_dir_next_chunk(dir, &at->chunk[n]); n++)
        at->raw += at->want[n] ? at->chunk[n].bytes : 0;
    at->stored = at->raw * at->f.stored_bytes / at->f.raw_bytes;
    *first += n;
}

/* Whether a frame is worth making anew: the key can read it, and more of it is
 * idle than may stay. */
static bool repack_is_thin(const struct repack *x, int meta)
{
    const struct repack_frame *at = &x->frame_at;

    return x->fresh[meta] && at->raw * 100 < (uint64_t)at->f.raw_bytes *
                                                 (100 - REPACK_IDLE_PERCENT);
}

/* How many bytes of a pack's frames would be written anew. */
static uint64_t repack_weigh(struct repack *x, const struct pack_info *info)
{
    int meta = info->kind == PACK_META;
    struct pack_dir_reader dir;
    uint64_t bytes = 0;
    size_t first = 0;

    pack_dir_read(&dir, buf_bytes(&info->dir));
    while (pack_dir_next_frame(&dir, &x->frame_at.f)) {
        repack_frame_get(x, &dir, &first);
        if (x->frame_at.raw > 0)
            bytes += repack_is_thin(x, meta) ? x->frame_at.stored
                                             : x->frame_at.f.stored_bytes;
    }
    return bytes;
}

static int repack_frame_at(struct repack *x, const struct pack_info *info)
{
    struct repack_frame *at = &x->frame_at;
    int meta = info->kind == PACK_META;
    bool fits = true;
    int rc;

    if (at->raw == 0)
        return 0;
    if (repack_is_thin(x, meta))
        return repack_fresh_add(x->fresh[meta], &info->id, &at->f, at->chunk,
                                at->want);
    rc = repack_out_add(x->out[meta], &info->id, &at->f, at->chunk, &fits);
    if (rc < 0 || fits)
        return rc;
    rc = repack_write(x, x->out[meta], true);
    return rc < 0 ? rc
                  : repack_out_add(x->out[meta], &info->id, &at->f, at->chunk,
                                   &fits);
}

static int repack_frames(struct repack *x, const struct pack_info *info)
{
    struct pack_dir_reader dir;
    size_t first = 0;
    int rc = 0;

    pack_dir_read(&dir, buf_bytes(&info->dir));
    while (rc == 0 && pack_dir_next_frame(&dir, &x->frame_at.f)) {
        repack_frame_get(x, &dir, &first);
        rc = repack_frame_at(x, info);
    }
    return rc;
}

/* Moves what is needed of a pack, if that frees something: idle chunks in
 * frames that this key cannot make anew stay where they are. */
static int repack_pack(struct repack *x, const struct index_pack *p, bool small)
{
    struct pack_info info = {.bytes = 0};
    int rc = pack_reader_dir(x->packs, &p->id, &info);

    if (rc == 0)
        rc = repack_look(x, p->no, &info);
    if (rc == 0 && (small || x->eager ||
                    repack_padded(p, repack_weigh(x, &info)) +
                            p->size_bytes / REPACK_GAIN <=
                        p->size_bytes)) {
        rc = repack_frames(x, &info);
        x->done->packs++;
        x->done->bytes += p->size_bytes;
    }
    pack_info_release(&info);
    if (rc == E_CORRUPT) {
        log_debug("a pack that is not moved: %s", err_text());
        rc = 0;
    }
    return rc;
}

static int repack_one(struct repack *x, const struct repack_pack *chosen)
{
    struct index_pack p;
    bool found = false;
    int rc = index_reader_renew(x->reader);

    if (rc == 0)
        rc = index_reader_pack_by_id(x->reader, &chosen->id, &p, &found);
    if (rc < 0 || !found || p.state != INDEX_LIVE)
        return rc;
    return repack_pack(x, &p, chosen->small);
}

/* ---- all ----------------------------------------------------------------- */

static int repack_move_all(struct repack *x)
{
    int rc = repack_begin(x);

    if (x->n > 0)
        qsort(x->pack, x->n, sizeof *x->pack, repack_by_number);
    for (size_t i = 0; i < x->n && rc == 0; i++) {
        if (!x->pack[i].chosen)
            continue;
        rc = cancel_check(x->cancel);
        if (rc == 0)
            rc = repack_one(x, &x->pack[i]);
        if (rc == 0)
            rc = repack_alive(x);
    }
    for (int i = 0; i < 2 && rc == 0; i++) {
        if (!repack_out_is_empty(x->out[i]))
            rc = repack_write(x, x->out[i], false);
        if (rc == 0 && x->fresh[i])
            rc = repack_fresh_flush(x->fresh[i]);
    }
    return rc < 0 ? rc : repack_publish(x);
}

/* A journal that stays open would be waited for, by ourselves too. */
static int repack_move(struct repack *x)
{
    struct err_record why;
    int rc = repack_move_all(x);

    if (rc == 0)
        return writer_end(x->w);
    err_save(rc, &why);
    if (rc == E_NOSPACE)
        err_ignore(reserve_spend_if_full(x->r->store), "there may be room");
    if (x->w && rc != E_FENCED)
        err_ignore(writer_end(x->w), "it ends when we do");
    return err_load(&why);
}

static void repack_count(struct repack *x)
{
    for (size_t i = 0; i < x->n; i++) {
        x->done->packs += x->pack[i].chosen;
        x->done->bytes += x->pack[i].chosen ? x->pack[i].bytes : 0;
    }
}

int repack(struct repo *r, const struct repack_limits *limits,
           struct cancel *cancel, bool dry, struct repack_done *done)
{
    struct repack *x = mem_alloc(sizeof *x);
    int rc;

    *done = (struct repack_done){.packs = 0};
    if (!x)
        return err_set(E_NOMEM, "out of memory");
    x->r = r;
    x->cancel = cancel;
    x->eager = limits->eager;
    x->done = done;
    rc = repack_choose_all(x, limits);
    if (rc == 0)
        repack_count(x);
    if (rc == 0 && !dry && done->packs > 0) {
        *done = (struct repack_done){.packs = 0};
        rc = repack_move(x);
    }
    repack_end(x);
    if (rc == E_FENCED) {
        err_ignore(rc,
                   "what was published stands; the next run moves the rest");
        rc = 0;
    }
    return rc;
}
