/*
 * lanes: the ways through which requests read the repository. Each holds a
 * cipher's and a decompressor's memory, and is lent to one request at a time;
 * between requests it holds nothing of the index. Any thread.
 */
#ifndef FUSE_LANES_H
#define FUSE_LANES_H

#include "repo/fetch.h"
#include "repo/tree_entry.h"

struct lanes;

/* One way; lent. */
struct lane {
    struct fetch_lane *fetch;
    struct node_source nodes; /* tree nodes, through fetch */
    struct tree_entry te;     /* for the request's use: its array is reused */
    struct buf raw;           /* ... what it may borrow */
    struct buf bytes;         /* ... and room for what is answered */
    struct lane *next;        /* private, ... */
    unsigned age;             /* ... too */
};

enum { LANES_ANSWER_MAX = 2 << 20 /* bytes */ };

/* lanes_new: at most max of them, made as they are needed. f is lent. E_NOMEM.
 */
MUST_CHECK int lanes_new(struct fetch *f, unsigned max, struct lanes **out);

/* lanes_free: all given back before. NULL is fine. */
void lanes_free(struct lanes *l);

/* lanes_take: waits while all are lent. Returns 0, E_NOMEM, or what the index
 * returned. */
MUST_CHECK int lanes_take(struct lanes *l, struct lane **out);
void lanes_give(struct lanes *l, struct lane *lane);

/* lanes_lead: from now on they read through f, lent; those that are lent read
 * as they did until they are given back. */
void lanes_lead(struct lanes *l, struct fetch *f);

/* lanes_old: how many are still lent that read as they did before that. */
unsigned lanes_old(struct lanes *l);

#endif
