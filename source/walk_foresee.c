#include "source/walk_foresee.h"

#include <errno.h>

#include "base/clock.h"
#include "source/stat_entry.h"

enum {
    WALK_FORESEE_DEPTH = 16, /* directories foreseen below each other */
    WALK_FORESEE_PATH_MAX = 8 << 20
};

#define WALK_FORESEE_OLD_NS  (5 * CLOCK_SECOND_NS)
#define WALK_FORESEE_TICK_NS INT64_C(20000000) /* a coarse clock is behind */

int walk_foresee_init(struct walk_foresee *v,
                      const struct walk_options *options)
{
    v->options = options;
    buf_init(&v->path, WALK_FORESEE_PATH_MAX);
    return options->ahead
               ? walk_ahead_new(options->marker, options->marker_n, &v->ahead)
               : 0;
}

void walk_foresee_release(struct walk_foresee *v)
{
    walk_foresee_drop(v, v->root);
    v->root = NULL;
    walk_ahead_free(v->ahead);
    buf_release(&v->path);
}

bool walk_foresee_wants(const struct walk_foresee *v)
{
    return v->ahead && walk_ahead_wants(v->ahead);
}

bool walk_foresee_begin(struct walk_foresee *v)
{
    size_t done_n;

    if (!walk_foresee_wants(v))
        return false;
    done_n = walk_ahead_done_n(v->ahead);
    if (v->quiet && v->tried_at == done_n)
        return false;
    v->tried_at = done_n;
    return true;
}

void walk_foresee_end(struct walk_foresee *v)
{
    v->quiet = walk_foresee_wants(v);
}

void walk_foresee_passed(struct walk_foresee *v)
{
    v->quiet = false;
}

bool walk_foresee_is_old(int64_t looked_ns)
{
    int64_t age = clock_coarse_ns() - looked_ns;

    return age < -WALK_FORESEE_TICK_NS || age > WALK_FORESEE_OLD_NS;
}

/* ---- what comes next -------------------------------------------------- */

/* Where the walk would be, had it come to what is foreseen. */
struct walk_foresee_at {
    struct ignore *ignore;
    size_t depth;
    unsigned level; /* directories below the one the walk is in */
};

/* Whether the i-th name in l is a directory that is entered in its turn, as
 * long as it stays what it is. The path is l's, and is so again. */
static int walk_foresee_enters(struct walk_foresee *v,
                               const struct walk_foresee_at *at,
                               const struct walk_look *l, size_t i,
                               struct bytes name, bool *enters)
{
    const struct walk_options *o = v->options;
    const struct ignore_rules rules = {o->patterns, o->larger};
    const struct walk_seen *seen = &l->seen[i];
    size_t path_n = v->path.n;
    int rc;

    *enters = false;
    if (seen->errnum || !S_ISDIR(seen->st.mode) ||
        stat_brief_dev(&seen->st) != l->dev || !entry_name_ok(name) ||
        at->depth >= WALK_DEPTH_MAX ||
        walk_rules_skipped(o->skip, o->skip_n, l->dev, seen->st.ino))
        return 0;
    buf_add_path(&v->path, name);
    rc = buf_status(&v->path);
    *enters = rc == 0 && ignore_omits(&rules, at->ignore, buf_bytes(&v->path),
                                      true, 0, NULL) == IGNORE_KEEP;
    buf_truncate(&v->path, path_n);
    return rc;
}

static void walk_foresee_append(struct walk_look *l, struct walk_look *below,
                                size_t index)
{
    below->index = index;
    *(l->last ? &l->last->younger : &l->first) = below;
    l->last = below;
}

typedef int walk_foresee_ask(struct walk_ahead *a, struct dirfd *parent,
                             struct bytes name, uint64_t dev,
                             struct walk_look **out);

/* Decides on the next name in l. below: out: the look at it, that ask began;
 * NULL: it is not entered. */
