/*
 * wrote: what one member has put into a repository, as index, log and journals
 * tell: also one that was removed. Plain data; confined to one thread.
 */
#ifndef REPO_WROTE_H
#define REPO_WROTE_H

#include "repo/repo.h"
#include "repo/snapshot_list.h"

struct wrote_journal {
    struct writer_id writer;
    uint64_t records; /* as many as its highest number says */
    bool counts;      /* false: its member was removed, and it was not there
                         then */
};

struct wrote_pack {
    struct object_id id;
    enum index_kind kind;
    enum index_state state; /* not doomed */
    uint64_t bytes;
    bool listed;  /* else known from itself alone */
    bool gone;    /* missing or cut, when somebody looked */
    bool vouched; /* by a full key that has read it */
};

/* Zeroed: nothing. */
struct wrote {
    struct snapshot_list list; /* of everybody */
    size_t *snapshot;          /* snapshot_n of its items: signed by the member;
                                  or damaged, and committed in its journals */
    size_t snapshot_n;
    struct wrote_journal *journal;
    size_t journal_n;
    size_t journal_cap;
    struct wrote_pack *pack; /* those that are not doomed */
    size_t pack_n;
    size_t pack_cap;
    uint64_t pack_bytes;
    size_t vouched_n;
    bool hurt; /* a snapshot cannot be read, a pack has gone */
};

/* wrote_load: collect it. r is refreshed. Returns 0; E_NOMEM; what index or
 * store returned; w may be released then too. */
MUST_CHECK int wrote_load(const struct repo *r, const struct member_id *member,
                          struct wrote *w);
void wrote_release(struct wrote *w);

#endif
