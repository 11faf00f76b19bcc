#include "repo/node.h"

#include "base/entry.h"

enum { NODE_VERSION = 1 };

static const char node_letter[2][2] = {
    [NODE_LIST] = {'L', 'l'},
    [NODE_PAGE] = {'D', 'd'},
};

void node_put_head(struct buf *b, enum node_kind kind,
                   const struct node_head *h)
{
    codec_put_u8(b, (uint8_t)node_letter[kind][h->level > 0]);
    codec_put_u8(b, NODE_VERSION);
    if (h->level > 0)
        codec_put_u8(b, (uint8_t)h->level);
    codec_put_varint(b, h->count);
}

void node_get_head(struct codec *c, enum node_kind kind, struct node_head *h)
{
    char letter = (char)codec_u8(c);

    h->level = 0;
    if (codec_u8(c) != NODE_VERSION)
        codec_fail(c);
    if (letter == node_letter[kind][1]) {
        h->level = codec_u8(c);
        if (h->level == 0 || h->level > NODE_LEVEL_MAX)
            codec_fail(c);
    } else if (letter != node_letter[kind][0]) {
        codec_fail(c);
    }
    h->count = codec_count(c, 1);
    if (h->count == 0 && (h->level > 0 || kind == NODE_LIST))
        codec_fail(c);
}

void node_put_child(struct buf *b, enum node_kind kind,
                    const struct node_child *ch)
{
    if (kind == NODE_PAGE)
        codec_put_string(b, ch->first);
    buf_add(b, ch->id.b, sizeof ch->id.b);
    codec_put_varint(b, ch->weight);
}

void node_get_child(struct codec *c, enum node_kind kind, struct node_child *ch)
{
    *ch = (struct node_child){.weight = 0};
    if (kind == NODE_PAGE) {
        ch->first = codec_string(c, ENTRY_NAME_MAX);
        if (!entry_name_ok(ch->first))
            codec_fail(c);
    }
    codec_copy(c, ch->id.b, sizeof ch->id.b);
    ch->weight = codec_varint(c);
    if (ch->weight == 0)
        codec_fail(c);
}
