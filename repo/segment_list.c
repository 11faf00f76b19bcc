#include "repo/segment_list.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"

enum {
    SEGMENT_LIST_KEY = 'g', /* + id: a segment */
    /* + id: one that a full key replaced; + member: that member, if it is its
       own */
    SEGMENT_LIST_REPLACED = 'x',
    SEGMENT_LIST_KEY_BYTES = 1 + ID_BYTES,
    SEGMENT_LIST_BY_BYTES = SEGMENT_LIST_KEY_BYTES + sizeof(struct member_id)
};

int segment_list_add(struct segment_list *l,
                     const struct segment_list_item *item)
{
    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->item[l->n++] = *item;
    return 0;
}

void segment_list_release(struct segment_list *l)
{
    free(l->item);
    *l = (struct segment_list){.item = NULL};
}

static struct bytes segment_list_key(uint8_t kind, const struct object_id *id,
                                     uint8_t key[SEGMENT_LIST_KEY_BYTES])
{
    key[0] = kind;
    memcpy(key + 1, id->b, sizeof id->b);
    return bytes_of(key, SEGMENT_LIST_KEY_BYTES);
}

int segment_list_note(struct index_update *u,
                      const struct segment_list_item *item)
{
    uint8_t key[SEGMENT_LIST_KEY_BYTES];
    uint8_t space[96];
    struct buf b = {.p = space, .cap = sizeof space, .max = sizeof space};

    codec_put_u8(&b, (uint8_t)item->level);
    codec_put_u64(&b, item->bytes);
    buf_add(&b, item->writer.b, sizeof item->writer.b);
    buf_add(&b, item->member.b, sizeof item->member.b);
    return index_update_put_mark(
        u, segment_list_key(SEGMENT_LIST_KEY, &item->id, key), buf_bytes(&b));
}

int segment_list_has(struct index_reader *r, const struct object_id *id,
                     bool *has)
{
    uint8_t key[SEGMENT_LIST_KEY_BYTES];
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, segment_list_key(SEGMENT_LIST_KEY, id, key),
                           &value, has);
    buf_release(&value);
    return rc;
}

static struct bytes segment_list_by(const struct object_id *id,
                                    const struct member_id *by,
                                    uint8_t key[SEGMENT_LIST_BY_BYTES])
{
    (void)segment_list_key(SEGMENT_LIST_REPLACED, id, key);
    memcpy(key + SEGMENT_LIST_KEY_BYTES, by->b, sizeof by->b);
    return bytes_of(key, SEGMENT_LIST_BY_BYTES);
}

int segment_list_note_replaced(struct index_update *u,
                               const struct object_id *id,
                               const struct members_one *by)
{
    uint8_t key[SEGMENT_LIST_BY_BYTES];

    return index_update_put_mark(
        u,
        by->role == KEYRING_FULL
            ? segment_list_key(SEGMENT_LIST_REPLACED, id, key)
            : segment_list_by(id, &by->id, key),
        bytes_of(NULL, 0));
}

/* Whether the mark is that of a segment, and of which. */
static bool segment_list_get(struct bytes key, struct bytes value,
                             struct segment_list_item *item)
{
    struct codec c;

    if (key.n != SEGMENT_LIST_KEY_BYTES || key.p[0] != SEGMENT_LIST_KEY)
        return false;
    memcpy(item->id.b, key.p + 1, sizeof item->id.b);
    codec_init(&c, value);
    item->level = codec_u8(&c);
    item->bytes = codec_u64(&c);
    codec_copy(&c, item->writer.b, sizeof item->writer.b);
    codec_copy(&c, item->member.b, sizeof item->member.b);
    return codec_end(&c, "mark") == 0;
}

static int segment_list_take(struct index_reader *r, struct segment_list *l,
                             const struct segment_list_item *item,
                             struct buf *scratch)
{
    uint8_t key[SEGMENT_LIST_BY_BYTES];
    bool replaced;
    int rc = index_reader_mark(
        r, segment_list_key(SEGMENT_LIST_REPLACED, &item->id, key), scratch,
        &replaced);

    if (rc == 0 && !replaced)
        rc =
            index_reader_mark(r, segment_list_by(&item->id, &item->member, key),
                              scratch, &replaced);
    return rc < 0 || replaced ? rc : segment_list_add(l, item);
}

int segment_list_load(struct index_reader *r, struct segment_list *l)
{
    struct buf key;
    struct buf value;
    struct buf scratch;
    bool found = true;
    int rc = 0;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    buf_init(&scratch, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&key, SEGMENT_LIST_KEY);
    while (rc == 0) {
        struct segment_list_item item;

        rc = index_reader_next_mark(r, &key, &value, &found);
        if (rc < 0 || !found || key.p[0] != SEGMENT_LIST_KEY)
            break;
        if (segment_list_get(buf_bytes(&key), buf_bytes(&value), &item))
            rc = segment_list_take(r, l, &item, &scratch);
    }
    buf_release(&key);
    buf_release(&value);
    buf_release(&scratch);
    return rc;
}
