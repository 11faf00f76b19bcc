#include "repo/check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pipe.h"
#include "repo/check_cache.h"
#include "repo/check_data.h"
#include "repo/check_heal.h"
#include "repo/check_keyless.h"
#include "repo/check_late.h"
#include "repo/check_list.h"
#include "repo/check_tree.h"
#include "repo/check_vouch.h"
#include "repo/segment_file.h"
#include "repo/snapshot_list.h"
#include "repo/superseded.h"
#include "store/store.h"

/* A snapshot that could be read: what is needed of its manifest. */
struct check_snapshot {
    struct check_tree_snapshot tree; /* borrows from kept */
    struct superseded fold;          /* the same */
    uint8_t *kept;                   /* series, then root; owned */
};

struct check {
    struct repo *r;
    const struct check_options *opt;
    struct check_report report;
    struct check_chains chains;
    struct check_view view;
    struct check_late *late;
    struct check_snapshot *snapshot;
    size_t snapshot_n;
    size_t snapshot_cap;
};

const char *check_kind_name(enum check_kind kind)
{
    static const char *const name[] = {
        [CHECK_CONFIG] = "config",     [CHECK_KEY] = "key",
        [CHECK_LOG] = "log",           [CHECK_JOURNAL] = "journal",
        [CHECK_SEGMENT] = "segment",   [CHECK_PACK] = "pack",
        [CHECK_SNAPSHOT] = "snapshot", [CHECK_PATH] = "path",
        [CHECK_CACHE] = "cache",       [CHECK_NAME] = "name",
    };

    return name[kind];
}

unsigned check_threads(const struct check_options *opt)
{
    return pipe_threads(opt->threads);
}

/* --- config and key slots --- */

static int check_config(struct check *c)
{
    struct object_id hash;
    struct config config;
    struct buf file;
    bool found;
    int rc;

    buf_init(&file, CONFIG_BYTES_MAX);
    rc = store_get(c->r->store, "config", &file, &found);
    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "is missing");
    if (rc == 0)
        rc = config_get(buf_bytes(&file), &config, &hash);
    if (rc == 0 && !object_id_equal(&hash, &c->r->keys->config))
        rc = err_set(E_CORRUPT, "is not the one that this key was made for");
    buf_release(&file);
    return check_report_rc(&c->report, rc, CHECK_CONFIG, "config");
}

static int check_keys(struct check *c)
{
    struct check_list list = {.item = NULL};
    int rc = check_list_load(c->r->store, "keys", &list);

    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = check_keyless_slot(c->r->store, &list.item[i].id, &c->report);
    check_list_release(&list);
    return rc;
}

/* --- snapshots --- */

static int check_snapshot_keep(struct check *c, const struct snapshot *s)
{
    const struct manifest *m = &s->manifest.m;
    struct check_snapshot *p;
    struct buf kept;
    int rc;

    if (!MEM_GROW(c->snapshot, c->snapshot_n, c->snapshot_cap))
        return err_set(E_NOMEM, "out of memory");
    p = &c->snapshot[c->snapshot_n];
    buf_init(&kept, m->series.n + m->root.n);
    buf_add_bytes(&kept, m->series);
    buf_add_bytes(&kept, m->root);
    rc = buf_status(&kept);
    if (rc < 0) {
        buf_release(&kept);
        return rc;
    }
    *p = (struct check_snapshot){
        .tree = {.id = s->id,
                 .series = bytes_of(kept.p, m->series.n),
                 .begin = m->begin,
                 .root = bytes_of(kept.p + m->series.n, m->root.n)},
        .fold = superseded_of(&s->id, m, c->snapshot_n),
        .kept = kept.p};
    p->fold.series = p->tree.series;
    c->snapshot_n++;
    return 0;
}

/* What a snapshot says of others. */
static int check_snapshot_links(struct check *c, const struct snapshot *s,
                                const char *name)
{
    const struct manifest *m = &s->manifest.m;
    char before[SNAPSHOT_LIST_NAME_MAX];
    enum check_late_fate fate;
    int rc = check_chains_saw(&c->chains, m->log_number, &m->log_id, name);

    if (rc < 0 || !m->has_previous ||
        idmap_get(&c->chains.committed, m->previous.b, NULL) ||
        state_is_forgotten(&c->chains.state, &m->previous))
        return rc;
    /* that journal may have been listed just before its commit was put */
    rc = check_late_snapshot(c->late, &m->previous, &fate);
    if ((rc < 0 && rc != E_STORE) || fate != CHECK_LATE_ABSENT)
        return rc;
    snapshot_list_name(&m->previous, before);
    rc = err_set(rc < 0 ? rc : check_report_absent(&c->report),
                 "the predecessor of %s is in no journal: the one that "
                 "committed it is lost",
                 name);
    return check_report_rc(&c->report, rc, CHECK_SNAPSHOT, before);
}

