#include "cli/cmd_key.h"

#include <string.h>

static const struct {
    const char *word;
    int (*run)(struct cli *cli, const char *const *arg, size_t arg_n);
} cmd_key_word[] = {
    {"recover", cmd_key_recover},
    {"sheet", cmd_key_sheet},
};

int cmd_key(struct cli *cli)
{
    const char *word = cli->opt->arg[0];

    for (size_t i = 0; i < sizeof cmd_key_word / sizeof cmd_key_word[0]; i++) {
        if (strcmp(word, cmd_key_word[i].word) == 0)
            return cmd_key_word[i].run(cli, cli->opt->arg + 1,
                                       cli->opt->arg_n - 1);
    }
    return err_set(E_USAGE, "key: recover or sheet, not '%s'", word);
}
