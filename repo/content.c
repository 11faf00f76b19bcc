#include "repo/content.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/node_reader.h"
#include "repo/node_writer.h"

enum { CONTENT_FORM_INLINE = 0, CONTENT_FORM_LIST = 1 };

void content_put(struct buf *b, const struct content *ct)
{
    codec_put_varint(b, ct->is_list ? CONTENT_FORM_LIST : CONTENT_FORM_INLINE);
    if (ct->is_list) {
        buf_add(b, ct->root.b, sizeof ct->root.b);
        return;
    }
    codec_put_varint(b, ct->extent_n);
    buf_add_bytes(b, ct->extents);
}

static void content_get_inline(struct codec *c, struct content *ct,
                               uint64_t size)
{
    const uint8_t *start;
    uint64_t sum = 0;

    ct->extent_n = codec_count(c, 1);
    if (ct->extent_n > CONTENT_INLINE_MAX)
        codec_fail(c);
    start = c->p;
    for (size_t i = 0; i < ct->extent_n && !c->failed; i++) {
        struct extent e;

        extent_get(c, &e, NODE_CHUNK_MAX);
        if (e.length > size - sum)
            codec_fail(c);
        else
            sum += e.length;
    }
    if (sum != size)
        codec_fail(c);
    if (!c->failed)
        ct->extents = bytes_of(start, (size_t)(c->p - start));
}

void content_get(struct codec *c, struct content *ct, uint64_t size)
{
    uint64_t form = codec_varint_max(c, CONTENT_FORM_LIST);

    *ct = (struct content){.is_list = form == CONTENT_FORM_LIST};
    if (ct->is_list)
        codec_copy(c, ct->root.b, sizeof ct->root.b);
    else
        content_get_inline(c, ct, size);
}

struct content_writer {
    struct node_writer *list;
    struct buf extents; /* the first CONTENT_INLINE_MAX, encoded */
    struct extent first[CONTENT_INLINE_MAX];
    size_t n;
};

struct content_writer *content_writer_new(const struct node_key *key,
                                          const struct node_sink *sink)
{
    struct content_writer *w = mem_alloc(sizeof *w);

    if (!w)
        return NULL;
    buf_init(&w->extents, (size_t)CONTENT_INLINE_MAX * EXTENT_BYTES_MAX);
    w->list = node_writer_new(NODE_LIST, key, sink);
    if (!w->list) {
        content_writer_free(w);
        return NULL;
    }
    return w;
}

void content_writer_free(struct content_writer *w)
{
    if (!w)
        return;
    node_writer_free(w->list);
    buf_release(&w->extents);
    free(w);
}

void content_writer_reset(struct content_writer *w)
{
    node_writer_reset(w->list);
    buf_reset(&w->extents);
    w->n = 0;
}

static int content_writer_list(struct content_writer *w, const struct extent *e)
{
    uint8_t space[EXTENT_BYTES_MAX];
    struct buf b = {.p = space, .cap = sizeof space, .max = sizeof space};

    extent_put(&b, e);
    return node_writer_add(w->list, buf_bytes(&b),
                           bytes_of(e->id.b, sizeof e->id.b), e->length);
}

int content_writer_add(struct content_writer *w, const struct extent *e)
{
    int rc = 0;

    ASSERT(e->length > 0);
    if (w->n < CONTENT_INLINE_MAX) {
        w->first[w->n++] = *e;
        extent_put(&w->extents, e);
        return buf_status(&w->extents);
    }
    if (w->n == CONTENT_INLINE_MAX) {
        for (size_t i = 0; i < CONTENT_INLINE_MAX && rc == 0; i++)
            rc = content_writer_list(w, &w->first[i]);
        if (rc < 0)
            return rc;
    }
    w->n++;
    return content_writer_list(w, e);
}

int content_writer_finish(struct content_writer *w, struct content *ct)
{
    *ct = (struct content){.is_list = w->n > CONTENT_INLINE_MAX};
    if (ct->is_list)
        return node_writer_finish(w->list, &ct->root);
    ct->extents = buf_bytes(&w->extents);
    ct->extent_n = w->n;
    return 0;
}

struct content_reader {
    struct node_reader *list;
    struct codec run; /* over inline extents */
    size_t left;      /* inline extents not yet taken */
    bool is_list;
    uint64_t at; /* offset of the next extent */
    uint64_t size;
    uint64_t from; /* where the caller wants to start */
};

struct content_reader *content_reader_new(const struct node_source *source)
{
    struct content_reader *r = mem_alloc(sizeof *r);

    if (!r)
        return NULL;
    r->list = node_reader_new(NODE_LIST, source);
    if (!r->list) {
        free(r);
        return NULL;
    }
    return r;
}

void content_reader_free(struct content_reader *r)
{
    if (!r)
        return;
    node_reader_free(r->list);
    free(r);
}

int content_reader_open(struct content_reader *r, const struct content *ct,
                        uint64_t size, uint64_t offset)
{
    r->is_list = ct->is_list;
    r->size = size;
    r->from = offset;
    r->at = 0;
    if (ct->is_list)
        return node_reader_seek_weight(r->list, &ct->root, offset, &r->at);
    codec_init(&r->run, ct->extents);
    r->left = ct->extent_n;
    return 0;
}

/* The cursor at the next extent, NULL after the last. */
static int content_reader_cursor(struct content_reader *r, struct codec **c)
{
    if (r->is_list)
        return node_reader_next(r->list, c);
    *c = r->left ? &r->run : NULL;
    r->left -= r->left > 0;
    return 0;
}

int content_reader_next(struct content_reader *r, struct extent *e,
                        uint64_t *at, bool *more)
{
    for (;;) {
        struct codec *c;
        int rc = content_reader_cursor(r, &c);

        if (rc < 0)
            return rc;
        *more = c != NULL;
        if (!c)
            break;
        extent_get(c, e, NODE_CHUNK_MAX);
        rc = codec_ok(c, "extent");
        if (rc < 0)
            return rc;
        if (e->length > r->size - r->at)
            return err_set(E_CORRUPT, "extents longer than their file");
        *at = r->at;
        r->at += e->length;
        if (r->at > r->from)
            return 0;
    }
    if (r->at != r->size)
        return err_set(E_CORRUPT, "extents shorter than their file");
    return 0;
}
