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

/* How wide each column may be: shrinking ones give way, the widest first. */
static void table_fit(const struct table *t, size_t columns,
                      size_t width[TABLE_COLUMNS_MAX])
{
    size_t total = (t->column_n - 1) * TABLE_GAP;

    for (size_t i = 0; i < t->column_n; i++) {
        width[i] = t->width[i];
        total += width[i];
    }
    while (columns && total > columns) {
        size_t widest = t->column_n;

        for (size_t i = 0; i < t->column_n; i++) {
            if (t->column[i].shrink && width[i] > TABLE_SHRUNK_MIN &&
                (widest == t->column_n || width[i] > width[widest]))
                widest = i;
        }
        if (widest == t->column_n)
            return;
        width[widest]--;
        total--;
    }
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
