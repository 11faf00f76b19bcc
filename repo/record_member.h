/* record_member: the lists of a members record: who is a member, and what of a
 * removed one's journals stands; docs/format.md 8. */
#ifndef REPO_RECORD_MEMBER_H
#define REPO_RECORD_MEMBER_H

#include "base/id.h"
#include "repo/fields.h"

enum { RECORD_MEMBER_LABEL_MAX = 100 };

/* Only ever grows. The numbers are part of the format. */
enum record_standing {
    RECORD_ACTIVE = 0,
    RECORD_LEAVING = 1, /* nobody begins to count on what it puts */
    RECORD_REMOVED = 2  /* of its journals stands what the cuts list */
};

/* Whose packs a writer may rely on. The numbers are part of the format. */
enum record_trust { RECORD_TRUST_SHARED = 0, RECORD_TRUST_OWN = 1 };

struct record_member {
    struct member_id id;
    unsigned role; /* enum keyring_role */
    enum record_standing standing;
    struct bytes label; /* lent; no NUL */
};

/* A checked list of members, lent. */
struct record_members {
    struct bytes encoded; /* without the count */
    size_t n;
};

/* record_member_next: takes the first member off the list; false when none is
 * left. */
bool record_member_next(struct record_members *l, struct record_member *m);

/* record_member_put: append a member to the encoding of a list. */
void record_member_put(struct buf *encoded, const struct record_member *m);

/* A run of records of a journal that stand: no number is missing in it. */
struct record_cut {
    struct writer_id writer;
    uint64_t first;      /* number of the first */
    const uint8_t *hash; /* n object ids, lent; zeros: could not be read */
    size_t n;            /* 1 and up */
};

/* A checked list of cuts, lent: ascending by writer and number, with a gap
 * between two runs of one journal. */
struct record_cuts {
    struct bytes encoded; /* without the count */
    size_t n;
};

/* record_member_cut_next / record_member_cut_put: likewise. */
bool record_member_cut_next(struct record_cuts *l, struct record_cut *c);
void record_member_cut_put(struct buf *encoded, const struct record_cut *c);

/* For record_log: the value of a field. */
struct record_members record_member_get_list(struct fields *f,
                                             struct bytes value);
struct record_cuts record_member_get_cuts(struct fields *f, struct bytes value);

#endif
