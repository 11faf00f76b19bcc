#include "cli/wrote_out.h"

#include <stdio.h>
#include <string.h>

#include "cli/key_list.h"
#include "cli/message.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/members_draft.h"
#include "repo/wrote.h"

enum { WROTE_OUT_ID_CHARS = 8 };

static const struct table_column wrote_out_columns[] = {
    {"id", false, false, 0},
    {"time", false, false, 0},
    {"series", false, true, 50},
    {"state", false, false, 40},
};

static const char *wrote_out_state(const struct snapshot_item *it)
{
    if (it->damaged)
        return "damaged";
    return it->manifest.m.complete ? "complete" : "checkpoint";
}

/* ---- for people -------------------------------------------------------- */

static int wrote_out_table(struct cli *cli, const struct wrote *w)
{
    char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];
    struct table t;
    int rc;

    table_init(&t, wrote_out_columns,
               sizeof wrote_out_columns / sizeof wrote_out_columns[0]);
    for (size_t i = 0; i < w->snapshot_n; i++) {
        const struct snapshot_item *it = &w->list.item[w->snapshot[i]];

        (void)id_hex(it->id.b, sizeof it->id.b, hex);
        table_cell(&t, bytes_of(hex, WROTE_OUT_ID_CHARS));
        table_text(&t,
                   it->damaged ? "-" : when_local(it->manifest.m.begin, when));
        table_cell(&t, it->damaged ? bytes_of_str("-") : it->manifest.m.series);
        table_text(&t, wrote_out_state(it));
    }
    rc = table_print(&t, cli->out, terminal_is(1) ? terminal_columns(1) : 0);
    table_release(&t);
    return rc;
}

static void wrote_out_summary(const struct key_list_pick *pick,
                              const struct wrote *w)
{
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX], d[WORDS_MAX], e[WORDS_MAX];

    message_note("the key '%s'%s: %s snapshots, %s journals, %s packs (%s), "
                 "%s of them vouched for",
                 pick->label, pick->removed ? " (removed)" : "",
                 words_count(w->snapshot_n, a), words_count(w->journal_n, b),
                 words_count(w->pack_n, c), words_size(w->pack_bytes, d),
                 words_count(w->vouched_n, e));
}

/* ---- JSON -------------------------------------------------------------- */

static int wrote_out_json_snapshot(struct json_out *j,
                                   const struct snapshot_item *it)
{
    json_out_begin(j, "snapshot");
    json_out_hex(j, "id", bytes_of(it->id.b, sizeof it->id.b));
    json_out_bool(j, "damaged", it->damaged);
    if (!it->damaged) {
        json_out_bytes(j, "series", it->manifest.m.series);
        json_out_time(j, "begin", it->manifest.m.begin);
        json_out_bool(j, "complete", it->manifest.m.complete);
    }
    return json_out_end(j);
}

static int wrote_out_json_journal(struct json_out *j,
                                  const struct wrote_journal *w)
{
    json_out_begin(j, "journal");
    json_out_hex(j, "id", bytes_of(w->writer.b, sizeof w->writer.b));
    json_out_u64(j, "records", w->records);
    json_out_bool(j, "counts", w->counts);
    return json_out_end(j);
}

static int wrote_out_json_pack(struct json_out *j, const struct wrote_pack *p)
{
    json_out_begin(j, "pack");
    json_out_hex(j, "id", bytes_of(p->id.b, sizeof p->id.b));
    json_out_text(j, "kind", p->kind == INDEX_DATA ? "data" : "metadata");
    json_out_u64(j, "bytes", p->bytes);
    json_out_bool(j, "condemned", p->state == INDEX_CONDEMNED);
    json_out_bool(j, "listed", p->listed);
    json_out_bool(j, "gone", p->gone);
    json_out_bool(j, "vouched", p->vouched);
    return json_out_end(j);
}

static int wrote_out_json(struct json_out *j, const struct key_list_pick *pick,
                          const struct wrote *w)
{
    int rc = 0;

    for (size_t i = 0; i < w->snapshot_n && rc == 0; i++)
        rc = wrote_out_json_snapshot(j, &w->list.item[w->snapshot[i]]);
    for (size_t i = 0; i < w->journal_n && rc == 0; i++)
        rc = wrote_out_json_journal(j, &w->journal[i]);
    for (size_t i = 0; i < w->pack_n && rc == 0; i++)
        rc = wrote_out_json_pack(j, &w->pack[i]);
    if (rc < 0)
        return rc;
    json_out_begin(j, "writer");
    json_out_hex(j, "id", bytes_of(pick->member.b, sizeof pick->member.b));
    json_out_bytes(j, "label", bytes_of_str(pick->label));
    json_out_bool(j, "removed", pick->removed);
    json_out_u64(j, "snapshots", w->snapshot_n);
    json_out_u64(j, "journals", w->journal_n);
    json_out_u64(j, "packs", w->pack_n);
    json_out_u64(j, "pack_bytes", w->pack_bytes);
    json_out_u64(j, "vouched", w->vouched_n);
    return json_out_end(j);
}

/* ---- all of it --------------------------------------------------------- */

/* The key of that name: what was removed may be called by its label too, as
 * long as no other is called so. */
static int wrote_out_pick(const struct repo *r, const char *name,
                          struct key_list_pick *out)
{
    const struct members *m = &r->state.members;
    const struct members_one *gone = NULL;
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(members_draft_label(r, &m->one[i]), name) != 0)
            continue;
        n++;
        gone = &m->one[i];
    }
    if (n != 1 || gone->standing != RECORD_REMOVED)
        return key_list_find(r, name, out);
    *out = (struct key_list_pick){
        .member = gone->id, .is_member = true, .removed = true};
    (void)snprintf(out->label, sizeof out->label, "%s", name);
    return 0;
}

int wrote_out_show(struct cli *cli, const struct repo *r, const char *name)
{
    struct wrote w = {.snapshot = NULL};
    struct key_list_pick pick;
    int rc = wrote_out_pick(r, name, &pick);

    if (rc == 0 && !pick.is_member)
        rc = err_set(E_USAGE,
                     "the key '%s' is no member: nothing that it wrote counts",
                     pick.label);
    if (rc == 0)
        rc = wrote_load(r, &pick.member, &w);
    if (rc == 0)
        rc = cli->json ? wrote_out_json(cli->json, &pick, &w)
                       : wrote_out_table(cli, &w);
    if (rc == 0)
        wrote_out_summary(&pick, &w);
    if (rc == 0 && w.hurt)
        rc = err_set(E_CORRUPT, "some of it is damaged: 'dedup check' tells "
                                "what that hurts");
    wrote_release(&w);
    return rc;
}
