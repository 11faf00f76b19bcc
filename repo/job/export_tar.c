#include "repo/job/export_tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/text.h"
#include "repo/tree_walk.h"

/* The old header: offsets and lengths of its fields. */
enum {
    TAR_NAME = 0,
    TAR_NAME_N = 100,
    TAR_MODE = 100,
    TAR_UID = 108,
    TAR_GID = 116,
    TAR_SIZE = 124,
    TAR_MTIME = 136,
    TAR_CHECKSUM = 148,
    TAR_TYPE = 156,
    TAR_LINK = 157,
    TAR_LINK_N = 100,
    TAR_MAGIC = 257,
    TAR_USER = 265,
    TAR_GROUP = 297,
    TAR_OWNER_N = 32,
    TAR_MAJOR = 329,
    TAR_MINOR = 337,
    TAR_SHORT_N = 8, /* numbers; the last byte is a NUL */
    TAR_LONG_N = 12
};

bool export_tar_takes(enum entry_type type)
{
    return type != ENTRY_SOCKET;
}

uint64_t export_tar_fill(uint64_t n, uint64_t size)
{
    return n % size == 0 ? 0 : size - n % size;
}

/* ---- records --------------------------------------------------------------
 */

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself, too. */
static void tar_record(struct buf *b, const char *key, struct bytes value)
{
    size_t rest = strlen(key) + value.n + 3; /* a space, '=' and '\n' */
    size_t n = rest + 1;
    char digits[24];
    int len;

    do {
        len = snprintf(digits, sizeof digits, "%zu", n);
        n = rest + (size_t)len;
    } while (snprintf(digits, sizeof digits, "%zu", n) != len);
    buf_add(b, digits, (size_t)len);
    buf_add(b, " ", 1);
    buf_add(b, key, strlen(key));
    buf_add(b, "=", 1);
    buf_add_bytes(b, value);
    buf_add(b, "\n", 1);
}

static void tar_record_u64(struct buf *b, const char *key, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    tar_record(b, key, bytes_of_str(text));
}

/* Seconds with nine digits behind the point; before 1970 both are negative. */
static void tar_record_time(struct buf *b, const char *key, struct entry_time t)
{
    bool back = t.s < 0;
    uint64_t s = back ? (uint64_t)0 - (uint64_t)t.s : (uint64_t)t.s;
    uint32_t ns = t.ns;
    char text[48];

    if (back && ns > 0) {
        s--;
        ns = 1000000000 - ns;
    }
    (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%09" PRIu32,
                   back ? "-" : "", s, ns);
    tar_record(b, key, bytes_of_str(text));
}

/* Names of attributes are keys: "=" ends one, and "%" begins an escape. */
static void tar_record_attr(struct buf *b, const struct entry_xattr *a)
{
    char key[16 + 3 * ENTRY_XATTR_NAME_MAX];
    size_t n = 0;

    n += (size_t)snprintf(key, sizeof key, "SCHILY.xattr.");
    for (size_t i = 0; i < a->name.n; i++) {
        uint8_t c = a->name.p[i];

        if (c == '=' || c == '%')
            n += (size_t)snprintf(key + n, sizeof key - n, "%%%02X", c);
        else
            key[n++] = (char)c;
    }
    key[n] = '\0';
    tar_record(b, key, a->value);
}

/* ---- ACLs -----------------------------------------------------------------
 */

/* The value of system.posix_acl_*: a version and entries, little-endian
 * (linux/posix_acl_xattr.h), as "user::rw-,user:1000:r--,..."; false: it is
 * none. */
