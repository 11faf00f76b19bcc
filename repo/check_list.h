/* check_list: the objects of one folder that have an id, with their lengths:
 * 40 bytes each. Plain data; confined to one thread while it is filled. */
#ifndef REPO_CHECK_LIST_H
#define REPO_CHECK_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

struct store;

struct check_listed {
    struct object_id id;
    uint64_t bytes;
};

/* Zeroed: empty. Loaded: ascending by id. */
struct check_list {
    struct check_listed *item;
    size_t n;
    size_t cap;
};

/* check_list_id: the id in "packs/<xx>/<id>", "index/<id>", "snapshots/<id>",
 * "keys/<id>"; false for any other name. */
bool check_list_id(const char *name, struct object_id *id);

/* check_list_load: list what is below a prefix; names without an id are left
 * out. l is zeroed. E_NOMEM, or what the store returned. */
MUST_CHECK int check_list_load(struct store *s, const char *prefix,
                               struct check_list *l);
void check_list_release(struct check_list *l);

/* check_list_find: the object of that id; NULL when there is none. */
const struct check_listed *check_list_find(const struct check_list *l,
                                           const struct object_id *id);

#endif
