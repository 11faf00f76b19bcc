#include "cli/entry_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/when.h"

/* Beyond this much, attributes are listed without their values: a line of
 * JSON is bounded. */
enum { ENTRY_OUT_ATTRS_MAX = 2 << 20 };

static const struct {
    const char *name;
    char letter;
} entry_out_types[] = {
    [ENTRY_FILE] = {"file", '-'},       [ENTRY_DIR] = {"dir", 'd'},
    [ENTRY_SYMLINK] = {"symlink", 'l'}, [ENTRY_CHAR] = {"char", 'c'},
    [ENTRY_BLOCK] = {"block", 'b'},     [ENTRY_FIFO] = {"fifo", 'p'},
    [ENTRY_SOCKET] = {"socket", 's'},
};

const char *entry_out_type(enum entry_type type)
{
    return entry_out_types[type].name;
}

/* ---- for people -------------------------------------------------------- */

/* "-rwsr-xr-t" as ls has it. */
static void entry_out_mode(const struct entry *e, char out[11])
{
    static const char bits[] = "rwxrwxrwx";
    static const struct {
        uint32_t bit;
        size_t at;
        char with_x, without_x;
    } special[] = {
        {04000, 3, 's', 'S'}, {02000, 6, 's', 'S'}, {01000, 9, 't', 'T'}};

    out[0] = entry_out_types[e->type].letter;
    for (size_t i = 0; i < 9; i++)
        out[1 + i] = e->mode >> (8 - i) & 1 ? bits[i] : '-';
    for (size_t i = 0; i < 3; i++) {
        size_t at = special[i].at;

        if (e->mode & special[i].bit)
            out[at] = out[at] == 'x' ? special[i].with_x : special[i].without_x;
    }
    out[10] = 0;
}

/* The name if there is one, else the number, and spaces up to a width. */
static void entry_out_owner(struct buf *out, struct bytes name, uint32_t id)
{
    enum { WIDTH = 8 };
    size_t start = out->n;
    char digits[16];

    if (name.n) {
        text_escape(out, name);
    } else {
        (void)snprintf(digits, sizeof digits, "%" PRIu32, id);
        buf_add_bytes(out, bytes_of_str(digits));
    }
    for (size_t n = out->n - start; n < WIDTH; n++)
        buf_add(out, " ", 1);
    buf_add(out, " ", 1);
}

static void entry_out_details(struct buf *out, const struct entry *e)
{
    char mode[11], size[40], when[WHEN_TEXT_MAX], text[128];

    entry_out_mode(e, mode);
    buf_add_bytes(out, bytes_of_str(mode));
    buf_add(out, " ", 1);
    entry_out_owner(out, e->user, e->uid);
    entry_out_owner(out, e->group, e->gid);
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
        (void)snprintf(size, sizeof size, "%" PRIu32 ", %" PRIu32,
                       e->rdev_major, e->rdev_minor);
    else
        (void)snprintf(size, sizeof size, "%" PRIu64, e->size);
    (void)snprintf(text, sizeof text, "%12s %s ", size,
                   when_local(e->mtime, when));
    buf_add_bytes(out, bytes_of_str(text));
}

void entry_out_line(struct buf *out, struct bytes path,
                    const struct tree_entry *te, bool details)
{
    if (details)
        entry_out_details(out, &te->e);
    buf_add(out, "/", 1);
    text_escape(out, path);
    if (details && te->e.type == ENTRY_SYMLINK) {
        buf_add_bytes(out, bytes_of_str(" -> "));
        text_escape(out, te->e.target);
    }
    buf_add(out, "\n", 1);
}

/* ---- for programs ------------------------------------------------------ */

static void entry_out_json_mode(struct json_out *j, const struct entry *e)
{
    char mode[16];

    (void)snprintf(mode, sizeof mode, "%04" PRIo32, e->mode);
    json_out_text(j, "mode", mode);
}