static bool tar_acl_text(struct buf *text, struct bytes value)
{
    static const struct {
        uint16_t tag;
        const char *name;
        bool has_id;
    } kind[] = {{0x01, "user", false},  {0x02, "user", true},
                {0x04, "group", false}, {0x08, "group", true},
                {0x10, "mask", false},  {0x20, "other", false}};
    struct codec c;

    codec_init(&c, value);
    if (codec_u32(&c) != 2)
        codec_fail(&c);
    while (codec_left(&c) > 0) {
        uint16_t tag = codec_u16(&c), perm = codec_u16(&c);
        uint32_t id = codec_u32(&c);
        char line[48];
        size_t k = 0;

        while (k < sizeof kind / sizeof kind[0] && kind[k].tag != tag)
            k++;
        if (k == sizeof kind / sizeof kind[0])
            return false;
        (void)snprintf(line, sizeof line, "%s%s:", text->n ? "," : "",
                       kind[k].name);
        if (kind[k].has_id)
            (void)snprintf(line + strlen(line), sizeof line - strlen(line),
                           "%" PRIu32, id);
        (void)snprintf(line + strlen(line), sizeof line - strlen(line),
                       ":%c%c%c", perm & 4 ? 'r' : '-', perm & 2 ? 'w' : '-',
                       perm & 1 ? 'x' : '-');
        buf_add(text, line, strlen(line));
    }
    return !c.failed;
}

/* As GNU tar, bsdtar and star read ACLs; the attribute stands there as well.
 * text: scratch, whose failure is the caller's to see */
static void tar_record_acl(struct buf *b, const struct entry_xattr *a,
                           struct buf *text)
{
    static const struct {
        const char *attr, *key;
    } acl[] = {{"system.posix_acl_access", "SCHILY.acl.access"},
               {"system.posix_acl_default", "SCHILY.acl.default"}};

    for (size_t i = 0; i < sizeof acl / sizeof acl[0]; i++) {
        if (!bytes_equal(a->name, bytes_of_str(acl[i].attr)))
            continue;
        buf_truncate(text, 0);
        if (tar_acl_text(text, a->value))
            tar_record(b, acl[i].key, buf_bytes(text));
    }
}

/* ---- headers --------------------------------------------------------------
 */

/* Octal digits; false, and zeros, when they do not hold the value. */
static bool tar_number(uint8_t *at, size_t field, uint64_t value)
{
    bool fits = value < (UINT64_C(1) << (3 * (field - 1)));

    for (size_t i = field - 1; i-- > 0; value >>= 3)
        at[i] = (uint8_t)('0' + (fits ? value & 7 : 0));
    return fits;
}

static bool tar_text(uint8_t *at, size_t field, struct bytes value)
{
    size_t n = value.n < field ? value.n : field;

    if (n > 0)
        memcpy(at, value.p, n);
    return value.n <= field;
}

static void tar_close(uint8_t *h)
{
    unsigned sum = 0;

    memcpy(h + TAR_MAGIC, "ustar\00000", 8);
    memset(h + TAR_CHECKSUM, ' ', 8);
    for (size_t i = 0; i < EXPORT_TAR_BLOCK; i++)
        sum += h[i];
    (void)tar_number(h + TAR_CHECKSUM, 7, sum);
    h[TAR_CHECKSUM + 6] = '\0';
}

static uint8_t tar_type(const struct export_member *m)
{
    if (m->link.n > 0)
        return '1';
    switch (m->e->type) {
    case ENTRY_FILE:
    case ENTRY_SOCKET:
        break;
    case ENTRY_DIR:
        return '5';
    case ENTRY_SYMLINK:
        return '2';
    case ENTRY_CHAR:
        return '3';
    case ENTRY_BLOCK:
        return '4';
    case ENTRY_FIFO:
        return '6';
    }
    return '0';
}

/* What a member comes to while its head is written. */
struct tar_head {
    const struct export_member *m;
    struct buf path;    /* in the archive; of directories with a slash */
    struct buf map;     /* sparse: where the data lies, a whole number of blocks
                         */
    struct buf records; /* what the header cannot hold */
    struct buf text;    /* scratch */
    uint64_t size;      /* bytes that follow the head, and the map */
    bool sparse;
    uint8_t h[EXPORT_TAR_BLOCK];
};

/* A name for programs that know no records: the last part of path, below dir.
 */
static void tar_name_below(uint8_t *at, const char *dir, struct bytes path)
{
    size_t from = path.n, n = strlen(dir);

    while (from > 0 && path.p[from - 1] == '/')
        from--;
    while (from > 0 && path.p[from - 1] != '/')
        from--;
    (void)tar_text(at, TAR_NAME_N, bytes_of_str(dir));
    if (path.n == 0) /* there was no memory for it */
        return;
    (void)tar_text(at + n, TAR_NAME_N - n,
                   bytes_of(path.p + from, path.n - from));
}

