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
#include "source/walk_frame.h"

enum {
    WALK_OPEN_DEFAULT = 256,
    WALK_PATH_MAX = 8 << 20 /* bytes; WALK_DEPTH_MAX names fit */
};

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

void walk_free(struct walk *w)
{
    if (!w)
        return;
    walk_prime_end(w, &w->options);
    while (w->depth > 0)
        walk_frame_pop(w);
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
    buf_truncate(&w->path, w->depth ? walk_frame_top(w)->path_n : 0);
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
        .dir = w->depth ? walk_frame_top(w)->dir : NULL,
        .entry = {.name = name},
        .problem = problem,
        .text = w->problem_text,
    };
}

/* The same about the directory at hand itself. */
static void walk_yield_dir_problem(struct walk *w, struct walk_item *item,
                                   enum walk_problem problem)
{
    struct dirfd *dir = walk_frame_top(w)->dir;

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

static int walk_yield_enter(struct walk *w, struct walk_item *item,
                            const struct statx *st, bool starts_fs,
                            struct bytes name)
{
    struct walk_frame *f = walk_frame_top(w);

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
    return owner_of_entry(w->options.owners, &w->owner, &item->entry);
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
    struct dirfd *parent = walk_frame_top(w)->dir;
    int extra = f->skip == WALK_SKIP_NONE ? 0 : O_PATH;
    int first;
    int rc;

    if (walk_frame_fd(w) < 0) {
        *open_errno = errno;
        return 0;
    }
    rc = dirfd_open(parent, name, extra, st, dir, open_errno);
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
    const struct walk_frame *in = walk_frame_top(w);
    size_t roots = f->node.last - f->node.first;
    int rc;

    if (!w->foresee.ahead || f->path_only || f->skip != WALK_SKIP_NONE ||
        roots > walk_node_is_root(&w->roots, f->node))
        return 0;
    rc = walk_foresee_take(&w->foresee, in->look, in->next - 1, in->dir, name,
                           stat_entry_dev(st), &f->look);
    if (rc < 0 || !f->look)
        return rc;
    stat_brief_to(&f->look->st, st);
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
    struct walk_frame *parent = walk_frame_top(w);
    bool starts_fs = stat_entry_dev(st) != dirfd_dev(parent->dir);
    bool named = walk_node_is_root(&w->roots, f.node);
    uint64_t dev = stat_entry_dev(st);
    struct dirfd *dir = NULL;
    int open_errno = 0;
    int rc = 0;

