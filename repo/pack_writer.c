#include "repo/pack_writer.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/pack_layout.h"
#include "repo/pad.h"
#include "store/store.h"

enum {
    PACK_WRITER_COUNT_BYTES = 5 /* of the number of frames in a directory */
};

struct pack_writer {
    const struct keyring *keys;
    struct store_writer *out;
    struct frame_key *key; /* in locked memory; of a pack of its own frames */
    struct pack_layout_header header;
    struct buf head; /* the header as written */
    struct pack_dir dir;
    struct blake3 hash; /* of what was written so far */
    uint32_t off;       /* bytes written so far */
    bool dead;
};

/* All bytes of the file pass here, in order. */
static int pack_writer_put(struct pack_writer *w, struct bytes x)
{
    int rc = store_writer_append(w->out, x);

    if (rc < 0) {
        w->dead = true;
        return rc;
    }
    blake3_update(&w->hash, x);
    w->off += (uint32_t)x.n;
    return 0;
}

/* A key entry with a fresh secret. key: out: what it stands for. */
static int pack_writer_fresh_key(struct pack_writer *w, struct bytes what,
                                 struct frame_key *key)
{
    struct pack_layout_key entry = {.epoch = w->header.epoch};
    int rc = keyring_frame_key_new(w->keys, w->header.kind, w->header.epoch,
                                   what, key, entry.sealed, entry.commitment);

    if (rc < 0)
        return rc;
    entry.suite = key->suite;
    pack_layout_put_key(&entry, &w->head);
    return 0;
}

static int pack_writer_put_head(struct pack_writer *w)
{
    int rc = buf_status(&w->head);

    return rc < 0 ? rc : pack_writer_put(w, buf_bytes(&w->head));
}

static int pack_writer_new(struct store *s, const struct keyring *k,
                           enum pack_kind kind, uint32_t key_n,
                           struct pack_writer **out)
{
    struct pack_writer *w = mem_alloc(sizeof *w);
    int rc = 0;

    if (!w)
        return err_set(E_NOMEM, "out of memory");
    w->keys = k;
    w->header = (struct pack_layout_header){.kind = kind,
                                            .key_n = key_n,
                                            .epoch = keyring_newest(k),
                                            .repo = k->repo,
                                            .writer = k->member};
    buf_init(&w->head, PACK_LAYOUT_HEADER_MAX);
    pack_dir_init(&w->dir);
    blake3_init(&w->hash);
    w->key = crypto_locked_new(sizeof *w->key);
    if (!w->key)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = store_writer_open(s, &w->out);
    if (rc < 0) {
        pack_writer_free(w);
        return rc;
    }
    pack_layout_put_header(&w->header, &w->head);
    *out = w;
    return 0;
}

int pack_writer_open(struct store *s, const struct keyring *k,
                     enum pack_kind kind, struct bytes what,
                     struct pack_writer **out)
{
    struct pack_writer *w;
    int rc = pack_writer_new(s, k, kind, 1, &w);

