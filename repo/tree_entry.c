#include "repo/tree_entry.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    TREE_BIT_BTIME = 1,
    TREE_BIT_ATIME = 2,
    TREE_BIT_INODE_FLAGS = 4,
    TREE_BIT_STARTS_FS = 8,
    TREE_BIT_UNSETTLED = 16,
    TREE_BIT_CHANGING = 32,
    TREE_BITS_ALL = 63
};

enum { TREE_ATTR_VALUE = 0, TREE_ATTR_CHUNK = 1 };

enum { TREE_FIELD_PROJECT = 2, TREE_FIELD_HOLES = 6 };

void tree_entry_release(struct tree_entry *te)
{
    free(te->attr);
    *te = (struct tree_entry){.attr = NULL};
}

int tree_entry_add_attr(struct tree_entry *te, const struct tree_attr *attr)
{
    if (!MEM_GROW(te->attr, te->attr_n, te->attr_cap))
        return err_set(E_NOMEM, "out of memory");
    te->attr[te->attr_n++] = *attr;
    return 0;
}

static void tree_put_time(struct buf *b, struct entry_time t)
{
    codec_put_svarint(b, t.s);
    codec_put_varint(b, t.ns);
}

static struct entry_time tree_get_time(struct codec *c)
{
    struct entry_time t;

    t.s = codec_svarint(c);
    t.ns = (uint32_t)codec_varint_max(c, 999999999);
    return t;
}

static uint64_t tree_entry_bits(const struct entry *e)
{
    uint64_t bits = 0;

    bits |= e->has_btime ? TREE_BIT_BTIME : 0;
    bits |= e->has_atime ? TREE_BIT_ATIME : 0;
    bits |= e->has_inode_flags ? TREE_BIT_INODE_FLAGS : 0;
    bits |= e->starts_fs ? TREE_BIT_STARTS_FS : 0;
    bits |= e->unsettled ? TREE_BIT_UNSETTLED : 0;
    bits |= e->changing ? TREE_BIT_CHANGING : 0;
    return bits;
}

static void tree_put_common(struct buf *b, const struct entry *e)
{
    codec_put_string(b, e->name);
    codec_put_u8(b, (uint8_t)e->type);
    codec_put_varint(b, e->mode);
    codec_put_varint(b, e->uid);
    codec_put_varint(b, e->gid);
    codec_put_string(b, e->user);
    codec_put_string(b, e->group);
    tree_put_time(b, e->mtime);
    tree_put_time(b, e->ctime);
    codec_put_varint(b, e->inode);
    codec_put_varint(b, e->nlink);
    codec_put_varint(b, tree_entry_bits(e));
    if (e->has_btime)
        tree_put_time(b, e->btime);
    if (e->has_atime)
        tree_put_time(b, e->atime);
    if (e->has_inode_flags)
        codec_put_varint(b, e->inode_flags);
}

static void tree_put_body(struct buf *b, const struct tree_entry *te)
{
    switch (te->e.type) {
    case ENTRY_FILE:
        codec_put_varint(b, te->e.size);
        content_put(b, &te->content);
        break;
    case ENTRY_DIR:
        buf_add(b, te->dir.root.b, sizeof te->dir.root.b);
        codec_put_varint(b, te->dir.entries);
        codec_put_varint(b, te->dir.below);
        codec_put_varint(b, te->dir.bytes);
        break;
    case ENTRY_SYMLINK:
        codec_put_string(b, te->e.target);
        break;
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        codec_put_varint(b, te->e.rdev_major);
        codec_put_varint(b, te->e.rdev_minor);
        break;
    case ENTRY_FIFO:
    case ENTRY_SOCKET:
        break;
    }
}

static void tree_put_attrs(struct buf *b, const struct tree_entry *te)
{
    codec_put_varint(b, te->attr_n);
    for (size_t i = 0; i < te->attr_n; i++) {
        const struct tree_attr *a = &te->attr[i];

        codec_put_string(b, a->name);
        codec_put_varint(b, a->is_chunk ? TREE_ATTR_CHUNK : TREE_ATTR_VALUE);
        if (a->is_chunk) {
            codec_put_varint(b, a->length);
            buf_add(b, a->id.b, sizeof a->id.b);
        } else {
            codec_put_string(b, a->value);
        }
    }
}

/* The fields that are known, in space of the caller but for the holes, which
 * follow them. */
