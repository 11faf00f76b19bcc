/*
 * segment_list: the segments that the index was filled from and that no merge
 * has replaced, as the index remembers them in its marks. Confined to one
 * thread.
 */
#ifndef REPO_SEGMENT_LIST_H
#define REPO_SEGMENT_LIST_H

#include "index/index.h"
#include "repo/members.h"

struct segment_list_item {
    struct object_id id;
    unsigned level;
    uint64_t bytes;          /* of its content, about */
    struct writer_id writer; /* whose journal names it */
    struct member_id member; /* ... and who that is, who signed it */
};

/* Zeroed: empty. */
struct segment_list {
    struct segment_list_item *item;
    size_t n;
    size_t cap;
};

/* segment_list_add: append one; E_NOMEM leaves l as before. */
MUST_CHECK int segment_list_add(struct segment_list *l,
                                const struct segment_list_item *item);
void segment_list_release(struct segment_list *l);

/* segment_list_note: remember a segment in an update of the index; whether it
 * was replaced before it was seen does not matter. */
MUST_CHECK int segment_list_note(struct index_update *u,
                                 const struct segment_list_item *item);

/* segment_list_has: whether one was noted. Returns what the index returned. */
MUST_CHECK int segment_list_has(struct index_reader *r,
                                const struct object_id *id, bool *has);

/* segment_list_note_replaced: remember that a merge by that member has replaced
 * that one, which may be unknown so far. A member that is not full replaces its
 * own segments only. */
MUST_CHECK int segment_list_note_replaced(struct index_update *u,
                                          const struct object_id *id,
                                          const struct members_one *by);

/*
 * segment_list_load: all that are not replaced, in no order.
 *   l  zeroed
 * Returns 0, E_NOMEM or what the index returned; l may be released then too.
 */
MUST_CHECK int segment_list_load(struct index_reader *r,
                                 struct segment_list *l);

#endif
