#include "cli/prune_out.h"
#include "repo/repo_role.h"

int cmd_prune(struct cli *cli)
{
    struct session s = {.store = NULL};
    int rc = prune_out_check(cli->opt);

    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_COLLECT);
    if (rc == 0)
        rc = prune_out(cli, &s);
    session_close(&s);
    return rc;
}
