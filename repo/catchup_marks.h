/*
 * catchup_marks: what the index remembers of how far it stands for the
 * repository: places in the log and in journals, each with the hash of the
 * record there (I5), and what a catch-up still owes. Confined to one thread.
 */
#ifndef REPO_CATCHUP_MARKS_H
#define REPO_CATCHUP_MARKS_H

#include "index/index.h"
#include "repo/chain.h"

/* A place: all up to and with that record is in the index. */
struct catchup_mark {
    uint64_t number;
    struct object_id id; /* H of the record's file */
    bool closed;         /* a journal: ended or fenced there */
};

/* catchup_marks_put_journal / catchup_marks_put_log: put such a mark into an
 * update. Returns what the index returned. */
MUST_CHECK int catchup_marks_put_journal(struct index_update *u,
                                         const struct writer_id *w,
                                         const struct catchup_mark *m);
MUST_CHECK int catchup_marks_put_log(struct index_update *u,
                                     const struct chain_tip *tip);

/* catchup_marks_journal / catchup_marks_log: read one. found: out: whether
 * there is one; m is set then. Returns what the index returned. */
MUST_CHECK int catchup_marks_journal(struct index_reader *r,
                                     const struct writer_id *w,
                                     struct catchup_mark *m, bool *found);
MUST_CHECK int catchup_marks_log(struct index_reader *r, struct catchup_mark *m,
                                 bool *found);

/*
 * catchup_marks_put_taken / catchup_marks_taken: as the two for journals, for a
 * record that was taken behind a gap, where the journal's mark cannot follow:
 * the journal has to stay that long.
 */
MUST_CHECK int catchup_marks_put_taken(struct index_update *u,
                                       const struct writer_id *w,
                                       const struct catchup_mark *m);
MUST_CHECK int catchup_marks_taken(struct index_reader *r,
                                   const struct writer_id *w,
                                   struct catchup_mark *m, bool *found);

/* catchup_marks_closed: whether the index knows the end, or the fence, of a
 * journal. */
MUST_CHECK int catchup_marks_closed(struct index_reader *r,
                                    const struct writer_id *w, bool *closed);

/* Called for each; what it returns other than 0 ends the iteration. */
typedef int catchup_marks_fn(void *ctx, const struct writer_id *w,
                             const struct catchup_mark *m);

/* catchup_marks_journals / catchup_marks_takens: every journal that the index
 * has such a mark of, ascending by writer. Returns what the index or fn
 * returned; E_NOMEM. */
MUST_CHECK int catchup_marks_journals(struct index_reader *r,
                                      catchup_marks_fn *fn, void *ctx);
MUST_CHECK int catchup_marks_takens(struct index_reader *r,
                                    catchup_marks_fn *fn, void *ctx);

/* catchup_marks_put_owed / catchup_marks_drop_owed / catchup_marks_owed: packs
 * have to be asked for their own directories, and not all were yet. */
MUST_CHECK int catchup_marks_put_owed(struct index_update *u);
MUST_CHECK int catchup_marks_drop_owed(struct index_update *u);
MUST_CHECK int catchup_marks_owed(struct index_reader *r, bool *owed);

/* catchup_marks_put_member / catchup_marks_is_member: for which member it is
 * said which packs are to be relied on. */
MUST_CHECK int catchup_marks_put_member(struct index_update *u,
                                        const struct member_id *id);
MUST_CHECK int catchup_marks_is_member(struct index_reader *r,
                                       const struct member_id *id, bool *is);

/* catchup_marks_put_lost / catchup_marks_drop_lost / catchup_marks_is_lost: a
 * segment of w's journal could not be read when it was due. */
MUST_CHECK int catchup_marks_put_lost(struct index_update *u,
                                      const struct object_id *id,
                                      const struct writer_id *w);
MUST_CHECK int catchup_marks_drop_lost(struct index_update *u,
                                       const struct object_id *id);
MUST_CHECK int catchup_marks_is_lost(struct index_reader *r,
                                     const struct object_id *id, bool *lost);

/* catchup_marks_next_lost: the first of them behind what key holds (empty: of
 * all). found false: no more. */
MUST_CHECK int catchup_marks_next_lost(struct index_reader *r, struct buf *key,
                                       struct object_id *id,
                                       struct writer_id *w, bool *found);

/* catchup_marks_put_damage / catchup_marks_damage: that record of w's journal
 * was damaged, or the last of some that are missing, and packs were asked for
 * what was listed up to there, or are owed. */
MUST_CHECK int catchup_marks_put_damage(struct index_update *u,
                                        const struct writer_id *w, uint64_t k);
MUST_CHECK int catchup_marks_damage(struct index_reader *r,
                                    const struct writer_id *w, uint64_t k,
                                    bool *known);

/*
 * catchup_marks_behind: the repository falls short of a mark.
 *   accepted  the user has said that this is right
 *   what      how it shows
 * Returns 0 if it was accepted, else E_ROLLBACK.
 */
MUST_CHECK int catchup_marks_behind(bool accepted, const char *what);

#endif