static struct bytes tree_known_fields(const struct tree_entry *te,
                                      struct bytes holes, uint8_t *space,
                                      size_t n)
{
    uint8_t value[10];
    struct buf f = {.p = space, .cap = n, .max = n};
    struct buf v = {.p = value, .cap = sizeof value, .max = sizeof value};

    if (te->e.project) {
        codec_put_varint(&v, te->e.project);
        codec_put_varint(&f, TREE_FIELD_PROJECT);
        codec_put_string(&f, buf_bytes(&v));
    }
    if (holes.n > 0) {
        codec_put_varint(&f, TREE_FIELD_HOLES);
        codec_put_varint(&f, holes.n);
    }
    return buf_bytes(&f);
}

static void tree_put_fields(struct buf *b, const struct tree_entry *te)
{
    struct bytes holes = te->holes;
    uint8_t space[32];
    struct bytes known;

    if (te->fields.n > 0) {
        codec_put_string(b, te->fields);
        return;
    }
    /* a hint that nobody could read would cost the whole entry */
    if (te->e.type != ENTRY_FILE || !short_hole_ok(holes, te->e.size))
        holes = bytes_of(NULL, 0);
    known = tree_known_fields(te, holes, space, sizeof space);
    codec_put_varint(b, known.n + holes.n);
    buf_add_bytes(b, known);
    buf_add_bytes(b, holes);
}

int tree_entry_put(struct buf *b, const struct tree_entry *te)
{
    size_t start = b->n;
    int rc;

    tree_put_common(b, &te->e);
    tree_put_body(b, te);
    tree_put_attrs(b, te);
    tree_put_fields(b, te);
    rc = buf_status(b);
    if (rc == 0 && b->n - start <= TREE_ENTRY_BYTES_MAX)
        return 0;
    b->rc = 0;
    buf_truncate(b, start);
    return rc < 0 ? rc
                  : err_set(E_LIMIT, "metadata of more than %d bytes",
                            TREE_ENTRY_BYTES_MAX);
}

static uint32_t tree_get_u32(struct codec *c)
{
    return (uint32_t)codec_varint_max(c, UINT32_MAX);
}

static void tree_get_common(struct codec *c, struct entry *e)
{
    uint64_t bits;

    e->name = codec_string(c, ENTRY_NAME_MAX);
    e->type = (enum entry_type)codec_u8(c);
    e->mode = (uint32_t)codec_varint_max(c, 07777);
    e->uid = tree_get_u32(c);
    e->gid = tree_get_u32(c);
    e->user = codec_string(c, ENTRY_NAME_MAX);
    e->group = codec_string(c, ENTRY_NAME_MAX);
    e->mtime = tree_get_time(c);
    e->ctime = tree_get_time(c);
    e->inode = codec_varint(c);
    e->nlink = codec_varint(c);
    bits = codec_varint_max(c, TREE_BITS_ALL);
    e->has_btime = bits & TREE_BIT_BTIME;
    e->has_atime = bits & TREE_BIT_ATIME;
    e->has_inode_flags = bits & TREE_BIT_INODE_FLAGS;
    e->starts_fs = bits & TREE_BIT_STARTS_FS;
    e->unsettled = bits & TREE_BIT_UNSETTLED;
    e->changing = bits & TREE_BIT_CHANGING;
    if (e->has_btime)
        e->btime = tree_get_time(c);
    if (e->has_atime)
        e->atime = tree_get_time(c);
    if (e->has_inode_flags)
        e->inode_flags = tree_get_u32(c);
}

static void tree_get_body(struct codec *c, struct tree_entry *te)
{
    switch (te->e.type) {
    case ENTRY_FILE:
        te->e.size = codec_varint_max(c, INT64_MAX);
        content_get(c, &te->content, te->e.size);
        break;
    case ENTRY_DIR:
        codec_copy(c, te->dir.root.b, sizeof te->dir.root.b);
        te->dir.entries = codec_varint(c);
        te->dir.below = codec_varint(c);
        te->dir.bytes = codec_varint(c);
        break;
    case ENTRY_SYMLINK:
        te->e.target = codec_string(c, ENTRY_TARGET_MAX);
        break;
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        te->e.rdev_major = tree_get_u32(c);
        te->e.rdev_minor = tree_get_u32(c);
        break;
    case ENTRY_FIFO:
    case ENTRY_SOCKET:
        break;
    default:
        codec_fail(c);
        break;
    }
}

