/*
 * walk_foresee: which directories a walk enters next, so that they can be
 * looked at ahead (walk_ahead.h): those below the directory at hand, and those
 * below these once they have been looked at, as far as nothing that only the
 * walk finds out, a mount or a .dedupignore, may leave them out.
 *
 * Confined to the walk.
 */
#ifndef SOURCE_WALK_FORESEE_H
#define SOURCE_WALK_FORESEE_H

#include <stdatomic.h>

#include "source/walk.h"
#include "source/walk_ahead.h"

struct walk_foresee {
    struct walk_ahead *ahead; /* NULL: nothing is foreseen */
    const struct walk_options *options;
    struct buf path;        /* scratch */
    struct walk_look *root; /* of roots, by younger: walk_foresee_root() */
    bool quiet;             /* when tried_at looks were done, there was ... */
    size_t tried_at;        /* ... nothing left to be foreseen */
};

/* walk_foresee_init: options: lent until the release. Returns 0 or E_NOMEM. */
MUST_CHECK int walk_foresee_init(struct walk_foresee *v,
                                 const struct walk_options *options);

/* walk_foresee_release: every look that was taken must have been dropped. Fits
 * a zeroed one too. */
void walk_foresee_release(struct walk_foresee *v);

/* walk_foresee_begin: whether what comes next is to be looked for, with
 * walk_foresee_below() for the directories that the walk is in;
 * walk_foresee_end: that has been done, as far as the thread wanted it. */
bool walk_foresee_begin(struct walk_foresee *v);
void walk_foresee_end(struct walk_foresee *v);

/* walk_foresee_passed: the walk leaves a directory in which nothing could be
 * foreseen, and that hid those above it. */
void walk_foresee_passed(struct walk_foresee *v);

/* walk_foresee_wants: whether more can be looked at. */
bool walk_foresee_wants(const struct walk_foresee *v);

/*
 * walk_foresee_below: has some of what comes next looked at.
 *   l       what was found in a directory that the walk is in
 *   next    the walk's next name there
 *   path    of that directory, as struct walk_options has paths
 *   depth   directories from "/" down to it, both counted
 *   ignore  what is heeded in it; may be NULL
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_foresee_below(struct walk_foresee *v, struct walk_look *l,
                                  size_t next, struct bytes path, size_t depth,
                                  struct ignore *ignore);

/*
 * walk_foresee_root: looks at a root and at what is below it, as long as there
 * is room.
 *   d, name  where it stands
 *   path     the same, as struct walk_options has paths
 *   stop     set by another thread: enough
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_foresee_root(struct walk_foresee *v, struct dirfd *d,
                                 struct bytes name, struct bytes path,
                                 const atomic_bool *stop);

/*
 * walk_foresee_take: the look at one directory, done, ahead or now.
 *   above  what was found in parent; NULL: nothing, name may be of a root
 *   index  of name among its names
 *   out    out: NULL: the directory has to be entered another way
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int walk_foresee_take(struct walk_foresee *v,
                                 struct walk_look *above, size_t index,
                                 struct dirfd *parent, struct bytes name,
                                 uint64_t dev, struct walk_look **out);

/* walk_foresee_drop: a look is not needed any more, nor what was foreseen below
 * it. NULL is fine. */
void walk_foresee_drop(struct walk_foresee *v, struct walk_look *l);

/* walk_foresee_is_old: whether what was seen at that time counts no more. */
bool walk_foresee_is_old(int64_t looked_ns);

#endif
