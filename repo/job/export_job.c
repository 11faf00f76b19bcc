#include "repo/job/export_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pipe.h"
#include "repo/job/export_tar.h"
#include "repo/job/export_unit.h"
#include "repo/job/restore_group.h"
#include "repo/tree_walk.h"

enum { EXPORT_JOB_UNITS_PER_THREAD = 3 };

/* A file whose data is being handed out. */
struct export_file {
    bool open;       /* the walk stands at it meanwhile, and lends its entry */
    struct buf path; /* in the snapshot, for messages */
    struct export_runs runs;
    size_t run; /* the first one that is not all handed out */
    struct extent e;
    uint64_t at;  /* offset of e */
    bool has_e;   /* of e there is more */
    uint64_t off; /* all before was handed out */
};

struct export_job {
    const struct export_options *o;
    struct fetch *fetch;
    struct fetch_lane *lane; /* of the stage that walks */
    struct tree_walk *walk;
    struct content_reader *content;
    bool over; /* all was walked */

    /* the file system that each directory on the way down is on */
    uint64_t *mark;
    size_t mark_cap;
    size_t depth;
    uint64_t marks;
    struct restore_group_map groups;

    struct export_file file;
    struct buf path; /* of a member in the archive */
    struct buf link;
    struct buf head;
    struct arena values; /* of attributes */
    struct entry_xattr *xattr;
    size_t xattr_cap;

    /* of the stage that hands out */
    struct export_zip *zip;
    struct export_zip_head member; /* zip: that is open; its path: */
    struct buf member_path;
    bool inside;  /* what was handed out ends in the middle of a member */
    bool refused; /* nobody takes it any more */
    bool follows; /* zip: the sum of the open member follows */
    struct export_zip_sum sum;
    struct buf out;
    struct export_result result;
};

/* ---- what there is --------------------------------------------------------
 */

/* Attributes with all their values. */
static int job_attrs(struct export_job *j, const struct tree_entry *te,
                     struct entry *e)
{
    int rc = 0;

    arena_reset(&j->values);
    if (j->o->format == EXPORT_ZIP) {
        j->result.bare += te->attr_n > 0;
        return 0;
    }
    for (size_t i = 0; i < te->attr_n && rc == 0; i++) {
        const struct tree_attr *a = &te->attr[i];
        struct fetch_chunk chunk = {.frame = NULL};
        struct bytes value = a->value;

        if (!MEM_GROW(j->xattr, i, j->xattr_cap))
            return err_set(E_NOMEM, "out of memory");
        if (a->is_chunk) {
            rc = fetch_get(j->lane, PACK_DATA, &a->id, a->length, &chunk);
            if (rc == 0)
                rc = arena_dup(&j->values, chunk.bytes, &value);
            fetch_release(j->lane, &chunk);
        }
        j->xattr[i] = (struct entry_xattr){.name = a->name, .value = value};
    }
    e->xattr = j->xattr;
    e->xattr_n = te->attr_n;
    return rc;
}

static int job_group_first(struct restore_group *g, struct bytes path)
{
    free(g->first);
    g->first = mem_dup(path);
    g->first_n = path.n;
    return g->first ? 0 : err_set(E_NOMEM, "out of memory for hard links");
}

/* Where the same file stands in the archive already, in j->link. */
static int job_link(struct export_job *j, const struct tree_entry *te)
{
    struct restore_group *g = NULL;
    bool first = true;
    int rc = 0;

    buf_reset(&j->link);
    if (te->e.type == ENTRY_DIR || te->e.nlink < 2)
        return 0;
    if (j->o->format == EXPORT_ZIP) {
        j->result.linked++;
        return 0;
    }
    rc = restore_group_find(&j->groups, te,
                            j->depth ? j->mark[j->depth - 1] : 0, &g, &first);
    if (rc == 0 && g && first)
        rc = job_group_first(g, buf_bytes(&j->path));
    else if (rc == 0 && g)
        buf_add_bytes(&j->link, bytes_of(g->first, g->first_n));
    restore_group_unref(g);
    return rc < 0 ? rc : buf_status(&j->link);
}