    if (rc < 0)
        return rc;
    rc = pack_writer_fresh_key(w, what, w->key);
    if (rc == 0)
        rc = pack_writer_put_head(w);
    if (rc < 0) {
        pack_writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* The table is as long as a power of two; what no frame uses looks like the
 * rest. */
static int pack_writer_put_keys(struct pack_writer *w,
                                const struct pack_layout_key *key, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        pack_layout_put_key(&key[i], &w->head);
    for (size_t i = n; i < w->header.key_n && rc == 0; i++)
        rc = pack_writer_fresh_key(w, bytes_of(key, n * sizeof *key), w->key);
    crypto_wipe(w->key, sizeof *w->key);
    return rc < 0 ? rc : pack_writer_put_head(w);
}

uint32_t pack_writer_key_room(size_t n)
{
    uint32_t room = 1;

    while (room < n)
        room *= 2;
    return room;
}

int pack_writer_open_moved(struct store *s, const struct keyring *k,
                           enum pack_kind kind,
                           const struct pack_layout_key *key, size_t n,
                           struct pack_writer **out)
{
    struct pack_writer *w;
    int rc;

    ASSERT(n > 0 && n <= PACK_KEYS_MAX);
    rc = pack_writer_new(s, k, kind, pack_writer_key_room(n), &w);
    if (rc < 0)
        return rc;
    rc = pack_writer_put_keys(w, key, n);
    if (rc < 0) {
        pack_writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

const struct frame_key *pack_writer_key(const struct pack_writer *w)
{
    return w->key;
}

/* Bytes of the file with a directory of that size, before padding. */
static size_t pack_writer_size(const struct pack_writer *w, size_t frames,
                               size_t dir)
{
    return w->off + frames + PACK_LAYOUT_DIR_OVERHEAD + dir +
           PACK_LAYOUT_TRAILER_BYTES;
}

uint32_t pack_writer_chunks(const struct pack_writer *w)
{
    return w->dir.chunk_n;
}

bool pack_writer_fits(const struct pack_writer *w, size_t stored_bytes,
                      size_t chunk_n)
{
    size_t dir = PACK_WRITER_COUNT_BYTES + w->dir.frames.n +
                 PACK_DIR_FRAME_MAX + chunk_n * PACK_DIR_CHUNK_MAX;

    return pack_writer_size(w, stored_bytes, dir) <= PACK_FULL_BYTES;
}

size_t pack_writer_bytes(const struct pack_writer *w)
{
    if (w->dir.frame_n == 0)
        return 0;
    return pack_writer_size(w, 0, pack_dir_bytes(&w->dir));
}

int pack_writer_add(struct pack_writer *w, const struct frame *f,
                    const struct pack_dir_chunk *chunk, size_t chunk_n,
                    uint32_t *off)
{
    return pack_writer_add_moved(w, f, 0, chunk, chunk_n, off);
}

int pack_writer_add_moved(struct pack_writer *w, const struct frame *f,
                          uint32_t key, const struct pack_dir_chunk *chunk,
                          size_t chunk_n, uint32_t *off)
{
    struct pack_dir_frame d = {.key = key,
                               .off = w->off,
                               .stored_bytes = (uint32_t)f->stored.n,
                               .raw_bytes = f->raw_bytes,
                               .hash = f->hash,
                               .chunk_n = (uint32_t)chunk_n};
    int rc;

    ASSERT(!w->dead && chunk_n > 0 && chunk_n <= FRAME_CHUNKS_MAX);
    if (!pack_writer_fits(w, f->stored.n, chunk_n))
        return err_set(E_LIMIT, "the pack is full");
    rc = pack_dir_add(&w->dir, &d, chunk);
    if (rc < 0) {
        w->dead = true;
        return rc;
    }
    if (off)
        *off = w->off;
    return pack_writer_put(w, f->stored);
}

/* How long the file will be. */
static uint32_t pack_writer_padded(const struct pack_writer *w, bool full)
{
    uint64_t n = pad_size(pack_writer_bytes(w), PACK_STEP_BYTES);

    return full || n > PACK_FULL_BYTES ? PACK_FULL_BYTES : (uint32_t)n;
}

/* The salt of directory and trailer, which are all that these parts say. */
static void pack_writer_fresh_salt(const struct pack_writer *w,
                                   struct bytes content,
                                   struct pack_layout_trailer *t)
{
    uint32_t place[] = {t->dir_off, t->dir_bytes};
    struct bytes part[] = {buf_bytes(&w->head), bytes_of(place, sizeof place),
                           content};

    crypto_fresh(t->salt, sizeof t->salt, "dedup 1 directory salt", part, 3);
}

/* Directory and trailer of a file of that many bytes, appended to tail. */
static int pack_writer_end(struct pack_writer *w, struct bytes content,
                           uint32_t bytes, struct buf *tail)
{
    struct pack_layout_trailer t = {.dir_off = w->off};
    struct object_id hash;
    int rc;

    t.dir_bytes = bytes - w->off - PACK_LAYOUT_TRAILER_BYTES;
    pack_writer_fresh_salt(w, content, &t);
    pack_layout_seal_dir(
        w->keys, &w->header, t.salt, buf_bytes(&w->head), content,
        t.dir_bytes - CRYPTO_KEY_BYTES - CRYPTO_TAG_BYTES, tail);
    if (tail->rc < 0)
        return buf_status(tail);
    pack_layout_signed(buf_bytes(&w->head), buf_bytes(tail), &t, &hash);
    rc = crypto_signature_make(&w->keys->signer, pack_layout_label, &hash,
                               t.signature);
    if (rc < 0)
        return rc;
    pack_layout_put_trailer(w->keys, &w->header, &t, tail);
    return buf_status(tail);
}

/* The object is its own name; if it is there already, so are its bytes. */
static int pack_writer_name(struct pack_writer *w, struct object_id *id)
{
    char name[PACK_LAYOUT_NAME_MAX];
    enum store_outcome outcome;

    blake3_final(&w->hash, id->b);
    pack_layout_name(id, name);
    return store_writer_commit(w->out, name, &outcome);
}

int pack_writer_commit(struct pack_writer *w, bool full, struct pack_info *out)
{
    struct pack_info info = {.kind = w->header.kind,
                             .bytes = pack_writer_padded(w, full),
                             .writer = w->header.writer,
                             .frame_n = w->dir.frame_n,
                             .chunk_n = w->dir.chunk_n};
    struct buf tail;
    int rc;

    ASSERT(!w->dead && w->dir.frame_n > 0);
    w->dead = true;
    buf_init(&info.dir, PACK_DIR_MAX);
    buf_init(&tail, PACK_FULL_BYTES);
    pack_dir_put(&w->dir, &info.dir);
    rc = buf_status(&info.dir);
    if (rc == 0)
        rc = pack_writer_end(w, buf_bytes(&info.dir), info.bytes, &tail);
    if (rc == 0)
        rc = pack_writer_put(w, buf_bytes(&tail));
    if (rc == 0)
        rc = pack_writer_name(w, &info.id);
    buf_release(&tail);
    if (rc < 0)
        pack_info_release(&info);
    else
        *out = info;
    return err_add(rc, "writing a pack");
}

void pack_writer_free(struct pack_writer *w)
{
    if (!w)
        return;
    store_writer_free(w->out);
    crypto_locked_free(w->key);
    buf_release(&w->head);
    pack_dir_release(&w->dir);
    free(w);
}
