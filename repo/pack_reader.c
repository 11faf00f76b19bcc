#include "repo/pack_reader.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/magic.h"
#include "store/store.h"

enum { PACK_READER_KEYS = 1024 }; /* remembered, one place for each hash */

/* A key that was unlocked before. */
struct pack_reader_slot {
    bool used;
    uint32_t entry;
    struct object_id pack;
    struct frame_key key;
};

struct pack_reader {
    struct store *store;
    const struct keyring *keys;
    pthread_mutex_t lock;
    struct pack_reader_slot *slot; /* guarded; in locked memory */
};

int pack_reader_new(struct store *s, const struct keyring *k,
                    struct pack_reader **out)
{
    struct pack_reader *r = mem_alloc(sizeof *r);

    if (!r)
        return err_set(E_NOMEM, "out of memory");
    r->slot = crypto_locked_new(PACK_READER_KEYS * sizeof *r->slot);
    if (!r->slot) {
        free(r);
        return err_set(E_NOMEM, "out of memory");
    }
    r->store = s;
    r->keys = k;
    pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return 0;
}

void pack_reader_free(struct pack_reader *r)
{
    if (!r)
        return;
    crypto_locked_free(r->slot);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static int pack_reader_gone(const char *name)
{
    return err_set(E_CORRUPT, "%s is missing", name);
}

/* Exactly n bytes of a pack that must be there. */
static int pack_reader_range(struct pack_reader *r,
                             const struct object_id *pack, uint64_t off,
                             void *to, size_t n)
{
    char name[PACK_LAYOUT_NAME_MAX];
    bool found;
    int rc;

    pack_layout_name(pack, name);
    rc = store_get_range(r->store, name, off, to, n, &found);
    if (rc < 0)
        return rc;
    return found ? 0 : pack_reader_gone(name);
}

/* --- keys --- */

static struct pack_reader_slot *pack_reader_slot(struct pack_reader *r,
                                                 const struct object_id *pack,
                                                 uint32_t entry)
{
    size_t i = ((size_t)pack->b[0] << 8 | pack->b[1]) + entry;

    return &r->slot[i % PACK_READER_KEYS];
}

static bool pack_reader_recall(struct pack_reader *r,
                               const struct object_id *pack, uint32_t entry,
                               struct frame_key *out)
{
    struct pack_reader_slot *s = pack_reader_slot(r, pack, entry);
    bool hit;

    pthread_mutex_lock(&r->lock);
    hit = s->used && s->entry == entry && object_id_equal(&s->pack, pack);
    if (hit)
        *out = s->key;
    pthread_mutex_unlock(&r->lock);
    return hit;
}

static void pack_reader_remember(struct pack_reader *r,
                                 const struct object_id *pack, uint32_t entry,
                                 const struct frame_key *key)
{
    struct pack_reader_slot *s = pack_reader_slot(r, pack, entry);

    pthread_mutex_lock(&r->lock);
    *s = (struct pack_reader_slot){
        .used = true, .entry = entry, .pack = *pack, .key = *key};
    pthread_mutex_unlock(&r->lock);
}

/* The key of a raw entry of the key table. */
static int pack_reader_unlock(struct pack_reader *r, enum pack_kind kind,
                              struct bytes raw, struct frame_key *out)
{
    struct pack_layout_key k;
    int rc = magic_unproved(pack_layout_get_key(raw, &k));

    if (rc < 0)
        return rc;
    return keyring_frame_key(r->keys, kind, k.epoch, k.suite, k.sealed,
                             k.commitment, out);
}

int pack_reader_key(struct pack_reader *r, const struct object_id *pack,
                    uint32_t entry, struct frame_key *out)
{
    /* most packs have one key: this is then the whole header */
    uint8_t head[PACK_LAYOUT_HEAD_BYTES + PACK_LAYOUT_KEY_BYTES];
    uint8_t *key = head + PACK_LAYOUT_HEAD_BYTES;
    struct pack_layout_header h;
    int rc;

    if (pack_reader_recall(r, pack, entry, out))
        return 0;
    rc = pack_reader_range(r, pack, 0, head, sizeof head);
    if (rc == 0)
        rc = magic_unproved(pack_layout_get_header(
            bytes_of(head, PACK_LAYOUT_HEAD_BYTES), r->keys, &h));
    if (rc == 0 && entry >= h.key_n)
        rc = err_set(E_CORRUPT, "pack: no key entry %u", entry);
    if (rc == 0 && entry > 0)
        rc = pack_reader_range(r, pack, pack_layout_header_bytes(entry), key,
                               PACK_LAYOUT_KEY_BYTES);
    if (rc == 0)
        rc = pack_reader_unlock(r, h.kind, bytes_of(key, PACK_LAYOUT_KEY_BYTES),
                                out);
    if (rc == 0)
        pack_reader_remember(r, pack, entry, out);
    return rc;
}

int pack_reader_entry(struct pack_reader *r, const struct object_id *pack,
                      uint32_t entry, struct pack_layout_key *out)
{
    uint8_t raw[PACK_LAYOUT_KEY_BYTES];
    int rc = pack_reader_range(r, pack, pack_layout_header_bytes(entry), raw,
                               sizeof raw);

    return rc < 0 ? rc
                  : magic_unproved(
                        pack_layout_get_key(bytes_of(raw, sizeof raw), out));
}

int pack_reader_sealed(struct pack_reader *r, const struct object_id *pack,
                       const struct pack_dir_frame *f, uint8_t *to)
{
    char name[PACK_LAYOUT_NAME_MAX];
    struct object_id hash;
    int rc = pack_reader_range(r, pack, f->off, to, f->stored_bytes);

    if (rc < 0)
        return rc;
    blake3_hash(bytes_of(to, f->stored_bytes), hash.b);
    if (object_id_equal(&hash, &f->hash))
        return 0;
    pack_layout_name(pack, name);
    return err_set(E_CORRUPT, "%s at byte %u: not what its directory says",
                   name, f->off);
}

int pack_reader_frame(struct pack_reader *r, struct frame_ctx *x,
                      const struct object_id *pack, uint32_t entry,
                      uint32_t off, uint32_t stored_bytes, uint32_t raw_bytes,
                      uint8_t *out)
{
    char name[PACK_LAYOUT_NAME_MAX];
    struct frame_key key;
    uint8_t *stored;
    int rc;

    if (stored_bytes > FRAME_STORED_MAX)
        return err_set(E_CORRUPT, "frame of %u bytes", stored_bytes);
    rc = pack_reader_key(r, pack, entry, &key);
    if (rc < 0)
        return rc;
    stored = frame_buffer(x);
    pack_layout_name(pack, name);
    rc = pack_reader_range(r, pack, off, stored, stored_bytes);
    if (rc == 0)
        rc = err_add(
            frame_open(x, &key, bytes_of(stored, stored_bytes), raw_bytes, out),
            "%s at byte %u", name, off);
    crypto_wipe(&key, sizeof key);
    return rc;
}

int pack_reader_kept(struct pack_reader *r, struct frame_ctx *x,
                     const struct object_id *pack, enum pack_kind kind,
                     const struct frame_kept *kept, uint32_t off,
                     uint32_t stored_bytes, uint32_t raw_bytes, uint8_t *out)
{
    char name[PACK_LAYOUT_NAME_MAX];
    uint8_t *stored = frame_buffer(x);
    int rc;

    if (stored_bytes > FRAME_STORED_MAX)
        return err_set(E_CORRUPT, "frame of %u bytes", stored_bytes);
    pack_layout_name(pack, name);
    rc = pack_reader_range(r, pack, off, stored, stored_bytes);
    if (rc == 0)
        rc = err_add(frame_open_kept(x, kind, kept,
                                     bytes_of(stored, stored_bytes), raw_bytes,
                                     out),
                     "%s at byte %u", name, off);
    return rc;
}

/* --- directories --- */

/* A pack's clear parts and its sealed directory. */
struct pack_reader_parts {
    uint64_t bytes; /* of the pack */
    struct pack_layout_header header;
    struct pack_layout_trailer trailer;
    struct buf head; /* the whole header */
    struct buf dir;  /* the sealed directory */
};

static void pack_reader_parts_init(struct pack_reader_parts *p)
{
    *p = (struct pack_reader_parts){.bytes = 0};
    buf_init(&p->head, PACK_LAYOUT_HEADER_MAX);
    buf_init(&p->dir, PACK_FULL_BYTES);
}

static void pack_reader_parts_release(struct pack_reader_parts *p)
{
    buf_release(&p->head);
    buf_release(&p->dir);
}

/* Reads n bytes to the end of a buffer. */
static int pack_reader_fill(struct pack_reader *r, const struct object_id *pack,
                            uint64_t off, size_t n, struct buf *b)
{
    uint8_t *to = buf_extend(b, n);

    return to ? pack_reader_range(r, pack, off, to, n) : buf_status(b);
}

static int pack_reader_size(struct pack_reader *r, const struct object_id *pack,
                            uint64_t *bytes)
{
    char name[PACK_LAYOUT_NAME_MAX];
    bool found;
    int rc;

    pack_layout_name(pack, name);
    rc = store_size(r->store, name, bytes, &found);
    if (rc == 0 && !found)
        rc = pack_reader_gone(name);
    if (rc == 0 &&
        (*bytes > PACK_FULL_BYTES ||
         *bytes < pack_layout_header_bytes(1) + PACK_LAYOUT_TRAILER_BYTES))
        rc = err_set(E_CORRUPT, "%s: %llu bytes long", name,
                     (unsigned long long)*bytes);
    return rc;
}

/* Each read may be a round trip to far away: with one key, which is the rule,
 * the header is one. */
static int pack_reader_header(struct pack_reader *r,
                              const struct object_id *pack,
                              struct pack_reader_parts *p)
{
    size_t one = pack_layout_header_bytes(1);
    size_t all;
    int rc = pack_reader_fill(r, pack, 0, one, &p->head);

    if (rc == 0)
        rc = magic_unproved(pack_layout_get_header(
            bytes_of(p->head.p, PACK_LAYOUT_HEAD_BYTES), r->keys, &p->header));
    if (rc < 0)
        return rc;
    all = pack_layout_header_bytes(p->header.key_n);
    if (all + PACK_LAYOUT_TRAILER_BYTES > p->bytes)
        return err_set(E_CORRUPT, "pack: its header is cut off");
    return all > one ? pack_reader_fill(r, pack, one, all - one, &p->head) : 0;
}

static int pack_reader_load(struct pack_reader *r, const struct object_id *pack,
                            struct pack_reader_parts *p)
{
    uint8_t tail[PACK_LAYOUT_TRAILER_BYTES];
    int rc = pack_reader_size(r, pack, &p->bytes);

    if (rc == 0)
        rc = pack_reader_header(r, pack, p);
    if (rc == 0)
        rc = pack_reader_range(r, pack, p->bytes - sizeof tail, tail,
                               sizeof tail);
    if (rc == 0)
        rc = pack_layout_get_trailer(r->keys, &p->header,
                                     bytes_of(tail, sizeof tail), p->bytes,
                                     &p->trailer);
    return rc < 0 ? rc
                  : pack_reader_fill(r, pack, p->trailer.dir_off,
                                     p->trailer.dir_bytes, &p->dir);
}

/* What the parts say, with signature and directory checked. */
static int pack_reader_info(struct pack_reader *r, const struct object_id *pack,
                            const struct pack_reader_parts *p,
                            struct pack_info *info)
{
    struct pack_dir_bounds bounds = {.first = (uint32_t)p->head.n,
                                     .end = p->trailer.dir_off,
                                     .key_n = p->header.key_n};
    struct object_id hash;
    int rc;

    *info = (struct pack_info){.id = *pack,
                               .kind = p->header.kind,
                               .bytes = (uint32_t)p->bytes,
                               .writer = p->header.writer};
    buf_init(&info->dir, PACK_DIR_MAX);
    pack_layout_signed(buf_bytes(&p->head), buf_bytes(&p->dir), &p->trailer,
                       &hash);
    if (!crypto_signature_ok(&p->header.writer, pack_layout_label, &hash,
                             p->trailer.signature))
        return err_set(E_CORRUPT, "pack: its signature does not fit");
    rc = pack_layout_open_dir(r->keys, &p->header, p->trailer.salt,
                              buf_bytes(&p->head), buf_bytes(&p->dir),
                              &info->dir);
    if (rc == 0)
        rc = pack_dir_check(buf_bytes(&info->dir), &bounds, &info->frame_n,
                            &info->chunk_n);
    return rc;
}

int pack_reader_dir(struct pack_reader *r, const struct object_id *pack,
                    struct pack_info *info)
{
    struct pack_reader_parts p;
    int rc;

    *info = (struct pack_info){.bytes = 0};
    pack_reader_parts_init(&p);
    rc = pack_reader_load(r, pack, &p);
    if (rc == 0)
        rc = pack_reader_info(r, pack, &p, info);
    if (rc < 0)
        pack_info_release(info);
    pack_reader_parts_release(&p);
    if (rc == E_CORRUPT) {
        char name[PACK_LAYOUT_NAME_MAX];

        pack_layout_name(pack, name);
        rc = err_add(rc, "%s", name);
    }
    return rc;
}
