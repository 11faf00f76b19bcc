#include "repo/segment_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "repo/envelope.h"
#include "repo/magic.h"
#include "store/store.h"

void segment_file_name(const struct object_id *id,
                       char out[SEGMENT_FILE_NAME_MAX])
{
    char hex[ID_HEX_CHARS + 1];

    (void)snprintf(out, SEGMENT_FILE_NAME_MAX, "index/%s",
                   id_hex(id->b, sizeof id->b, hex));
}

void segment_file_release(struct segment_file *f)
{
    buf_release(&f->plain);
}

static int segment_file_open(const struct keyring *k,
                             const struct object_id *id, struct bytes file,
                             struct segment_file *f)
{
    struct object_id real;
    struct envelope env;
    int rc;

    blake3_hash(file, real.b);
    if (!object_id_equal(&real, id))
        return err_set(E_CORRUPT, "its bytes do not have that id");
    rc = envelope_open(k, ENVELOPE_SEGMENT, bytes_of(NULL, 0), file, &f->plain,
                       &env);
    if (rc == 0)
        rc = segment_get(env.content, &f->segment);
    if (rc == 0)
        f->signer = env.signer;
    return magic_unproved(rc);
}

int segment_file_read(struct store *s, const struct keyring *k,
                      const struct object_id *id, struct segment_file *f)
{
    char name[SEGMENT_FILE_NAME_MAX];
    struct buf file;
    bool found;
    int rc;

    *f = (struct segment_file){.signer = {{0}}};
    segment_file_name(id, name);
    buf_init(&f->plain, envelope_max_bytes(ENVELOPE_SEGMENT));
    buf_init(&file, envelope_max_bytes(ENVELOPE_SEGMENT));
    rc = store_get(s, name, &file, &found);
    if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "%s: longer than a segment can be", name);
    else if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "%s: is missing", name);
    else if (rc == 0)
        rc = err_add(segment_file_open(k, id, buf_bytes(&file), f), "%s", name);
    buf_release(&file);
    return rc;
}

static int segment_file_order(const void *a, const void *b)
{
    const struct segment_pack *x = a;
    const struct segment_pack *y = b;

    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

int segment_file_write(struct store *s, const struct keyring *k, unsigned level,
                       const struct object_id *replaces, size_t replace_n,
                       struct segment_pack *pack, size_t pack_n,
                       struct object_id *id)
{
    char name[SEGMENT_FILE_NAME_MAX];
    enum store_outcome outcome;
    struct buf content;
    struct buf file;
    int rc;

    if (pack_n > 0)
        qsort(pack, pack_n, sizeof *pack, segment_file_order);
    buf_init(&content, SEGMENT_CONTENT_MAX);
    buf_init(&file, envelope_max_bytes(ENVELOPE_SEGMENT));
    segment_put(level, replaces, replace_n, pack, pack_n, &content);
    rc = buf_status(&content);
    if (rc == 0)
        rc = envelope_seal(k, ENVELOPE_SEGMENT, bytes_of(NULL, 0),
                           buf_bytes(&content), &file);
    buf_release(&content);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), id->b);
        segment_file_name(id, name);
        rc = store_put(s, name, buf_bytes(&file), &outcome);
    }
    buf_release(&file);
    return rc;
}
