/* check_vouch: a full key that has read and hashed everything says so, so that
 * writers may rely on what others wrote (docs/format.md 8.2). */
#ifndef REPO_CHECK_VOUCH_H
#define REPO_CHECK_VOUCH_H

#include "repo/check_view.h"

/*
 * check_vouch_run: under trust own, vouch for the packs of the view that were
 * read whole just now, are sound, listed, live, by nobody whom all rely on
 * anyway, and not vouched for yet. With another key, or trust shared: nothing.
 * That it cannot be put is worth a note, and no failure of the check.
 *   r  its index is there; refreshed
 * Counts in the report's summary. Returns 0; E_CANCELED; E_NOMEM; what the
 * report returned.
 */
MUST_CHECK int check_vouch_run(struct check_view *v, struct repo *r);

#endif
