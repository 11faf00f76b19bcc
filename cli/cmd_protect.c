#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/labels.h"
#include "cli/message.h"
#include "cli/when.h"
#include "repo/label_change.h"

enum { CMD_PROTECT_ID_CHARS = 8, CMD_PROTECT_REASON_MAX = 1000 };

struct cmd_protect {
    int64_t until; /* seconds since 1970; 0: for ever; LABEL_CHANGE_OFF */
    const char *reason;
};

/* A date, or a duration from now on. */
static int cmd_protect_until(const char *said, int64_t *until)
{
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;
    struct entry_time t;
    uint64_t seconds;
    bool is_date;
    int rc = when_parse(said, &is_date, &t);

    if (rc < 0)
        return err_add(rc, "--until");
    if (is_date) {
        *until = t.s + 1; /* that whole day, minute or second */
    } else {
        rc = text_parse_duration(said, 1, OPT_SECONDS_MAX, &seconds);
        if (rc < 0)
            return err_set(E_USAGE,
                           "--until '%s': neither a date, such as 2027-12-31, "
                           "nor a duration, such as 90d",
                           said);
        *until = now + (int64_t)seconds;
    }
    if (*until <= now)
        return err_set(E_USAGE, "--until '%s': is past", said);
    return 0;
}

static int cmd_protect_options(const struct opt_set *o, struct cmd_protect *p)
{
    const char *until = opt_text(o, OPT_UNTIL);

    p->reason = opt_text(o, OPT_REASON);
    if (opt_has(o, OPT_OFF)) {
        if (until || p->reason)
            return err_set(E_USAGE, "--off goes without --%s",
                           until ? "until" : "reason");
        p->until = LABEL_CHANGE_OFF;
    }
    if (!p->reason)
        p->reason = "";
    if (strlen(p->reason) > CMD_PROTECT_REASON_MAX)
        return err_set(E_USAGE, "--reason: more than %d bytes",
                       CMD_PROTECT_REASON_MAX);
    return until ? cmd_protect_until(until, &p->until) : 0;
}

static void cmd_protect_tell(const char *hex, const struct cmd_protect *p,
                             bool changed)
{
    char when[WHEN_TEXT_MAX];

    if (p->until == LABEL_CHANGE_OFF)
        message_note("%.*s: is %s protected", CMD_PROTECT_ID_CHARS, hex,
                     changed ? "no longer" : "not");
    else if (p->until == 0)
        message_note("%.*s: is protected for ever", CMD_PROTECT_ID_CHARS, hex);
    else
        message_note("%.*s: is protected until %s", CMD_PROTECT_ID_CHARS, hex,
                     when_local((struct entry_time){.s = p->until}, when));
}

static int cmd_protect_one(struct cli *cli, struct session *s,
                           const struct snapshot_item *item, void *ctx)
{
    const struct cmd_protect *p = ctx;
    char hex[ID_HEX_CHARS + 1];
    bool changed;
    int rc = label_change_protect(s->repo, &item->id, p->until,
                                  bytes_of_str(p->reason), &changed);

    if (rc < 0)
        return rc;
    cmd_protect_tell(id_hex(item->id.b, sizeof item->id.b, hex), p, changed);
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "protected");
    json_out_hex(cli->json, "id", bytes_of(item->id.b, sizeof item->id.b));
    json_out_bool(cli->json, "changed", changed);
    json_out_bool(cli->json, "protected", p->until != LABEL_CHANGE_OFF);
    if (p->until > LABEL_CHANGE_OFF)
        json_out_time(cli->json, "until", (struct entry_time){.s = p->until});
    return json_out_end(cli->json);
}

int cmd_protect(struct cli *cli)
{
    struct cmd_protect p = {.until = 0};
    int rc = cmd_protect_options(cli->opt, &p);

    return rc < 0 ? rc : labels_each(cli, cmd_protect_one, &p);
}
