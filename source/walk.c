#include "source/walk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/mounts.h"
#include "source/stat_entry.h"
#include "source/walk_as.h"

enum {
    WALK_OPEN_DEFAULT = 256,
    WALK_PATH_MAX = 8 << 20 /* bytes; WALK_DEPTH_MAX names fit */
};

static struct walk_frame *walk_top(const struct walk *w)
{
    return &w->frame[w->depth - 1];
}

/* ---- life ------------------------------------------------------------- */

int walk_new(const struct bytes *root, size_t root_n,
             const struct walk_options *options, struct walk **out)
{
    struct walk *w = mem_alloc(sizeof *w);
    size_t max_open = options->max_open ? options->max_open : WALK_OPEN_DEFAULT;
    int rc;

    if (!w)
        return err_set(E_NOMEM, "out of memory for a walk");
    w->options = *options;
    w->fd = -1;
    buf_init(&w->path, WALK_PATH_MAX);
    walk_names_init(&w->names);
    w->dents = mem_alloc(WALK_DENTS_BYTES);
    rc = walk_roots_init(&w->roots, root, root_n);
    if (rc == 0 && options->from && w->roots.n != 1)
        rc = err_set(E_USAGE, "several roots stand at one place");
    if (rc == 0 && !w->dents)
        rc = err_set(E_NOMEM, "out of memory for names");
    if (rc == 0)
        rc = dirfd_pool_new(
            O_RDONLY | O_NONBLOCK | O_NOATIME,
            max_open < DIRFD_OPEN_MIN ? DIRFD_OPEN_MIN : max_open, &w->pool);
    if (rc == 0)
        rc = walk_foresee_init(&w->foresee, &w->options);
    if (rc < 0) {
        walk_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

static void walk_unpin(struct walk *w)
{
    if (w->fd >= 0)
        dirfd_unpin(walk_top(w)->dir);
    w->fd = -1;
}

static void walk_pop(struct walk *w)
{
    struct walk_frame *f = walk_top(w);

    walk_unpin(w);
    walk_foresee_drop(&w->foresee, f->look);
    walk_names_drop(&w->names, &f->names);
    ignore_unref(f->ignore);
    dirfd_unref(f->dir);
    w->depth--;
}

void walk_free(struct walk *w)
{
    if (!w)
        return;
    walk_prime_end(w, &w->options);
    while (w->depth > 0)
        walk_pop(w);
    free(w->frame);
    walk_foresee_release(&w->foresee);
    walk_names_release(&w->names);
    free(w->dents);
    walk_roots_release(&w->roots);
    dirfd_pool_free(w->pool);
    buf_release(&w->path);
    free(w);
}

struct walk_counts walk_count(const struct walk *w)
{
    return w->counts;
}

/* ---- yielding --------------------------------------------------------- */

/* Where the step at hand is, for a person. */
static const char *walk_path_text(const struct walk *w)
{
    /* walk_path_set put a NUL behind it */
    return w->path.n ? (const char *)w->path.p : "";
}

/* The path of name in the directory at hand; "" for the directory itself. */
static int walk_path_set(struct walk *w, struct bytes name)
{
    buf_truncate(&w->path, w->depth ? walk_top(w)->path_n : 0);
    buf_add_path(&w->path, name);
    buf_add(&w->path, "", 1);
    if (buf_status(&w->path) < 0)
        return buf_status(&w->path);
    buf_truncate(&w->path, w->path.n - 1);
    return 0;
}

static void walk_yield_problem(struct walk *w, struct walk_item *item,
                               struct bytes name, enum walk_problem problem)
{
    *item = (struct walk_item){
        .kind = WALK_PROBLEM,
        .dir = w->depth ? walk_top(w)->dir : NULL,
        .entry = {.name = name},
        .problem = problem,
        .text = w->problem_text,
    };
}

/* The same about the directory at hand itself. */
static void walk_yield_dir_problem(struct walk *w, struct walk_item *item,
                                   enum walk_problem problem)
{
    struct dirfd *dir = walk_top(w)->dir;

    walk_yield_problem(w, item, dirfd_name(dir), problem);
    item->dir = dirfd_parent(dir);
}

/* What went wrong with the path at hand, by errnum, or by words when 0. */
static void walk_say(struct walk *w, int errnum, const char *words)
{
    char reason[128];

    (void)snprintf(w->problem_text, sizeof w->problem_text, "/%.900s: %s",
                   walk_path_text(w),
                   errnum ? strerror_r(errnum, reason, sizeof reason) : words);
}

static bool errno_is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP ||
           errnum == ESTALE;
}

/*
 * The object at name in the directory at hand could not be had. node tells
 * which roots are missing with it. Returns whether item holds something.
 */
static bool walk_failed(struct walk *w, struct walk_node node,
                        struct bytes name, int errnum, struct walk_item *item)
{
    bool gone = errno_is_gone(errnum);

    if (gone && walk_node_leads(node)) {
        w->missing = node;
        return false;
    }
    walk_say(w, errnum, NULL);
    walk_yield_problem(w, item, name, gone ? WALK_VANISHED : WALK_UNREADABLE);
    return true;
}

static void walk_yield_missing(struct walk *w, struct walk_item *item)
{
    struct bytes path = w->roots.path[w->missing.first++];

    (void)snprintf(w->problem_text, sizeof w->problem_text,
                   "/%.*s: is not there", (int)(path.n < 900 ? path.n : 900),
                   (const char *)path.p);
    walk_yield_problem(w, item, path, WALK_MISSING_ROOT);
    item->dir = NULL;
}

/* ---- directories ------------------------------------------------------ */

static void walk_settle(const struct walk *w, struct entry *e)
{
    e->unsettled = stat_entry_unsettled(e->ctime, w->looked_ns);
}

/* What the directory of the frame on top, whose names are listed, says about
 * what is in it. */
static int walk_heed(struct walk *w, struct walk_frame *f)
{
    const struct walk_options *o = &w->options;
    const struct walk_marker *by;
    struct ignore *own;
    int rc;

    if (!walk_node_is_root(&w->roots, f->node) &&
        walk_rules_marked(o->marker, o->marker_n, &w->names, &f->names, w->fd,
                          &by)) {
        w->counts.excluded += f->names.n > 1;
        f->marked = true;
        f->seen_n = 0;
        walk_names_drop(&w->names, &f->names);
        f->names = walk_names_begin(&w->names);
        return walk_names_add(&w->names, &f->names, by->name);
    }
    if (!o->ignore_files)
        return 0;
    rc = walk_rules_ignore(&w->names, &f->names, w->fd, f->ignore,
                           bytes_of(w->path.p, f->path_n), &own,
                           w->rule_trouble, sizeof w->rule_trouble);
    f->ignores = own != NULL;
    if (own) {
        ignore_unref(f->ignore);
        f->ignore = own;
    }
    return rc;
}

/* The names to visit in the frame on top. */
static int walk_list_names(struct walk *w, struct walk_frame *f)
{
    struct bytes name;
    size_t at = 0;
    int rc = 0;

    f->names = walk_names_begin(&w->names);
    if (f->look) {
        rc = walk_names_copy(&w->names, &f->names, &f->look->names,
                             &f->look->list);
        w->problem_errno = f->look->read_errno;
        f->seen_n = f->look->seen_n;
    } else if (!f->path_only && f->skip == WALK_SKIP_NONE) {
        rc = walk_names_read(&w->names, &f->names, w->fd, w->dents,
                             &w->problem_errno);
        walk_names_sort(&w->names, &f->names);
    }
    if (rc < 0)
        return rc;
    f->incomplete = w->problem_errno != 0;
    if (f->names.n > 0)
        rc = walk_heed(w, f);
    if (rc < 0 || !walk_node_leads(f->node))
        return rc;
    /* Roots below are visited whatever the listing says, so that one that is
     * missing is found to be. */
    while (rc == 0 && walk_node_next(&w->roots, f->node, &at, &name)) {
        struct walk_list sorted = f->names;

        if (!walk_names_has(&w->names, &sorted, name)) {
            rc = walk_names_add(&w->names, &f->names, name);
            walk_names_sort(&w->names, &f->names);
        }
    }
    return rc;
}

/* Puts a frame for dir, a reference taken, on top. The path is dir's. */
static int walk_push(struct walk *w, struct dirfd *dir, struct walk_frame frame)
{
    struct walk_frame *f;

    if (!MEM_GROW(w->frame, w->depth, w->frame_cap)) {
        walk_foresee_drop(&w->foresee, frame.look);
        dirfd_unref(dir);
        return err_set(E_NOMEM, "out of memory for directories");
    }
    walk_unpin(w);
    f = &w->frame[w->depth++];
    *f = frame;
    f->dir = dir;
    f->path_n = w->path.n;
    f->ignore = w->depth > 1 ? ignore_ref(w->frame[w->depth - 2].ignore) : NULL;
    f->names = walk_names_begin(&w->names);
    w->rule_trouble[0] = 0;
    /* It has just been opened: this costs no system call. */
    w->fd = dirfd_pin(dir);
    w->problem_errno = w->fd < 0 ? errno : 0;
    return w->fd < 0 ? 0 : walk_list_names(w, f);
}

static int walk_yield_enter(struct walk *w, struct walk_item *item,
                            const struct statx *st, bool starts_fs,
                            struct bytes name)
{
    struct walk_frame *f = walk_top(w);

    *item = (struct walk_item){
        .kind = WALK_ENTER,
        .dir = f->dir,
        .path_only = f->path_only,
        .bare = f->bare,
        .skip = f->skip,
    };
    (void)stat_entry_fill(st, w->options.with_atime, &item->entry);
    item->entry.name = name;
    item->entry.starts_fs = starts_fs;
    walk_settle(w, &item->entry);
    w->at = WALK_AT_NAMES;
    if (w->problem_errno) {
        walk_say(w, w->problem_errno, NULL);
        f->incomplete = true;
        w->at = WALK_AT_PROBLEM;
    } else if (w->rule_trouble[0]) {
        walk_say(w, 0, w->rule_trouble);
        w->at = WALK_AT_PROBLEM;
    }
    return owner_of_entry(w->options.owners, &item->entry);
}

/* Whether a directory that was not named, on another device than the one it
 * is in, is to be entered. */
static int walk_decide_fs(const struct walk *w, const struct statx *st,
                          enum walk_skip *skip)
{
    bool pseudo = false;
    int rc = mounts_is_pseudo(stat_entry_dev(st), &pseudo);

    if (rc == E_SOURCE) {
        err_ignore(rc, "a list nobody can read skips nothing");
        rc = 0;
    }
    if (pseudo)
        *skip = WALK_SKIP_PSEUDO;
    else if (w->options.one_fs)
        *skip = WALK_SKIP_OTHER_FS;
    return rc;
}

/*
 * Opens the directory name; f is the frame it is to get. One that may not be
 * read is opened as a path, which is enough for its metadata.
 */
static int walk_open(struct walk *w, const char *name, struct walk_frame *f,
                     struct statx *st, struct dirfd **dir, int *open_errno)
{
    struct dirfd *parent = walk_top(w)->dir;
    int extra = f->skip == WALK_SKIP_NONE ? 0 : O_PATH;
    int first;
    int rc = dirfd_open(parent, name, extra, st, dir, open_errno);

    if (rc < 0 || *dir || extra || errno_is_gone(*open_errno))
        return rc;
    first = *open_errno;
    rc = dirfd_open(parent, name, O_PATH, st, dir, open_errno);
    if (rc == 0 && *dir && !f->path_only)
        f->skip = WALK_SKIP_FAILED;
    *open_errno = first;
    return rc;
}

/*
 * The same, of what is entered as any directory: with what was found there
 * ahead. *dir stays NULL where nothing was.
 */
static int walk_look(struct walk *w, struct walk_frame *f, struct bytes name,
                     struct statx *st, struct dirfd **dir)
{
    const struct walk_frame *in = walk_top(w);
    size_t roots = f->node.last - f->node.first;
    int rc;

    if (!w->foresee.ahead || f->path_only || f->skip != WALK_SKIP_NONE ||
        roots > walk_node_is_root(&w->roots, f->node))
        return 0;
    rc = walk_foresee_take(&w->foresee, in->look, in->next - 1, in->dir, name,
                           stat_entry_dev(st), &f->look);
    if (rc < 0 || !f->look)
        return rc;
    *st = f->look->st;
    *dir = dirfd_ref(f->look->dir);
    w->looked_ns = f->look->looked_ns;
    return 0;
}

/*
 * Enters the directory name, which st describes. item: the ENTER, a PROBLEM,
 * or nothing (*yielded is false) when it is left out.
 */
static int walk_enter(struct walk *w, struct walk_frame f, struct bytes name,
                      struct statx *st, struct walk_item *item, bool *yielded)
{
    struct walk_frame *parent = walk_top(w);
    bool starts_fs = stat_entry_dev(st) != dirfd_dev(parent->dir);
    bool named = walk_node_is_root(&w->roots, f.node);
    uint64_t dev = stat_entry_dev(st);
    struct dirfd *dir = NULL;
    int open_errno = 0;
    int rc = 0;

    if (!named && walk_rules_skipped(w->options.skip, w->options.skip_n, st)) {
        w->counts.skipped++;
        if (!walk_node_leads(f.node))
            return 0;
        f.path_only = true;
    }
    if (starts_fs && !named && !f.path_only)
        rc = walk_decide_fs(w, st, &f.skip);
    if (rc < 0)
        return rc;
    if (f.skip != WALK_SKIP_NONE && walk_node_leads(f.node)) {
        f.path_only = true;
        f.skip = WALK_SKIP_NONE;
    }
    rc = walk_look(w, &f, name, st, &dir);
    if (rc == 0 && !dir)
        rc = walk_open(w, (const char *)name.p, &f, st, &dir, &open_errno);
    if (rc < 0)
        return rc;
    if (!dir || stat_entry_dev(st) != dev) {
        dirfd_unref(dir);
        *yielded =
            walk_failed(w, f.node, name, dir ? ESTALE : open_errno, item);
        return 0;
    }
    /* what follows adds to the names and may move them */
    name = dirfd_name(dir);
    rc = walk_push(w, dir, f);
    if (rc < 0)
        return rc;
    if (f.skip == WALK_SKIP_FAILED)
        w->problem_errno = open_errno;
    *yielded = true;
    return walk_yield_enter(w, item, st, starts_fs, name);
}

/*
 * As walk_visit, on the way to a root that stands elsewhere. It is named, and
 * its ancestors are on no file system that could be left.
 */
static int walk_visit_as(struct walk *w, struct bytes name,
                         struct walk_item *item, bool *yielded)
{
    struct walk_frame *parent = walk_top(w);
    struct walk_frame f = {.node =
                               walk_node_child(&w->roots, parent->node, name)};
    bool named = walk_node_is_root(&w->roots, f.node);
    struct walk_as_step step = {.parent = parent->dir,
                                .parent_fd = w->fd,
                                .name = (const char *)name.p,
                                .from = named ? w->options.from : NULL,
                                .bare = parent->bare};
    bool starts_fs;
    struct dirfd *dir = NULL;
    struct statx st;
    int rc;

    w->looked_ns = clock_realtime_ns();
    rc = walk_as_open(&step, &st, &dir);
    if (rc < 0)
        return rc;
    if (!dir) {
        *yielded = walk_failed(w, f.node, name, step.errnum, item);
        return 0;
    }
    starts_fs = dirfd_dev(dir) != dirfd_dev(parent->dir);
    f.path_only = !named;
    f.bare = !named && step.bare;
    f.skip = step.path ? WALK_SKIP_FAILED : WALK_SKIP_NONE;
    name = dirfd_name(dir);
    rc = walk_push(w, dir, f);
    if (rc < 0)
        return rc;
    if (step.path)
        w->problem_errno = step.errnum;
    *yielded = true;
    return walk_yield_enter(w, item, &st, starts_fs, name);
}

static int walk_start(struct walk *w, struct walk_item *item)
{
    struct walk_frame f = {.node = walk_roots_top(&w->roots)};
    bool named = walk_node_is_root(&w->roots, f.node);
    const char *at = named && w->options.from ? w->options.from : "/";
    struct dirfd *dir = NULL;
    struct statx st;
    int rc;

    w->looked_ns = clock_realtime_ns();
    rc = dirfd_root_at(w->pool, at, &st, &dir);
    if (rc < 0)
        return rc;
    f.path_only = !named;
    rc = walk_path_set(w, bytes_of(NULL, 0));
    if (rc < 0) {
        dirfd_unref(dir);
        return rc;
    }
    rc = walk_push(w, dir, f);
    if (rc < 0)
        return rc;
    return walk_yield_enter(w, item, &st, true, bytes_of(NULL, 0));
}

/* ---- one name --------------------------------------------------------- */

static int walk_yield_entry(struct walk *w, struct walk_item *item,
                            const struct statx *st, struct bytes name,
                            struct walk_node node)
{
    struct entry *e = &item->entry;
    ssize_t n;

    *item = (struct walk_item){.kind = WALK_ENTRY, .dir = walk_top(w)->dir};
    if (!stat_entry_fill(st, w->options.with_atime, e)) {
        walk_say(w, 0, "is of a type that cannot be kept");
        walk_yield_problem(w, item, name, WALK_UNREADABLE);
        return 0;
    }
    e->name = name;
    walk_settle(w, e);
    if (e->type == ENTRY_SYMLINK) {
        n = fileop_readlinkat(w->fd, (const char *)name.p, w->target,
                              sizeof w->target);
        /* EINVAL: something else stands there by now */
        if (n <= 0 || n > ENTRY_TARGET_MAX) {
            int errnum = n < 0 ? errno : ENAMETOOLONG;

            if (errnum == EINVAL)
                errnum = ESTALE;
            walk_say(w, errnum, NULL);
            walk_yield_problem(w, item, name,
                               errno_is_gone(errnum) ? WALK_VANISHED
                                                     : WALK_UNREADABLE);
            if (errno_is_gone(errnum) && walk_node_leads(node))
                item->problem = WALK_MISSING_ROOT;
            return 0;
        }
        e->target = bytes_of(w->target, (size_t)n);
    }
    return owner_of_entry(w->options.owners, e);
}

/* What becomes of what was not named, at the path at hand. What leaves out
 * others is kept: it tells a restore what is missing here on purpose.
 *   costly  out: whose patterns took too long to match; else NULL */
static enum ignore_verdict walk_judge(struct walk *w, struct bytes name,
                                      const struct statx *st,
                                      struct ignore **costly)
{
    const struct ignore_rules rules = {w->options.patterns, w->options.larger};
    const struct walk_frame *in = walk_top(w);
    bool is_file = S_ISREG(st->stx_mode);

    *costly = NULL;
    if (is_file &&
        (in->marked ||
         (in->ignores && bytes_equal(name, bytes_of_str(IGNORE_NAME)))))
        return IGNORE_KEEP;
    return ignore_omits(&rules, in->ignore, buf_bytes(&w->path),
                        S_ISDIR(st->stx_mode), is_file ? st->stx_size : 0,
                        costly);
}

/* One .dedupignore on the way down is heeded no longer; the name at hand is
 * looked at again. */
static void walk_yield_costly(struct walk *w, struct ignore *costly,
                              struct walk_item *item)
{
    const struct walk_frame *f = walk_top(w);
    struct dirfd *dir;

    while (!f->ignores || f->ignore != costly)
        f--;
    dir = f->dir;
    ignore_drop(costly);
    walk_top(w)->next--;
    (void)snprintf(w->problem_text, sizeof w->problem_text,
                   "/%.*s: " IGNORE_NAME
                   " is not heeded from here on: its patterns take too long",
                   (int)(f->path_n < 900 ? f->path_n : 900),
                   (const char *)w->path.p);
    walk_yield_problem(w, item, dirfd_name(dir), WALK_UNREADABLE);
    item->dir = dirfd_parent(dir);
}

/* What stands at the name at hand. Returns an errno, or 0. */
static int walk_see(struct walk *w, struct bytes name, struct statx *st)
{
    const struct walk_frame *f = walk_top(w);
    const struct walk_seen *seen = NULL;
    struct walk_seen now;

    if (f->next <= f->seen_n)
        seen = &f->look->seen[f->next - 1];
    if (!seen || walk_foresee_is_old(seen->looked_ns)) {
        walk_look_at(&now, w->fd, (const char *)name.p);
        seen = &now;
    }
    w->looked_ns = seen->looked_ns;
    if (!seen->errnum)
        *st = seen->st;
    return seen->errnum;
}

/* Has some of what comes next looked at, the nearest first. */
static int walk_ahead(struct walk *w)
{
    int rc = 0;

    for (size_t i = w->depth; i-- > 0 && rc == 0;) {
        const struct walk_frame *f = &w->frame[i];

        if (f->seen_n == 0 || !walk_foresee_wants(&w->foresee))
            break;
        rc = walk_foresee_below(&w->foresee, f->look, f->next,
                                bytes_of(w->path.p, f->path_n), i + 1,
                                f->ignore);
    }
    return rc;
}

/* Looks at name, whose path is set. item and *yielded as walk_enter. */
static int walk_visit(struct walk *w, struct bytes name, struct walk_item *item,
                      bool *yielded)
{
    struct walk_frame *parent = walk_top(w);
    struct walk_frame f = {.node = {0}};
    struct statx st;
    struct ignore *costly = NULL;
    enum ignore_verdict verdict = IGNORE_KEEP;
    bool excluded;
    bool named;
    int errnum;

    if (walk_node_leads(parent->node))
        f.node = walk_node_child(&w->roots, parent->node, name);
    named = walk_node_is_root(&w->roots, f.node);
    errnum = walk_see(w, name, &st);
    if (errnum) {
        *yielded = walk_failed(w, f.node, name, errnum, item);
        return 0;
    }
    if (!named)
        verdict = walk_judge(w, name, &st, &costly);
    if (costly) {
        walk_yield_costly(w, costly, item);
        *yielded = true;
        return 0;
    }
    excluded = verdict == IGNORE_BY_RULE || verdict == IGNORE_BY_FILE;
    f.path_only = !named && (parent->path_only || excluded);
    if (f.path_only && !walk_node_leads(f.node)) {
        w->counts.excluded += excluded;
        w->counts.ignored += verdict == IGNORE_BY_FILE;
        return 0;
    }
    if (!entry_name_ok(name) || w->depth >= WALK_DEPTH_MAX) {
        walk_say(w, 0,
                 entry_name_ok(name) ? "lies too deep" : "has too long a name");
        walk_yield_problem(w, item, name, WALK_UNREADABLE);
        *yielded = true;
        return 0;
    }
    if (S_ISDIR(st.stx_mode))
        return walk_enter(w, f, name, &st, item, yielded);
    /* Roots below something that is no directory are not there. */
    w->missing = f.node;
    w->missing.first += named;
    if (f.path_only)
        return 0;
    *yielded = true;
    return walk_yield_entry(w, item, &st, name, f.node);
}

static void walk_yield_leave(struct walk *w, struct walk_item *item)
{
    struct walk_frame *f = walk_top(w);

    *item = (struct walk_item){
        .kind = WALK_LEAVE,
        .dir = f->dir,
        .entry = {.name = dirfd_name(f->dir), .type = ENTRY_DIR},
        .path_only = f->path_only,
        .skip = f->skip,
        .incomplete = f->incomplete,
    };
    w->at = WALK_AT_LEAVE;
}

/*
 * The directory at hand was closed to save descriptors and is wanted again.
 * Where that fails all of its names not yet visited are lost, and that is
 * said once.
 */
static bool walk_pin_again(struct walk *w, struct walk_item *item)
{
    struct walk_frame *f = walk_top(w);
    int errnum;

    w->fd = dirfd_pin(f->dir);
    if (w->fd >= 0)
        return true;
    errnum = errno;
    for (; f->next < f->names.n; f->next++) {
        const char *name = walk_names_get(&w->names, &f->names, f->next);
        struct walk_node node =
            walk_node_child(&w->roots, f->node, bytes_of_str(name));

        if (!walk_node_leads(node))
            continue;
        if (w->missing.first == w->missing.last)
            w->missing.first = node.first;
        w->missing.last = node.last;
    }
    f->incomplete = true;
    err_ignore(walk_path_set(w, bytes_of(NULL, 0)), "it was set before");
    walk_say(w, errnum, NULL);
    walk_yield_dir_problem(
        w, item, errno_is_gone(errnum) ? WALK_VANISHED : WALK_UNREADABLE);
    return false;
}

/* The next thing in the directory at hand. */
static int walk_step(struct walk *w, struct walk_item *item)
{
    bool yielded = false;
    int rc = 0;

    while (rc == 0 && !yielded) {
        struct walk_frame *f = walk_top(w);
        struct bytes name;

        if (w->missing.first < w->missing.last) {
            walk_yield_missing(w, item);
            return 0;
        }
        if (f->next == f->names.n) {
            walk_yield_leave(w, item);
            return 0;
        }
        if (w->fd < 0 && !walk_pin_again(w, item))
            return 0;
        rc = cancel_check(w->options.cancel);
        if (rc == 0 && walk_foresee_wants(&w->foresee))
            rc = walk_ahead(w);
        if (rc < 0)
            return rc;
        name = bytes_of_str(walk_names_get(&w->names, &f->names, f->next++));
        rc = walk_path_set(w, name);
        if (rc == 0 && w->options.from && f->path_only)
            rc = walk_visit_as(w, name, item, &yielded);
        else if (rc == 0)
            rc = walk_visit(w, name, item, &yielded);
    }
    return rc;
}

int walk_next(struct walk *w, struct walk_item *item)
{
    enum fileop_domain domain = fileop_enter(FILEOP_SOURCE);
    int rc = 0;

    ASSERT(!w->prime);
    switch (w->at) {
    case WALK_AT_START:
        rc = walk_start(w, item);
        break;
    case WALK_AT_PROBLEM:
        w->at = WALK_AT_NAMES;
        walk_yield_dir_problem(w, item, WALK_UNREADABLE);
        break;
    case WALK_AT_LEAVE:
        walk_pop(w);
        w->at = w->depth ? WALK_AT_NAMES : WALK_AT_END;
        if (w->depth)
            rc = walk_step(w, item);
        break;
    case WALK_AT_NAMES:
        rc = walk_step(w, item);
        break;
    case WALK_AT_END:
        break;
    }
    if (rc < 0 && rc != E_CANCELED)
        w->at = WALK_AT_END;
    if (w->at == WALK_AT_END)
        *item = (struct walk_item){.kind = WALK_END};
    (void)fileop_enter(domain);
    return rc;
}
