#include "repo/catchup_update.h"

#include "repo/catchup_log.h"
#include "repo/catchup_packs.h"

/*
 * With the update lock held: sees what others did to the index while we read
 * the store. If it stands for another state of the log now, ours may be the
 * older one: it must not be written over a later one, which others have begun
 * to rely on.
 */
static int catchup_update_look_again(struct catchup_update *up)
{
    struct catchup_mark m = {.number = 0};
    bool marked = false;
    int rc = index_reader_renew(up->r);

    if (rc == 0)
        rc = catchup_marks_log(up->r, &m, &marked);
    if (rc < 0)
        return rc;
    up->overtaken = marked != up->marked || m.number != up->log.number ||
                    !object_id_equal(&m.id, &up->log.id);
    return up->overtaken ? err_set(E_LATER, "the cache was brought up to date "
                                            "by another process meanwhile")
                         : 0;
}

static int catchup_update_begin(struct catchup_update *up)
{
    int rc;

    up->load = 0;
    if (up->fill) {
        up->u = index_rebuild_update(up->fill);
        return index_reader_renew(up->r);
    }
    rc = index_update_begin(up->c->index, up->c->wait_ms, &up->u);
    return rc < 0 ? rc : catchup_update_look_again(up);
}

int catchup_update_commit(struct catchup_update *up)
{
    struct index_update *u = up->u;
    int rc = u && up->counts ? catchup_log_still(up) : 0;

    if (rc < 0)
        return rc;
    up->counts = false;
    up->u = NULL;
    up->empty = up->empty && !u;
    if (u && up->fill)
        return index_rebuild_turn(up->fill);
    return u ? index_update_commit(u) : 0;
}

int catchup_update_breathe_for(struct catchup_update *up, size_t more)
{
    int rc = 0;

    index_rebuild_show(up->fill);
    if (up->u && up->load > 0 && up->load + more > CATCHUP_PACKS_LOAD) {
        up->wants_fill =
            up->empty && up->c->index_path && !up->fill && !up->no_fill;
        up->overtaken = up->wants_fill;
        rc = up->wants_fill ? err_set(E_LATER, "the cache is filled anew")
                            : catchup_update_commit(up);
    }
    return rc < 0 || up->u ? rc : catchup_update_begin(up);
}

int catchup_update_breathe(struct catchup_update *up)
{
    return catchup_update_breathe_for(up, 0);
}

/* Nobody can change the old index now. */
static int catchup_update_may_place(void *ctx)
{
    struct catchup_update *up = ctx;
    struct catchup_mark m = {.number = 0};
    bool marked = false;
    int rc = index_replaced(up->c->index) ? E_LATER : 0;

    if (rc == 0)
        rc = index_reader_renew(up->before);
    if (rc == 0)
        rc = catchup_marks_log(up->before, &m, &marked);
    if (rc < 0 && rc != E_LATER)
        return rc;
    return rc < 0 || marked
               ? err_set(E_LATER, "the cache was filled by another "
                                  "process meanwhile")
               : 0;
}

int catchup_update_place(struct catchup_update *up)
{
    struct index_rebuild *fill = up->fill;

    up->fill = NULL;
    index_reader_free(up->r);
    up->r = NULL;
    return index_rebuild_commit(fill, catchup_update_may_place, up);
}

/* --- begin and end --- */

int catchup_update_init(struct catchup_update *up, struct catchup *c)
{
    struct index_stats stats = {.pack_n = 0};
    int rc;

    *up = (struct catchup_update){.c = c};
    rc = index_reader_new(c->index, &up->r);
    if (rc == 0)
        rc = catchup_marks_log(up->r, &up->log, &up->marked);
    if (rc == 0)
        rc = index_reader_stats(up->r, &stats);
    up->empty = !up->marked && stats.pack_n == 0;
    return rc;
}

int catchup_update_init_fill(struct catchup_update *up, struct catchup *c)
{
    struct index_options opt = {.wait_ms = c->wait_ms};
    int rc;

    *up = (struct catchup_update){.c = c};
    rc = index_rebuild_begin(c->index_path, c->repo, &opt, &up->fill);
    if (rc == 0)
        rc = index_reader_new(c->index, &up->before);
    if (rc == 0)
        rc = catchup_update_may_place(up);
    if (rc == 0)
        rc = index_reader_new(index_rebuild_index(up->fill), &up->r);
    return rc;
}

void catchup_update_release(struct catchup_update *up)
{
    if (!up->fill)
        index_update_abort(up->u);
    index_reader_free(up->r);
    index_reader_free(up->before);
    index_rebuild_free(up->fill);
    *up = (struct catchup_update){.c = up->c};
}
