#include "repo/job/restore_write.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "repo/job/restore_large.h"

enum {
    RESTORE_WRITE_COMPARE = 65536,
    RESTORE_RUNS = 8 /* that wait for their turn; a frame or less each */
};

/* Bytes of a file that stand one behind the other in a frame as they do in the
 * file: they are written at once, since each write takes the file's lock. */
struct restore_run {
    struct fetch_chunk lent; /* the first chunk: keeps the frame */
    const uint8_t *p;
    uint64_t n;
    uint64_t at;
};

struct restore_write {
    struct fetch_lane *lane;
    struct content_reader *content;
    bool verify;
    bool dry_run;
    const struct cancel *cancel;
    struct restore_run run[RESTORE_RUNS]; /* the last one may grow */
    size_t run_n;
    uint8_t *compare; /* RESTORE_WRITE_COMPARE bytes of an existing file */
    /* short holes of the file that is being written, from the place at hand */
    struct short_hole_reader holes;
    struct short_hole hole; /* the next; n is 0: none */
};

int restore_write_new(struct fetch *fetch, bool verify, bool dry_run,
                      const struct cancel *cancel, struct restore_write **out)
{
    struct restore_write *w = mem_alloc(sizeof *w);
    int rc;

    *out = NULL;
    if (!w)
        return err_set(E_NOMEM, "out of memory");
    w->verify = verify;
    w->dry_run = dry_run;
    w->cancel = cancel;
    rc = fetch_lane_new(fetch, &w->lane);
    if (rc == 0) {
        struct node_source source = fetch_node_source(w->lane);

        w->content = content_reader_new(&source);
        w->compare = mem_alloc(RESTORE_WRITE_COMPARE);
        if (!w->content || !w->compare)
            rc = err_set(E_NOMEM, "out of memory");
    }
    if (rc < 0) {
        restore_write_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void restore_write_free(struct restore_write *w)
{
    if (!w)
        return;
    content_reader_free(w->content);
    fetch_lane_free(w->lane);
    free(w->compare);
    free(w);
}

bool restore_write_fatal(int rc)
{
    return rc < 0 && rc != E_TARGET && rc != E_CORRUPT;
}

/* What to do with a run of a file's bytes; p is NULL for a hole. */
typedef int restore_each(struct restore_write *w, struct jail_file *f,
                         const uint8_t *p, uint64_t n, uint64_t off);

/* A file, and what becomes of its bytes. */
struct restore_to {
    struct jail_file *file;
    restore_each *each;
    pthread_mutex_t *turn; /* NULL: no other thread writes to it */
};

/*
 * How many of the n bytes at off are to be treated alike, as data or as a
 * short hole. The snapshot's word for a hole is a hint: a place that is not
 * zero is data.
 */
static uint64_t restore_alike(struct restore_write *w, const uint8_t *p,
                              uint64_t n, uint64_t off, bool *hole)
{
    uint64_t part;

    while (w->hole.n > 0 && w->hole.off + w->hole.n <= off)
        (void)short_hole_next(&w->holes, &w->hole);
    *hole = false;
    if (w->hole.n == 0)
        return n;
    if (off < w->hole.off)
        return n < w->hole.off - off ? n : w->hole.off - off;
    part = w->hole.off + w->hole.n - off;
    part = n < part ? n : part;
    *hole = bytes_is_zero(bytes_of(p, (size_t)part));
    return part;
}

static int restore_put_hole(struct jail_file *f, uint64_t n, uint64_t off)
{
    return off < jail_file_was(f) ? jail_file_hole(f, off, n) : 0;
}

static int restore_put(struct restore_write *w, struct jail_file *f,
                       const uint8_t *p, uint64_t n, uint64_t off)
{
    int rc = 0;

    if (!p)
        return restore_put_hole(f, n, off);
    while (n > 0 && rc == 0) {
        bool hole;
        uint64_t part = restore_alike(w, p, n, off, &hole);

        rc = hole ? restore_put_hole(f, part, off)
                  : jail_file_write(f, p, (size_t)part, off);
        p += part;
        off += part;
        n -= part;
    }
    return rc;
}

/* E_LATER: the file's n bytes at off are not those at p (NULL: zeros). */
static int restore_differs_here(struct restore_write *w, struct jail_file *f,
                                const uint8_t *p, size_t n, uint64_t off)
{
    static const uint8_t zeros[RESTORE_WRITE_COMPARE];
    size_t got = 0;
    int rc = cancel_check(w->cancel);

    if (rc == 0)
        rc = jail_file_read(f, w->compare, n, off, &got);
    if (rc < 0)
        return rc;
    return got < n || memcmp(w->compare, p ? p : zeros, n) != 0 ? E_LATER : 0;
}

/* restore_differs() for a hole: what is a hole in the file, too, is not read:
 * it may be longer than anybody can wait for. */
static int restore_differs_hole(struct restore_write *w, struct jail_file *f,
                                uint64_t n, uint64_t off)
{
    const uint64_t end = off + n;
    /* its last byte tells whether the file is long enough */
    int rc = restore_differs_here(w, f, NULL, 1, end - 1);

    while (rc == 0 && off < end) {
        uint64_t part = 0;

        rc = jail_file_data(f, &off, end);
        if (rc == 0)
            part = end - off < RESTORE_WRITE_COMPARE ? end - off
                                                     : RESTORE_WRITE_COMPARE;
        if (rc == 0 && part > 0)
            rc = restore_differs_here(w, f, NULL, (size_t)part, off);
        off += part;
    }
    return rc;
}

/* E_LATER: the file holds something else there. */
static int restore_differs(struct restore_write *w, struct jail_file *f,
                           const uint8_t *p, uint64_t n, uint64_t off)
{
    int rc = 0;

    if (!p)
        return restore_differs_hole(w, f, n, off);
    while (n > 0 && rc == 0) {
        size_t part =
            n < RESTORE_WRITE_COMPARE ? (size_t)n : RESTORE_WRITE_COMPARE;

        rc = restore_differs_here(w, f, p, part, off);
        p += part;
        n -= part;
        off += part;
    }
    return rc;
}

/* All that was gathered is done; rc: 0, or what failed before. */
static int restore_runs_do(struct restore_write *w, const struct restore_to *to,
                           int rc)
{
    for (size_t i = 0; i < w->run_n; i++) {
        struct restore_run *r = &w->run[i];

        if (rc == 0)
            rc = to->each(w, to->file, r->p, r->n, r->at);
        fetch_release(w->lane, &r->lent);
    }
    w->run_n = 0;
    return rc;
}

/* Before the turn: whoever has it must not wait. */
static void restore_runs_wait(const struct restore_write *w,
                              const struct restore_to *to)
{
    if (w->run_n > 0 && to->each == restore_put)
        limit_wait(LIMIT_WRITE);
}

/* The same when it is this thread's turn, which is waited for. */
static int restore_runs_end(struct restore_write *w,
                            const struct restore_to *to, int rc)
{
    restore_runs_wait(w, to);
    if (!to->turn || w->run_n == 0)
        return restore_runs_do(w, to, rc);
    (void)pthread_mutex_lock(to->turn);
    rc = restore_runs_do(w, to, rc);
    (void)pthread_mutex_unlock(to->turn);
    return rc;
}

/* Makes room for one more run: until then the next is decoded meanwhile. */
static int restore_runs_room(struct restore_write *w,
                             const struct restore_to *to)
{
    int rc;

    if (!to->turn || w->run_n == RESTORE_RUNS)
        return restore_runs_end(w, to, 0);
    restore_runs_wait(w, to);
    if (w->run_n == 0 || pthread_mutex_trylock(to->turn) != 0)
        return 0;
    rc = restore_runs_do(w, to, 0);
    (void)pthread_mutex_unlock(to->turn);
    return rc;
}

static int restore_extent(struct restore_write *w, const struct restore_to *to,
                          const struct extent *e, uint64_t at)
{
    struct restore_run *r = w->run_n > 0 ? &w->run[w->run_n - 1] : NULL;
    struct fetch_chunk c;
    int rc;

    if (e->kind == EXTENT_HOLE) {
        rc = restore_runs_end(w, to, 0);
        return rc < 0 ? rc : to->each(w, to->file, NULL, e->length, at);
    }
    rc = fetch_extent(w->lane, e, &c);
    if (rc < 0)
        return rc;
    if (r && c.frame == r->lent.frame && c.bytes.p == r->p + r->n) {
        r->n += e->length;
        fetch_release(w->lane, &c);
        return 0;
    }
    rc = restore_runs_room(w, to);
    w->run[w->run_n++] = (struct restore_run){
        .lent = c, .p = c.bytes.p, .n = e->length, .at = at};
    return rc;
}

/* All extents that begin in [off, end). */
static int restore_content(struct restore_write *w, const struct restore_to *to,
                           const struct tree_entry *te, uint64_t off,
                           uint64_t end)
{
    int rc = content_reader_open(w->content, &te->content, te->e.size, off);

    short_hole_begin(&w->holes, te->holes, te->e.size);
    (void)short_hole_next(&w->holes, &w->hole);
    while (rc == 0) {
        struct extent e;
        uint64_t at = 0;
        bool more;

        rc = content_reader_next(w->content, &e, &at, &more);
        if (rc == 0)
            rc = cancel_check(w->cancel);
        if (rc < 0 || !more || at >= end)
            break;
        if (at >= off)
            rc = restore_extent(w, to, &e, at);
    }
    return restore_runs_end(w, to, rc);
}

/* Whether the file that stands there has other content than te. */
static int restore_compare(struct restore_write *w,
                           const struct restore_item *it, bool *differs)
{
    struct restore_to to = {.each = restore_differs};
    int rc = jail_file_open(it->dir, it->te.e.name, &to.file);

    *differs = rc == 0 && !to.file;
    if (rc == 0 && to.file)
        rc = restore_content(w, &to, &it->te, 0, UINT64_MAX);
    jail_file_abandon(to.file);
    if (rc == E_LATER) {
        *differs = true;
        return 0;
    }
    return rc;
}

static int restore_file(struct restore_write *w, struct restore_item *it)
{
    struct restore_to to = {.each = restore_put};
    struct jail_file *f;
    bool differs = false;
    int rc = jail_file_begin(it->dir, &it->te.e, false, &to.file, &it->res);

    if (rc == 0 && !to.file && w->verify && it->res.outcome == JAIL_SAME)
        rc = restore_compare(w, it, &differs);
    if (rc == 0 && differs)
        rc = jail_file_begin(it->dir, &it->te.e, true, &to.file, &it->res);
    if (rc == 0 && to.file)
        rc = restore_content(w, &to, &it->te, 0, UINT64_MAX);
    f = to.file;
    if (rc < 0) {
        jail_file_abandon(f);
        return rc;
    }
    /* what others are to be linked to gets its name in order */
    if (f && !it->group)
        return jail_file_finish(f, &it->te.e, NULL, &it->res);
    it->written = f;
    return 0;
}

static int restore_part(struct restore_write *w, struct restore_item *it)
{
    struct restore_large *l = it->large;
    struct restore_to to = {l->file, restore_put, &l->turn};
    int rc = restore_content(w, &to, &it->te, it->off, it->off + it->n);

    if (rc == 0)
        jail_file_start_sync(l->file, it->off, it->n);
    if (rc < 0 && !restore_write_fatal(rc)) {
        restore_large_fail(l, rc);
        return 0;
    }
    return rc;
}

/* Turns the attributes of the tree into those of the entry. */
static int restore_attrs(struct restore_write *w, struct restore_unit *u,
                         struct restore_item *it)
{
    struct tree_entry *te = &it->te;
    struct entry_xattr *x;
    int rc = 0;

    if (te->attr_n == 0)
        return 0;
    x = arena_alloc(&u->arena, te->attr_n * sizeof *x);
    if (!x)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < te->attr_n && rc == 0; i++) {
        const struct tree_attr *a = &te->attr[i];
        struct fetch_chunk c = {.frame = NULL};

        rc = arena_dup(&u->arena, a->name, &x[i].name);
        x[i].value = a->value;
        if (rc == 0 && a->is_chunk)
            rc = fetch_get(w->lane, PACK_DATA, &a->id, a->length, &c);
        if (rc == 0 && a->is_chunk)
            rc = arena_dup(&u->arena, c.bytes, &x[i].value);
        fetch_release(w->lane, &c);
    }
    if (rc == 0) {
        te->e.xattr = x;
        te->e.xattr_n = te->attr_n;
    }
    return rc;
}

int restore_write_item(struct restore_write *w, struct restore_unit *u,
                       struct restore_item *it)
{
    int rc = 0;

    if (it->what == RESTORE_NOTHING || it->what == RESTORE_PASS ||
        it->what == RESTORE_EXTRA || it->error.code < 0)
        return 0;
    if (it->what != RESTORE_PART || it->last)
        rc = restore_attrs(w, u, it);
    if (rc == 0 && it->what == RESTORE_FILE && !it->is_link)
        rc = restore_file(w, it);
    if (rc == 0 && it->what == RESTORE_PART)
        rc = restore_part(w, it);
    if (rc == 0 && it->what == RESTORE_NODE && !it->group)
        rc = jail_node(it->dir, &it->te.e, NULL, &it->res);
    if (rc < 0 && !restore_write_fatal(rc)) {
        restore_unit_fail(it, rc);
        return 0;
    }
    return rc;
}

int restore_write_unit(struct restore_write *w, struct restore_unit *u)
{
    int rc = 0;

    for (size_t i = 0; i < u->n && rc == 0; i++)
        rc = restore_write_item(w, u, &u->item[i]);
    return rc;
}
