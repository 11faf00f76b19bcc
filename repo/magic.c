#include "repo/magic.h"

/* The high bit catches 7-bit transfers, the line end catches text mode. */
static const uint8_t magic[] = {0x89, 'd', 'd', 'u', 'p', '\r', '\n'};

void magic_put(struct buf *b, char kind)
{
    buf_add(b, magic, sizeof magic);
    codec_put_u8(b, (uint8_t)kind);
    codec_put_u8(b, MAGIC_VERSION);
}

int magic_get(struct codec *c, char kind, const char *what)
{
    struct bytes head = codec_take(c, sizeof magic);
    uint8_t letter = codec_u8(c);
    uint8_t version = codec_u8(c);

    if (c->failed || !bytes_equal(head, bytes_of(magic, sizeof magic)) ||
        letter != (uint8_t)kind || version == 0)
        return err_set(E_CORRUPT, "%s: not such a file, or damaged", what);
    if (version > MAGIC_VERSION)
        return err_set(E_UNSUPPORTED,
                       "%s: format version %u; this program knows up to %d: "
                       "use a newer one",
                       what, version, MAGIC_VERSION);
    return 0;
}

int magic_unproved(int rc)
{
    return rc == E_UNSUPPORTED
               ? err_set(E_CORRUPT, "%s (or damaged)", err_text())
               : rc;
}