static int tree_get_attrs(struct codec *c, struct tree_entry *te)
{
    size_t n = codec_count(c, 3);
    struct bytes before = {NULL, 0};

    if (n > ENTRY_XATTR_MAX)
        codec_fail(c);
    for (size_t i = 0; i < n && !c->failed; i++) {
        struct tree_attr a = {.name = codec_string(c, ENTRY_XATTR_NAME_MAX)};
        int rc;

        a.is_chunk = codec_varint_max(c, TREE_ATTR_CHUNK) == TREE_ATTR_CHUNK;
        if (a.is_chunk) {
            a.length = (uint32_t)codec_varint_max(c, ENTRY_XATTR_VALUE_MAX);
            codec_copy(c, a.id.b, sizeof a.id.b);
        } else {
            a.value = codec_string(c, TREE_ATTR_INLINE_MAX);
        }
        if (a.name.n == 0 || memchr(a.name.p, 0, a.name.n) ||
            (a.is_chunk && a.length == 0) ||
            (i > 0 && bytes_cmp(before, a.name) >= 0))
            codec_fail(c);
        before = a.name;
        rc = tree_entry_add_attr(te, &a);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void tree_get_fields(struct codec *c, struct tree_entry *te)
{
    struct codec f;
    uint64_t before = 0;

    te->fields = codec_string(c, TREE_ENTRY_BYTES_MAX);
    codec_init(&f, te->fields);
    while (codec_left(&f) > 0) {
        uint64_t tag = codec_varint(&f);
        struct bytes value = codec_string(&f, TREE_ENTRY_BYTES_MAX);
        struct codec v;

        /* an odd tag is one that must be understood: none is known yet */
        if (tag <= before || tag % 2 == 1)
            codec_fail(c);
        before = tag;
        codec_init(&v, value);
        if (tag == TREE_FIELD_PROJECT) {
            te->e.project = tree_get_u32(&v);
            if (v.failed || codec_left(&v) > 0)
                codec_fail(c);
        } else if (tag == TREE_FIELD_HOLES) {
            te->holes = value;
            /* what is no file has no size, and no hole fits into it */
            if (!short_hole_ok(value, te->e.size))
                codec_fail(c);
        }
    }
    if (f.failed)
        codec_fail(c);
}

struct bytes tree_entry_name(struct codec *c)
{
    return codec_string(c, ENTRY_NAME_MAX);
}

bool tree_entry_linked(const struct entry *e)
{
    return e->type != ENTRY_DIR && e->nlink > 1 && e->inode != 0;
}

struct tree_shown tree_entry_shown(struct codec *c)
{
    enum { BEFORE_NAMES = 3, TIMES = 2 * 2 }; /* as in tree_get_common() */
    struct entry e;

    e.name = tree_entry_name(c);
    e.type = (enum entry_type)codec_u8(c);
    for (int i = 0; i < BEFORE_NAMES; i++)
        (void)codec_varint(c);
    (void)codec_string(c, ENTRY_NAME_MAX);
    (void)codec_string(c, ENTRY_NAME_MAX);
    for (int i = 0; i < TIMES; i++)
        (void)codec_varint(c);
    e.inode = codec_varint(c);
    e.nlink = codec_varint(c);
    return (struct tree_shown){e.name, e.type, tree_entry_linked(&e)};
}

static int tree_check_root(const struct entry *e)
{
    struct entry named = *e;

    if (e->name.n > 0 || e->type != ENTRY_DIR)
        return err_set(E_CORRUPT, "entry: not one of a root");
    named.name = bytes_of_str("root");
    return entry_check(&named);
}

int tree_entry_get(struct codec *c, struct tree_entry *te, bool is_root)
{
    const uint8_t *start = c->p;
    int rc;

    *te = (struct tree_entry){.attr = te->attr, .attr_cap = te->attr_cap};
    tree_get_common(c, &te->e);
    tree_get_body(c, te);
    rc = tree_get_attrs(c, te);
    if (rc < 0)
        return rc;
    tree_get_fields(c, te);
    rc = codec_ok(c, "entry");
    if (rc < 0)
        return rc;
    te->raw = bytes_of(start, (size_t)(c->p - start));
    if (te->raw.n > TREE_ENTRY_BYTES_MAX)
        return err_set(E_CORRUPT, "entry: %zu bytes long", te->raw.n);
    return is_root ? tree_check_root(&te->e) : entry_check(&te->e);
}
