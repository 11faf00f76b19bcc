#include "cli/diff_live.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fileop.h"
#include "cli/backup_set.h"
#include "cli/diff_out.h"
#include "cli/snap_pick.h"
#include "cli/snap_spec.h"
#include "repo/job/live_diff.h"
#include "repo/repo_role.h"
#include "source/walk_roots.h"

struct diff_live {
    struct cli *cli;
    struct session s;
    struct backup_set set; /* only what of the directory is left out */
    struct snap_pick a;
    struct diff_out out;
    struct message_problems problems;
    struct buf root; /* the live directory, with a NUL behind it */
};

/* ---- what was asked for -------------------------------------------------- */

static int diff_live_arguments(const struct opt_set *o)
{
    if (o->arg_n > 1)
        return err_set(E_USAGE,
                       "'%s': with --live one SNAP is compared with DIR: dedup "
                       "diff SNAP[:PATH] --live DIR",
                       o->arg[1]);
    if (opt_has(o, OPT_NO_RENAMES))
        return err_set(E_USAGE, "--no-renames does not go with --live, which "
                                "looks for none");
    return 0;
}

int diff_live_options(const struct opt_set *o)
{
    if (opt_has(o, OPT_LIVE))
        return diff_live_arguments(o);
    if (o->arg_n < 2)
        return err_set(E_USAGE, "what to compare it with is missing: a second "
                                "SNAP[:PATH], or --live DIR");
    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->origin == OPT_FROM_ARGV && backup_set_of_paths(v->id))
            return err_set(E_USAGE, "--%s goes with --live",
                           opt_info(v->id)->name);
    }
    return 0;
}

/* The canonical path of the directory. */
static int diff_live_root(struct diff_live *d)
{
    const char *said = opt_text(d->cli->opt, OPT_LIVE);
    struct statx st;
    int rc = walk_roots_resolve(said, &d->root);

    buf_add(&d->root, "", 1);
    if (rc == 0)
        rc = buf_status(&d->root);
    if (rc < 0)
        return rc;
    if (fileop_statx(AT_FDCWD, (const char *)d->root.p, AT_SYMLINK_NOFOLLOW,
                     STATX_TYPE, &st) < 0)
        return err_set_errno(E_USAGE, errno, "--live %s", said);
    if (S_ISLNK(st.stx_mode))
        return err_set(E_USAGE,
                       "--live %s: is a symbolic link; with a '/' behind it "
                       "the directory is meant that it leads to",
                       said);
    if (!S_ISDIR(st.stx_mode))
        return err_set(E_USAGE, "--live %s: is not a directory", said);
    return 0;
}

/* The snapshot, and in it the path that was said, or that of the directory. */
static int diff_live_pick(struct diff_live *d)
{
    const char *said = d->cli->opt->arg[0];
    struct snap_spec spec;
    struct buf text;
    int rc = snap_spec_parse(&spec, said);

    buf_init(&text, TREE_WALK_PATH_MAX);
    buf_add(&text, said, strlen(said));
    if (rc == 0 && !spec.path) {
        buf_add(&text, ":", 1);
        buf_add_bytes(&text, bytes_of(d->root.p, d->root.n - 1));
    }
    buf_add(&text, "", 1);
    if (rc == 0)
        rc = buf_status(&text);
    if (rc == 0)
        rc = snap_pick_open(&d->s, (const char *)text.p, false,
                            opt_has(d->cli->opt, OPT_ALL), &d->a);
    buf_release(&text);
    return rc;
}

/* ---- what is told -------------------------------------------------------- */

static int diff_live_item(void *ctx, const struct tree_diff_item *item)
{
    struct diff_live *d = ctx;
    int rc = diff_out_item(&d->out, item);

    /* nobody reads on */
    return rc == 0 && out_failed(d->cli->out) ? E_CANCELED : rc;
}

/* What vanishes or changes is the ordinary life of a file system. */
static int diff_live_problem(void *ctx, enum manifest_problem_kind kind,
                             const char *text)
{
    struct diff_live *d = ctx;

    if (kind == MANIFEST_UNREADABLE || kind == MANIFEST_METADATA)
        message_problem(&d->problems, "%s", text);
    else
        message_detail("%s", text);
    return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int diff_live_compare(struct diff_live *d)
{
    const struct live_diff_events events = {diff_live_item, diff_live_problem,
                                            d};
    const struct backup_rules *r = &d->set.rules;
    const struct live_diff_options o = {
        .root = bytes_of(d->root.p, d->root.n - 1),
        .was = &d->a.te,
        .walk = {.patterns = r->patterns,
                 .skip = d->set.skip,
                 .skip_n = d->set.skip_n,
                 .marker = r->marker,
                 .marker_n = r->marker_n,
                 .larger = r->larger,
                 .ignore_files = r->ignore_files,
                 .one_fs = r->one_fs,
                 .cancel = d->cli->cancel}};
    int rc = live_diff_run(d->s.repo->keys, d->a.lane, &o, &events);

    if (rc == E_CANCELED && out_failed(d->cli->out))
        return 0; /* who closes the output says so */
    message_problems_end(&d->problems, "troubles in all");
    d->cli->incomplete |= d->problems.n > 0;
    return rc < 0 ? rc : diff_out_end(&d->out, NULL);
}

int diff_live_run(struct cli *cli)
{
    struct diff_live d = {.cli = cli};
    const char *place;
    int rc;

    buf_init(&d.root, PATH_MAX + 1);
    rc = diff_live_root(&d);
    if (rc == 0)
        rc = backup_rules_make(cli->opt, &d.set.rules);
    if (rc == 0)
        rc = session_place(cli, &place);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &d.s);
    if (rc == 0)
        rc = repo_role_allows(d.s.repo, REPO_ACT_LIST);
    if (rc == 0)
        rc = backup_set_keep_out(&d.set, place, d.s.repo->cache);
    if (rc == 0)
        rc = diff_live_pick(&d);
    diff_out_init(&d.out, cli, buf_bytes(&d.a.path), buf_bytes(&d.a.path));
    if (rc == 0)
        rc = diff_live_compare(&d);
    diff_out_release(&d.out);
    snap_pick_release(&d.a);
    session_close(&d.s);
    backup_set_release(&d.set);
    buf_release(&d.root);
    return rc;
}
