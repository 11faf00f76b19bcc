/*
 * repack_choose: which packs are worth writing anew: those that hold most of
 * what nobody needs, and small ones, of which a cron job makes thousands. Pure;
 * any thread.
 */
#ifndef REPO_REPACK_CHOOSE_H
#define REPO_REPACK_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

/* A pack, as far as choosing goes. */
struct repack_pack {
    struct object_id id;
    uint32_t no; /* in the index; the order in which they were written */
    bool meta;   /* of metadata; the kinds do not mix */
    uint64_t bytes;
    uint64_t dead; /* of them nobody needs */
    bool chosen;   /* out: */
    bool small;    /* ... because it is small: it may hold nothing dead */
};

struct repack_limits {
    unsigned unused_percent;  /* of all bytes may stay dead */
    uint64_t unused_bytes;    /* if less, that many; UINT64_MAX: no matter */
    uint64_t rewritten_bytes; /* most to write anew */
    bool eager; /* what is chosen moves even if nothing is gained: for tests,
                   whose packs are small */
};

/* Packs of about one size that are joined: so a byte is written anew as often
 * as packs grow from one size to the next. */
enum { REPACK_CHOOSE_SMALL_N = 8, REPACK_CHOOSE_GROWTH = 4 };

/* repack_choose: set `chosen`; p is sorted in an order of its own. */
void repack_choose(struct repack_pack *p, size_t n,
                   const struct repack_limits *l);

#endif
