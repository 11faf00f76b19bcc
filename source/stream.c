#include "source/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/limit.h"
#include "base/mem.h"
#include "source/stat_entry.h"

enum { STREAM_FILE_MODE = 0600, STREAM_DIR_MODE = 0755 };

/* Well below what a silent writer is given before it is fenced. */
#define STREAM_PAUSE_NS (5 * CLOCK_SECOND_NS)

struct stream {
    char *path; /* with a NUL */
    size_t path_n;
    struct stream_input input;
    struct owner_cache *owners;
    struct owner_last owner;
    size_t at;       /* on the way down: end of what was yielded; 0: nothing */
    size_t depth;    /* directories that are open */
    bool is_leaving; /* the file was yielded */
    uint64_t bytes;  /* of it, read */
    int64_t paused_ns;
};

/* The end of the part that begins at from: a '/' or the end of path. */
static size_t stream_part(struct bytes path, size_t from)
{
    while (from < path.n && path.p[from] != '/')
        from++;
    return from;
}

static bool stream_path_ok(struct bytes path)
{
    size_t from = 1;

    if (path.n < 2 || path.n > STREAM_PATH_MAX || path.p[0] != '/')
        return false;
    while (from <= path.n) {
        size_t end = stream_part(path, from);

        if (!entry_name_ok(bytes_of(path.p + from, end - from)))
            return false;
        from = end + 1;
    }
    return true;
}

/* How many bytes of an absolute path lead to its last part. */
static size_t stream_above(const char *path, size_t n)
{
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n > 0 ? n - 1 : 0;
}

/* Resolves the links in those directories of the path that are really there;
 * it begins in path at from. */
static int stream_resolve(struct buf *path, size_t from)
{
    size_t n = path->n - from;
    char *text = mem_dup(bytes_of(path->p + from, n));
    size_t end = n;
    char *real = NULL;

    if (!text)
        return err_set(E_NOMEM, "out of memory");
    /* Once, before the run: the seam for file operations has no part in it. */
    while (!real && (end = stream_above(text, end)) > 0) {
        text[end] = 0;
        real = realpath(text, NULL);
        text[end] = '/';
    }
    if (real) {
        buf_truncate(path, from);
        if (strcmp(real, "/") != 0)
            buf_add_bytes(path, bytes_of_str(real));
        buf_add(path, text + end, n - end);
    }
    free(real);
    free(text);
    return buf_status(path);
}

int stream_path(const char *name, struct buf *path)
{
    size_t from = path->n;
    int rc;

    if (name[0] != '/')
        buf_add(path, "/", 1);
    buf_add_bytes(path, bytes_of_str(name));
    rc = buf_status(path);
    if (rc == 0 && stream_path_ok(bytes_of(path->p + from, path->n - from)))
        rc = stream_resolve(path, from);
    if (rc == 0 && !stream_path_ok(bytes_of(path->p + from, path->n - from)))
        rc = err_set(E_USAGE,
                     "'%s' cannot be a file's path: parts of 1 to %d bytes "
                     "between single slashes, none of them . or .., %d bytes "
                     "in all",
                     name, ENTRY_NAME_MAX, STREAM_PATH_MAX);
    return rc;
}

int stream_new(struct bytes path, const struct stream_input *input,
               struct owner_cache *owners, struct stream **out)
{
    struct stream *s;

    *out = NULL;
    if (!stream_path_ok(path))
        return err_set(E_USAGE, "a stream has no such path");
    s = mem_alloc(sizeof *s);
    if (!s)
        return err_set(E_NOMEM, "out of memory");
    s->path = mem_dup(path);
    if (!s->path) {
        free(s);
        return err_set(E_NOMEM, "out of memory");
    }
    s->path_n = path.n;
    s->input = *input;
    s->owners = owners;
    s->paused_ns = clock_monotonic_ns();
    *out = s;
    return 0;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    free(s->path);
    free(s);
}

