/*
 * restore_mirror: what `restore --delete` must leave alone, by what the
 * snapshot says about itself and by what the program needs: its repository,
 * its cache, the files of its secret. Confined to the main thread.
 */
#ifndef CLI_RESTORE_MIRROR_H
#define CLI_RESTORE_MIRROR_H

#include "cli/session.h"
#include "repo/job/restore_job.h"
#include "repo/manifest.h"

enum { RESTORE_MIRROR_SPARE = 16 };

struct restore_mirror {
    struct restore_delete rules; /* borrows from all below */
    struct bytes *unread;
    struct bytes *marker;
    struct pattern_set *patterns;
    struct tree_entry top;
    struct jail_spare spare[RESTORE_MIRROR_SPARE];
};

/* restore_mirror_wanted: whether what the snapshot does not have is to be
 * deleted. */
bool restore_mirror_wanted(const struct opt_set *o);

/*
 * restore_mirror_init: the rules for a snapshot; with --delete-excluded without
 * those by which it left something out.
 *   m  lent
 * Returns 0; E_REFUSED: it is not known what the snapshot lacks: a checkpoint,
 * more could not be read than it names, or it does not tell what was left out;
 * E_CORRUPT; E_NOMEM. To be released whatever is returned; not to be moved.
 */
MUST_CHECK int restore_mirror_init(const struct opt_set *o,
                                   const struct session *s,
                                   const struct manifest *m,
                                   struct restore_mirror *out);

/*
 * restore_mirror_recorded: of restore_mirror_init(), what the snapshot says of
 * itself: untrusted text, as whoever may write snapshots chose it.
 *   excluded  what it left out by rules is to be deleted, too
 *   out       zeroed
 */
MUST_CHECK int restore_mirror_recorded(const struct manifest *m, bool excluded,
                                       struct restore_mirror *out);
void restore_mirror_release(struct restore_mirror *r);

#endif
