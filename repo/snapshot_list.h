/*
 * snapshot_list: which snapshots exist, by what the index remembers of their
 * manifests; and single snapshots, read from the store. A snapshot exists when
 * a commit record names it and no forget record does (I2).
 */
#ifndef REPO_SNAPSHOT_LIST_H
#define REPO_SNAPSHOT_LIST_H

#include "index/index.h"
#include "repo/keyring.h"
#include "repo/manifest.h"
#include "repo/record_journal.h"
#include "repo/state.h"

struct snapshot_item {
    struct object_id id;
    bool damaged;    /* its object could not be read: the manifest is empty */
    bool sealed;     /* the key may not read it: the manifest holds what the
                        commit record says (series, number, complete), and that
                        record's time as begin and end */
    bool superseded; /* a checkpoint that nobody needs any more: what it
                        reaches may go at any time (repo/superseded.h). Of
                        sealed ones of one run none is known to be */
    struct member_id signer;       /* zeros: damaged, or sealed */
    struct manifest_copy manifest; /* without its problems and options */
    struct bytes raw;              /* owned; what the manifest borrows */
};

/* Zeroed: empty. Ascending by the time of begin; the checkpoints of one run by
 * how far it had come, and its snapshot behind them; then by id. */
struct snapshot_list {
    struct snapshot_item *item;
    size_t n;
    size_t cap;
};

void snapshot_list_release(struct snapshot_list *l);

/*
 * snapshot_list_load: all that are committed and not forgotten.
 *   l  zeroed
 * Returns 0, E_NOMEM or what the index returned; l may be released then too.
 */
MUST_CHECK int snapshot_list_load(struct index *ix, const struct state *s,
                                  struct snapshot_list *l);

/* snapshot_list_load_forgotten: the same of those that are forgotten, as far as
 * the cache remembers them; whether one is superseded is not said. */
MUST_CHECK int snapshot_list_load_forgotten(struct index *ix,
                                            const struct state *s,
                                            struct snapshot_list *l);

/* snapshot_list_unseal: a sealed item's manifest is known after all: m, which
 * is copied. Returns 0 or E_NOMEM (the item is as before). */
MUST_CHECK int snapshot_list_unseal(struct snapshot_item *it,
                                    const struct manifest *m);

/* snapshot_list_is_brief: its manifest was too long to be remembered whole: it
 * has no root, tags, host, user or program. */
bool snapshot_list_is_brief(const struct snapshot_item *it);

/* snapshot_list_recall: the manifest of such an item, read again. Returns as
 * snapshot_list_read(): after an error the item is as before. */
MUST_CHECK int snapshot_list_recall(struct store *st, const struct keyring *k,
                                    struct snapshot_item *it);

/* snapshot_list_recall_all: the same of all that are brief; those that cannot
 * be read stay so. Returns 0, E_NOMEM or what the store returned. */
MUST_CHECK int snapshot_list_recall_all(struct store *st,
                                        const struct keyring *k,
                                        struct snapshot_list *l);

/* snapshot_list_newest: the newest complete one of a series: that with the
 * highest number, since clocks jump and numbers do not; of equal ones the one
 * that began last; or (series empty) the one of all that began last. NULL:
 * none. */
const struct snapshot_item *snapshot_list_newest(const struct snapshot_list *l,
                                                 struct bytes series);

/* snapshot_list_checkpoint: the newest checkpoint of a series, in the same
 * sense, that is not superseded; or (farthest) of those the one whose run had
 * finished most entries. NULL: none. */
const struct snapshot_item *snapshot_list_checkpoint(
    const struct snapshot_list *l, struct bytes series, bool farthest);

/* snapshot_list_tags: calls each() with every tag that a snapshot has now:
 * those that the log names, else those it was made with. Lent until s changes.
 */
void snapshot_list_tags(const struct state *s, const struct snapshot_item *it,
                        void (*each)(void *ctx, struct bytes tag), void *ctx);

/* snapshot_list_damaged: how many could not be read. */
size_t snapshot_list_damaged(const struct snapshot_list *l);

/* --- what the index remembers --- */

enum { SNAPSHOT_LIST_KEY_BYTES = 1 + ID_BYTES };

/* snapshot_list_note: remember a committed snapshot in an update of the index.
 *   signer  who signed it */
MUST_CHECK int snapshot_list_note(struct index_update *u,
                                  const struct object_id *id,
                                  const struct member_id *signer,
                                  const struct manifest *m);

/* snapshot_list_note_sealed: the same of one that the key may not read.
 *   w  whose journal commits it
 *   m  series, number, complete as its commit record says; begin: when that was
 *      put */
MUST_CHECK int snapshot_list_note_sealed(struct index_update *u,
                                         const struct object_id *id,
                                         const struct writer_id *w,
                                         const struct manifest *m);

/* snapshot_list_note_damaged: the same of one whose object cannot be read.
 *   w  whose journal commits it */
MUST_CHECK int snapshot_list_note_damaged(struct index_update *u,
                                          const struct object_id *id,
                                          const struct writer_id *w);

/* snapshot_list_has: whether one was noted, and whether with its manifest
 * (sound). Returns what the index returned. */
MUST_CHECK int snapshot_list_has(struct index_reader *r,
                                 const struct object_id *id, bool *noted,
                                 bool *sound);

/* One that was noted without its manifest. */
struct snapshot_lacking {
    struct object_id id;
    struct writer_id writer; /* whose journal commits it */
    bool sealed;             /* else damaged */
};

/* snapshot_list_next_lacking: the first one behind what key holds (empty: of
 * all). found false: no more. Returns what the index returned; E_NOMEM. */
MUST_CHECK int snapshot_list_next_lacking(struct index_reader *r,
                                          struct buf *key,
                                          struct snapshot_lacking *out,
                                          bool *found);

/* --- single snapshots --- */

/* A snapshot read from the store: release it. */
struct snapshot {
    struct object_id id;
    struct manifest_copy manifest;
    struct member_id signer;
    struct buf plain; /* what the manifest borrows */
};

void snapshot_list_drop(struct snapshot *s);

/*
 * snapshot_list_read: read the object, prove its id, open it.
 * Returns 0; E_CORRUPT (also when it is not there, or of a later format);
 * E_ROLE: who signed it is known all the same; E_NOMEM; what the store
 * returned.
 */
MUST_CHECK int snapshot_list_read(struct store *st, const struct keyring *k,
                                  const struct object_id *id,
                                  struct snapshot *out);

/* snapshot_list_name: "snapshots/<id>", 10 + ID_HEX_CHARS + 1 bytes. */
enum { SNAPSHOT_LIST_NAME_MAX = 10 + ID_HEX_CHARS + 1 };
void snapshot_list_name(const struct object_id *id,
                        char out[SNAPSHOT_LIST_NAME_MAX]);

#endif