/* ---- data of a file -------------------------------------------------------
 */

static int job_file_open(struct export_job *j, const struct tree_entry *te)
{
    struct export_file *f = &j->file;
    int rc = j->o->format == EXPORT_TAR
                 ? export_runs_read(&f->runs, j->content, j->lane, te)
                 : export_runs_whole(&f->runs, te->e.size);

    if (rc == 0)
        rc = content_reader_open(j->content, &te->content, te->e.size, 0);
    f->run = 0;
    f->off = 0;
    f->has_e = false;
    f->open = true;
    return rc;
}

/* The next part of one run of data, out of the extent at hand. */
static int job_file_step(struct export_job *j, struct export_unit *u)
{
    struct export_file *f = &j->file;
    const struct export_run *r = &f->runs.run[f->run];
    uint64_t from = r->off > f->off ? r->off : f->off;
    uint64_t end = f->at + f->e.length;
    struct export_step step = {.kind = EXPORT_EXTENT, .e = f->e};
    int rc = 0;

    if (from < f->at)
        from = f->at;
    if (end > r->off + r->n)
        end = r->off + r->n;
    if (f->e.kind == EXTENT_HOLE) {
        step.kind = EXPORT_ZEROS;
        if (end > from + EXPORT_UNIT_BYTES)
            end = from + EXPORT_UNIT_BYTES;
    }
    if (from < end) {
        step.from = from - f->at;
        step.n = end - from;
        rc = arena_dup(&u->arena, buf_bytes(&f->path), &step.path);
        if (rc == 0)
            rc = export_unit_add(u, &step);
        f->off = end;
    }
    if (from >= end || f->off == f->at + f->e.length)
        f->has_e = false;
    if (f->off == r->off + r->n)
        f->run++;
    return rc;
}

static int job_file_end(struct export_job *j, struct export_unit *u)
{
    struct export_step step = {.kind = EXPORT_ZEROS};

    j->file.open = false;
    if (j->o->format == EXPORT_ZIP)
        step.kind = EXPORT_END;
    else
        step.n = export_tar_fill(j->file.runs.bytes, EXPORT_TAR_BLOCK);
    return export_unit_add(u, &step);
}

/* As much of the open file as the unit takes. */
static int job_file_data(struct export_job *j, struct export_unit *u)
{
    struct export_file *f = &j->file;
    bool more = true;
    int rc = 0;

    while (rc == 0 && f->run < f->runs.n && !export_unit_full(u)) {
        if (!f->has_e) {
            rc = content_reader_next(j->content, &f->e, &f->at, &more);
            f->has_e = rc == 0 && more;
            if (rc == 0 && !more)
                rc = err_set(E_CORRUPT, "extents shorter than their file");
        }
        if (rc == 0)
            rc = job_file_step(j, u);
    }
    if (rc == 0 && f->run == f->runs.n)
        rc = job_file_end(j, u);
    return err_add(rc, "/%.*s", (int)f->path.n,
                   f->path.n ? (const char *)f->path.p : "");
}

/* ---- members --------------------------------------------------------------
 */

static int job_tar(struct export_job *j, struct export_unit *u,
                   const struct export_member *m)
{
    int rc;

    buf_reset(&j->head);
    rc = export_tar_head(&j->head, m);
    if (rc == 0)
        rc = export_unit_bytes(u, buf_bytes(&j->head));
    return rc;
}