static int walk_foresee_next(struct walk_foresee *v,
                             const struct walk_foresee_at *at,
                             struct walk_look *l, walk_foresee_ask *ask,
                             struct walk_look **below)
{
    size_t i = l->foreseen++;
    struct bytes name = bytes_of_str(walk_names_get(&l->names, &l->list, i));
    bool enters;
    int rc = walk_foresee_enters(v, at, l, i, name, &enters);

    *below = NULL;
    if (rc < 0 || !enters)
        return rc;
    rc = ask(v->ahead, l->dir, name, l->dev, below);
    if (rc == 0)
        walk_foresee_append(l, *below, i);
    return rc;
}

/* The names in l that nobody has decided on. */
static int walk_foresee_names(struct walk_foresee *v,
                              const struct walk_foresee_at *at,
                              struct walk_look *l)
{
    struct walk_look *below;
    int rc = 0;

    while (rc == 0 && l->foreseen < l->seen_n && walk_foresee_wants(v))
        rc = walk_foresee_next(v, at, l, walk_ahead_put, &below);
    return rc;
}

/* What is in it, but for what it says itself, is known. */
static bool walk_foresee_is_plain(const struct walk_foresee *v,
                                  const struct walk_look *l)
{
    return walk_ahead_is_done(l) && l->dir &&
           !(v->options->ignore_files &&
             walk_names_has(&l->names, &l->list, bytes_of_str(IGNORE_NAME)));
}

static int walk_foresee_in(struct walk_foresee *v, struct walk_foresee_at at,
                           struct walk_look *l)
{
    const struct walk_foresee_at in = {at.ignore, at.depth + 1, at.level + 1};
    const struct walk_look *last = l->last;
    size_t path_n = v->path.n;
    bool spent = true;
    int rc = 0;

    for (struct walk_look *c = l->first; c && rc == 0; c = c->younger) {
        if (c->spent || !walk_foresee_is_plain(v, c)) {
            spent = spent && walk_ahead_is_done(c);
            continue;
        }
        if (at.level >= WALK_FORESEE_DEPTH || !walk_foresee_wants(v)) {
            spent = false;
            break;
        }
        buf_add_path(&v->path, c->name);
        rc = buf_status(&v->path);
        if (rc == 0)
            rc = walk_foresee_in(v, in, c);
        buf_truncate(&v->path, path_n);
        spent = spent && c->spent;
    }
    if (rc == 0)
        rc = walk_foresee_names(v, &at, l);
    l->spent = rc == 0 && spent && l->last == last && l->foreseen == l->seen_n;
    return rc;
}

int walk_foresee_below(struct walk_foresee *v, struct walk_look *l, size_t next,
                       struct bytes path, size_t depth, struct ignore *ignore)
{
    const struct walk_foresee_at at = {ignore, depth, 0};
    int rc;

    if (l->foreseen < next)
        l->foreseen = next;
    if (l->spent)
        return 0;
    buf_reset(&v->path);
    buf_add_bytes(&v->path, path);
    rc = buf_status(&v->path);
    return rc < 0 ? rc : walk_foresee_in(v, at, l);
}

/* ---- all that is below one directory ---------------------------------- */

/* As walk_foresee_in(), in the order of the walk, and at once. */
static int walk_foresee_now(struct walk_foresee *v, struct walk_foresee_at at,
                            struct walk_look *l, const atomic_bool *stop)
{
    const struct walk_foresee_at in = {at.ignore, at.depth + 1, at.level + 1};
    size_t path_n = v->path.n;
    int rc = 0;

    while (rc == 0 && l->foreseen < l->seen_n &&
           at.level < WALK_FORESEE_DEPTH && walk_ahead_has_room(v->ahead) &&
           !atomic_load_explicit(stop, memory_order_relaxed)) {
        struct walk_look *below;

        rc = walk_foresee_next(v, &at, l, walk_ahead_now, &below);
        if (rc < 0 || !below || !walk_foresee_is_plain(v, below))
            continue;
        buf_add_path(&v->path, below->name);
        rc = buf_status(&v->path);
        if (rc == 0)
            rc = walk_foresee_now(v, in, below, stop);
        buf_truncate(&v->path, path_n);
    }
    return rc;
}

