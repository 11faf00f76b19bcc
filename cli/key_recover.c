#include "cli/key_recover.h"

#include <string.h>

#include "cli/key_secret.h"
#include "cli/message.h"
#include "cli/sheet_file.h"
#include "cli/sheet_type.h"
#include "cli/terminal.h"
#include "repo/repo_recover.h"
#include "repo/repo_role.h"

/* What the sheet says: from a file, a pipe, or who types it. */
static int key_recover_read(struct cli *cli, const char *path,
                            struct recovery *v)
{
    struct sheet *s = sheet_new();
    struct secret content = {0};
    int rc = s ? secret_init(&content, SHEET_BYTES_MAX)
               : err_set(E_NOMEM, "out of memory");

    if (rc == 0 && strcmp(path, "-") == 0 && terminal_is(0))
        rc = sheet_type(s, cli->cancel);
    else if (rc == 0)
        rc = sheet_file_read(path, s);
    if (rc == 0)
        rc = sheet_get(s, &content);
    if (rc == 0)
        rc = recovery_get(v, secret_bytes(&content));
    secret_release(&content);
    sheet_free(s);
    return rc;
}

static int key_recover_tell(struct cli *cli, const struct session *s)
{
    const struct repo_id *id = &s->repo->config.repo;
    bool active = repo_role_active(s->repo) == 0;
    char hex[2 * sizeof id->b + 1];

    if (!active)
        message_warn("the key of this sheet was removed from the repository: "
                     "it reads what was written before that, and nothing that "
                     "it writes counts; whoever has a newer sheet, of another "
                     "key, should recover with that");
    message_note("the repository %s has its config and a key again: run "
                 "'dedup check', restore what you need, and print a new sheet "
                 "with 'dedup key sheet'",
                 id_hex(id->b, sizeof id->b, hex));
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "recovered");
    json_out_text(cli->json, "id", hex);
    json_out_u64(cli->json, "log", s->repo->state.tip.number);
    json_out_bool(cli->json, "active", active);
    return json_out_end(cli->json);
}

/* From here on the sheet is known to be the repository's. */
static int key_recover_make(struct cli *cli, struct session *s,
                            struct repo_recover_options *opt)
{
    struct key_slot_secret secret;
    struct secrets_key key;
    int rc = key_secret_get(cli, &key);

    if (rc == 0) {
        secret = session_secret(&key);
        opt->secret = &secret;
        rc = repo_recover(s->store, opt);
    }
    if (rc == 0)
        rc = err_add(session_open_with(cli, &key, s),
                     "config and key are back, but it does not open");
    secrets_key_release(&key);
    return rc;
}

int key_recover_run(struct cli *cli)
{
    const char *path = opt_text(cli->opt, OPT_SHEET);
    struct repo_recover_options opt = {
        .label = "recovered",
        .accept_rollback = opt_has(cli->opt, OPT_ACCEPT_ROLLBACK)};
    struct session s = {.store = NULL};
    struct recovery *v = NULL;
    int rc = 0;

    if (cli->opt->arg_n != 1 || !path)
        return err_set(E_USAGE, "key recover: give --sheet FILE, or --sheet - "
                                "to type it in, and nothing else");
    rc = key_secret_only_new(cli);
    if (rc == 0)
        rc = session_open_store(cli, &s);
    if (rc == 0 && !(v = recovery_new()))
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = key_recover_read(cli, path, v);
    opt.recovery = v;
    if (rc == 0)
        rc = repo_recover_check(s.store, &opt);
    if (rc == 0)
        rc = key_recover_make(cli, &s, &opt);
    if (rc == 0)
        rc = key_recover_tell(cli, &s);
    recovery_free(v);
    session_close(&s);
    return rc;
}
