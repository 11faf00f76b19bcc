#include "cli/key_secret.h"

#include "cli/message.h"

int key_secret_get(struct cli *cli, struct secrets_key *key)
{
    int rc = secrets_get_new(cli->opt, cli->cancel, key);

    if (rc == 0 && key->made)
        message_warn("made a new key in %s; whoever loses it loses what it "
                     "opens",
                     opt_text(cli->opt, OPT_NEW_KEY_FILE));
    return rc;
}

int key_secret_only_new(const struct cli *cli)
{
    static const enum opt_id old[] = {OPT_KEY_FILE, OPT_PASSPHRASE_FILE,
                                      OPT_PASSPHRASE_COMMAND,
                                      OPT_PASSPHRASE_FD};

    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        const struct opt_value *v = opt_last(cli->opt, old[i]);

        if (v && v->origin == OPT_FROM_ARGV)
            return err_set(E_USAGE,
                           "--%s names what opens a key that is there; give "
                           "--new-%s for the one that is made",
                           opt_info(old[i])->name, opt_info(old[i])->name);
    }
    return 0;
}
