/* walk_names: the names in the directories on a walker's way down: one stack
 * of names, sorted within each directory. Confined. */
#ifndef SOURCE_WALK_NAMES_H
#define SOURCE_WALK_NAMES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

enum { WALK_DENTS_BYTES = 256 << 10 }; /* what a listing needs */

struct walk_names {
    struct buf text;  /* names, each with a NUL behind it */
    struct buf order; /* uint32_t: where each begins, from its list's start */
};

/* One directory's names: a stretch of the stack, valid until it is dropped. */
struct walk_list {
    size_t text_start;
    size_t order_start;
    size_t n;
};

/* walk_names_init: an empty stack. */
void walk_names_init(struct walk_names *names);
void walk_names_release(struct walk_names *names);

/* walk_names_begin: a new, empty list on top of the stack. */
struct walk_list walk_names_begin(const struct walk_names *names);

/* walk_names_add: one name, into the list on top. Returns 0, E_NOMEM,
 * E_LIMIT. */
MUST_CHECK int walk_names_add(struct walk_names *names, struct walk_list *list,
                              struct bytes name);

/*
 * walk_names_read: the names of an open directory, into the list on top.
 *   dents       WALK_DENTS_BYTES of scratch
 *   read_errno  out: why not all could be read, else 0; those that could are
 *               in the list
 * Returns 0, E_NOMEM, E_LIMIT.
 */
MUST_CHECK int walk_names_read(struct walk_names *names, struct walk_list *list,
                               int fd, uint8_t *dents, int *read_errno);

/* walk_names_copy: all names of another stack's list, in their order, into the
 * list on top, which is empty. Returns 0 or E_NOMEM. */
MUST_CHECK int walk_names_copy(struct walk_names *names, struct walk_list *list,
                               const struct walk_names *from,
                               const struct walk_list *from_list);

/* walk_names_sort: ascending by bytes, none twice. */
void walk_names_sort(struct walk_names *names, struct walk_list *list);

/* walk_names_has: whether a sorted list holds name. */
bool walk_names_has(const struct walk_names *names,
                    const struct walk_list *list, struct bytes name);

/* walk_names_get: the i-th name; NUL-terminated; lent until the next add. */
const char *walk_names_get(const struct walk_names *names,
                           const struct walk_list *list, size_t i);

/* walk_names_bytes: the memory that it has. */
size_t walk_names_bytes(const struct walk_names *names);

/* walk_names_empty: drops all lists, and what memory is beyond keep bytes. */
void walk_names_empty(struct walk_names *names, size_t keep);

/* walk_names_drop: drops the list on top. */
void walk_names_drop(struct walk_names *names, const struct walk_list *list);

#endif
