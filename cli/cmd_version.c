#include "cli/cli.h"

int cmd_version(struct cli *cli)
{
    if (cli->json) {
        json_out_begin(cli->json, "version");
        json_out_text(cli->json, "version", DEDUP_VERSION);
        return json_out_end(cli->json);
    }
    out_text(cli->out, "dedup " DEDUP_VERSION "\n");
    return 0;
}
