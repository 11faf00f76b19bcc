#include <inttypes.h>
#include <string.h>

#include "base/pipe.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/snap_pick.h"
#include "cli/terminal.h"
#include "repo/job/export_job.h"
#include "repo/repo_role.h"

/* Called by one thread at a time. A reader who has left ends it: what was made
 * ahead is not of use to anybody. */
static int cmd_export_put(void *ctx, struct bytes x)
{
    struct out *out = ctx;

    out_add(out, x);
    return out_failed(out) ? out_flush(out) : 0;
}

static enum export_format cmd_export_format(const struct opt_set *o)
{
    const char *said = opt_text(o, OPT_FORMAT);

    return said && strcmp(said, "zip") == 0 ? EXPORT_ZIP : EXPORT_TAR;
}

/* What the format could not take. */
static void cmd_export_left(const struct export_result *r,
                            enum export_format format)
{
    if (r->left > 0 && format == EXPORT_TAR)
        message_warn("sockets left out, which tar has not: %" PRIu64, r->left);
    if (r->left > 0 && format == EXPORT_ZIP)
        message_warn("devices, fifos and sockets left out, which zip has not: "
                     "%" PRIu64,
                     r->left);
    if (r->bare > 0)
        message_warn("entries without their extended attributes and ACLs, "
                     "which zip has not: %" PRIu64,
                     r->bare);
    if (r->linked > 0)
        message_warn("names of hard links that are files of their own, since "
                     "zip has no links: %" PRIu64,
                     r->linked);
    if (r->slashed > 0)
        message_warn("names with a backslash, which some programs take for a "
                     "slash: %" PRIu64,
                     r->slashed);
    message_note("%" PRIu64 " entries, %" PRIu64 " bytes", r->entries,
                 r->bytes);
}

static int cmd_export_run(struct cli *cli, struct session *s,
                          struct snap_pick *pick)
{
    struct bytes path = buf_bytes(&pick->path);
    struct export_result result;
    struct export_options o = {.format = cmd_export_format(cli->opt),
                               .te = &pick->te,
                               .name = pick->te.e.name,
                               .path = path,
                               .threads = pipe_threads(0),
                               .cancel = cli->cancel,
                               .put = cmd_export_put,
                               .ctx = cli->out};
    int rc = export_job_run(pick->fetch, &o, &result);

    if (rc < 0 && out_failed(cli->out))
        return 0; /* told when the output is closed */
    rc = snap_pick_gone(s, pick, rc);
    if (rc == E_CORRUPT)
        message_follow("the archive ends there; 'dedup restore' brings back "
                       "all that is whole");
    if (rc == 0)
        cmd_export_left(&result, o.format);
    return rc;
}

int cmd_export(struct cli *cli)
{
    struct session s = {.store = NULL};
    struct snap_pick pick = {.fetch = NULL};
    int rc;

    if (cli->json)
        return err_set(E_USAGE, "export writes an archive: there is no --json "
                                "for it; 'ls -R --json' tells what is in it");
    if (terminal_is(1))
        return err_set(E_USAGE, "an archive is not shown on a terminal: send "
                                "it to a file ('> backup.tar'), or through a "
                                "pipe ('| tar -C DIR -x')");
    rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = repo_role_allows(s.repo, REPO_ACT_CONTENT);
    if (rc == 0)
        rc = snap_pick_open(&s, cli->opt->arg[0], false,
                            opt_has(cli->opt, OPT_ALL), &pick);
    if (rc == 0)
        rc = cmd_export_run(cli, &s, &pick);
    snap_pick_release(&pick);
    session_close(&s);
    return rc;
}