static int job_zip(struct export_job *j, struct export_unit *u,
                   const struct export_member *m)
{
    struct export_step step = {.kind = EXPORT_BEGIN};
    struct export_zip_head *head;
    struct bytes path = {NULL, 0};
    int rc;

    j->result.slashed += memchr(m->path.p, '\\', m->path.n) != NULL;
    if (m->e->type == ENTRY_DIR)
        buf_add(&j->path, "/", 1);
    rc = buf_status(&j->path);
    if (rc == 0)
        rc = arena_dup(&u->arena, buf_bytes(&j->path), &path);
    if (rc < 0)
        return rc;
    head = arena_alloc(&u->arena, sizeof *head);
    if (!head)
        return err_set(E_NOMEM, "out of memory");
    export_zip_head_of(m, path, head);
    step.head = head;
    rc = export_unit_add(u, &step);
    if (rc == 0 && m->e->type == ENTRY_SYMLINK)
        rc = export_unit_bytes(u, m->e->target);
    if (rc == 0 && m->e->type != ENTRY_FILE)
        rc = export_unit_add(u, &(struct export_step){.kind = EXPORT_END});
    return rc;
}

static int job_member(struct export_job *j, struct export_unit *u,
                      const struct tree_entry *te)
{
    struct entry e = te->e;
    struct export_member m = {.e = &e, .runs = &j->file.runs};
    int rc;

    j->result.entries++;
    rc = job_link(j, te);
    if (rc == 0)
        rc = job_attrs(j, te, &e);
    m.path = buf_bytes(&j->path);
    m.link = buf_bytes(&j->link);
    if (rc == 0 && e.type == ENTRY_FILE &&
        (m.link.n == 0 || j->o->format == EXPORT_ZIP))
        rc = job_file_open(j, te);
    if (rc == 0)
        rc = j->o->format == EXPORT_TAR ? job_tar(j, u, &m) : job_zip(j, u, &m);
    return rc;
}

static bool job_takes(const struct export_job *j, enum entry_type type)
{
    return j->o->format == EXPORT_TAR ? export_tar_takes(type)
                                      : export_zip_takes(type);
}

static int job_enter(struct export_job *j, const struct tree_entry *te)
{
    if (!MEM_GROW(j->mark, j->depth, j->mark_cap))
        return err_set(E_NOMEM, "out of memory");
    j->mark[j->depth] = j->depth ? j->mark[j->depth - 1] : 0;
    if (te->e.starts_fs)
        j->mark[j->depth] = ++j->marks;
    j->depth++;
    return 0;
}

/* zip has no name for the directory that it is about. */
static bool job_is_nameless(const struct export_job *j,
                            const struct tree_walk_item *item)
{
    return j->o->format == EXPORT_ZIP && item->path.n == 0 &&
           item->te->e.type == ENTRY_DIR;
}

/* The next entry becomes a member. */
static int job_entry(struct export_job *j, struct export_unit *u)
{
    struct tree_walk_item item;
    struct bytes path;
    int rc = tree_walk_next(j->walk, &item);

    if (rc < 0)
        return rc;
    j->over = item.kind == TREE_WALK_END;
    if (item.kind == TREE_WALK_LEAVE)
        j->depth--;
    buf_reset(&j->file.path);
    buf_add_bytes(&j->file.path, j->o->path);
    buf_add_path(&j->file.path, item.path);
    rc = buf_status(&j->file.path);
    path = buf_bytes(&j->file.path);
    if (rc == 0 && item.kind == TREE_WALK_DAMAGED)
        rc = E_CORRUPT; /* raised by the walk */
    if (rc == 0 && item.te && !job_takes(j, item.te->e.type)) {
        j->result.left++;
    } else if (rc == 0 && item.te && !job_is_nameless(j, &item)) {
        buf_reset(&j->path);
        buf_add_bytes(&j->path, item.te->e.type != ENTRY_DIR && !item.path.n
                                    ? j->o->name
                                    : item.path);
        rc = buf_status(&j->path);
        if (rc == 0)
            rc = job_member(j, u, item.te);
    }
    if (rc == 0 && item.kind == TREE_WALK_ENTER)
        rc = job_enter(j, item.te);
    return err_add(rc, "/%.*s", (int)path.n,
                   path.n ? (const char *)path.p : "");
}

/* ---- stages ---------------------------------------------------------------
 */

