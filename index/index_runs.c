#include "index/index_runs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "index/index_dir.h"
#include "index/index_record.h"
#include "index/index_sort.h"

enum {
    INDEX_RUNS_MERGE_BYTES = 32 << 20, /* of all read buffers */
    INDEX_RUNS_READ_MAX = 1 << 18,     /* bytes of one read buffer */
    INDEX_RUNS_BYTES = ID_BYTES + INDEX_RECORD_LOC_BYTES,
    INDEX_RUNS_WRITE = 4096, /* chunks written at a time */
    INDEX_RUNS_TRIES = 10    /* of others to take the file's name */
};

/* A run while it is merged. */
struct index_runs_source {
    uint64_t off; /* in the file, of what is not yet read */
    uint64_t end;
    struct buf in;
    size_t used; /* bytes of in already given */
    struct index_chunk c;
    struct index_sort_ref head; /* of c */
};

struct index_runs {
    int fd;
    struct siphash_key key; /* of the records; any will do */
    struct index_chunk *chunk;
    size_t chunk_n;
    size_t chunk_cap;
    uint64_t file_bytes;
    struct index_runs_source *source; /* all runs */
    size_t source_n;
    struct index_runs_source **heap; /* those not used up, least first */
    size_t heap_n;
};

static int index_runs_error(int errnum)
{
    bool full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;

    return err_set_errno(full ? E_NOSPACE : E_IO, errnum,
                         "index cache: sort file");
}

/* A file that is ours alone: another process may sort in this directory, and
 * a killed one may have left its own. */
static int index_runs_open(const char *dir, int *fd)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s%s", dir, INDEX_DIR_RUNS);

    if (n < 0 || (size_t)n >= sizeof name)
        return err_set(E_LIMIT, "index cache %s: path too long", dir);
    for (int i = 0; i < INDEX_RUNS_TRIES; i++) {
        if (fileop_unlinkat(AT_FDCWD, name, 0) != 0 && errno != ENOENT)
            return index_runs_error(errno);
        *fd = fileop_openat(AT_FDCWD, name,
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (*fd >= 0 || errno != EEXIST)
            break;
    }
    if (*fd < 0 || (fileop_unlinkat(AT_FDCWD, name, 0) != 0 && errno != ENOENT))
        return index_runs_error(errno);
    return 0;
}

