/* find_want: what find looks for. Immutable once made; confined to one thread
 * until then. */
#ifndef CLI_FIND_WANT_H
#define CLI_FIND_WANT_H

#include "cli/opt.h"
#include "repo/tree_entry.h"
#include "source/pattern.h"

/* Zeroed: nothing is owned. */
struct find_want {
    struct pattern_set *names;
    bool has_type;
    enum entry_type type;
    uint64_t size_min, size_max; /* both included */
    bool has_newer, has_older;
    struct entry_time newer, older;
};

/*
 * find_want_make: as the options and the first argument say.
 *   w  out: release it whatever is returned
 * Returns 0; E_USAGE, also for what nothing could ever match; E_NOMEM.
 */
MUST_CHECK int find_want_make(const struct opt_set *o, struct find_want *w);
void find_want_release(struct find_want *w);

/* find_want_matches: whether an entry is looked for.
 *   path  in the snapshot, without the first '/'; empty: its root, which never
 *         is */
bool find_want_matches(const struct find_want *w, struct bytes path,
                       const struct tree_entry *te);

#endif
