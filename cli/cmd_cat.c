#include <inttypes.h>

#include "base/cancel.h"
#include "cli/cli.h"
#include "cli/entry_out.h"
#include "cli/snap_pick.h"
#include "repo/repo_role.h"

/* Zeros until n are written, or nobody reads them any more. */
static int cmd_cat_hole(struct cli *cli, uint64_t n)
{
    static const uint8_t zeros[65536];
    int rc = 0;

    while (rc == 0 && n > 0 && !out_failed(cli->out)) {
        size_t part = n < sizeof zeros ? (size_t)n : sizeof zeros;

        out_add(cli->out, bytes_of(zeros, part));
        n -= part;
        rc = cancel_check(cli->cancel);
    }
    return rc;
}

/* What is written was hashed by fetch_get() just before (I7). */
static int cmd_cat_extent(struct cli *cli, struct fetch_lane *lane,
                          const struct extent *e)
{
    struct fetch_chunk chunk = {.frame = NULL};
    int rc;

    if (e->kind == EXTENT_HOLE)
        return cmd_cat_hole(cli, e->length);
    rc = fetch_extent(lane, e, &chunk);
    if (rc < 0)
        return rc;
    out_add(cli->out, chunk.bytes);
    fetch_release(lane, &chunk);
    return 0;
}

static int cmd_cat_content(struct cli *cli, struct snap_pick *p)
{
    struct node_source source = fetch_node_source(p->lane);
    struct content_reader *r = content_reader_new(&source);
    struct extent e;
    uint64_t at = 0;
    bool more = true;
    int rc;

    if (!r)
        return err_set(E_NOMEM, "out of memory");
    rc = content_reader_open(r, &p->te.content, p->te.e.size, 0);
    while (rc == 0 && !out_failed(cli->out)) {
        rc = cancel_check(cli->cancel);
        if (rc == 0)
            rc = content_reader_next(r, &e, &at, &more);
        if (rc == 0 && !more)
            break;
        if (rc == 0)
            rc = cmd_cat_extent(cli, p->lane, &e);
    }
    content_reader_free(r);
    if (rc == E_CANCELED)
        return rc;
    return err_add(rc, "/%.*s: after %" PRIu64 " bytes", (int)p->path.n,
                   (const char *)p->path.p, at);
}

int cmd_cat(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct snap_pick pick = {.fetch = NULL};
    int rc;

    if (cli->json)
        return err_set(E_USAGE, "cat writes the bytes of a file: there is no "
                                "--json for it; 'ls --json' tells about it");
    rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_CONTENT);
    if (rc == 0)
        rc = snap_pick_open(&s, cli->opt->arg[0], false,
                            opt_has(cli->opt, OPT_ALL), &pick);
    if (rc == 0 && pick.te.e.type != ENTRY_FILE)
        rc = err_set(E_USAGE,
                     "/%.*s: not a regular file (%s); 'dedup restore' writes "
                     "such back",
                     (int)pick.path.n, (const char *)pick.path.p,
                     entry_out_type(pick.te.e.type));
    if (rc == 0)
        rc = snap_pick_gone(&s, &pick, cmd_cat_content(cli, &pick));
    snap_pick_release(&pick);
    session_close(&s);
    return rc;
}
