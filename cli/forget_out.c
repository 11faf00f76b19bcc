#include "cli/forget_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/snapshot_ids.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"

enum { FORGET_OUT_REASON_MAX = 1 << 10, FORGET_OUT_ONE_MAX = 40 };

static const struct table_column forget_out_columns[] = {
    {"id", false, false, 0},     {"time", false, false, 0},
    {"series", false, true, 60}, {"", false, false, 0},
    {"why", false, true, 40},
};

/* In the order in which they are told. */
static const struct {
    unsigned reason;
    const char *text;
} forget_out_words[] = {
    {RETENTION_WITHIN, "within"},       {RETENTION_TAGGED, "tag"},
    {RETENTION_NAMED, "named"},         {RETENTION_PROTECTED, "protected"},
    {RETENTION_FUTURE, "time to come"}, {RETENTION_DAMAGED, "damaged"},
    {RETENTION_OLDEST, "oldest"},       {RETENTION_GOES_ON, "unfinished"},
    {RETENTION_TOO_OLD, "too old"},     {RETENTION_TOO_MANY, "too many"},
    {RETENTION_TOO_LARGE, "too large"},
};

enum {
    FORGET_OUT_WORDS = sizeof forget_out_words / sizeof forget_out_words[0]
};

static void forget_out_add(struct buf *out, const char *text)
{
    if (out->n)
        buf_add_bytes(out, bytes_of_str(", "));
    buf_add_bytes(out, bytes_of_str(text));
}

/* Of what cannot be read nobody knows whether it is a checkpoint. */
static bool forget_out_tells(const struct retention_item *it, size_t word)
{
    unsigned reason = forget_out_words[word].reason;

    return (it->reason & reason) &&
           !(it->damaged && reason == RETENTION_GOES_ON);
}

void forget_out_reasons(const struct retention_item *it, struct buf *out)
{
    for (unsigned unit = 0; unit < RETENTION_UNITS; unit++) {
        char one[FORGET_OUT_ONE_MAX];

        if (it->rank[unit] == 0)
            continue;
        (void)snprintf(one, sizeof one, "%s %" PRIu32,
                       retention_unit_name((enum retention_unit)unit),
                       it->rank[unit]);
        forget_out_add(out, one);
    }
    for (size_t i = 0; i < FORGET_OUT_WORDS; i++) {
        if (forget_out_tells(it, i))
            forget_out_add(out, forget_out_words[i].text);
    }
}

/* What cannot be read may be complete. */
size_t forget_out_count(const struct forget_plan *p, size_t *stays)
{
    size_t goes = 0;

    *stays = 0;
    for (size_t i = 0; i < p->list.n; i++) {
        const struct snapshot_item *it = &p->list.item[i];

        if (!it->manifest.m.complete && !it->damaged)
            continue;
        goes += p->goes[i];
        *stays += !p->goes[i];
    }
    return goes;
}

/* ---- for people --------------------------------------------------------- */

static int forget_out_order(const void *va, const void *vb)
{
    const struct retention_item *a = *(struct retention_item *const *)va;
    const struct retention_item *b = *(struct retention_item *const *)vb;
    int c = bytes_cmp(a->series, b->series);

    if (c == 0)
        c = bytes_cmp(a->group, b->group);
    /* the list is ascending by time, and the items stand as it does */
    return c ? c : (a < b) - (a > b);
}

static int forget_out_row(struct table *t, const struct retention_item *it,
                          size_t id_chars)
{
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];
    struct buf why;
    int rc;

    table_cell(t, bytes_of(id_hex(it->id.b, sizeof it->id.b, hex), id_chars));
    table_text(t, it->time.s || it->time.ns ? when_local(it->time, when) : "-");
    table_cell(t, it->series);
    table_text(t, it->keep ? "keep" : "forget");
    buf_init(&why, FORGET_OUT_REASON_MAX);
    forget_out_reasons(it, &why);
    rc = buf_status(&why);
    table_cell(t, buf_bytes(&why));
    buf_release(&why);
    return rc;
}

int forget_out_table(struct cli *cli, const struct forget_plan *p)
{
    const struct retention_item **it = mem_array(p->n, sizeof(*it));
    size_t id_chars = snapshot_ids_chars(&p->list);
    struct table t;
    size_t n = 0;
    int rc = 0;

    if (!it)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->n; i++) {
        if (!p->item[i].superseded)
            it[n++] = &p->item[i];
    }
    qsort(it, n, sizeof(*it), forget_out_order);
    table_init(&t, forget_out_columns,
               sizeof forget_out_columns / sizeof forget_out_columns[0]);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = forget_out_row(&t, it[i], id_chars);
    if (rc == 0 && n > 0)
        rc =
            table_print(&t, cli->out, terminal_is(1) ? terminal_columns(1) : 0);
    table_release(&t);
    free(it);
    return rc;
}

/* ---- for programs ------------------------------------------------------- */

static void forget_out_json_ranks(struct json_out *j,
                                  const struct retention_item *it)
{
    json_out_object(j, "rules");
    for (unsigned unit = 0; unit < RETENTION_UNITS; unit++) {
        if (it->rank[unit])
            json_out_u64(j, retention_unit_name((enum retention_unit)unit),
                         it->rank[unit]);
    }
    json_out_close(j);
    json_out_list(j, "reasons");
    for (size_t i = 0; i < FORGET_OUT_WORDS; i++) {
        if (forget_out_tells(it, i))
            json_out_text(j, NULL, forget_out_words[i].text);
    }
    json_out_close(j);
}

static int forget_out_json_item(struct json_out *j,
                                const struct retention_item *it)
{
    json_out_begin(j, "retention");
    json_out_hex(j, "id", bytes_of(it->id.b, sizeof it->id.b));
    json_out_bool(j, "keep", it->keep);
    json_out_bool(j, "damaged", it->damaged);
    if (!it->damaged) {
        json_out_bytes(j, "series", it->series);
        json_out_time(j, "begin", it->time);
        json_out_bool(j, "complete", it->complete);
    }
    forget_out_json_ranks(j, it);
    return json_out_end(j);
}

int forget_out_json(struct json_out *j, const struct forget_plan *p,
                    const struct forget_fit *fit, bool done)
{
    size_t stays;
    size_t goes = forget_out_count(p, &stays);
    int rc = 0;

    for (size_t i = 0; i < p->n && rc == 0; i++)
        rc = forget_out_json_item(j, &p->item[i]);
    if (rc < 0)
        return rc;
    json_out_begin(j, "forget");
    json_out_bool(j, "done", done);
    json_out_u64(j, "kept", stays);
    json_out_u64(j, "removed", goes);
    json_out_u64(j, "checkpoints_removed", p->go_n - goes);
    if (fit) {
        json_out_u64(j, "max_bytes", fit->max_bytes);
        json_out_u64(j, "needed_bytes_before", fit->before_bytes);
        json_out_u64(j, "needed_bytes", fit->after_bytes);
    }
    return json_out_end(j);
}
