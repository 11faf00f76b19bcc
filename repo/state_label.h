/*
 * state_label: what the log says about single snapshots besides whether they
 * are forgotten: their tags, and until when they are protected. Part of
 * struct state. Confined to one thread while it changes.
 */
#ifndef REPO_STATE_LABEL_H
#define REPO_STATE_LABEL_H

#include "repo/idmap.h"
#include "repo/record_log.h"

/* Of one snapshot. */
struct state_label {
    bool tagged;       /* a record names its tags: those at creation are void */
    uint8_t *tags;     /* owned: an encoded list, NULL when empty */
    size_t tags_bytes; /* of it */
    size_t tag_n;      /* strings in it */
    bool is_protected; /* a record says until when: */
    int64_t until;     /* seconds since 1970; 0: for ever */
    uint8_t *reason;   /* owned; NULL when there is none */
    size_t reason_bytes;
};

/* Zeroed: none. */
struct state_labels {
    struct idmap place; /* snapshot -> element of label */
    struct state_label *label;
    size_t n;
    size_t cap;
};

void state_label_release(struct state_labels *l);

/* state_label_tag: replaces a snapshot's tags by those, which are copied.
 * E_NOMEM: l is as before, or the snapshot newly known without a label. */
MUST_CHECK int state_label_tag(struct state_labels *l,
                               const struct object_id *snapshot,
                               const struct record_strings *tags);

/* What a record says of a snapshot's protection; lent until the labels change.
 */
struct state_protection {
    int64_t until; /* seconds since 1970; 0: for ever */
    struct bytes reason;
};

/* state_label_protect: from now on so. p is copied. E_NOMEM as above. */
MUST_CHECK int state_label_protect(struct state_labels *l,
                                   const struct object_id *snapshot,
                                   const struct state_protection *p);

/* state_label_protection: whether a record speaks of it, and what it says. */
bool state_label_protection(const struct state_labels *l,
                            const struct object_id *snapshot,
                            struct state_protection *p);

/* state_label_tags: whether a record names the tags of a snapshot; they are
 * lent until l changes. */
bool state_label_tags(const struct state_labels *l,
                      const struct object_id *snapshot,
                      struct record_strings *tags);

/* state_label_protects: whether it may not be forgotten at that time (seconds
 * since 1970). */
bool state_label_protects(const struct state_labels *l,
                          const struct object_id *snapshot, int64_t now);

#endif