static int job_produce(void *ctx, void *unit, bool *end)
{
    struct export_job *j = ctx;
    struct export_unit *u = unit;
    int rc = 0;

    export_unit_reset(u);
    while (rc == 0 && !export_unit_full(u)) {
        if (j->file.open)
            rc = job_file_data(j, u);
        else if (j->over)
            break;
        else
            rc = job_entry(j, u);
    }
    u->inside = j->file.open;
    *end = rc == 0 && u->n == 0;
    return rc;
}

struct export_worker {
    struct fetch_lane *lane;
    struct deflate *deflate;
    struct buf plain;
};

static int job_worker_init(void *ctx, void *state)
{
    struct export_job *j = ctx;
    struct export_worker *w = state;

    buf_init(&w->plain, EXPORT_UNIT_OUT_MAX);
    if (j->o->format == EXPORT_ZIP) {
        w->deflate = deflate_new();
        if (!w->deflate)
            return err_set(E_NOMEM, "out of memory");
    }
    return fetch_lane_new(j->fetch, &w->lane);
}

static void job_worker_free(void *ctx, void *state)
{
    struct export_worker *w = state;

    (void)ctx;
    fetch_lane_free(w->lane);
    deflate_free(w->deflate);
    buf_release(&w->plain);
}

static int job_work(void *ctx, void *state, void *unit)
{
    struct export_job *j = ctx;
    struct export_worker *w = state;

    return j->o->format == EXPORT_TAR
               ? export_unit_fill(unit, w->lane)
               : export_unit_pack(unit, w->lane, w->deflate, &w->plain);
}

static int job_put(void *ctx, struct bytes x)
{
    struct export_job *j = ctx;

    int rc = x.n > 0 ? j->o->put(j->o->ctx, x) : 0;

    j->result.bytes += x.n;
    j->refused |= rc < 0;
    return rc;
}

/* zip: a part of a member, between what belongs before and behind it. */
static int job_put_part(struct export_job *j, const struct export_part *p,
                        const uint8_t *bytes)
{
    int rc = 0;

    buf_reset(&j->out);
    if (p->begin) {
        buf_reset(&j->member_path);
        buf_add_bytes(&j->member_path, p->begin->path);
        j->member = *p->begin;
        j->member.path = buf_bytes(&j->member_path);
        j->sum = (struct export_zip_sum){.stored = p->sum.stored};
        j->follows = !p->end;
        rc = buf_status(&j->member_path);
        if (rc == 0)
            rc = export_zip_begin(j->zip, &j->out, &j->member,
                                  j->follows ? NULL : &p->sum);
    }
    j->sum.crc = deflate_crc_join(j->sum.crc, p->sum.crc, p->sum.plain);
    j->sum.plain += p->sum.plain;
    j->sum.packed += p->sum.packed;
    if (rc == 0)
        rc = job_put(j, buf_bytes(&j->out));
    j->inside |= rc == 0;
    if (rc == 0)
        rc = job_put(j, bytes_of(bytes, (size_t)p->sum.packed));
    j->inside &= rc < 0 || !p->end;
    if (rc < 0 || !p->end)
        return rc;
    buf_reset(&j->out);
    rc = export_zip_end(j->zip, &j->out, &j->member, &j->sum, j->follows);
    return rc < 0 ? rc : job_put(j, buf_bytes(&j->out));
}

static int job_consume(void *ctx, void *unit)
{
    struct export_job *j = ctx;
    const struct export_unit *u = unit;
    size_t at = 0;
    int rc = 0;

    if (j->o->format == EXPORT_TAR) {
        rc = job_put(j, buf_bytes(&u->out));
        if (rc == 0)
            j->inside = u->inside;
        return rc;
    }
    for (size_t i = 0; i < u->part_n && rc == 0; i++) {
        rc = job_put_part(j, &u->part[i], u->out.p + at);
        at += (size_t)u->part[i].sum.packed;
    }
    return rc;
}

static void job_unit_free(void *ctx, void *unit)
{
    (void)ctx;
    export_unit_release(unit);
}

