#include "repo/repack_out.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"

/* A key entry that comes along. */
struct repack_key {
    struct object_id pack; /* where it stands, ... */
    uint32_t entry;        /* ... and which it is */
};

struct repack_frame {
    struct object_id pack;
    struct pack_dir_frame f; /* as it stands there */
    uint32_t key;            /* of ours */
    size_t chunk;            /* its first */
};

struct repack_out {
    struct store *store;
    const struct keyring *keys;
    struct pack_reader *packs;
    enum pack_kind kind;
    struct repack_key *from; /* key_n */
    struct pack_layout_key *key;
    size_t key_n;
    size_t from_cap;
    size_t key_cap;
    struct repack_frame *frame;
    size_t frame_n;
    size_t frame_cap;
    struct pack_dir_chunk *chunk;
    size_t chunk_n;
    size_t chunk_cap;
    uint64_t bytes; /* of the frames */
    uint8_t *stored;
};

struct repack_out *repack_out_new(struct store *s, const struct keyring *k,
                                  struct pack_reader *packs,
                                  enum pack_kind kind)
{
    struct repack_out *o = mem_alloc(sizeof *o);

    if (!o)
        return NULL;
    *o = (struct repack_out){
        .store = s, .keys = k, .packs = packs, .kind = kind};
    o->stored = mem_alloc(FRAME_STORED_MAX);
    if (!o->stored) {
        free(o);
        return NULL;
    }
    return o;
}

void repack_out_free(struct repack_out *o)
{
    if (!o)
        return;
    free(o->from);
    free(o->key);
    free(o->frame);
    free(o->chunk);
    free(o->stored);
    free(o);
}

bool repack_out_is_empty(const struct repack_out *o)
{
    return o->frame_n == 0;
}

static int repack_out_nomem(void)
{
    return err_set(E_NOMEM, "out of memory for a pack");
}

/* Frames come pack by pack: their key is most likely the last one. */
static bool repack_out_find_key(const struct repack_out *o,
                                const struct object_id *pack, uint32_t entry,
                                uint32_t *key)
{
    for (size_t i = o->key_n; i-- > 0;) {
        if (o->from[i].entry == entry &&
            object_id_equal(&o->from[i].pack, pack)) {
            *key = (uint32_t)i;
            return true;
        }
    }
    return false;
}

static int repack_out_add_key(struct repack_out *o,
                              const struct object_id *pack, uint32_t entry,
                              uint32_t *key)
{
    int rc;

    if (!MEM_GROW(o->from, o->key_n, o->from_cap) ||
        !MEM_GROW(o->key, o->key_n, o->key_cap))
        return repack_out_nomem();
    rc = pack_reader_entry(o->packs, pack, entry, &o->key[o->key_n]);
    if (rc < 0)
        return rc;
    o->from[o->key_n] = (struct repack_key){*pack, entry};
    *key = (uint32_t)o->key_n++;
    return 0;
}

/* Whether a frame more of chunk_n chunks, with another key or not, has room. */
static bool repack_out_fits(const struct repack_out *o,
                            const struct pack_dir_frame *f, bool new_key)
{
    size_t keys = o->key_n + new_key;
    uint64_t dir = 5 + (o->frame_n + 1) * (uint64_t)PACK_DIR_FRAME_MAX +
                   (o->chunk_n + f->chunk_n) * (uint64_t)PACK_DIR_CHUNK_MAX;

    return keys <= PACK_KEYS_MAX &&
           pack_layout_header_bytes(pack_writer_key_room(keys)) + o->bytes +
                   f->stored_bytes + PACK_LAYOUT_DIR_OVERHEAD + dir +
                   PACK_LAYOUT_TRAILER_BYTES <=
               PACK_FULL_BYTES;
}

static int repack_out_add_chunks(struct repack_out *o,
                                 const struct pack_dir_chunk *chunk, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!MEM_GROW(o->chunk, o->chunk_n, o->chunk_cap))
            return repack_out_nomem();
        o->chunk[o->chunk_n++] = chunk[i];
    }
    return 0;
}

int repack_out_add(struct repack_out *o, const struct object_id *pack,
                   const struct pack_dir_frame *f,
                   const struct pack_dir_chunk *chunk, bool *fits)
{
    struct repack_frame frame = {.pack = *pack, .f = *f, .chunk = o->chunk_n};
    bool known = repack_out_find_key(o, pack, f->key, &frame.key);
    int rc = 0;

    *fits = o->frame_n == 0 || repack_out_fits(o, f, !known);
    if (!*fits)
        return 0;
    if (!known)
        rc = repack_out_add_key(o, pack, f->key, &frame.key);
    if (rc == 0)
        rc = repack_out_add_chunks(o, chunk, f->chunk_n);
    if (rc < 0)
        return rc;
    if (!MEM_GROW(o->frame, o->frame_n, o->frame_cap))
        return repack_out_nomem();
    o->frame[o->frame_n++] = frame;
    o->bytes += f->stored_bytes;
    return 0;
}

static int repack_out_copy(struct repack_out *o, struct pack_writer *w,
                           const struct repack_frame *x)
{
    struct frame f = {.stored = bytes_of(o->stored, x->f.stored_bytes),
                      .raw_bytes = x->f.raw_bytes,
                      .hash = x->f.hash};
    int rc;

    limit_wait(LIMIT_READ);
    limit_wait(LIMIT_WRITE);
    rc = pack_reader_sealed(o->packs, &x->pack, &x->f, o->stored);
    return rc < 0 ? rc
                  : pack_writer_add_moved(w, &f, x->key, o->chunk + x->chunk,
                                          x->f.chunk_n, NULL);
}

int repack_out_write(struct repack_out *o, bool full, struct pack_info *info)
{
    struct pack_writer *w = NULL;
    int rc = pack_writer_open_moved(o->store, o->keys, o->kind, o->key,
                                    o->key_n, &w);

    for (size_t i = 0; i < o->frame_n && rc == 0; i++)
        rc = repack_out_copy(o, w, &o->frame[i]);
    if (rc == 0)
        rc = pack_writer_commit(w, full, info);
    pack_writer_free(w);
    o->key_n = o->frame_n = o->chunk_n = 0;
    o->bytes = 0;
    return rc;
}
