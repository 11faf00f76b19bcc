/*
 * state: State(n) of docs/concurrency.md: what the log up to record n says.
 * A pure fold over records; nothing here reads or writes a store.
 * Confined to one thread while it changes.
 */
#ifndef REPO_STATE_H
#define REPO_STATE_H

#include "repo/chain.h"
#include "repo/idmap.h"
#include "repo/members.h"
#include "repo/record_log.h"
#include "repo/state_label.h"

/* What the log says about a pack; a pack it does not name is live. */
enum state_pack { STATE_LIVE, STATE_CONDEMNED, STATE_DOOMED };

/* A condemn record that no doom has decided yet. */
struct state_condemn {
    uint64_t number;
    struct object_id *pack; /* pack_n, owned */
    size_t pack_n;
    struct object_id *marked; /* snapshots whose roots were marked; owned */
    size_t marked_n;
};

struct state {
    struct chain_tip tip;
    struct members members; /* who may sign what */
    uint32_t epochs;        /* of keys that have begun; 1 at first */
    struct idmap condemned; /* pack -> number of the condemn record */
    struct idmap doomed;    /* pack -> number of the doom record */
    struct idmap vouched;   /* H(pack, H(directory)) -> who vouched for it:
                               place in members */
    struct idmap forgotten; /* snapshot -> number of the forget record */
    struct record_suspect *suspect; /* suspect_n, owned: damaged copies */
    size_t suspect_n;
    size_t suspect_cap;
    struct state_condemn *undecided;
    size_t undecided_n;
    size_t undecided_cap;
    struct state_labels labels; /* tags and protection of snapshots */
    bool provisional;           /* made before the format was settled */
    char refused[RECORD_CLASS_N][RECORD_FEATURE_MAX + 1]; /* by class: a feature
                        that this program does not know; empty: none */
};

/* state_init: of an empty log. founder: who may sign. E_NOMEM: s may be
 * released. */
MUST_CHECK int state_init(struct state *s, const struct member_id *founder);
void state_release(struct state *s);

/*
 * state_apply: fold in the record that follows s->tip.
 * A record by somebody who may not sign it changes nothing but the tip.
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (a record this program cannot read);
 * E_NOMEM (s is then unusable).
 */
MUST_CHECK int state_apply(struct state *s, const struct chain_record *r);

/* state_of_pack: and the condemn record's number, when by is not NULL. */
enum state_pack state_of_pack(const struct state *s,
                              const struct object_id *pack, uint64_t *by);

/* state_is_vouched: whether a full key that is active has read and hashed all
 * of that pack, and found that directory. */
bool state_is_vouched(const struct state *s, const struct object_id *pack,
                      const struct object_id *dir);

/* state_is_forgotten: whether a snapshot was forgotten. */
bool state_is_forgotten(const struct state *s,
                        const struct object_id *snapshot);

/*
 * state_trusts_tree: I6: whether the subtrees of that snapshot may be taken
 * over whole: not forgotten, and among the marked roots of every undecided
 * condemn record.
 */
bool state_trusts_tree(const struct state *s, const struct object_id *snapshot);

/* state_allows: 0, or E_UNSUPPORTED when the repository uses a feature that
 * this program would have to know for that class of operations. */
MUST_CHECK int state_allows(const struct state *s, enum record_class class);

#endif
