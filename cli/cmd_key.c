#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/key_list.h"
#include "cli/key_recover.h"
#include "cli/key_rotate.h"
#include "cli/key_secret.h"
#include "cli/key_sheet.h"
#include "cli/message.h"
#include "cli/session.h"
#include "cli/words.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/repo_role.h"

/* What `dedup key` does with one word after it. */
struct cmd_key_action {
    const char *name;
    const char *wants;      /* one argument after the name; NULL: none */
    enum opt_id options[8]; /* that it takes; OPT_END ends them */
    enum session_use use;
    int (*run)(struct cli *cli, struct session *s);
    int (*alone)(struct cli *cli); /* instead: it opens what it needs itself */
};

#define CMD_KEY_NEW                                                            \
    OPT_NEW_PASSPHRASE_FILE, OPT_NEW_PASSPHRASE_COMMAND,                       \
        OPT_NEW_PASSPHRASE_FD, OPT_NEW_KEY_FILE

/* ---- add --------------------------------------------------------------- */

static int cmd_key_add_tell(struct cli *cli, const struct repo *r,
                            const struct member_id *id, bool trust_moved,
                            bool made)
{
    const struct members_one *one = members_find(&r->state.members, id);

    ASSERT(one);
    message_note("added the key '%s', which may %s", one->label,
                 one->role == KEYRING_FULL    ? "do everything"
                 : one->role == KEYRING_READ  ? "read and do nothing else"
                 : one->role == KEYRING_WRITE ? "back up, and not read back"
                                              : "keep house, and read no "
                                                "content");
    if (trust_moved)
        message_note("trust is '%s' now",
                     r->state.members.trust == RECORD_TRUST_OWN ? "own"
                                                                : "shared");
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "key");
    json_out_hex(cli->json, "id", bytes_of(id->b, sizeof id->b));
    json_out_bytes(cli->json, "label", bytes_of_str(one->label));
    json_out_text(cli->json, "role", repo_role_name(one->role));
    json_out_bool(cli->json, "new_key_file", made);
    return json_out_end(cli->json);
}

static int cmd_key_add(struct cli *cli, struct session *s)
{
    const char *role = opt_text(cli->opt, OPT_ROLE);
    const char *trust = opt_text(cli->opt, OPT_TRUST);
    struct key_change_new n = {.label = opt_text(cli->opt, OPT_LABEL)};
    enum record_trust before = s->repo->state.members.trust;
    struct key_slot_secret secret;
    struct secrets_key key = {.made = false};
    struct member_id id;
    int rc;

    if (!role || !n.label || !repo_role_named(role, &n.role))
        return err_set(E_USAGE, "key add needs --role and --label");
    n.has_trust = trust != NULL;
    n.trust = trust && strcmp(trust, "own") == 0 ? RECORD_TRUST_OWN
                                                 : RECORD_TRUST_SHARED;
    rc = key_change_may_add(s->repo, &n);
    if (rc == 0)
        rc = key_secret_get(cli, &key);
    if (rc == 0) {
        secret = session_secret(&key);
        n.secret = &secret;
        rc = key_change_add(s->repo, &n, &id);
    }
    if (rc == 0)
        rc = cmd_key_add_tell(cli, s->repo, &id,
                              s->repo->state.members.trust != before, key.made);
    secrets_key_release(&key);
    return rc;
}

/* ---- list, passwd, trust ----------------------------------------------- */

static int cmd_key_list(struct cli *cli, struct session *s)
{
    return key_list_show(cli, s->repo);
}

static int cmd_key_passwd(struct cli *cli, struct session *s)
{
    struct secrets_key key = {.made = false};
    struct key_slot_secret secret;
    int rc = repo_role_allows(s->repo, REPO_ACT_OWN_KEY);

    if (rc == 0)
        rc = key_secret_get(cli, &key);
    if (rc == 0) {
        secret = session_secret(&key);
        rc = key_change_secret(s->repo, &secret);
    }
    if (rc == 0)
        message_note("the new %s alone opens the key '%s' now",
                     key.kind == SECRETS_KEY ? "key file" : "passphrase",
                     s->repo->slot.label);
    secrets_key_release(&key);
    return rc;
}

static int cmd_key_trust(struct cli *cli, struct session *s)
{
    const char *word = cli->opt->arg[1];
    bool own = strcmp(word, "own") == 0;

    if (!own && strcmp(word, "shared") != 0)
        return err_set(E_USAGE, "key trust: 'own' or 'shared', not '%s'", word);
    return key_change_trust(s->repo,
                            own ? RECORD_TRUST_OWN : RECORD_TRUST_SHARED);
}

/* ---- remove ------------------------------------------------------------ */