static int check_snapshot(struct check *c, const struct check_commit *commit)
{
    const struct object_id *id = &commit->id;
    struct check_finding f = {
        .kind = CHECK_SNAPSHOT, .has_snapshot = true, .snapshot = *id};
    char name[SNAPSHOT_LIST_NAME_MAX];
    struct snapshot s;
    int rc = snapshot_list_read(c->r->store, c->r->keys, id, &s);

    snapshot_list_name(id, name);
    if ((rc == 0 || rc == E_ROLE) &&
        memcmp(s.signer.b, commit->member.b, sizeof s.signer.b) != 0)
        rc = err_set(E_CORRUPT,
                     members_find(&c->chains.state.members, &s.signer)
                         ? "not signed by the member whose journal commits it"
                         : "signed by somebody who is no member");
    rc = check_report_reread(&c->report, c->r->store, name, rc);
    c->report.sum->snapshots++;
    if (check_report_is(rc)) {
        struct err_record why;

        /* it may have been forgotten and collected meanwhile */
        err_save(rc, &why);
        f.damage = rc == E_CORRUPT;
        f.unread = rc == E_STORE;
        rc = check_chains_more(&c->chains);
        f.object = name;
        f.text = why.text;
        if (rc == 0 && !state_is_forgotten(&c->chains.state, id)) {
            c->report.sum->snapshots_hurt++;
            c->report.sum->snapshots_unreadable++;
            rc = check_report_put(&c->report, &f);
        }
    } else if (rc == E_ROLE) {
        c->report.sum->snapshots_sealed++;
        rc = 0;
    } else if (rc == 0) {
        rc = check_snapshot_links(c, &s, name);
        if (rc == 0)
            rc = check_snapshot_keep(c, &s);
    }
    snapshot_list_drop(&s);
    return rc;
}

static int check_snapshot_order(const void *a, const void *b)
{
    const struct check_snapshot *x = a;
    const struct check_snapshot *y = b;
    int o = entry_time_cmp(x->tree.begin, y->tree.begin);

    return o ? o : memcmp(x->tree.id.b, y->tree.id.b, sizeof x->tree.id.b);
}

/* What is superseded may be gone: nobody needs it. */
static int check_snapshots_fold(struct check *c)
{
    struct superseded *fold = mem_array(c->snapshot_n, sizeof *fold);
    size_t n = 0;

    if (!fold)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < c->snapshot_n; i++)
        fold[i] = c->snapshot[i].fold;
    superseded_mark(fold, c->snapshot_n);
    for (size_t i = 0; i < c->snapshot_n; i++)
        c->snapshot[fold[i].at].fold.is = fold[i].is;
    free(fold);
    for (size_t i = 0; i < c->snapshot_n; i++) {
        if (c->snapshot[i].fold.is)
            free(c->snapshot[i].kept);
        else
            c->snapshot[n++] = c->snapshot[i];
    }
    c->report.sum->snapshots -= c->snapshot_n - n;
    c->snapshot_n = n;
    return 0;
}

static int check_snapshots(struct check *c)
{
    int rc = 0;

    for (size_t i = 0; i < c->chains.commit_n && rc == 0; i++) {
        rc = cancel_check(c->opt->cancel);
        if (rc == 0 &&
            !state_is_forgotten(&c->chains.state, &c->chains.commit[i].id))
            rc = check_snapshot(c, &c->chains.commit[i]);
    }
    if (rc == 0)
        rc = check_snapshots_fold(c);
    if (c->snapshot_n > 0)
        qsort(c->snapshot, c->snapshot_n, sizeof *c->snapshot,
              check_snapshot_order);
    return rc;
}

static int check_sealed(struct check *c)
{
    uint64_t n = c->report.sum->snapshots_sealed;

    if (n == 0)
        return 0;
    return check_report_note(&c->report, CHECK_SNAPSHOT, "",
                             "%" PRIu64 " of %" PRIu64 " snapshots are sealed "
                             "to this key: what is in them was not looked at",
                             n, c->report.sum->snapshots);
}

static int check_trees(struct check *c)
{
    struct check_progress *progress = c->opt->progress;
    struct check_tree *t = NULL;
    int rc = check_tree_open(&c->view, c->late, c->opt, &t);

    if (progress)
        atomic_store(&progress->snapshot_total, c->snapshot_n);
    for (size_t i = 0; i < c->snapshot_n && rc == 0; i++) {
        rc = check_tree_walk(t, &c->snapshot[i].tree);
        if (progress)
            atomic_fetch_add(&progress->snapshots, 1);
    }
    check_tree_close(t);
    return rc;
}

/* --- what nobody names --- */

