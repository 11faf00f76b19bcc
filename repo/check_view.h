/*
 * check_view: where every chunk is, as the segments say and nobody else: a
 * fresh index in a private directory, filled while each segment is proved; and
 * which packs are really there.
 *
 * Confined to one thread until it is open; then packs may be marked by one
 * thread, and nothing else changes.
 */
#ifndef REPO_CHECK_VIEW_H
#define REPO_CHECK_VIEW_H

#include "repo/check_chains.h"

enum check_pack_state {
    CHECK_PACK_SOUND,   /* as far as is known */
    CHECK_PACK_DOUBTED, /* something is wrong with it: what is read from it
                           must be proved */
    CHECK_PACK_MISSING,
    CHECK_PACK_DOOMED
};

/* One pack of the view; its place in the array is its number in the index. */
struct check_pack {
    struct object_id id;
    struct member_id writer;
    struct object_id dir; /* H of its directory's content */
    uint32_t bytes;
    enum pack_kind kind;
    enum check_pack_state state;
    bool recovered; /* no segment names it: its own directory was read */
    bool cut;       /* has another length than was said */
    bool read;      /* in full, and ... */
    bool spoilt;    /* ... it is damaged */
};

struct check_view {
    struct check_chains *chains; /* lent; its log may be read on */
    struct check_report *report;
    const struct cancel *cancel;
    struct index *index;
    struct check_pack *pack;
    size_t pack_n;
    size_t pack_cap;
    char *dir; /* private */
    int held;  /* of cache_dir_private(), when there is dir */
};

/*
 * check_view_open: read the segments, list the packs, build the index.
 *   v  zeroed, but for chains (read), report and cancel
 * Returns 0, also when there was damage; E_UNSUPPORTED; E_CANCELED; E_NOMEM;
 * E_IO, E_NOSPACE: the private directory; what the store or the report
 * returned. v is to be closed then too.
 */
MUST_CHECK int check_view_open(struct check_view *v,
                               const struct repo_id *repo);
void check_view_close(struct check_view *v);

/*
 * check_view_lose: a pack of the view is not there: report it, unless the log
 * has doomed it meanwhile.
 */
MUST_CHECK int check_view_lose(struct check_view *v, struct check_pack *p);

#endif
