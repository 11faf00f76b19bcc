/* What stat() says. */
#include <sys/sysmacros.h>

#include "base/siphash.h"
#include "fuse/mount_impl.h"

enum { ATTR_BLOCK = 512, ATTR_IO = 131072 };

/* Inode numbers are made of names, so that they are the same in each mount. */
static uint64_t ino_of(uint64_t above, struct bytes name)
{
    static const struct siphash_key key = {UINT64_C(0x64656475702d6d6f),
                                           UINT64_C(0x756e742d696e6f00)};
    uint8_t text[8 + ENTRY_NAME_MAX];
    uint64_t ino;

    memcpy(text, &above, 8);
    if (name.n)
        memcpy(text + 8, name.p, name.n);
    ino = siphash(&key, bytes_of(text, 8 + name.n));
    return ino > 1 ? ino : ino + 2; /* 1 is the top, 0 nothing */
}

/* What all names of one inode have in common: two that differ in it were not
 * one file when they were read, whatever their numbers say. */
static uint64_t ino_of_links(uint64_t mark, const struct tree_entry *te)
{
    const struct entry *e = &te->e;
    uint8_t text[ENTRY_NAME_MAX];
    struct buf b = {.p = text, .cap = sizeof text, .max = sizeof text};

    codec_put_u64(&b, mark);
    codec_put_u64(&b, e->inode);
    codec_put_u8(&b, (uint8_t)e->type);
    codec_put_u32(&b, e->mode);
    codec_put_u32(&b, e->uid);
    codec_put_u32(&b, e->gid);
    codec_put_u64(&b, (uint64_t)e->mtime.s);
    codec_put_u32(&b, e->mtime.ns);
    codec_put_u64(&b, e->size);
    codec_put_u64(
        &b, ino_of(0, bytes_of(te->content.root.b, sizeof te->content.root.b)));
    for (struct bytes x = te->content.extents; x.n > 0;) {
        size_t part = x.n < ENTRY_NAME_MAX ? x.n : ENTRY_NAME_MAX;

        mark = ino_of(mark, bytes_of(x.p, part));
        x = bytes_of(x.p + part, x.n - part);
    }
    return ino_of(mark, buf_bytes(&b));
}

uint64_t mount_attr_ino(const struct dir_slot *in, const struct tree_entry *te)
{
    if (tree_entry_linked(&te->e))
        return ino_of_links(in->mark, te);
    return ino_of(in->ino, te->e.name);
}

uint64_t mount_attr_snap_ino(const struct object_id *id)
{
    return ino_of(2, bytes_of(id->b, sizeof id->b));
}

uint64_t mount_attr_top_ino(uint32_t kind, uint32_t arg)
{
    uint8_t text[4];

    if (kind == TOP_ROOT)
        return 1;
    memcpy(text, &arg, sizeof text);
    return ino_of(kind + UINT64_C(1000), bytes_of(text, sizeof text));
}

uint64_t mount_attr_below_ino(const struct dir_slot *above, struct bytes name)
{
    return ino_of(above->ino, name);
}

static struct timespec attr_time(struct entry_time t)
{
    return (struct timespec){.tv_sec = t.s, .tv_nsec = (long)t.ns};
}

bool mount_attr_is_text(const struct mount *m, const struct tree_entry *te)
{
    return m->o->no_follow_out && te->e.type == ENTRY_SYMLINK &&
           te->e.target.n > 0 && te->e.target.p[0] == '/';
}

static mode_t attr_type(enum entry_type type)
{
    switch (type) {
    case ENTRY_FILE:
        return S_IFREG;
    case ENTRY_DIR:
        return S_IFDIR;
    case ENTRY_SYMLINK:
        return S_IFLNK;
    case ENTRY_CHAR:
        return S_IFCHR;
    case ENTRY_BLOCK:
        return S_IFBLK;
    case ENTRY_FIFO:
        return S_IFIFO;
    case ENTRY_SOCKET:
        return S_IFSOCK;
    }
    return S_IFREG;
}

/*
 * What of a file is data. A long list is not read for this: a file that has one
 * is shown a block short, so that tar and cp ask where its holes are.
 */
static uint64_t attr_blocks(const struct tree_entry *te)
{
    uint64_t bytes = te->e.size;
    struct short_hole_reader r;
    struct short_hole hole;
    struct codec c;

    short_hole_begin(&r, te->holes, te->e.size);
    while (short_hole_next(&r, &hole))
        bytes -= hole.n < bytes ? hole.n : bytes;
    codec_init(&c, te->content.extents);
    for (size_t i = 0; i < te->content.extent_n; i++) {
        struct extent e;

        extent_get(&c, &e, NODE_CHUNK_MAX);
        if (e.kind == EXTENT_HOLE)
            bytes -= e.length < bytes ? e.length : bytes;
    }
    bytes = (bytes + ATTR_BLOCK - 1) / ATTR_BLOCK;
    return te->content.is_list && bytes > 0 ? bytes - 1 : bytes;
}

static void attr_of_text(const struct mount *m, const struct tree_entry *te,
                         struct stat *st)
{
    st->st_mode = mount_attr_is_text(m, te) ? S_IFREG | 0444 : S_IFLNK | 0777;
    st->st_size = (off_t)te->e.target.n;
    st->st_blocks = mount_attr_is_text(m, te) ? 1 : 0;
}

void mount_attr_entry(const struct mount *m, const struct dir_slot *in,
                      const struct tree_entry *te, struct stat *st)
{
    const struct entry *e = &te->e;

    *st = (struct stat){.st_mode = attr_type(e->type) | e->mode,
                        .st_nlink = e->nlink > 0 ? (nlink_t)e->nlink : 1,
                        .st_uid = e->uid,
                        .st_gid = e->gid,
                        .st_size = (off_t)e->size,
                        .st_blksize = ATTR_IO};
    st->st_ino = mount_attr_ino(in, te);
    st->st_mtim = attr_time(e->mtime);
    st->st_ctim = attr_time(e->ctime);
    st->st_atim = attr_time(e->has_atime ? e->atime : e->mtime);
    if (e->type == ENTRY_SYMLINK)
        attr_of_text(m, te, st);
    if (e->type == ENTRY_FILE)
        st->st_blocks = (blkcnt_t)attr_blocks(te);
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
        st->st_rdev = makedev(e->rdev_major, e->rdev_minor);
    if (m->o->owner_me) {
        st->st_uid = m->uid;
        st->st_gid = m->gid;
        st->st_mode &= ~(mode_t)(S_ISUID | S_ISGID);
    }
}

bool mount_attr_shown(const struct mount *m, const struct dir_slot *in,
                      const struct tree_shown *s, struct stat *st)
{
    if (s->type == ENTRY_DIR || s->linked ||
        (s->type == ENTRY_SYMLINK && m->o->no_follow_out))
        return false;
    st->st_mode = attr_type(s->type);
    st->st_ino = ino_of(in->ino, s->name);
    return true;
}

void mount_attr_top(const struct mount *m, const struct dir_slot *d,
                    struct entry_time changed, struct stat *st)
{
    /* in .versions nothing has the mode of what it stands for: a directory that
       was closed to others is not opened to them there */
    *st = (struct stat){.st_mode =
                            S_IFDIR | (d->kind == TOP_VERSIONS ? 0500 : 0555),
                        .st_nlink = 1, /* nobody has counted */
                        .st_uid = m->uid,
                        .st_gid = m->gid,
                        .st_blksize = ATTR_IO};
    st->st_ino = d->ino;
    st->st_mtim = st->st_ctim = st->st_atim = attr_time(changed);
}