int index_runs_new(const char *dir, size_t chunks, struct index_runs **out)
{
    struct index_runs *r = mem_alloc(sizeof *r);
    int rc;

    *out = NULL;
    if (!r)
        return err_set(E_NOMEM, "index cache %s: sort", dir);
    r->fd = -1;
    r->chunk_cap = chunks;
    r->chunk = mem_array(chunks, sizeof *r->chunk);
    rc = r->chunk ? index_runs_open(dir, &r->fd)
                  : err_set(E_NOMEM, "index cache %s: sort", dir);
    if (rc < 0) {
        index_runs_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void index_runs_free(struct index_runs *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->source_n; i++)
        buf_release(&r->source[i].in);
    free(r->source);
    free(r->heap);
    free(r->chunk);
    (void)fileop_close(r->fd);
    free(r);
}

static int index_runs_write(struct index_runs *r, struct bytes x)
{
    if (fileop_pwrite_full(r->fd, x.p, x.n, r->file_bytes) != 0)
        return index_runs_error(errno);
    r->file_bytes += x.n;
    return 0;
}

static int index_runs_write_sorted(struct index_runs *r,
                                   const struct index_sort_ref *ref)
{
    struct buf b;
    int rc = 0;

    buf_init(&b, INDEX_RUNS_WRITE * INDEX_RUNS_BYTES);
    for (size_t i = 0; rc == 0 && i < r->chunk_n; i++) {
        const struct index_chunk *c = ref[i].chunk;

        buf_add(&b, c->id.b, sizeof c->id.b);
        index_record_put_loc(&b, &r->key, &c->id, &c->loc);
        if ((i + 1) % INDEX_RUNS_WRITE && i + 1 < r->chunk_n)
            continue;
        rc = buf_status(&b);
        if (rc == 0)
            rc = index_runs_write(r, buf_bytes(&b));
        buf_reset(&b);
    }
    buf_release(&b);
    return rc;
}

static int index_runs_new_source(struct index_runs *r)
{
    struct index_runs_source *grown =
        mem_resize(r->source, (r->source_n + 1) * sizeof *grown);

    if (!grown)
        return err_set(E_NOMEM, "index cache: sort");
    r->source = grown;
    memset(&grown[r->source_n], 0, sizeof *grown);
    grown[r->source_n].off = r->file_bytes;
    r->source_n++;
    return 0;
}

/* Sort what is in memory and write it as one more run. */
static int index_runs_flush(struct index_runs *r)
{
    struct index_sort_ref *ref;
    int rc;

    if (r->chunk_n == 0)
        return 0;
    rc = index_runs_new_source(r);
    if (rc < 0)
        return rc;
    ref = mem_array(r->chunk_n, sizeof *ref);
    if (!ref)
        return err_set(E_NOMEM, "index cache: sort");
    for (size_t i = 0; i < r->chunk_n; i++)
        ref[i] = index_sort_ref(&r->chunk[i]);
    index_sort(ref, r->chunk_n);
    rc = index_runs_write_sorted(r, ref);
    r->source[r->source_n - 1].end = r->file_bytes;
    r->chunk_n = 0;
    free(ref);
    return rc;
}

int index_runs_add(struct index_runs *r, const struct index_chunk *c)
{
    if (r->chunk_n == r->chunk_cap) {
        int rc = index_runs_flush(r);

        if (rc < 0)
            return rc;
    }
    r->chunk[r->chunk_n++] = *c;
    return 0;
}

static int index_runs_refill(struct index_runs *r, struct index_runs_source *s)
{
    size_t room = INDEX_RUNS_MERGE_BYTES / r->source_n;
    uint8_t *to;
    ssize_t got;

    room = room > INDEX_RUNS_READ_MAX ? INDEX_RUNS_READ_MAX : room;
    room = room / INDEX_RUNS_BYTES * INDEX_RUNS_BYTES;
    if (room < INDEX_RUNS_BYTES)
        room = INDEX_RUNS_BYTES;
    if (room > s->end - s->off)
        room = (size_t)(s->end - s->off);
    buf_reset(&s->in);
    s->used = 0;
    to = buf_extend(&s->in, room);
    if (!to)
        return buf_status(&s->in);
    got = fileop_pread_full(r->fd, to, room, s->off);
    if (got != (ssize_t)room)
        return index_runs_error(got < 0 ? errno : EIO);
    s->off += room;
    return 0;
}

/* Advance a run. end: it is used up. */
static int index_runs_pull(struct index_runs *r, struct index_runs_source *s,
                           bool *end)
{
    struct codec c;
    int rc = 0;

    *end = s->used == s->in.n && s->off == s->end;
    if (*end)
        return 0;
    if (s->used == s->in.n)
        rc = index_runs_refill(r, s);
    if (rc < 0)
        return rc;
    codec_init(&c, bytes_of(s->in.p + s->used, s->in.n - s->used));
    codec_copy(&c, s->c.id.b, sizeof s->c.id.b);
    rc = index_record_get_loc(codec_take(&c, INDEX_RECORD_LOC_BYTES), &r->key,
                              &s->c.id, &s->c.loc);
    s->used += INDEX_RUNS_BYTES;
    s->head = index_sort_ref(&s->c);
    return rc;
}

static void index_runs_sift(struct index_runs *r, size_t at)
{
    struct index_runs_source **h = r->heap;

    for (;;) {
        size_t least = at;
        struct index_runs_source *swap;

        for (size_t kid = 2 * at + 1; kid <= 2 * at + 2; kid++) {
            if (kid < r->heap_n &&
                index_sort_cmp(&h[kid]->head, &h[least]->head) < 0)
                least = kid;
        }
        if (least == at)
            return;
        swap = h[at];
        h[at] = h[least];
        h[least] = swap;
        at = least;
    }
}

int index_runs_merge(struct index_runs *r)
{
    int rc = index_runs_flush(r);

    if (rc < 0)
        return rc;
    free(r->chunk);
    r->chunk = NULL;
    r->heap = mem_array(r->source_n, sizeof(struct index_runs_source *));
    if (!r->heap)
        return err_set(E_NOMEM, "index cache: sort");
    for (size_t i = 0; i < r->source_n; i++) {
        bool end;

        buf_init(&r->source[i].in, INDEX_RUNS_READ_MAX);
        rc = index_runs_pull(r, &r->source[i], &end);
        if (rc < 0)
            return rc;
        r->heap[r->heap_n++] = &r->source[i];
    }
    for (size_t i = r->heap_n; i-- > 0;)
        index_runs_sift(r, i);
    return 0;
}

int index_runs_next(struct index_runs *r, struct index_chunk *c, bool *more)
{
    bool end;
    int rc;

    *more = r->heap_n > 0;
    if (!*more)
        return 0;
    *c = r->heap[0]->c;
    rc = index_runs_pull(r, r->heap[0], &end);
    if (rc == 0 && end)
        r->heap[0] = r->heap[--r->heap_n];
    index_runs_sift(r, 0);
    return rc;
}
