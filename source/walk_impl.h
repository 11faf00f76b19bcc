/* walk_impl: what a walk holds between two steps; see walk.h. Confined. */
#ifndef SOURCE_WALK_IMPL_H
#define SOURCE_WALK_IMPL_H

#include "source/walk.h"
#include "source/walk_foresee.h"
#include "source/walk_names.h"
#include "source/walk_prime.h"
#include "source/walk_roots.h"

/* One directory on the way down. Its name is in the list of the frame below;
 * that of the first is empty. */
struct walk_frame {
    struct dirfd *dir;
    struct walk_node node; /* which roots are here or below */
    struct walk_list names;
    size_t next;            /* of names */
    struct walk_look *look; /* what it was entered with; NULL: nothing */
    size_t seen_n;          /* the first names, of which look has a statx */
    size_t path_n;          /* bytes of its path in walk.path */
    struct ignore *ignore;  /* a reference: the nearest .dedupignore, its
                               own or of a frame below; NULL: none */
    bool ignores;           /* ... its own */
    bool marked;            /* of its names only the marker is left */
    bool path_only;
    bool bare; /* nothing stands there: what is meant is elsewhere */
    enum walk_skip skip;
    bool incomplete;
};

struct walk {
    struct walk_options options;
    struct walk_roots roots;
    struct dirfd_pool *pool;
    struct walk_names names;
    uint8_t *dents;
    struct walk_foresee foresee; /* with ahead */
    struct walk_prime *prime;    /* has the walk meanwhile; NULL: none */
    struct buf path; /* of the step at hand: "srv/www"; empty: "/" */
    struct walk_frame *frame;
    size_t depth; /* frames in use; the last is the directory at hand */
    size_t frame_cap;
    int fd; /* pinned descriptor of the directory at hand; -1: none */
    int64_t looked_ns; /* the clock before the last statx */
    struct owner_last owner;
    struct walk_counts counts;

    enum {
        WALK_AT_START,
        WALK_AT_NAMES,   /* of the directory at hand */
        WALK_AT_PROBLEM, /* yield problem_text next */
        WALK_AT_LEAVE,   /* the directory at hand has been yielded */
        WALK_AT_END
    } at;
    struct walk_node missing; /* roots to report before anything else */
    int problem_errno;        /* of WALK_AT_PROBLEM */
    char problem_text[ERR_TEXT_MAX];
    char rule_trouble[512]; /* of the directory at hand; "": none */
    char target[ENTRY_TARGET_MAX + 1];
};

#endif
