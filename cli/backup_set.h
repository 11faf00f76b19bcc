/*
 * backup_set: what `snapshot` is to back up, as the command line says it:
 * paths, what of them is left out, tags, the series, and what is never part of
 * it. Confined to one thread while it is made.
 */
#ifndef CLI_BACKUP_SET_H
#define CLI_BACKUP_SET_H

#include "cli/backup_paths.h"
#include "cli/backup_rules.h"
#include "cli/session.h"
#include "repo/manifest.h"
#include "source/walk.h"

enum { BACKUP_SET_SKIP_MAX = 4 };

/* Zeroed: empty. */
struct backup_set {
    struct backup_paths paths;
    bool is_stream; /* --stdin, --command: the one path is the file's name */
    struct backup_rules rules;
    struct bytes *tag; /* lent by the command line */
    size_t tag_n;
    char series[MANIFEST_SERIES_MAX + 1];
    char host[65];
    bool has_time; /* it is to say that it began then */
    struct entry_time time;
    struct buf options; /* those that shaped the snapshot, for the record */
    struct walk_skip_dir skip[BACKUP_SET_SKIP_MAX];
    size_t skip_n;
};

/*
 * backup_set_name: only the host and the series, before what is to be backed up
 * need be there.
 *   b  out: release it whatever is returned
 * Returns as backup_set_make(), but for E_NOTFOUND.
 */
MUST_CHECK int backup_set_name(const struct opt_set *o, struct backup_set *b);

/*
 * backup_set_make: read it from the options; no repository is needed.
 *   series  what backup_set_name() gave it; NULL: it is made of the paths as
 *           they are now
 *   b       out: release it whatever is returned
 * Returns 0; E_USAGE: a series, tag, pattern or path that cannot be,
 * no path, or options that contradict each other;
 * E_NOTFOUND: none of the paths exists; E_NOMEM; E_SOURCE.
 */
MUST_CHECK int backup_set_make(const struct opt_set *o, const char *series,
                               struct backup_set *b);

/*
 * backup_set_keep_out: leave out the repository and its cache; with --as-path
 * also what stands there in their place, such as the repository of a moment ago
 * in a snapshot of its file system.
 *   place  of the repository
 * Returns 0; E_USAGE: a root lies inside that repository; E_IO; E_NOMEM.
 */
MUST_CHECK int backup_set_keep_out(struct backup_set *b, const char *place,
                                   const char *cache);

/*
 * backup_set_follows: whether its --time, if it has one, is not before that of
 * a snapshot of its series; then the last of a series is also its newest.
 * Those that the key may not read are not asked.
 * Returns 0; E_REFUSED; E_NOMEM; what the index returned.
 */
MUST_CHECK int backup_set_follows(const struct backup_set *b, struct repo *r);

/* backup_set_of_paths: whether an option is for snapshots of paths only, not
 * for those of streams. */
bool backup_set_of_paths(enum opt_id id);

void backup_set_release(struct backup_set *b);

#endif
