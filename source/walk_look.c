#include "source/walk_look.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/stat_entry.h"

enum {
    WALK_LOOK_CLOCK = 16, /* names looked at by one look at the clock */
    /* Beyond these the memory of a look is given back after its use. */
    WALK_LOOK_SEEN_KEEP = 128,
    WALK_LOOK_NAMES_KEEP = 16 << 10
};

void walk_look_init(struct walk_look *l)
{
    *l = (struct walk_look){.parent = NULL};
    walk_names_init(&l->names);
}

void walk_look_reset(struct walk_look *l)
{
    dirfd_unref(l->dir);
    dirfd_unref(l->parent);
    l->dir = NULL;
    l->parent = NULL;
    l->seen_n = 0;
    walk_names_empty(&l->names, WALK_LOOK_NAMES_KEEP);
    if (l->seen_cap > WALK_LOOK_SEEN_KEEP) {
        free(l->seen);
        l->seen = NULL;
        l->seen_cap = 0;
    }
}

void walk_look_release(struct walk_look *l)
{
    walk_look_reset(l);
    walk_names_release(&l->names);
    free(l->seen);
    l->seen = NULL;
}

size_t walk_look_bytes(const struct walk_look *l)
{
    return sizeof *l + l->seen_cap * sizeof *l->seen +
           walk_names_bytes(&l->names);
}

void walk_look_begin(struct walk_look *l, struct dirfd *parent,
                     struct bytes name, uint64_t dev, size_t seen_max)
{
    ASSERT(name.n > 0 && name.n <= ENTRY_NAME_MAX);
    walk_look_reset(l);
    l->first = l->last = l->younger = NULL;
    l->foreseen = 0;
    l->spent = false;
    l->parent = dirfd_ref(parent);
    memcpy(l->text, name.p, name.n);
    l->text[name.n] = 0;
    l->name = bytes_of(l->text, name.n);
    l->dev = dev;
    l->seen_max = seen_max;
}

/* As synchronised as stat(2): a time from a network file system's cache would
 * hide a change. */
int walk_look_at(int fd, const char *name, struct statx *st)
{
    return fileop_statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                        STAT_ENTRY_MASK, st) < 0
               ? errno
               : 0;
}

static void walk_look_names(struct walk_look *l, int fd)
{
    size_t n = l->list.n < l->seen_max ? l->list.n : l->seen_max;
    int64_t now = 0;

    if (n > l->seen_cap) {
        struct walk_seen *seen = mem_resize(l->seen, n * sizeof *seen);

        if (!seen)
            return; /* whoever comes to the names looks at them */
        l->seen = seen;
        l->seen_cap = n;
    }
    for (; l->seen_n < n; l->seen_n++) {
        struct walk_seen *s = &l->seen[l->seen_n];
        struct statx st;

        if (l->seen_n % WALK_LOOK_CLOCK == 0)
            now = clock_realtime_ns();
        s->looked_ns = now;
        s->errnum = walk_look_at(
            fd, walk_names_get(&l->names, &l->list, l->seen_n), &st);
        if (!s->errnum)
            stat_brief_of(&st, &s->st);
    }
}

/* Into an open directory. Returns 0, E_NOMEM, E_LIMIT. */
static int walk_look_into(struct walk_look *l, const struct walk_marker *marker,
                          size_t marker_n, uint8_t *dents)
{
    int fd = dirfd_pin(l->dir);
    int rc;

    if (fd < 0)
        return err_set_errno(E_SOURCE, errno, "a directory was closed");
    l->list = walk_names_begin(&l->names);
    rc = walk_names_read(&l->names, &l->list, fd, dents, &l->read_errno);
    if (rc == 0) {
        walk_names_sort(&l->names, &l->list);
        if (!walk_rules_heeds(marker, marker_n, false, &l->names, &l->list))
            walk_look_names(l, fd);
    }
    dirfd_unpin(l->dir);
    return rc;
}

void walk_look_run(struct walk_look *l, const struct walk_marker *marker,
                   size_t marker_n, uint8_t *dents)
{
    struct statx st;
    int errnum;
    int rc = 0;

    if (dirfd_pin(l->parent) < 0)
        return;
    l->looked_ns = clock_realtime_ns();
    rc = dirfd_open(l->parent, (const char *)l->text, 0, &st, &l->dir, &errnum);
    dirfd_unpin(l->parent);
    if (l->dir)
        stat_brief_of(&st, &l->st);
    if (rc == 0 && l->dir && dirfd_dev(l->dir) == l->dev)
        rc = walk_look_into(l, marker, marker_n, dents);
    else if (rc == 0)
        rc = E_SOURCE;
    if (rc == 0)
        return;
    err_ignore(rc, "the walk finds out itself what is amiss");
    dirfd_unref(l->dir);
    l->dir = NULL;
}
