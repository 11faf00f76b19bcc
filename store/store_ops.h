/*
 * store_ops: what a store implements. store.c checks names, names the domain
 * of fault points and forwards; contracts are those of store.h.
 */
#ifndef STORE_STORE_OPS_H
#define STORE_STORE_OPS_H

#include "store/store.h"

struct store_ops {
    void (*close)(struct store *s);
    int (*writer_open)(struct store *s, struct store_writer **w);
    int (*writer_append)(struct store_writer *w, struct bytes part);
    int (*writer_commit)(struct store_writer *w, const char *name,
                         enum store_outcome *outcome);
    void (*writer_free)(struct store_writer *w);
    int (*get)(struct store *s, const char *name, struct buf *out, bool *found);
    int (*get_range)(struct store *s, const char *name, uint64_t off, void *to,
                     size_t n, bool *found);
    int (*size)(struct store *s, const char *name, uint64_t *size, bool *found);
    /* sizes: fn is to be told them; else any number will do */
    int (*list)(struct store *s, const char *prefix, bool sizes,
                store_list_fn *fn, void *ctx);
    int (*remove)(struct store *s, const char *name);
    int (*make_durable)(struct store *s, const char *name, bool *found);
    int (*free_space)(struct store *s, uint64_t *bytes);
};

/* An implementation begins its own struct with this one. */
struct store {
    const struct store_ops *ops;
    char *place; /* owned by the implementation */
};

/* Likewise its writers. */
struct store_writer {
    struct store *store;
};

#endif
