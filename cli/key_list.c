#include "cli/key_list.h"

#include <stdio.h>

#include "cli/message.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "repo/members_draft.h"
#include "repo/repo_role.h"

enum { KEY_LIST_ID_CHARS = 8, KEY_LIST_PREFIX_MIN = 4, KEY_LIST_KDF_MAX = 80 };

static const struct table_column key_list_columns[] = {
    {"", false, false, 0},          {"label", false, true, 0},
    {"role", false, false, 60},     {"standing", false, false, 40},
    {"opened by", false, true, 80}, {"id", false, false, 0},
    {"since", false, false, 100},
};

static const char *key_list_standing(enum record_standing s)
{
    switch (s) {
    case RECORD_ACTIVE:
        return "active";
    case RECORD_LEAVING:
        return "leaving";
    case RECORD_REMOVED:
        return "removed";
    }
    return "";
}

static const char *key_list_kdf(enum key_slot_kdf kdf)
{
    return kdf == KEY_SLOT_FILE ? "key file" : "passphrase";
}

static bool key_list_same(const struct member_id *a, const struct member_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* What opens a member's keys, in one cell. */
static const char *key_list_ways(const struct slot_list *l,
                                 const struct member_id *id,
                                 char out[KEY_LIST_KDF_MAX])
{
    unsigned n[KEY_SLOT_FILE + 1] = {0};
    size_t at = 0;

    for (size_t i = 0; i < l->n; i++)
        n[l->item[i].info.kdf] += key_list_same(&l->item[i].info.member, id);
    (void)snprintf(out, KEY_LIST_KDF_MAX, "-");
    for (unsigned k = KEY_SLOT_PASSPHRASE; k <= KEY_SLOT_FILE; k++) {
        const char *what = key_list_kdf((enum key_slot_kdf)k);

        if (n[k] == 1)
            at += (size_t)snprintf(out + at, KEY_LIST_KDF_MAX - at, "%s%s",
                                   at ? ", " : "", what);
        else if (n[k] > 1)
            at += (size_t)snprintf(out + at, KEY_LIST_KDF_MAX - at, "%s%u %ss",
                                   at ? ", " : "", n[k], what);
    }
    return out;
}

/* The founder came with the repository. */
static struct entry_time key_list_since(const struct repo *r,
                                        const struct members_one *one)
{
    return one->since > 0 ? one->added : r->config.created;
}

static bool key_list_stray(const struct repo *r, const struct slot_list_item *s)
{
    return !members_find(&r->state.members, &s->info.member);
}

/* ---- for people -------------------------------------------------------- */

static void key_list_id(struct table *t, const struct member_id *id)
{
    char hex[2 * sizeof id->b + 1];

    (void)id_hex(id->b, sizeof id->b, hex);
    table_cell(t, bytes_of(hex, KEY_LIST_ID_CHARS));
}

static int key_list_table(struct cli *cli, const struct repo *r,
                          const struct slot_list *l)
{
    const struct members *m = &r->state.members;
    char ways[KEY_LIST_KDF_MAX], when[WHEN_TEXT_MAX];
    struct table t;
    int rc;

    table_init(&t, key_list_columns,
               sizeof key_list_columns / sizeof key_list_columns[0]);
    for (size_t i = 0; i < m->n; i++) {
        const struct members_one *one = &m->one[i];

        table_text(&t, key_list_same(&one->id, &r->keys->member) ? "*" : "");
        table_text(&t, members_draft_label(r, one));
        table_text(&t, repo_role_name(one->role));
        table_text(&t, key_list_standing(one->standing));
        table_text(&t, key_list_ways(l, &one->id, ways));
        key_list_id(&t, &one->id);
        table_text(&t, when_local(key_list_since(r, one), when));
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct slot_list_item *s = &l->item[i];

        if (!key_list_stray(r, s))
            continue;
        table_text(&t, "");
        table_text(&t, s->info.label);
        table_text(&t, repo_role_name(s->info.role));
        table_text(&t, "no member");
        table_text(&t, key_list_kdf(s->info.kdf));
        key_list_id(&t, &s->info.member);
        table_text(&t, "-");
    }
    rc = table_print(&t, cli->out, terminal_is(1) ? terminal_columns(1) : 0);
    table_release(&t);
    return rc;
}

/* ---- JSON -------------------------------------------------------------- */

static void key_list_json_slot(struct json_out *j,
                               const struct slot_list_item *s)
{
    json_out_object(j, NULL);
    json_out_hex(j, "id", bytes_of(s->id.b, sizeof s->id.b));
    json_out_text(j, "opened_by", key_list_kdf(s->info.kdf));
    json_out_u64(j, "passes", s->info.passes);
    json_out_u64(j, "memory", (uint64_t)s->info.kib * 1024);
    json_out_close(j);
}

static int key_list_json_member(struct json_out *j, const struct repo *r,
                                const struct members_one *one,
                                const struct slot_list *l)
{
    json_out_begin(j, "key");
    json_out_hex(j, "id", bytes_of(one->id.b, sizeof one->id.b));
    json_out_bytes(j, "label", bytes_of_str(members_draft_label(r, one)));
    json_out_text(j, "role", repo_role_name(one->role));
    json_out_text(j, "standing", key_list_standing(one->standing));
    json_out_bool(j, "mine", key_list_same(&one->id, &r->keys->member));
    json_out_time(j, "since", key_list_since(r, one));
    json_out_list(j, "slots");
    for (size_t i = 0; i < l->n; i++) {
        if (key_list_same(&l->item[i].info.member, &one->id))
            key_list_json_slot(j, &l->item[i]);
    }
    json_out_close(j);
    return json_out_end(j);
}

static int key_list_json_stray(struct json_out *j,
                               const struct slot_list_item *s)
{
    json_out_begin(j, "key");
    json_out_hex(j, "id", bytes_of(s->info.member.b, sizeof s->info.member.b));
    json_out_bytes(j, "label", bytes_of_str(s->info.label));
    json_out_text(j, "role", repo_role_name(s->info.role));
    json_out_text(j, "standing", "no member");
    json_out_bool(j, "mine", false);
    json_out_null(j, "since");
    json_out_list(j, "slots");
    key_list_json_slot(j, s);
    json_out_close(j);
    return json_out_end(j);
}

static int key_list_json(struct json_out *j, const struct repo *r,
                         const struct slot_list *l)
{
    const struct members *m = &r->state.members;
    int rc = 0;

    for (size_t i = 0; i < m->n && rc == 0; i++)
        rc = key_list_json_member(j, r, &m->one[i], l);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        if (key_list_stray(r, &l->item[i]))
            rc = key_list_json_stray(j, &l->item[i]);
    }
    return rc;
}