static void tar_head_path(struct tar_head *t)
{
    buf_add_bytes(&t->path, t->m->path);
    if (t->m->path.n == 0)
        buf_add(&t->path, ".", 1);
    if (t->m->e->type == ENTRY_DIR)
        buf_add(&t->path, "/", 1);
}

static void tar_map_line(struct buf *map, uint64_t n)
{
    char line[24];

    buf_add(map, line, (size_t)snprintf(line, sizeof line, "%" PRIu64 "\n", n));
}

/* How many runs, then offset and length of each; a hole at the end is closed by
 * a run of nothing. */
static void tar_head_map(struct tar_head *t)
{
    const struct export_runs *r = t->m->runs;
    uint64_t size = t->m->e->size;
    bool open_end =
        r->n == 0 || r->run[r->n - 1].off + r->run[r->n - 1].n < size;

    tar_map_line(&t->map, r->n + open_end);
    for (size_t i = 0; i < r->n; i++) {
        tar_map_line(&t->map, r->run[i].off);
        tar_map_line(&t->map, r->run[i].n);
    }
    if (open_end) {
        tar_map_line(&t->map, size);
        tar_map_line(&t->map, 0);
    }
    buf_add_zeros(&t->map, (size_t)export_tar_fill(t->map.n, EXPORT_TAR_BLOCK));
}

static void tar_head_content(struct tar_head *t)
{
    const struct export_member *m = t->m;

    if (m->e->type != ENTRY_FILE || m->link.n > 0)
        return;
    t->sparse = m->runs->bytes < m->e->size;
    if (t->sparse)
        tar_head_map(t);
    t->size = t->map.n + m->runs->bytes;
}

/* Records are UTF-8 unless the first one says otherwise, which GNU tar warns
 * of and gets right either way: not for names that fit their fields. */
static void tar_head_charset(struct tar_head *t)
{
    struct bytes link = t->m->link.n > 0 ? t->m->link : t->m->e->target;
    bool path = t->sparse || t->path.n > TAR_NAME_N;

    if ((path && !text_is_utf8(buf_bytes(&t->path))) ||
        (link.n > TAR_LINK_N && !text_is_utf8(link)))
        tar_record(&t->records, "hdrcharset", bytes_of_str("BINARY"));
}

/* The path: in its field or a record, and where a file has holes in a record
 * of its own, since programs that know nothing of them must not find it. */
static void tar_head_name(struct tar_head *t)
{
    struct bytes path = buf_bytes(&t->path);

    if (!t->sparse) {
        if (!tar_text(t->h + TAR_NAME, TAR_NAME_N, path))
            tar_record(&t->records, "path", path);
        return;
    }
    tar_name_below(t->h + TAR_NAME, "GNUSparseFile.0/", path);
    tar_record_u64(&t->records, "GNU.sparse.major", 1);
    tar_record_u64(&t->records, "GNU.sparse.minor", 0);
    tar_record(&t->records, "GNU.sparse.name", path);
    tar_record_u64(&t->records, "GNU.sparse.realsize", t->m->e->size);
}

