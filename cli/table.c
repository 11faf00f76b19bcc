#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/text.h"

enum {
    TABLE_BYTES_MAX = 1 << 30,
    TABLE_SHRUNK_MIN = 8 /* columns left of a cell that is cut */
};

/* Columns that x takes on a terminal once escaped. */
static size_t table_width(struct bytes x)
{
    size_t n = 0;

    while (x.n) {
        struct text_unit unit;

        text_next(x, &unit);
        n += unit.columns;
        x = bytes_of(x.p + unit.used, x.n - unit.used);
    }
    return n;
}

void table_init(struct table *t, const struct table_column *column,
                size_t column_n)
{
    ASSERT(column_n >= 1 && column_n <= TABLE_COLUMNS_MAX);
    memset(t, 0, sizeof *t);
    t->column = column;
    t->column_n = column_n;
    buf_init(&t->cells, TABLE_BYTES_MAX);
    for (size_t i = 0; i < column_n; i++)
        t->width[i] = strlen(column[i].title);
}

void table_release(struct table *t)
{
    buf_release(&t->cells);
}

void table_cell(struct table *t, struct bytes x)
{
    size_t width = table_width(x);

    codec_put_string(&t->cells, x);
    if (width > t->width[t->at])
        t->width[t->at] = width;
    t->filled[t->at] |= width > 0;
    if (++t->at == t->column_n) {
        t->at = 0;
        t->row_n++;
    }
}

void table_text(struct table *t, const char *text)
{
    table_cell(t, bytes_of_str(text));
}

void table_size(struct table *t, uint64_t bytes)
{
    char digits[32];
    struct buf b;

    buf_init(&b, sizeof digits);
    text_size(&b, bytes);
    table_cell(t, buf_bytes(&b));
    buf_release(&b);
}

void table_u64(struct table *t, uint64_t v)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRIu64, v);
    table_text(t, digits);
}

/* What a line takes; least: with shrinking columns cut as far as they may. A
 * width of 0: the column is not shown. */
static size_t table_total(const struct table *t,
                          const size_t width[TABLE_COLUMNS_MAX], bool least)
{
    size_t total = 0;

    for (size_t i = 0; i < t->column_n; i++) {
        size_t n = width[i];

        if (least && t->column[i].shrink && n > TABLE_SHRUNK_MIN)
            n = TABLE_SHRUNK_MIN;
        if (n > 0)
            total += n + (total > 0 ? TABLE_GAP : 0);
    }
    return total;
}

/* How wide a terminal must be for column i where not all fit. */
static size_t table_need(const struct table *t, size_t i)
{
    if (t->column[i].need > 0 && !t->filled[i])
        return SIZE_MAX;
    return t->column[i].need;
}

/* Takes away the column that needs most, if it needs more than `over`. */
static bool table_drop(const struct table *t, size_t over,
                       size_t width[TABLE_COLUMNS_MAX])
{
    size_t most = t->column_n;

    for (size_t i = 0; i < t->column_n; i++) {
        if (width[i] > 0 && table_need(t, i) > over &&
            (most == t->column_n || table_need(t, i) > table_need(t, most)))
            most = i;
    }
    if (most == t->column_n)
        return false;
    width[most] = 0;
    return true;
}

/* Cuts what may be cut (all: each), the widest first, down to least columns. */
static void table_cut(const struct table *t, size_t columns, bool all,
                      size_t least, size_t width[TABLE_COLUMNS_MAX])
{
    while (table_total(t, width, false) > columns) {
        size_t widest = t->column_n;

        for (size_t i = 0; i < t->column_n; i++) {
            if ((all || t->column[i].shrink) && width[i] > least &&
                (widest == t->column_n || width[i] > width[widest]))
                widest = i;
        }
        if (widest == t->column_n)
            return;
        width[widest]--;
    }
}

/* How wide each column is to be; 0: not shown. */
static void table_fit(const struct table *t, size_t columns,
                      size_t width[TABLE_COLUMNS_MAX])
{
    memcpy(width, t->width, sizeof t->width);
    if (columns == 0)
        return;
    while (table_total(t, width, false) > columns &&
           table_drop(t, columns, width))
        ;
    while (table_total(t, width, true) > columns && table_drop(t, 0, width))
        ;
    table_cut(t, columns, false, TABLE_SHRUNK_MIN, width);
    table_cut(t, columns, true, 1, width);
}

static void table_pad(struct buf *line, size_t n)
{
    while (n--)
        buf_add(line, " ", 1);
}

/* blanks: in front of it, owed by the cells before; blanks at the end of a
 * line are never paid. */
static void table_put_cell(struct buf *line, struct bytes x, size_t width,
                           bool right, size_t *blanks)
{
    size_t n = table_width(x);
    size_t pad = n < width ? width - n : 0;

    if (right)
        *blanks += pad;
    if (x.n) {
        table_pad(line, *blanks);
        *blanks = 0;
    }
    text_escape_cut(line, x, width);
    *blanks += TABLE_GAP + (right ? 0 : pad);
}

int table_print(const struct table *t, struct out *out, size_t columns)
{
    size_t width[TABLE_COLUMNS_MAX];
    struct codec cells;
    struct buf line;
    int rc = buf_status(&t->cells);

    ASSERT(t->at == 0);
    if (rc < 0)
        return rc;
    codec_init(&cells, buf_bytes(&t->cells));
    table_fit(t, columns, width);
    buf_init(&line, TABLE_BYTES_MAX);
    for (size_t row = 0; row <= t->row_n; row++) {
        size_t blanks = 0;

        buf_reset(&line);
        for (size_t i = 0; i < t->column_n; i++) {
            struct bytes x = row ? codec_string(&cells, TABLE_BYTES_MAX)
                                 : bytes_of_str(t->column[i].title);

            if (width[i] > 0)
                table_put_cell(&line, x, width[i], t->column[i].right, &blanks);
        }
        buf_add(&line, "\n", 1);
        rc = buf_status(&line);
        if (rc < 0)
            break;
        out_add(out, buf_bytes(&line));
    }
    buf_release(&line);
    return rc;
}