/* A rotation that died half way, or one by another key: a full key's slot is
 * what still opens the data when the log is damaged. */
static void key_list_warn_slot(const struct repo *r)
{
    uint32_t begun = r->keys->begun;

    if (r->keys->role == KEYRING_FULL && r->slot_epochs < begun)
        message_warn("the slot of this key lacks %u of the repository's %u "
                     "epochs of keys, which stand in the log alone: 'dedup key "
                     "passwd' writes it anew, with the same secret if you like",
                     begun - r->slot_epochs, begun);
}

int key_list_show(struct cli *cli, const struct repo *r)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(r->store, &l);

    if (rc == 0)
        rc = cli->json ? key_list_json(cli->json, r, &l)
                       : key_list_table(cli, r, &l);
    if (rc == 0 && l.unread > 0)
        message_warn("%zu key slot%s cannot be read; 'dedup check' tells more",
                     l.unread, l.unread == 1 ? "" : "s");
    if (rc == 0)
        key_list_warn_slot(r);
    if (rc == 0)
        message_detail("trust is '%s'",
                       r->state.members.trust == RECORD_TRUST_OWN ? "own"
                                                                  : "shared");
    slot_list_release(&l);
    return rc;
}

/* ---- which one --------------------------------------------------------- */

static bool key_list_begins(const struct member_id *id, const char *prefix)
{
    char hex[2 * sizeof id->b + 1];
    size_t n = strlen(prefix);

    return n >= KEY_LIST_PREFIX_MIN && n < sizeof hex &&
           strncmp(id_hex(id->b, sizeof id->b, hex), prefix, n) == 0;
}

static void key_list_take(struct key_list_pick *out, const struct member_id *id,
                          const char *label, size_t *n)
{
    /* several slots of one who never came are one key */
    if (*n > 0 && key_list_same(&out->member, id))
        return;
    out->member = *id;
    (void)snprintf(out->label, sizeof out->label, "%s", label);
    ++*n;
}

static int key_list_find_stray(const struct repo *r, const char *name,
                               struct key_list_pick *out, size_t *n)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(r->store, &l);

    for (size_t i = 0; i < l.n && rc == 0; i++) {
        const struct slot_list_item *s = &l.item[i];

        if (key_list_stray(r, s) && (strcmp(s->info.label, name) == 0 ||
                                     key_list_begins(&s->info.member, name)))
            key_list_take(out, &s->info.member, s->info.label, n);
    }
    slot_list_release(&l);
    return rc;
}

int key_list_find(const struct repo *r, const char *name,
                  struct key_list_pick *out)
{
    const struct members *m = &r->state.members;
    size_t n = 0;
    int rc = 0;

    *out = (struct key_list_pick){.is_member = true};
    for (size_t i = 0; i < m->n && n == 0; i++) {
        if (m->one[i].standing != RECORD_REMOVED &&
            strcmp(members_draft_label(r, &m->one[i]), name) == 0)
            key_list_take(out, &m->one[i].id, name, &n);
    }
    for (size_t i = 0, labelled = n; i < m->n && labelled == 0; i++) {
        if (key_list_begins(&m->one[i].id, name))
            key_list_take(out, &m->one[i].id,
                          members_draft_label(r, &m->one[i]), &n);
    }
    if (n == 0) {
        out->is_member = false;
        rc = key_list_find_stray(r, name, out, &n);
    }
    if (rc < 0)
        return rc;
    if (n != 1)
        return err_set(E_USAGE,
                       n ? "'%s': several keys begin so: say more of "
                           "the id"
                         : "'%s': there is no such key; 'dedup key "
                           "list' shows them",
                       name);
    out->removed = out->is_member &&
                   members_find(m, &out->member)->standing == RECORD_REMOVED;
    return 0;
}