static int job_pipe(struct export_job *j)
{
    struct pipe_config config = {.produce = job_produce,
                                 .work = job_work,
                                 .consume = job_consume,
                                 .state_init = job_worker_init,
                                 .state_free = job_worker_free,
                                 .unit_free = job_unit_free,
                                 .ctx = j,
                                 .unit_bytes = sizeof(struct export_unit),
                                 .state_bytes = sizeof(struct export_worker),
                                 .threads = j->o->threads,
                                 .depth = j->o->threads *
                                          EXPORT_JOB_UNITS_PER_THREAD,
                                 .cancel = j->o->cancel};

    return pipe_run(&config);
}

/* ---- the run --------------------------------------------------------------
 */

/* What closes the archive. */
static int job_close(struct export_job *j)
{
    static const uint8_t zeros[EXPORT_TAR_RECORD];
    uint64_t end = 2 * (uint64_t)EXPORT_TAR_BLOCK;

    if (j->o->format == EXPORT_ZIP)
        return export_zip_finish(j->zip, job_put, j);
    /* two empty blocks, and what is left of a record */
    end += export_tar_fill(j->result.bytes + end, EXPORT_TAR_RECORD);
    return job_put(j, bytes_of(zeros, (size_t)end));
}

/* What was handed out ends between two members: programs would take it for the
 * whole archive, or for most of it. */
static void job_break(struct export_job *j)
{
    if (j->refused || j->inside)
        return;
    buf_reset(&j->out);
    if (j->o->format == EXPORT_TAR)
        export_tar_broken(&j->out);
    else
        export_zip_broken(&j->out);
    err_ignore(job_put(j, buf_bytes(&j->out)), "what failed before is told");
}

static int job_open(struct export_job *j)
{
    struct node_source source;
    int rc = fetch_lane_new(j->fetch, &j->lane);

    if (rc < 0)
        return rc;
    source = fetch_node_source(j->lane);
    j->walk = tree_walk_new(&source);
    j->content = content_reader_new(&source);
    j->zip = j->o->format == EXPORT_ZIP ? export_zip_new() : NULL;
    if (!j->walk || !j->content || (j->o->format == EXPORT_ZIP && !j->zip))
        return err_set(E_NOMEM, "out of memory");
    return tree_walk_start(j->walk, j->o->te);
}

static void job_init(struct export_job *j)
{
    restore_group_map_init(&j->groups);
    buf_init(&j->file.path, TREE_WALK_PATH_MAX);
    buf_init(&j->path, TREE_WALK_PATH_MAX);
    buf_init(&j->link, TREE_WALK_PATH_MAX);
    buf_init(&j->head, EXPORT_TAR_HEAD_MAX);
    buf_init(&j->member_path, TREE_WALK_PATH_MAX);
    buf_init(&j->out, TREE_WALK_PATH_MAX);
}

static void job_release(struct export_job *j)
{
    restore_group_map_release(&j->groups);
    export_runs_release(&j->file.runs);
    buf_release(&j->file.path);
    buf_release(&j->path);
    buf_release(&j->link);
    buf_release(&j->head);
    buf_release(&j->member_path);
    buf_release(&j->out);
    arena_release(&j->values);
    free(j->xattr);
    free(j->mark);
    export_zip_free(j->zip);
    content_reader_free(j->content);
    tree_walk_free(j->walk);
    fetch_lane_free(j->lane);
}

int export_job_run(struct fetch *f, const struct export_options *o,
                   struct export_result *out)
{
    struct export_job j = {.o = o, .fetch = f};
    struct err_record why;
    int rc;

    job_init(&j);
    rc = job_open(&j);
    if (rc == 0)
        rc = job_pipe(&j);
    if (rc == 0)
        rc = job_close(&j);
    if (rc < 0) {
        err_save(rc, &why);
        job_break(&j);
        rc = err_load(&why);
    }
    *out = j.result;
    job_release(&j);
    return rc;
}