static void entry_out_json_stat(struct json_out *j, const struct entry *e)
{
    entry_out_json_mode(j, e);
    json_out_u64(j, "uid", e->uid);
    json_out_u64(j, "gid", e->gid);
    if (e->user.n)
        json_out_bytes(j, "user", e->user);
    if (e->group.n)
        json_out_bytes(j, "group", e->group);
    json_out_time(j, "mtime", e->mtime);
    json_out_time(j, "ctime", e->ctime);
    if (e->has_btime)
        json_out_time(j, "btime", e->btime);
    if (e->has_atime)
        json_out_time(j, "atime", e->atime);
    json_out_u64(j, "inode", e->inode);
    json_out_u64(j, "links", e->nlink);
}

static void entry_out_json_type(struct json_out *j, const struct tree_entry *te)
{
    const struct entry *e = &te->e;

    if (e->type == ENTRY_FILE)
        json_out_u64(j, "size", e->size);
    if (e->type == ENTRY_SYMLINK)
        json_out_bytes(j, "target", e->target);
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        json_out_u64(j, "major", e->rdev_major);
        json_out_u64(j, "minor", e->rdev_minor);
    }
    if (e->type == ENTRY_DIR) {
        json_out_u64(j, "entries", te->dir.entries);
        json_out_u64(j, "entries_below", te->dir.below);
        json_out_u64(j, "bytes_below", te->dir.bytes);
        if (e->starts_fs)
            json_out_bool(j, "file_system", true);
    }
    if (e->has_inode_flags)
        json_out_u64(j, "inode_flags", e->inode_flags);
    if (e->project)
        json_out_u64(j, "project", e->project);
    if (e->changing)
        json_out_bool(j, "changing", true);
}

static int entry_out_json_attr(struct json_out *j, struct fetch_lane *lane,
                               const struct tree_attr *a, bool values)
{
    struct fetch_chunk chunk = {.frame = NULL};
    struct bytes value = a->value;
    int rc = 0;

    if (a->is_chunk && values) {
        rc = fetch_get(lane, PACK_DATA, &a->id, a->length, &chunk);
        value = chunk.bytes;
    }
    if (rc < 0)
        return rc;
    json_out_object(j, NULL);
    json_out_bytes(j, "name", a->name);
    json_out_u64(j, "length", a->is_chunk ? a->length : a->value.n);
    if (values)
        json_out_bytes(j, "value", value);
    json_out_close(j);
    if (a->is_chunk && values)
        fetch_release(lane, &chunk);
    return 0;
}

static int entry_out_json_attrs(struct json_out *j, struct fetch_lane *lane,
                                const struct tree_entry *te)
{
    uint64_t total = 0;
    int rc = 0;

    for (size_t i = 0; i < te->attr_n; i++)
        total +=
            te->attr[i].is_chunk ? te->attr[i].length : te->attr[i].value.n;
    json_out_list(j, "xattrs");
    for (size_t i = 0; i < te->attr_n && rc == 0; i++)
        rc = entry_out_json_attr(j, lane, &te->attr[i],
                                 total <= ENTRY_OUT_ATTRS_MAX);
    json_out_close(j);
    return rc;
}

void entry_out_json_brief(struct json_out *j, const struct tree_entry *te)
{
    json_out_text(j, "kind", entry_out_type(te->e.type));
    if (te->e.type == ENTRY_FILE)
        json_out_u64(j, "size", te->e.size);
    entry_out_json_mode(j, &te->e);
    json_out_time(j, "mtime", te->e.mtime);
}

int entry_out_json(struct json_out *j, struct fetch_lane *lane,
                   struct bytes path, const struct tree_entry *te)
{
    struct buf full;
    int rc;

    buf_init(&full, path.n + 1);
    buf_add(&full, "/", 1);
    buf_add_bytes(&full, path);
    rc = buf_status(&full);
    json_out_begin(j, "entry");
    json_out_bytes(j, "path", buf_bytes(&full));
    json_out_text(j, "kind", entry_out_type(te->e.type));
    entry_out_json_stat(j, &te->e);
    entry_out_json_type(j, te);
    if (rc == 0 && te->attr_n > 0)
        rc = entry_out_json_attrs(j, lane, te);
    buf_release(&full);
    if (rc < 0) {
        json_out_cancel(j);
        return rc;
    }
    return json_out_end(j);
}
