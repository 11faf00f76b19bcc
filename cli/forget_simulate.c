#include "cli/forget_simulate.h"

#include "base/text.h"
#include "cli/message.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "repo/retention_simulate.h"

enum { FORGET_SIMULATE_FIXED = 4, FORGET_SIMULATE_DATE = 10 };

static int forget_simulate_days(const struct opt_set *o, uint32_t *days)
{
    const char *said = opt_text(o, OPT_SIMULATE);
    uint64_t n;

    if (text_parse_uint(said, 1, RETENTION_SIMULATE_DAYS_MAX, &n) < 0)
        return err_set(E_USAGE, "--simulate '%s': so many days, 1 to %d", said,
                       RETENTION_SIMULATE_DAYS_MAX);
    *days = (uint32_t)n;
    return 0;
}

int forget_simulate_check(const struct opt_set *o)
{
    uint32_t days;

    if (!opt_has(o, OPT_SIMULATE))
        return 0;
    if (o->arg_n > 0 || opt_has(o, OPT_DROP_SERIES) ||
        opt_has(o, OPT_ALL_JOBS) || opt_has(o, OPT_MAX_REMOVE) ||
        opt_has(o, OPT_FORCE))
        return err_set(E_USAGE,
                       "--simulate takes rules, or those of one --job, and "
                       "forgets nothing: no snapshots, --drop-series, "
                       "--all-jobs, --max-remove or --force");
    return forget_simulate_days(o, &days);
}

/* What a row tells of each rule. */
struct forget_simulate_rule {
    const char *name;
    size_t n;
};

enum { FORGET_SIMULATE_RULES = RETENTION_UNITS + 3 };

/* The rules that are used. Returns how many. */
static size_t forget_simulate_rules(
    const struct forget_ask *ask, const struct retention_simulate_row *row,
    struct forget_simulate_rule out[FORGET_SIMULATE_RULES])
{
    const struct retention_policy *p = ask->policy;
    size_t n = 0;

    for (unsigned unit = 0; unit < RETENTION_UNITS; unit++) {
        if (p->rule[unit].reach != RETENTION_NONE)
            out[n++] = (struct forget_simulate_rule){
                retention_unit_name((enum retention_unit)unit),
                row->by_unit[unit]};
    }
    if (p->has_within)
        out[n++] = (struct forget_simulate_rule){"within", row->within};
    if (p->tags_n > 0)
        out[n++] = (struct forget_simulate_rule){"tag", row->tagged};
    if (ask->id_n > 0)
        out[n++] = (struct forget_simulate_rule){"named", row->named};
    return n;
}

/* Where rows go. */
struct forget_simulate_to {
    const struct forget_ask *ask;
    struct json_out *json; /* or ... */
    struct table table;
    struct entry_time refused; /* the first such row; 0 s: none */
};

static void forget_simulate_table_row(struct forget_simulate_to *to,
                                      const struct retention_simulate_row *row)
{
    struct forget_simulate_rule rule[FORGET_SIMULATE_RULES];
    size_t n = forget_simulate_rules(to->ask, row, rule);
    char when[WHEN_TEXT_MAX];

    table_cell(&to->table,
               bytes_of(when_local(row->time, when), FORGET_SIMULATE_DATE));
    table_u64(&to->table, row->kept);
    table_u64(&to->table, row->gone);
    if (row->kept > 0)
        table_cell(&to->table, bytes_of(when_local(row->oldest, when),
                                        FORGET_SIMULATE_DATE));
    else
        table_text(&to->table, "-");
    for (size_t i = 0; i < n; i++)
        table_u64(&to->table, rule[i].n);
}

static int forget_simulate_json_row(struct forget_simulate_to *to,
                                    const struct retention_simulate_row *row)
{
    struct forget_simulate_rule rule[FORGET_SIMULATE_RULES];
    size_t n = forget_simulate_rules(to->ask, row, rule);
    struct json_out *j = to->json;

    json_out_begin(j, "simulated");
    json_out_time(j, "time", row->time);
    json_out_u64(j, "kept", row->kept);
    json_out_u64(j, "gone", row->gone);
    if (row->kept > 0)
        json_out_time(j, "oldest", row->oldest);
    json_out_object(j, "rules");
    for (size_t i = 0; i < n; i++)
        json_out_u64(j, rule[i].name, rule[i].n);
    json_out_close(j);
    json_out_bool(j, "refused", row->refused);
    return json_out_end(j);
}

static int forget_simulate_row(void *ctx,
                               const struct retention_simulate_row *row)
{
    struct forget_simulate_to *to = ctx;

    if (row->refused && to->refused.s == 0)
        to->refused = row->time;
    if (to->json)
        return forget_simulate_json_row(to, row);
    forget_simulate_table_row(to, row);
    return 0;
}

int forget_simulate(struct cli *cli, const struct forget_ask *ask,
                    const struct forget_plan *p)
{
    struct retention_simulate_row none = {.kept = 0};
    struct forget_simulate_rule rule[FORGET_SIMULATE_RULES];
    struct table_column column[FORGET_SIMULATE_FIXED + FORGET_SIMULATE_RULES] =
        {{"date", false, false, 0},
         {"kept", true, false, 0},
         {"gone", true, false, 0},
         {"oldest", false, false, 0}};
    struct forget_simulate_to to = {.ask = ask, .json = cli->json};
    size_t n = forget_simulate_rules(ask, &none, rule);
    char when[WHEN_TEXT_MAX];
    uint32_t days;
    int rc = forget_simulate_days(cli->opt, &days);

    for (size_t i = 0; i < n; i++)
        column[FORGET_SIMULATE_FIXED + i] =
            (struct table_column){rule[i].name, true, false, 40};
    table_init(&to.table, column, FORGET_SIMULATE_FIXED + n);
    if (rc == 0)
        rc = retention_simulate(ask->policy, ask->now, p->item, p->n, days,
                                forget_simulate_row, &to);
    if (rc == 0 && !cli->json)
        rc = table_print(&to.table, cli->out,
                         terminal_is(1) ? terminal_columns(1) : 0);
    if (rc == 0 && to.refused.s != 0)
        message_warn("by %.*s a forget would be refused: these rules keep "
                     "nothing of a group, or a tag that nothing has any more",
                     FORGET_SIMULATE_DATE, when_local(to.refused, when));
    table_release(&to.table);
    return rc;
}
