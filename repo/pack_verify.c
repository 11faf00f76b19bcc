#include "repo/pack_verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "base/limit.h"
#include "base/mem.h"
#include "store/store.h"

struct pack_verify {
    const struct keyring *keys;
    struct frame_ctx *frame;
    struct bytes file;
    struct pack_layout_header header;
    uint8_t *raw; /* FRAME_RAW_MAX: one opened frame */
    pack_verify_fn *damage;
    void *ctx;
    uint64_t found;  /* things that are wrong */
    uint32_t key_at; /* key entry that key is of; UINT32_MAX: none */
    struct frame_key key;
};

/* Reports what the error record says. id: NULL when it is not one chunk. */
static int pack_verify_report(struct pack_verify *v, uint32_t frame,
                              const struct chunk_id *id)
{
    struct pack_damage d = {.frame = frame, .chunk_known = id != NULL};

    v->found++;
    if (id)
        d.id = *id;
    (void)snprintf(d.text, sizeof d.text, "%.*s", (int)sizeof d.text - 1,
                   err_text());
    return v->damage ? v->damage(v->ctx, &d) : 0;
}

/* rc of one step: damage is reported and over with, the rest ends it all. In a
 * file whose bytes have changed, what looks like a newer format is damage. */
static int pack_verify_step(struct pack_verify *v, int rc, uint32_t frame,
                            const struct chunk_id *id)
{
    bool damage = rc == E_CORRUPT || (rc == E_UNSUPPORTED && v->found > 0);

    return damage ? pack_verify_report(v, frame, id) : rc;
}

static int pack_verify_id(const struct pack_verify *v,
                          const struct object_id *pack)
{
    struct object_id mine;

    blake3_hash(v->file, mine.b);
    if (object_id_equal(&mine, pack))
        return 0;
    return err_set(E_CORRUPT, "its bytes are not those it is named after");
}

/* Header, trailer, signature, directory. */
static int pack_verify_dir(struct pack_verify *v, struct pack_info *info)
{
    struct pack_layout_trailer t;
    struct pack_dir_bounds bounds;
    struct object_id hash;
    struct bytes head;
    struct bytes dir;
    int rc;

    if (v->file.n < pack_layout_header_bytes(1) + PACK_LAYOUT_TRAILER_BYTES)
        return err_set(E_CORRUPT, "cut off after %zu bytes", v->file.n);
    rc = pack_layout_get_header(bytes_of(v->file.p, PACK_LAYOUT_HEAD_BYTES),
                                v->keys, &v->header);
    if (rc == 0)
        rc = pack_layout_get_trailer(
            v->keys, &v->header,
            bytes_of(v->file.p + v->file.n - PACK_LAYOUT_TRAILER_BYTES,
                     PACK_LAYOUT_TRAILER_BYTES),
            v->file.n, &t);
    if (rc < 0)
        return rc;
    head = bytes_of(v->file.p, pack_layout_header_bytes(v->header.key_n));
    dir = bytes_of(v->file.p + t.dir_off, t.dir_bytes);
    info->kind = v->header.kind;
    info->writer = v->header.writer;
    pack_layout_signed(head, dir, &t, &hash);
    if (!crypto_signature_ok(&v->header.writer, pack_layout_label, &hash,
                             t.signature))
        return err_set(E_CORRUPT, "its signature does not fit");
    rc = pack_layout_open_dir(v->keys, &v->header, t.salt, head, dir,
                              &info->dir);
    bounds = (struct pack_dir_bounds){
        .first = (uint32_t)head.n, .end = t.dir_off, .key_n = v->header.key_n};
    return rc < 0 ? rc
                  : pack_dir_check(buf_bytes(&info->dir), &bounds,
                                   &info->frame_n, &info->chunk_n);
}

/* The key of an entry of the table; the last one is remembered. */
static int pack_verify_key(struct pack_verify *v, uint32_t entry)
{
    struct pack_layout_key k;
    int rc;

    if (v->key_at == entry)
        return 0;
    rc = pack_layout_get_key(
        bytes_of(v->file.p + pack_layout_header_bytes(entry),
                 PACK_LAYOUT_KEY_BYTES),
        &k);
    if (rc == 0)
        rc = keyring_frame_key(v->keys, v->header.kind, k.epoch, k.suite,
                               k.sealed, k.commitment, &v->key);
    v->key_at = rc == 0 ? entry : UINT32_MAX;
    return rc;
}

/* Each chunk of the frame that lies opened in v->raw. */
static int pack_verify_chunks(struct pack_verify *v, struct pack_dir_reader *r,
                              uint32_t frame)
{
    struct pack_dir_chunk c;
    const uint8_t *p = v->raw;

    while (pack_dir_next_chunk(r, &c)) {
        struct chunk_id mine;
        int rc = 0;

        keyring_chunk_id(v->keys, v->header.kind, bytes_of(p, c.bytes), &mine);
        if (!chunk_id_equal(&mine, &c.id)) {
            err_ignore(err_set(E_CORRUPT, "a chunk that is not its id's"),
                       "reported below");
            rc = pack_verify_report(v, frame, &c.id);
        }
        if (rc < 0)
            return rc;
        p += c.bytes;
    }
    return 0;
}