static int cmd_key_remove_tell(struct cli *cli,
                               const struct key_list_pick *pick,
                               const struct key_remove_result *done)
{
    if (done->unfinished)
        message_warn("the key '%s' writes nothing any more, and its slots are "
                     "deleted; run 'dedup key remove %s' with another full "
                     "key, which finishes it",
                     pick->label, pick->label);
    else
        message_note("removed the key '%s'", pick->label);
    if (done->damaged > 0)
        message_warn("%" PRIu64 " damaged or missing record%s of its "
                     "journals: what they said is void from now on",
                     done->damaged, words_plural(done->damaged));
    if (done->left_out > 0)
        message_warn("%" PRIu64 " journal%s that did not fit: what they said "
                     "is void from now on",
                     done->left_out, words_plural(done->left_out));
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "removed");
    json_out_hex(cli->json, "id",
                 bytes_of(pick->member.b, sizeof pick->member.b));
    json_out_bytes(cli->json, "label", bytes_of_str(pick->label));
    json_out_bool(cli->json, "finished", !done->unfinished);
    json_out_u64(cli->json, "journals", done->journals);
    json_out_u64(cli->json, "damaged_records", done->damaged);
    json_out_u64(cli->json, "journals_left_out", done->left_out);
    return json_out_end(cli->json);
}

static int cmd_key_remove(struct cli *cli, struct session *s)
{
    struct key_remove_result done = {.journals = 0};
    struct key_list_pick pick;
    int rc = repo_role_allows(s->repo, REPO_ACT_KEYS);

    if (rc == 0)
        rc = key_list_find(s->repo, cli->opt->arg[1], &pick);
    if (rc == 0 && pick.is_member)
        rc = key_remove(s->repo, &pick.member, opt_has(cli->opt, OPT_FORCE),
                        &done);
    else if (rc == 0)
        rc = slot_list_drop(s->store, &pick.member, NULL);
    return rc < 0 ? rc : cmd_key_remove_tell(cli, &pick, &done);
}

/* ---- all of them ------------------------------------------------------- */

static const struct cmd_key_action cmd_key_actions[] = {
    {"list", NULL, {OPT_END}, SESSION_WORK, cmd_key_list, NULL},
    {"add",
     NULL,
     {CMD_KEY_NEW, OPT_ROLE, OPT_LABEL, OPT_TRUST, OPT_END},
     SESSION_WORK,
     cmd_key_add,
     NULL},
    {"remove",
     "which key? Its label, or the beginning of its id",
     {OPT_FORCE, OPT_END},
     SESSION_WORK,
     cmd_key_remove,
     NULL},
    {"passwd",
     NULL,
     {CMD_KEY_NEW, OPT_END},
     SESSION_WORK,
     cmd_key_passwd,
     NULL},
    {"trust",
     "'own' or 'shared'?",
     {OPT_END},
     SESSION_WORK,
     cmd_key_trust,
     NULL},
    {"rotate", NULL, {OPT_END}, SESSION_KEYS, key_rotate_run, NULL},
    {"sheet",
     "which file shall it be written to? Name a new one: .pdf, .svg, or text",
     {OPT_END},
     SESSION_WORK,
     NULL,
     key_sheet_run},
    {"recover",
     NULL,
     {CMD_KEY_NEW, OPT_SHEET, OPT_END},
     SESSION_WORK,
     NULL,
     key_recover_run},
};

static bool cmd_key_takes(const struct cmd_key_action *a, enum opt_id id)
{
    for (size_t i = 0; a->options[i] != OPT_END; i++) {
        if (a->options[i] == id)
            return true;
    }
    return false;
}

/* Whether the command line fits one of them. */
static int cmd_key_action(const struct opt_set *o,
                          const struct cmd_key_action **out)
{
    const struct cmd_key_action *a = NULL;

    for (size_t i = 0; i < sizeof cmd_key_actions / sizeof *a; i++) {
        if (strcmp(cmd_key_actions[i].name, o->arg[0]) == 0)
            a = &cmd_key_actions[i];
    }
    if (!a)
        return err_set(E_USAGE,
                       "key '%s': must be one of list, add, remove, passwd, "
                       "rotate, trust, sheet, recover",
                       o->arg[0]);
    if (a->wants && o->arg_n == 1)
        return err_set(E_USAGE, "key %s: %s", a->name, a->wants);
    if (!a->wants && o->arg_n > 1)
        return err_set(E_USAGE, "key %s: nothing more can be said", a->name);
    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_value *v = &o->value[i];

        if (opt_info(v->id)->commands != OPT_EVERY && !cmd_key_takes(a, v->id))
            return err_set(E_USAGE, "key %s does not take --%s", a->name,
                           opt_info(v->id)->name);
    }
    *out = a;
    return 0;
}

int cmd_key(struct cli *cli)
{
    const struct cmd_key_action *action = NULL;
    struct session s = {.store = NULL};
    int rc = cmd_key_action(cli->opt, &action);

    if (rc == 0 && action->alone)
        return action->alone(cli);
    if (rc == 0)
        rc = session_open(cli, action->use, &s);
    if (rc == 0)
        rc = action->run(cli, &s);
    session_close(&s);
    return rc;
}
