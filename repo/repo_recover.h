/*
 * repo_recover: a repository's recovery sheet, and back from it: a config and
 * a key slot where all that is left is what they protect; docs/format.md 11.
 */
#ifndef REPO_REPO_RECOVER_H
#define REPO_REPO_RECOVER_H

#include "repo/recovery.h"
#include "repo/repo.h"

/*
 * repo_recover_sheet: what r's sheet says now.
 *   r    may have been opened without an index: then its log's first record
 *        stands for the tip
 *   out  of recovery_new()
 * Returns 0; E_ROLE: r's key is not a full one, or was removed; E_UNSUPPORTED:
 * a newer version made the config, and a sheet of this one would lose part of
 * it; E_CORRUPT; E_NOMEM; what the store returned.
 */
MUST_CHECK int repo_recover_sheet(const struct repo *r, struct recovery *out);

struct repo_recover_options {
    const struct recovery *recovery;
    const struct key_slot_secret *secret; /* what will open the new slot */
    const char *label;                    /* of the slot; NULL: none */
    bool accept_rollback;
};

/*
 * repo_recover_check: whether the sheet is this repository's, and the
 * repository no older than the sheet. Writes nothing, so that nobody is asked
 * for a new passphrase in vain. opt->secret and label are not looked at.
 * Returns 0; E_KEY: the sheet is another repository's; E_REFUSED: a config is
 * there that the sheet does not give; E_ROLLBACK: the log does not hold the
 * record that the sheet names (never with accept_rollback); E_NOREPO: there is
 * no log; E_CORRUPT: its beginning is damaged; E_NOMEM; what the store
 * returned.
 */
MUST_CHECK int repo_recover_check(struct store *s,
                                  const struct repo_recover_options *opt);

/*
 * repo_recover: the same, then put a key slot of the sheet's member that the
 * secret opens, and the config unless it is there. Both are durable when 0 is
 * returned; repo_open() is next. Whatever it died at, it may be run again: at
 * worst a slot more is there that the same secret opens.
 * Returns as repo_recover_check(); E_USAGE: the secret is none; E_LIMIT.
 */
MUST_CHECK int repo_recover(struct store *s,
                            const struct repo_recover_options *opt);

#endif
