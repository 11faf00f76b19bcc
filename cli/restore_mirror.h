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
    struct pattern_set *left;
    struct jail_spare spare[RESTORE_MIRROR_SPARE];
};

/*
 * restore_mirror_init: the rules for a snapshot; says on standard error what
 * the snapshot left out in a way that cannot be told from here.
 *   m  lent
 * Returns 0; E_REFUSED: it is not known what the snapshot lacks: a checkpoint,
 * or more could not be read than it names; E_NOMEM. To be released whatever is
 * returned.
 */
MUST_CHECK int restore_mirror_init(const struct opt_set *o,
                                   const struct session *s,
                                   const struct manifest *m,
                                   struct restore_mirror *out);
void restore_mirror_release(struct restore_mirror *r);

#endif
