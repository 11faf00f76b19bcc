/*
 * trust: whose word counts, and on whose packs a run may rely: docs/format.md
 * 8 (believed) and 8.2. Pure; any thread while the state does not change.
 */
#ifndef REPO_TRUST_H
#define REPO_TRUST_H

#include "index/index.h"
#include "repo/state.h"

/* trust_believed: whether a segment signed by signer may say that it lists a
 * pack that writer wrote: its own, or signer is full. Else it says nothing of
 * that pack. */
bool trust_believed(const struct members *m, const struct member_id *signer,
                    const struct member_id *writer);

/* trust_listed: whether a record lists that pack of the index; else it is known
 * from its own directory alone, for reading only. */
bool trust_listed(const struct index_pack *p);

/* trust_member: whether me may rely on what that member wrote: everybody's when
 * trust is shared, else its own and that of active full members. */
bool trust_member(const struct state *s, const struct member_id *me,
                  const struct member_id *author);

/* trust_pack: whether me may dedup against a pack of the index: it is listed,
 * and by a member to rely on or vouched for with that directory. Whether it has
 * gone is another question. */
bool trust_pack(const struct state *s, const struct member_id *me,
                const struct index_pack *p);

#endif
