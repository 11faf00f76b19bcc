#include "source/walk_frame.h"

#include <errno.h>

#include "base/mem.h"

int walk_frame_fd(struct walk *w)
{
    if (w->fd < 0)
        w->fd = dirfd_pin(walk_frame_top(w)->dir);
    return w->fd;
}

static void walk_frame_unpin(struct walk *w)
{
    if (w->fd >= 0)
        dirfd_unpin(walk_frame_top(w)->dir);
    w->fd = -1;
}

void walk_frame_pop(struct walk *w)
{
    struct walk_frame *f = walk_frame_top(w);

    walk_frame_unpin(w);
    if (f->seen_n == 0)
        walk_foresee_passed(&w->foresee);
    walk_foresee_drop(&w->foresee, f->look);
    walk_names_drop(&w->names, &f->names);
    ignore_unref(f->ignore);
    dirfd_unref(f->dir);
    w->depth--;
}

/* Of the frame on top no names are visited. */
static void walk_frame_unlisted(struct walk *w, struct walk_frame *f,
                                int errnum)
{
    walk_names_drop(&w->names, &f->names);
    f->names = walk_names_begin(&w->names);
    f->seen_n = 0;
    w->problem_errno = errnum;
}

/* What the directory of the frame on top, whose names are listed, says about
 * what is in it. */
static int walk_frame_heed(struct walk *w, struct walk_frame *f)
{
    const struct walk_options *o = &w->options;
    const struct walk_marker *by;
    struct ignore *own;
    int rc;

    if (!walk_rules_heeds(o->marker, o->marker_n, o->ignore_files, &w->names,
                          &f->names))
        return 0;
    if (walk_frame_fd(w) < 0) {
        walk_frame_unlisted(w, f, errno);
        return 0;
    }
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
static int walk_frame_list(struct walk *w, struct walk_frame *f)
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
        rc = walk_frame_heed(w, f);
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

int walk_frame_push(struct walk *w, struct dirfd *dir, struct walk_frame frame)
{
    struct walk_frame *f;

    if (!MEM_GROW(w->frame, w->depth, w->frame_cap)) {
        walk_foresee_drop(&w->foresee, frame.look);
        dirfd_unref(dir);
        return err_set(E_NOMEM, "out of memory for directories");
    }
    walk_frame_unpin(w);
    f = &w->frame[w->depth++];
    *f = frame;
    f->dir = dir;
    f->path_n = w->path.n;
    f->ignore = w->depth > 1 ? ignore_ref(w->frame[w->depth - 2].ignore) : NULL;
    f->names = walk_names_begin(&w->names);
    w->rule_trouble[0] = 0;
    w->problem_errno = 0;
    if (f->look || walk_frame_fd(w) >= 0)
        return walk_frame_list(w, f);
    w->problem_errno = errno;
    return 0;
}
