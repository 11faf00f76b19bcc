/*
 * sim_world: one history: a memory store, actors that open the repository in
 * it, faults that a seed strikes them with, and a ledger of what was promised
 * to whom. All of it belongs to the actor that runs.
 */
#ifndef SIM_SIM_WORLD_H
#define SIM_SIM_WORLD_H

#include "base/id.h"
#include "repo/repo.h"
#include "store/memory.h"
#include "tests/sim/sim_sched.h"

enum {
    SIM_WORLD_SNAPSHOTS = 200,
    SIM_WORLD_PATH = 256,
    SIM_WORLD_STEPS = 400000 /* more: somebody goes round in circles */
};

/* What the ledger knows of a snapshot. */
enum sim_standing {
    SIM_LISTED,    /* it was committed, or came back, and somebody was told */
    SIM_FORGOTTEN, /* likewise */
    SIM_UNSURE     /* somebody tried, and was not told what came of it */
};

struct sim_snapshot {
    struct object_id id;
    bool told; /* somebody was, that it is there */
    bool complete;
    enum sim_standing standing;
    unsigned tries; /* to forget it, or to take that back */
    unsigned open;  /* of those, not over */
    bool doubt;     /* one ended nobody knows how, or may end later */
};

/* What can happen to an operation, beside the one that runs being put off. */
enum sim_fault {
    SIM_NONE,
    SIM_CRASH,         /* before it takes effect */
    SIM_FAIL,          /* the store fails, nothing is done */
    SIM_SLEEP,         /* a process is stopped, and goes on */
    SIM_CRASH_AFTER,   /* it is done, and the process is gone */
    SIM_LOST,          /* it is done, the reply is lost */
    SIM_LATE,          /* the process is gone; it is done much later */
    SIM_CRASH_VISIBLE, /* a put that was seen, and was not durable */
    SIM_SLEEP_VISIBLE,
    SIM_FAULTS
};

/* How likely things are; of 65536, at each operation. */
struct sim_odds {
    unsigned put; /* a fault at a put, or a deletion */
    unsigned any; /* ... at another operation */
    unsigned power;
    unsigned nap;     /* one is put off for long; that is no fault */
    unsigned visible; /* others go on between a put's two halves */
    unsigned hours;   /* time goes by, so that writers have to renew */
};

/* One actor's process. */
struct sim_process {
    bool down;          /* it has crashed: nothing it does reaches the store */
    bool hurt;          /* a fault struck it: it may fail */
    bool alive;         /* it has opened the repository, and not closed it */
    enum sim_fault due; /* at the operation at hand */
    unsigned idle;      /* operations that it tried since it crashed */
};

struct sim_world {
    struct sim_sched sched;
    struct store *store;
    struct key_slot_secret secret;
    struct prng prng; /* what actors do */
    struct sim_odds odds;
    unsigned writing;  /* writers that have not come to their end */
    bool siege;        /* slow runs over what hardly changes, among people who
                          forget all, and patient collectors */
    unsigned files;    /* of the trees that are backed up, and ... */
    unsigned versions; /* ... of each: see sim_tree.h */
    struct sim_process process[SIM_SCHED_ACTORS];
    char dir[SIM_WORLD_PATH]; /* below which all caches are */
    unsigned caches;
    struct sim_snapshot snapshot[SIM_WORLD_SNAPSHOTS];
    size_t snapshot_n;
    uint64_t faults[SIM_FAULTS];
    uint64_t cuts;
    bool safety; /* what is left that nothing needs is no failure */
    bool failed;
    char why[1200]; /* the first failure */
};

/* sim_world_open: an empty repository. dir: exists; the world makes directories
 * in it. */
void sim_world_open(struct sim_world *w, uint64_t seed, const char *dir);
void sim_world_close(struct sim_world *w);

/* sim_world_fail: a promise was broken. The first one is kept. */
void sim_world_fail(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * sim_world_repo: open the repository, as a process that starts.
 *   cache  number of the cache that it uses; 0: one of its own
 */
int sim_world_repo(struct sim_world *w, unsigned cache, struct repo **r);

/* sim_world_fresh: number of a cache that nobody has used. */
unsigned sim_world_fresh(struct sim_world *w);

/* sim_world_self: the process of the actor that runs; NULL: none does. */
struct sim_process *sim_world_self(struct sim_world *w);

/* ---- the ledger ---- */

/* sim_world_committed: somebody was told so. */
void sim_world_committed(struct sim_world *w, const struct object_id *id,
                         bool complete);

/* sim_world_snapshot: the entry of one that was seen; made when there is none.
 */
struct sim_snapshot *sim_world_snapshot(struct sim_world *w,
                                        const struct object_id *id);

#endif