int walk_foresee_root(struct walk_foresee *v, struct dirfd *d,
                      struct bytes name, struct bytes path,
                      const atomic_bool *stop)
{
    struct walk_foresee_at at = {.depth = 2};
    int errnum = ESTALE;
    struct statx st;
    struct walk_look *l;
    int fd = dirfd_pin(d);
    int rc;

    for (size_t i = 0; i < path.n; i++)
        at.depth += path.p[i] == '/';
    if (fd >= 0) {
        errnum = walk_look_at(fd, (const char *)name.p, &st);
        dirfd_unpin(d);
    }
    if (errnum || !S_ISDIR(st.stx_mode) || !walk_ahead_has_room(v->ahead))
        return 0;
    rc = walk_ahead_now(v->ahead, d, name, stat_entry_dev(&st), &l);
    if (rc < 0)
        return rc;
    l->younger = v->root;
    v->root = l;
    if (!walk_foresee_is_plain(v, l))
        return 0;
    buf_reset(&v->path);
    buf_add_bytes(&v->path, path);
    rc = buf_status(&v->path);
    return rc < 0 ? rc : walk_foresee_now(v, at, l, stop);
}

/* ---- what has come ---------------------------------------------------- */

static struct walk_look *walk_foresee_shift(struct walk_look *l)
{
    struct walk_look *c = l->first;

    l->first = c->younger;
    if (!l->first)
        l->last = NULL;
    c->younger = NULL;
    return c;
}

/* What was found of the root name; NULL: nothing. */
static struct walk_look *walk_foresee_of_root(struct walk_foresee *v,
                                              const struct dirfd *parent,
                                              struct bytes name, uint64_t dev)
{
    struct walk_look **at = &v->root;

    while (*at) {
        struct walk_look *l = *at;

        if (walk_foresee_is_old(l->looked_ns)) {
            *at = l->younger;
            l->younger = NULL;
            walk_foresee_drop(v, l);
            continue;
        }

        if (l->dev != dev || !bytes_equal(l->name, name) ||
            dirfd_dev(l->parent) != dirfd_dev(parent) ||
            dirfd_inode(l->parent) != dirfd_inode(parent)) {
            at = &l->younger;
            continue;
        }
        *at = l->younger;
        l->younger = NULL;
        return l;
    }
    return NULL;
}

int walk_foresee_take(struct walk_foresee *v, struct walk_look *above,
                      size_t index, struct dirfd *parent, struct bytes name,
                      uint64_t dev, struct walk_look **out)
{
    struct walk_look *l = NULL;
    int rc = 0;

    *out = NULL;
    v->quiet = false; /* what it says itself may tell more, once it is heeded */
    /* what the walk has passed by is not wanted any more */
    while (above && above->first && above->first->index < index)
        walk_foresee_drop(v, walk_foresee_shift(above));
    if (above && above->first && above->first->index == index)
        l = walk_foresee_shift(above);
    else if (!above)
        l = walk_foresee_of_root(v, parent, name, dev);
    if (!l)
        rc = walk_ahead_now(v->ahead, parent, name, dev, &l);
    if (rc < 0)
        return rc;
    walk_ahead_take(v->ahead, l);
    if (l->dir && !walk_foresee_is_old(l->looked_ns) && dirfd_stands(l->dir))
        *out = l;
    else
        walk_foresee_drop(v, l);
    return 0;
}

void walk_foresee_drop(struct walk_foresee *v, struct walk_look *l)
{
    struct walk_look *next;

    /* a look below one that is dropped comes first; it has no others behind */
    while (l) {
        while (l->first) {
            next = walk_foresee_shift(l);
            next->younger = l;
            l = next;
        }
        next = l->younger;
        walk_ahead_drop(v->ahead, l);
        l = next;
    }
}
