/*
 * memory: a store in RAM, for tests and simulations. It keeps the contract of
 * store.h and can be made to break down in every way the contract allows.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/store.h"

/* memory_open: an empty store. Returns E_NOMEM. */
MUST_CHECK int memory_open(struct store **out);

enum memory_point {
    MEMORY_BEFORE,  /* nothing is done yet */
    MEMORY_VISIBLE, /* commit only: others see the object; it is not durable */
    MEMORY_AFTER    /* all is done, the caller does not know yet */
};

enum memory_op {
    MEMORY_WRITER_OPEN,
    MEMORY_APPEND,
    MEMORY_COMMIT,
    MEMORY_GET, /* also ranges */
    MEMORY_SIZE,
    MEMORY_LIST,
    MEMORY_DELETE,
    MEMORY_MAKE_DURABLE
};

/*
 * Called at each point of each operation, without locks: it may use the store
 * itself, or hand over to another actor of a simulation. name is "" where none
 * is known yet. What it returns other than 0 (a raised E_*) the operation
 * returns: as a failure without effect, as a writer that died between naming
 * and syncing, or as a lost reply.
 */
typedef int memory_hook_fn(void *ctx, enum memory_point point,
                           enum memory_op op, const char *name);

/* memory_set_hook: from now on; NULL for none. Not while others use s. */
void memory_set_hook(struct store *s, memory_hook_fn *hook, void *ctx);

/* Fail the n-th passage (from 1) through a point, in all operations. */
struct memory_fault {
    enum memory_point point;
    uint64_t n;      /* 0: never */
    bool persistent; /* and all later ones */
    int code;        /* E_STORE, E_NOSPACE, ... */
};

/* memory_set_fault: from now on, counting from 0. Any thread. */
void memory_set_fault(struct store *s, struct memory_fault fault);

/* memory_passages: passages through the fault's point since it was set. */
uint64_t memory_passages(struct store *s);

/*
 * memory_power_cut: everything not durable is decided: by seed, each change
 * that was visible but not durable (objects named, objects deleted) stays or
 * is undone; seed 0 undoes all. Writers not committed must not be committed
 * any more, only freed.
 */
void memory_power_cut(struct store *s, uint64_t seed);

/* memory_set_capacity: puts that would make the objects larger than this many
 * bytes together fail with E_NOSPACE. UINT64_MAX: no limit. */
void memory_set_capacity(struct store *s, uint64_t bytes);

/*
 * memory_damage: test hook: change a stored object behind the store's back:
 * xor the byte at off with x, or, when x is 0, cut the object off there.
 * false when there is no such object or byte.
 */
bool memory_damage(struct store *s, const char *name, uint64_t off, uint8_t x);

#endif
