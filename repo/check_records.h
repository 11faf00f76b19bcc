/* check_records: which records of the log, or of journals, a store has. */
#ifndef REPO_CHECK_RECORDS_H
#define REPO_CHECK_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

struct store;

struct check_record {
    struct writer_id writer; /* whose journal; zeros: the log */
    uint64_t number;
};

/* Zeroed: empty. Ascending by writer, then by number. */
struct check_records {
    struct check_record *item;
    size_t n;
    size_t cap;
};

void check_records_release(struct check_records *l);

/* check_records_add: take the record of that name, if it is one, at the end,
 * in no order. is: out: whether it was one. E_NOMEM. */
MUST_CHECK int check_records_add(struct check_records *l, const char *name,
                                 bool *is);

/* check_records_sort: bring them into order. */
void check_records_sort(struct check_records *l);

/* check_records_load: list what is below a prefix ("log", "w"). l is zeroed.
 * E_NOMEM, or what the store returned; l may be released then too. */
MUST_CHECK int check_records_load(struct store *s, const char *prefix,
                                  struct check_records *l);

/* check_records_run: the records from item `from` on that have its writer. */
size_t check_records_run(const struct check_records *l, size_t from);

#endif