static int check_leftovers(struct check *c, const char *prefix,
                           enum check_kind kind, const struct idmap *named,
                           const struct idmap *also)
{
    struct check_list list = {.item = NULL};
    char hex[ID_HEX_CHARS + 1];
    size_t n = 0;
    int rc = check_list_load(c->r->store, prefix, &list);

    for (size_t i = 0; i < list.n && rc == 0; i++) {
        const struct object_id *id = &list.item[i].id;

        if (idmap_get(named, id->b, NULL) || idmap_get(also, id->b, NULL))
            continue;
        if (n++ == 0)
            (void)id_hex(id->b, sizeof id->b, hex);
    }
    check_list_release(&list);
    if (rc < 0 || n == 0)
        return rc;
    return check_report_note(&c->report, kind, "",
                             "%zu objects below %s that no journal names (the "
                             "first: %s): %s",
                             n, prefix, hex,
                             c->chains.damaged
                                 ? "a damaged record did, or a run goes on or "
                                   "was interrupted"
                                 : "of a run that goes on or was interrupted");
}

/* A snapshot that no journal names, where a journal is damaged. */
static int check_unnamed(struct check *c, const struct object_id *id)
{
    struct check_finding f = {
        .kind = CHECK_SNAPSHOT,
        .has_snapshot = true,
        .snapshot = *id,
        .text = "no journal names it: a damaged record may have committed it, "
                "and it is missing from every list until that is repaired"};
    char name[SNAPSHOT_LIST_NAME_MAX];
    struct snapshot s;
    int rc = snapshot_list_read(c->r->store, c->r->keys, id, &s);

    f.damage = rc != E_STORE && check_report_absent(&c->report) == E_CORRUPT;
    f.unread = !f.damage;
    snapshot_list_name(id, name);
    f.object = name;
    if (rc == 0) {
        f.series = s.manifest.m.series;
        f.begin = s.manifest.m.begin;
    }
    if (rc == 0 || check_report_is(rc))
        rc = check_report_put(&c->report, &f);
    snapshot_list_drop(&s);
    return rc;
}

/* Damaged journals may have committed more than can be read. */
static int check_missing_snapshots(struct check *c)
{
    struct check_list list = {.item = NULL};
    int rc = check_list_load(c->r->store, "snapshots", &list);

    for (size_t i = 0; i < list.n && rc == 0; i++) {
        const struct object_id *id = &list.item[i].id;

        if (!idmap_get(&c->chains.committed, id->b, NULL) &&
            !state_is_forgotten(&c->chains.state, id)) {
            c->report.sum->snapshots_unlisted++;
            rc = check_unnamed(c, id);
        }
    }
    check_list_release(&list);
    return rc;
}

/* --- all of it --- */

static int check_open(struct check *c)
{
    c->chains.store = c->r->store;
    c->chains.keys = c->r->keys;
    c->chains.report = &c->report;
    c->chains.cancel = c->opt->cancel;
    c->view.chains = &c->chains;
    c->view.report = &c->report;
    c->view.cancel = c->opt->cancel;
    return check_chains_read(&c->chains, &c->r->config.founder);
}

/* What snapshots reach, and what the packs hold. */
static int check_content(struct check *c)
{
    int rc = check_snapshots(c);

    if (rc == 0)
        rc = check_sealed(c);
    if (rc == 0 && c->opt->read_data)
        rc = check_data_run(&c->view, c->opt, check_threads(c->opt));
    if (rc == 0 && c->r->index)
        rc = check_heal_run(&c->view, c->r);
    if (rc == 0 && c->opt->read_data && c->r->index)
        rc = check_vouch_run(&c->view, c->r);
    return rc < 0 ? rc : check_trees(c);
}

static int check_body(struct check *c)
{
    int rc = check_open(c);

    if (rc == 0)
        rc = state_allows(&c->chains.state, RECORD_CLASS_CHECK);
    if (rc == 0)
        rc = check_config(c);
    if (rc == 0)
        rc = check_keys(c);
    if (rc == 0)
        rc = check_view_open(&c->view, &c->r->config.repo);
    if (rc == 0)
        rc = check_late_open(c->r, &c->view, &c->late);
    if (rc == 0)
        rc = check_leftovers(c, "index", CHECK_SEGMENT, &c->chains.named,
                             &c->chains.replaced);
    if (rc == 0)
        rc = c->chains.damaged ? check_missing_snapshots(c)
                               : check_leftovers(c, "snapshots", CHECK_SNAPSHOT,
                                                 &c->chains.committed,
                                                 &c->chains.state.forgotten);
    /* a cache that made up for what is lost knows more than can be proved */
    if (rc == 0 && c->r->index && !c->r->hurt)
        rc = check_cache_run(&c->view, c->r->index, &c->r->state);
    return rc < 0 ? rc : check_content(c);
}

int check_run(struct repo *r, const struct check_options *opt,
              check_report_fn *fn, void *ctx, struct check_summary *sum)
{
    struct check c = {.r = r, .opt = opt};
    int rc;

    check_report_init(&c.report, fn, ctx, sum);
    rc = check_body(&c);
    if (rc == 0)
        rc = check_report_end(&c.report);
    for (size_t i = 0; i < c.snapshot_n; i++)
        free(c.snapshot[i].kept);
    free(c.snapshot);
    check_late_close(c.late);
    check_view_close(&c.view);
    check_chains_release(&c.chains);
    check_report_release(&c.report);
    return rc;
}