    if (!named && walk_rules_skipped(w->options.skip, w->options.skip_n, dev,
                                     st->stx_ino)) {
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
    rc = walk_frame_push(w, dir, f);
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
    struct walk_frame *parent = walk_frame_top(w);
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
    rc = walk_frame_push(w, dir, f);
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
    rc = walk_frame_push(w, dir, f);
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

    *item =
        (struct walk_item){.kind = WALK_ENTRY, .dir = walk_frame_top(w)->dir};
    if (!stat_entry_fill(st, w->options.with_atime, e)) {
        walk_say(w, 0, "is of a type that cannot be kept");
        walk_yield_problem(w, item, name, WALK_UNREADABLE);
        return 0;
    }
    e->name = name;
    walk_settle(w, e);
    if (e->type == ENTRY_SYMLINK) {
        n = walk_frame_fd(w) < 0
                ? -1
                : fileop_readlinkat(w->fd, (const char *)name.p, w->target,
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
    return owner_of_entry(w->options.owners, &w->owner, e);
}

/* What becomes of what was not named, at the path at hand. What leaves out
 * others is kept: it tells a restore what is missing here on purpose.
 *   costly  out: whose patterns took too long to match; else NULL */
static enum ignore_verdict walk_judge(struct walk *w, struct bytes name,
                                      const struct statx *st,
                                      struct ignore **costly)
{
    const struct ignore_rules rules = {w->options.patterns, w->options.larger};
    const struct walk_frame *in = walk_frame_top(w);
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
    const struct walk_frame *f = walk_frame_top(w);
    struct dirfd *dir;

    while (!f->ignores || f->ignore != costly)
        f--;
    dir = f->dir;
    ignore_drop(costly);
    walk_frame_top(w)->next--;
    (void)snprintf(w->problem_text, sizeof w->problem_text,
                   "/%.*s: " IGNORE_NAME
                   " is not heeded from here on: its patterns take too long",
                   (int)(f->path_n < 900 ? f->path_n : 900),
                   (const char *)w->path.p);
    walk_yield_problem(w, item, dirfd_name(dir), WALK_UNREADABLE);
    item->dir = dirfd_parent(dir);
}

/* What was seen ahead of the next name; NULL: it has to be looked at. */
static const struct walk_seen *walk_seen_next(const struct walk_frame *f)
{
    const struct walk_seen *seen;

    if (f->next >= f->seen_n)
        return NULL;
    seen = &f->look->seen[f->next];
    return walk_foresee_is_old(seen->looked_ns) ? NULL : seen;
}

/* What stands at the name at hand; seen: as walk_seen_next() had it. Returns an
 * errno, or 0. */
static int walk_see(struct walk *w, const struct walk_seen *seen,
                    struct bytes name, struct statx *st)
{
    if (!seen) {
        w->looked_ns = clock_realtime_ns();
        return walk_look_at(w->fd, (const char *)name.p, st);
    }
    w->looked_ns = seen->looked_ns;
    if (!seen->errnum)
        stat_brief_to(&seen->st, st);
    return seen->errnum;
}

/* Has some of what comes next looked at, the nearest first. */
static int walk_ahead(struct walk *w)
{
    int rc = 0;

    if (!walk_foresee_begin(&w->foresee))
        return 0;
    for (size_t i = w->depth; i-- > 0 && rc == 0;) {
        const struct walk_frame *f = &w->frame[i];

        if (f->seen_n == 0 || !walk_foresee_wants(&w->foresee))
            break;
        rc = walk_foresee_below(&w->foresee, f->look, f->next,
                                bytes_of(w->path.p, f->path_n), i + 1,
                                f->ignore);
    }
    walk_foresee_end(&w->foresee);
    return rc;
}

/* Looks at name, whose path is set. item and *yielded as walk_enter. */
static int walk_visit(struct walk *w, const struct walk_seen *seen,
                      struct bytes name, struct walk_item *item, bool *yielded)
{
    struct walk_frame *parent = walk_frame_top(w);
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
    errnum = walk_see(w, seen, name, &st);
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
    struct walk_frame *f = walk_frame_top(w);

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
    struct walk_frame *f = walk_frame_top(w);
    int errnum;

    if (walk_frame_fd(w) >= 0)
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
        struct walk_frame *f = walk_frame_top(w);
        const struct walk_seen *seen;
        struct bytes name;

        if (w->missing.first < w->missing.last) {
            walk_yield_missing(w, item);
            return 0;
        }
        if (f->next == f->names.n) {
            walk_yield_leave(w, item);
            return 0;
        }
        seen = walk_seen_next(f);
        if (!seen && w->fd < 0 && !walk_pin_again(w, item))
            return 0;
        rc = cancel_check(w->options.cancel);
        if (rc == 0)
            rc = walk_ahead(w);
        if (rc < 0)
            return rc;
        name = bytes_of_str(walk_names_get(&w->names, &f->names, f->next++));
        rc = walk_path_set(w, name);
        if (rc == 0 && w->options.from && f->path_only)
            rc = walk_visit_as(w, name, item, &yielded);
        else if (rc == 0)
            rc = walk_visit(w, seen, name, item, &yielded);
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
        walk_yield_dir_problem(
            w, item,
            errno_is_gone(w->problem_errno) ? WALK_VANISHED : WALK_UNREADABLE);
        break;
    case WALK_AT_LEAVE:
        walk_frame_pop(w);
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