static int pack_verify_frame(struct pack_verify *v, struct pack_dir_reader *r,
                             const struct pack_dir_frame *f, uint32_t number)
{
    struct bytes stored = bytes_of(v->file.p + f->off, f->stored_bytes);
    struct object_id hash;
    int rc = 0;

    blake3_hash(stored, hash.b);
    if (!object_id_equal(&hash, &f->hash))
        rc = err_set(E_CORRUPT, "a frame whose bytes have changed");
    if (rc == 0 && keyring_can_open(v->keys, v->header.kind)) {
        rc = pack_verify_key(v, f->key);
        if (rc == 0)
            rc = frame_open(v->frame, &v->key, stored, f->raw_bytes, v->raw);
        if (rc == 0)
            return pack_verify_chunks(v, r, number);
    }
    return pack_verify_step(v, rc, number, NULL);
}

static int pack_verify_frames(struct pack_verify *v,
                              const struct pack_info *info)
{
    struct pack_dir_reader r;
    struct pack_dir_frame f;
    uint32_t number = 0;
    int rc = 0;

    pack_dir_read(&r, buf_bytes(&info->dir));
    while (rc == 0 && pack_dir_next_frame(&r, &f))
        rc = pack_verify_frame(v, &r, &f, number++);
    return rc;
}

/* Everything about the file in v. */
static int pack_verify_file(struct pack_verify *v, struct pack_info *info)
{
    int rc = pack_verify_step(v, pack_verify_id(v, &info->id),
                              PACK_VERIFY_NO_FRAME, NULL);

    if (rc < 0)
        return rc;
    rc = pack_verify_dir(v, info);
    if (rc < 0)
        return pack_verify_step(v, rc, PACK_VERIFY_NO_FRAME, NULL);
    return pack_verify_frames(v, info);
}

/* In pieces, as a limit of the rate wants it; in one without. */
static int pack_verify_pieces(struct store *s, const char *name, uint8_t *to,
                              size_t n, bool *found)
{
    size_t piece;
    int rc = 0;

    for (size_t at = 0; at < n && *found && rc == 0; at += piece) {
        piece = limit_piece(LIMIT_READ, n - at);
        limit_wait(LIMIT_READ);
        rc = store_get_range(s, name, at, to + at, piece, found);
    }
    return rc;
}

static int pack_verify_get(struct store *s, const struct object_id *pack,
                           struct buf *file)
{
    char name[PACK_LAYOUT_NAME_MAX];
    uint64_t size = 0;
    bool found;
    int rc;

    pack_layout_name(pack, name);
    buf_reset(file);
    rc = store_size(s, name, &size, &found);
    if (rc == 0 && size > file->max)
        rc = err_set(E_CORRUPT, "%s: longer than a pack can be", name);
    if (rc == 0 && size > 0 && !buf_extend(file, (size_t)size))
        rc = buf_status(file);
    if (rc == 0)
        rc = pack_verify_pieces(s, name, file->p, (size_t)size, &found);
    if (rc < 0 || !found)
        buf_reset(file);
    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "%s is missing", name);
    return rc;
}

int pack_verify(struct store *s, const struct keyring *k, struct frame_ctx *x,
                const struct object_id *pack, struct buf *file,
                struct pack_info *info, pack_verify_fn *damage, void *ctx)
{
    struct pack_verify v = {.keys = k,
                            .frame = x,
                            .damage = damage,
                            .ctx = ctx,
                            .key_at = UINT32_MAX};
    struct pack_info mine = {.id = *pack};
    int rc;

    if (info)
        *info = (struct pack_info){.bytes = 0};
    buf_init(&mine.dir, PACK_DIR_MAX);
    v.raw = mem_raw(FRAME_RAW_MAX);
    rc = v.raw ? pack_verify_get(s, pack, file)
               : err_set(E_NOMEM, "out of memory");
    if (rc == 0) {
        v.file = buf_bytes(file);
        mine.bytes = (uint32_t)file->n;
        rc = pack_verify_file(&v, &mine);
    } else {
        rc = pack_verify_step(&v, rc, PACK_VERIFY_NO_FRAME, NULL);
    }
    crypto_wipe(&v.key, sizeof v.key);
    free(v.raw);
    if (rc == 0 && v.found > 0)
        rc = err_set(E_CORRUPT, "pack: %llu things are damaged",
                     (unsigned long long)v.found);
    if (info && mine.frame_n > 0)
        *info = mine;
    else
        pack_info_release(&mine);
    return rc;
}
