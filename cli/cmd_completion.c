#include "cli/cli.h"
#include "cli/completion.h"

int cmd_completion(struct cli *cli)
{
    const char *shell = cli->opt->arg[0];
    struct buf text;
    int rc;

    buf_init(&text, COMPLETION_BYTES_MAX);
    rc = completion_script(shell, &text);
    if (rc == 0)
        rc = buf_status(&text);
    if (rc == 0 && cli->json) {
        json_out_begin(cli->json, "completion");
        json_out_text(cli->json, "shell", shell);
        json_out_bytes(cli->json, "script", buf_bytes(&text));
        rc = json_out_end(cli->json);
    } else if (rc == 0) {
        out_add(cli->out, buf_bytes(&text));
    }
    buf_release(&text);
    return rc;
}
