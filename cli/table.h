/*
 * table: rows of columns for people, as wide as they need and no wider than
 * the terminal, on which the less important columns give way. Cells are
 * escaped. For lists that fit memory; `ls` of millions of entries prints its
 * lines as they come. Confined to one thread.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/out.h"

enum { TABLE_COLUMNS_MAX = 14, TABLE_GAP = 2 };

struct table_column {
    const char *title;
    bool right;  /* numbers: aligned to the right */
    bool shrink; /* may be cut in the middle when the terminal is narrow */
    unsigned
        need; /* columns of a terminal below which it gives way, if the
                 table does not fit, to those that need less; 0: it stays */
};

struct table {
    const struct table_column *column; /* borrowed */
    size_t column_n;
    size_t width[TABLE_COLUMNS_MAX]; /* columns that the widest cell takes */
    bool filled[TABLE_COLUMNS_MAX];  /* a cell has something in it */
    size_t at;                       /* column of the next cell */
    size_t row_n;
    struct buf cells; /* raw, each with its length before it */
};

/* table_init: column_n columns (1..TABLE_COLUMNS_MAX). */
void table_init(struct table *t, const struct table_column *column,
                size_t column_n);
void table_release(struct table *t);

/* table_cell: the next cell, of any bytes; the last of a row is followed by
 * the first of the next. Failure shows in table_print. */
void table_cell(struct table *t, struct bytes x);

/* table_text, table_size, table_u64: a cell that is text, a number of bytes
 * as people read it, a number. */
void table_text(struct table *t, const char *text);
void table_size(struct table *t, uint64_t bytes);
void table_u64(struct table *t, uint64_t v);

/*
 * table_print: titles and all rows, which are complete.
 *   columns  of the terminal, 0: no limit. No line is longer: first go columns
 *            that are empty or need a wider terminal, then shrinking ones are
 *            cut, then others go, and what stays is cut at last
 * Returns 0; E_LIMIT, E_NOMEM.
 */
MUST_CHECK int table_print(const struct table *t, struct out *out,
                           size_t columns);

#endif
