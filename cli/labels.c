#include "cli/labels.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cli/snap_pick.h"
#include "repo/repo_role.h"

/* A list of which some are damaged may lack what was meant. */
static int labels_find(const struct opt_set *o, const struct snapshot_list *l,
                       const struct snapshot_item **item)
{
    int rc = 0;

    for (size_t i = 0; i < o->arg_n && rc == 0; i++)
        rc = snap_pick_item(l, o->arg[i], false, &item[i]);
    return rc;
}

int labels_each(struct cli *cli, labels_do *what, void *ctx)
{
    const struct opt_set *o = cli->opt;
    struct session s = {.store = NULL};
    struct snapshot_list l = {.n = 0};
    const struct snapshot_item **item = mem_array(o->arg_n, sizeof *item);
    int rc = item ? 0 : err_set(E_NOMEM, "out of memory");

    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_LABEL);
    if (rc == 0)
        rc = snapshot_list_load(s.repo->index, &s.repo->state, &l);
    if (rc == 0)
        rc = labels_find(o, &l, item);
    for (size_t i = 0; i < o->arg_n && rc == 0; i++)
        rc = what(cli, &s, item[i], ctx);
    free(item);
    snapshot_list_release(&l);
    session_close(&s);
    return rc;
}
