/*
 * members: who may sign what, as the log says: docs/format.md 8.1 and
 * docs/concurrency.md 14. A pure fold over members records, part of struct
 * state; every door that asks who signed asks here. Confined to one thread
 * while it changes.
 */
#ifndef REPO_MEMBERS_H
#define REPO_MEMBERS_H

#include "repo/idmap.h"
#include "repo/keyring.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"

enum { MEMBERS_MAX = 1024 };

struct members_one {
    struct member_id id;
    enum keyring_role role;
    enum record_standing standing;
    char label[RECORD_MEMBER_LABEL_MAX + 1];
    uint64_t since;          /* log record that brought it; 0: the founder */
    struct entry_time added; /* when; zeros: the founder */
};

/* Records of a removed member's journal that stand: a run of them. */
struct members_cut {
    uint64_t first; /* number of the first */
    size_t from;    /* its hash */
    size_t n;
    bool more; /* the next one is of the same journal */
};

struct members {
    struct members_one *one; /* n, owned; the founder first; none ever moves */
    size_t n;
    enum record_trust trust;
    uint64_t trust_at;    /* log record that last changed it, or since which a
                             full member is no longer active; 0: none */
    uint64_t removed_at;  /* log record that last removed somebody; 0: none */
    struct idmap journal; /* writer, zeros -> its first element of cut */
    struct members_cut *cut;
    size_t cut_n;
    size_t cut_cap;
    struct object_id *hash; /* of records; hash_n, owned */
    size_t hash_n;
    size_t hash_cap;
};

/* members_init: one full, active member. E_NOMEM: m may be released. */
MUST_CHECK int members_init(struct members *m, const struct member_id *founder);
void members_release(struct members *m);

/* members_may_change: whether a members record by signer with these lists would
 * count; false: it is void. */
bool members_may_change(const struct members *m, const struct member_id *signer,
                        const struct record_log *l);

/*
 * members_apply: fold such a record in; one that is void changes nothing.
 *   number, time  of the record
 * Returns 0 or E_NOMEM (m is then unusable).
 */
MUST_CHECK int members_apply(struct members *m, const struct member_id *signer,
                             uint64_t number, struct entry_time time,
                             const struct record_log *l);

/* members_find: who is or was a member; NULL: nobody. Lent until m is released;
 * what it says changes with m. */
const struct members_one *members_find(const struct members *m,
                                       const struct member_id *id);

/* --- whose journal --- */

/* members_writer_new: a fresh name for a journal of that member. */
void members_writer_new(const struct member_id *id, struct writer_id *w);

/* members_owns: whether w is the name of a journal of that member. */
bool members_owns(const struct member_id *id, const struct writer_id *w);

/* members_owner: whose journal w is; NULL: nobody's that m knows. Costs a hash
 * for each member. */
const struct members_one *members_owner(const struct members *m,
                                        const struct writer_id *w);

/* members_count_on: M7 of docs/concurrency.md 14: whether somebody may begin to
 * count on what the journal of that name says, as far as it stands: its member
 * is not leaving. Costs a hash for each that is. */
bool members_count_on(const struct members *m, const struct writer_id *w);

/* members_end: the number behind the last record of that journal of one that
 * may count: UINT64_MAX, or where a removed member is cut; 0: none may. */
uint64_t members_end(const struct members *m, const struct members_one *one,
                     const struct writer_id *w);

/* members_next: the first record from k on of that journal of one that may
 * count: k itself, or the next that the cut of a removed member lists and that
 * could be read then. UINT64_MAX: there is none. */
uint64_t members_next(const struct members *m, const struct members_one *one,
                      const struct writer_id *w, uint64_t k);

/* members_stands: whether record k with that hash is in its place: it is, or
 * the member is not removed. */
bool members_stands(const struct members *m, const struct members_one *one,
                    const struct writer_id *w, uint64_t k,
                    const struct object_id *hash);

/* members_next_cut: the journals of removed members of which something stands,
 * in no order; *at is 0 at first. False: no more. */
bool members_next_cut(const struct members *m, size_t *at, struct writer_id *w);

/* --- who may sign what: the table of docs/format.md 8.1 --- */

/* members_may_log: whether a log record of that type counts when signer put it
 * now. What is no known type is held to be a later version's, of full and
 * maintain. */
bool members_may_log(const struct members *m, const struct member_id *signer,
                     uint32_t type);

/* members_may_journal: whether a journal record of that type, signed by signer,
 * counts in a journal of owner. Of a type that is not known too. */
bool members_may_journal(const struct members *m,
                         const struct members_one *owner,
                         const struct member_id *signer, uint32_t type);

/* members_role_may_log / members_role_may_journal: the same of a role, in its
 * own journal. */
bool members_role_may_log(enum keyring_role role, uint32_t type);
bool members_role_may_journal(enum keyring_role role, uint32_t type);

/* members_wrote: whether a pack by that writer counts: it is or was a member
 * that may publish. */
bool members_wrote(const struct members *m, const struct member_id *writer);

#endif