static struct entry_time stream_now(void)
{
    int64_t ns = clock_realtime_ns();
    struct entry_time t = {.s = ns / CLOCK_SECOND_NS};

    t.ns = (uint32_t)(ns % CLOCK_SECOND_NS);
    return t;
}

/* What is at the first n bytes of the path, if it is a directory. */
static bool stream_look(const struct stream *s, size_t n, struct entry *e)
{
    enum fileop_domain before = fileop_enter(FILEOP_SOURCE);
    char path[STREAM_PATH_MAX + 1];
    struct statx st;
    bool is_dir;

    memcpy(path, s->path, n);
    path[n] = 0;
    is_dir = fileop_statx(AT_FDCWD, n ? path : "/", AT_SYMLINK_NOFOLLOW,
                          STAT_ENTRY_MASK, &st) == 0 &&
             S_ISDIR(st.stx_mode) && stat_entry_fill(&st, false, e);
    (void)fileop_enter(before);
    return is_dir;
}

/* The directory that the first n bytes of the path are. */
static int stream_dir(struct stream *s, size_t n, struct entry *e)
{
    if (!stream_look(s, n, e)) {
        *e = (struct entry){
            .type = ENTRY_DIR, .mode = STREAM_DIR_MODE, .nlink = 1};
        e->mtime = e->ctime = stream_now();
    }
    e->unsettled = true; /* its attributes were not read */
    e->starts_fs = n == 0;
    return owner_of_entry(s->owners, &s->owner, e);
}

static int stream_file(struct stream *s, struct entry *e)
{
    *e = (struct entry){.type = ENTRY_FILE,
                        .mode = STREAM_FILE_MODE,
                        .uid = geteuid(),
                        .gid = getegid(),
                        .nlink = 1,
                        .unsettled = true};
    return owner_of_entry(s->owners, &s->owner, e);
}

int stream_next(struct stream *s, struct walk_item *item)
{
    struct bytes path = bytes_of(s->path, s->path_n);
    size_t from = s->at + (s->depth > 0);
    size_t end = s->depth > 0 ? stream_part(path, from) : 0;
    int rc;

    *item = (struct walk_item){.kind = WALK_END};
    if (s->is_leaving) {
        if (s->depth == 0)
            return 0;
        s->depth--;
        item->kind = WALK_LEAVE;
        item->entry.type = ENTRY_DIR;
        return 0;
    }
    s->is_leaving = end == path.n;
    item->kind = s->is_leaving ? WALK_ENTRY : WALK_ENTER;
    rc = s->is_leaving ? stream_file(s, &item->entry)
                       : stream_dir(s, end, &item->entry);
    if (s->depth > 0)
        item->entry.name = bytes_of(path.p + from, end - from);
    if (!s->is_leaving)
        s->depth++;
    s->at = end;
    return rc;
}

int stream_read(struct stream *s, uint8_t *buf, size_t cap,
                struct reader_run *run)
{
    int64_t now = clock_monotonic_ns();
    bool end = false;
    size_t n = 0;
    int rc;

    *run = (struct reader_run){.kind = READER_PAUSE, .off = s->bytes};
    if (now - s->paused_ns >= STREAM_PAUSE_NS) {
        s->paused_ns = now;
        return 0;
    }
    limit_wait(LIMIT_READ);
    rc = s->input.read(s->input.ctx, buf, limit_piece(LIMIT_READ, cap), &n,
                       &end);
    if (rc < 0)
        return rc;
    limit_charge(LIMIT_READ, n);
    run->n = n;
    s->bytes += n;
    if (n > 0)
        run->kind = READER_DATA;
    else if (end)
        run->kind = READER_END;
    else
        s->paused_ns = now;
    return 0;
}

void stream_finish(const struct stream *s, struct entry *e)
{
    e->size = s->bytes;
    e->mtime = e->ctime = stream_now();
}
