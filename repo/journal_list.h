/* journal_list: which journals the store has, and how long each is. */
#ifndef REPO_JOURNAL_LIST_H
#define REPO_JOURNAL_LIST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct store;

struct journal_list_item {
    struct writer_id writer;
    uint64_t last; /* highest number of its records */
};

/* Zeroed: empty. Ascending by writer. */
struct journal_list {
    struct journal_list_item *item;
    size_t n;
    size_t cap;
};

/* journal_list_load: list them. l is zeroed. E_NOMEM, or what the store
 * returned; l may be released then too. */
MUST_CHECK int journal_list_load(struct store *s, struct journal_list *l);
void journal_list_release(struct journal_list *l);

/* journal_list_find: whether w has a journal, and its highest number. */
bool journal_list_find(const struct journal_list *l, const struct writer_id *w,
                       uint64_t *last);

/* The numbers of one journal's records, ascending. Zeroed: empty. */
struct journal_list_numbers {
    uint64_t *k;
    size_t n;
    size_t cap;
};

/* journal_list_numbers: list them. out is zeroed. E_NOMEM, or what the store
 * returned; out may be released then too. */
MUST_CHECK int journal_list_numbers(struct store *s, const struct writer_id *w,
                                    struct journal_list_numbers *out);
void journal_list_numbers_release(struct journal_list_numbers *l);

#endif