static void tar_head_fields(struct tar_head *t)
{
    const struct entry *e = t->m->e;
    struct bytes link = t->m->link.n > 0 ? t->m->link : e->target;
    struct buf *r = &t->records;

    (void)tar_number(t->h + TAR_MODE, TAR_SHORT_N, e->mode);
    if (!tar_number(t->h + TAR_UID, TAR_SHORT_N, e->uid))
        tar_record_u64(r, "uid", e->uid);
    if (!tar_number(t->h + TAR_GID, TAR_SHORT_N, e->gid))
        tar_record_u64(r, "gid", e->gid);
    if (!tar_number(t->h + TAR_SIZE, TAR_LONG_N, t->size))
        tar_record_u64(r, "size", t->size);
    if (e->mtime.s < 0 ||
        !tar_number(t->h + TAR_MTIME, TAR_LONG_N, (uint64_t)e->mtime.s) ||
        e->mtime.ns > 0)
        tar_record_time(r, "mtime", e->mtime);
    if (e->mtime.s < 0)
        (void)tar_number(t->h + TAR_MTIME, TAR_LONG_N, 0);
    if (!tar_text(t->h + TAR_LINK, TAR_LINK_N, link))
        tar_record(r, "linkpath", link);
    if (!tar_text(t->h + TAR_USER, TAR_OWNER_N - 1, e->user))
        tar_record(r, "uname", e->user);
    if (!tar_text(t->h + TAR_GROUP, TAR_OWNER_N - 1, e->group))
        tar_record(r, "gname", e->group);
    (void)tar_number(t->h + TAR_MAJOR, TAR_SHORT_N, e->rdev_major);
    (void)tar_number(t->h + TAR_MINOR, TAR_SHORT_N, e->rdev_minor);
    t->h[TAR_TYPE] = tar_type(t->m);
}

static void tar_head_attrs(struct tar_head *t)
{
    for (size_t i = 0; i < t->m->e->xattr_n; i++) {
        tar_record_attr(&t->records, &t->m->e->xattr[i]);
        tar_record_acl(&t->records, &t->m->e->xattr[i], &t->text);
    }
}

/* Records as a member of their own, in front of the one they are about. */
static void tar_add_records(struct buf *b, struct bytes path,
                            struct bytes records)
{
    uint8_t h[EXPORT_TAR_BLOCK] = {0};

    tar_name_below(h + TAR_NAME, "PaxHeaders/", path);
    (void)tar_number(h + TAR_MODE, TAR_SHORT_N, 0644);
    (void)tar_number(h + TAR_UID, TAR_SHORT_N, 0);
    (void)tar_number(h + TAR_GID, TAR_SHORT_N, 0);
    (void)tar_number(h + TAR_SIZE, TAR_LONG_N, records.n);
    (void)tar_number(h + TAR_MTIME, TAR_LONG_N, 0);
    h[TAR_TYPE] = 'x';
    tar_close(h);
    buf_add(b, h, sizeof h);
    buf_add_bytes(b, records);
    buf_add_zeros(b, (size_t)export_tar_fill(records.n, EXPORT_TAR_BLOCK));
}

void export_tar_broken(struct buf *b)
{
    static const char text[] = "31 comment=the rest is missing\n";
    uint8_t *junk;

    /* some take a bad header for the end, but not behind records */
    tar_add_records(b, bytes_of_str("the rest is missing"),
                    bytes_of((const uint8_t *)text, sizeof text - 1));
    junk = buf_extend(b, EXPORT_TAR_BLOCK);
    if (junk)
        memset(junk, '!', EXPORT_TAR_BLOCK);
}

int export_tar_head(struct buf *b, const struct export_member *m)
{
    struct tar_head t = {.m = m};
    size_t start = b->n;
    int rc;

    buf_init(&t.path, TREE_WALK_PATH_MAX + 2);
    buf_init(&t.map, EXPORT_TAR_HEAD_MAX);
    buf_init(&t.records, EXPORT_TAR_HEAD_MAX);
    buf_init(&t.text, (size_t)ENTRY_XATTR_VALUE_MAX * 4);
    tar_head_path(&t);
    tar_head_content(&t);
    tar_head_charset(&t);
    tar_head_name(&t);
    tar_head_fields(&t);
    tar_head_attrs(&t);
    tar_close(t.h);
    rc = buf_status(&t.path);
    if (rc == 0)
        rc = buf_status(&t.map);
    if (rc == 0)
        rc = buf_status(&t.records);
    if (rc == 0)
        rc = buf_status(&t.text);
    if (rc == 0) {
        if (t.records.n > 0)
            tar_add_records(b, buf_bytes(&t.path), buf_bytes(&t.records));
        buf_add(b, t.h, sizeof t.h);
        buf_add_bytes(b, buf_bytes(&t.map));
        rc = buf_status(b);
    }
    if (rc < 0)
        buf_truncate(b, start);
    buf_release(&t.path);
    buf_release(&t.map);
    buf_release(&t.records);
    buf_release(&t.text);
    return rc;
}
