/* check_heal: tells this host's cache which packs are hurt, so that the next
 * backup stores again what they held; and which are whole again. */
#ifndef REPO_CHECK_HEAL_H
#define REPO_CHECK_HEAL_H

#include "repo/check_view.h"

/*
 * check_heal_run: a pack that is missing or was cut is noted as gone; when it
 * is back, no more. All chunks of a pack that was read and is damaged are
 * suspect there; when it was read and is whole, none are. What was not looked
 * at stays as it was. A cache that cannot be written is worth a note. Takes no
 * lock when there is nothing to change.
 *   r  with an index
 * Returns 0; E_CANCELED; E_NOMEM; what the report returned.
 */
MUST_CHECK int check_heal_run(struct check_view *v, const struct repo *r);

#endif
