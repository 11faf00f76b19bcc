#include "tests/job/checkpoint_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "repo/check.h"

/* The next one is due as soon as there is something new. */
int checkpoint_kit_note(void *ctx, const struct snapshot_job_result *so_far)
{
    struct checkpoint_watch *w = ctx;

    assert_true(w->n < CHECKPOINTS_MAX);
    assert_int_equal(so_far->checkpoints, w->n + 1);
    w->id[w->n] = so_far->checkpoint;
    w->stats[w->n++] = so_far->stats;
    if (w->n == w->stop_after)
        cancel_request(&w->cancel, 2);
    clock_fake_advance(1);
    return 0;
}

/* What the store does to open the run takes the time to the first one. */
int checkpoint_kit_tick(void *ctx, enum memory_point point, enum memory_op op,
                        const char *name)
{
    (void)ctx;
    (void)point;
    (void)op;
    (void)name;
    clock_fake_advance(1);
    return 0;
}

struct job_snap checkpoint_kit_run(struct job_fixture *f,
                                   struct checkpoint_watch *w)
{
    struct job_snap s;

    w->opt = job_fixture_options(f);
    w->opt.checkpoint_ns = 1;
    w->opt.threads = 1; /* it stops behind the unit at hand */
    w->opt.unit_items = w->unit_items ? w->unit_items : SMALL_UNIT;
    w->opt.cancel = &w->cancel;
    w->opt.on_checkpoint = checkpoint_kit_note;
    w->opt.ctx = w;
    memory_set_hook(f->store, checkpoint_kit_tick, NULL);
    s = job_fixture_run(f, &w->opt);
    memory_set_hook(f->store, NULL, NULL);
    assert_int_equal(s.result.checkpoints, w->n);
    return s;
}

/* A run that is stopped at its n-th checkpoint, which it returns. */
struct object_id checkpoint_kit_interrupted(struct job_fixture *f, uint64_t n)
{
    struct checkpoint_watch w = {.stop_after = n};
    struct job_snap s = checkpoint_kit_run(f, &w);

    assert_int_equal(s.rc, E_CANCELED);
    assert_true(w.n == n);
    assert_memory_equal(&s.result.checkpoint, &w.id[n - 1], ID_BYTES);
    return w.id[n - 1];
}

static int no_finding(void *ctx, const struct check_finding *found)
{
    (void)ctx;
    if (found->damage || found->unread)
        print_message("%s: %s\n", found->object, found->text);
    return 0;
}

void checkpoint_kit_clean(struct job_fixture *f, uint64_t snapshots)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    assert_int_equal(check_run(f->r, &opt, no_finding, NULL, &sum), 0);
    assert_int_equal(sum.snapshots, snapshots);
}

/* How many files a checkpoint gives back; it is a part of the source. */
uint64_t checkpoint_kit_gives(struct job_fixture *f, const struct object_id *id)
{
    char list[2 * JOB_PATH];
    uint64_t n = 0;
    FILE *in;

    assert_int_equal(job_fixture_restore(f, id, f->out, NULL).rc, 0);
    assert_true(job_fixture_part(f->src, f->out));
    (void)snprintf(list, sizeof list, "%s/list", f->dir);
    assert_true(scratch_run("find '%s' -type f -printf . >'%s'", f->out, list));
    in = fopen(list, "r");
    assert_non_null(in);
    while (fgetc(in) != EOF)
        n++;
    (void)fclose(in);
    assert_true(scratch_run("rm -rf '%s' '%s'", f->out, list));
    return n;
}

struct checkpoint_census checkpoint_kit_census(struct job_fixture *f)
{
    struct snapshot_list l = {.item = NULL};
    struct checkpoint_census c = {.complete = 0};
    const struct snapshot_item *it;

    assert_int_equal(snapshot_list_load(f->r->index, &f->r->state, &l), 0);
    for (size_t i = 0; i < l.n; i++) {
        bool complete = l.item[i].manifest.m.complete;

        assert_false(complete && l.item[i].superseded);
        if (i > 0 && !complete && !l.item[i - 1].manifest.m.complete &&
            entry_time_cmp(l.item[i].manifest.m.begin,
                           l.item[i - 1].manifest.m.begin) == 0)
            assert_true(l.item[i].manifest.m.stats.files >
                        l.item[i - 1].manifest.m.stats.files);
        c.complete += complete;
        c.checkpoints += !complete && !l.item[i].superseded;
        c.superseded += l.item[i].superseded;
    }
    it = snapshot_list_newest(&l, bytes_of_str("test"));
    if (it) {
        c.number = it->manifest.m.number;
        c.newest = it->id;
    }
    it = snapshot_list_checkpoint(&l, bytes_of_str("test"), false);
    if (it)
        c.on = it->id;
    snapshot_list_release(&l);
    return c;
}

struct snapshot checkpoint_kit_manifest(struct job_fixture *f,
                                        const struct object_id *id)
{
    struct snapshot s;

    assert_int_equal(snapshot_list_read(f->store, f->r->keys, id, &s), 0);
    return s;
}
