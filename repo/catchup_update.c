#include "repo/catchup_update.h"

#include "repo/catchup_log.h"

enum { CATCHUP_UPDATE_CHUNKS = 16384 /* put into one update, about */ };

int catchup_update_init(struct catchup_update *up, struct catchup *c)
{
    int rc;

    *up = (struct catchup_update){.c = c};
    rc = index_reader_new(c->index, &up->r);
    return rc < 0 ? rc : catchup_marks_log(up->r, &up->log, &up->marked);
}

void catchup_update_release(struct catchup_update *up)
{
    index_update_abort(up->u);
    index_reader_free(up->r);
    up->u = NULL;
    up->r = NULL;
}

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

    up->chunks = 0;
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
    return u ? index_update_commit(u) : 0;
}

int catchup_update_breathe(struct catchup_update *up)
{
    int rc = 0;

    if (up->chunks >= CATCHUP_UPDATE_CHUNKS)
        rc = catchup_update_commit(up);
    return rc < 0 || up->u ? rc : catchup_update_begin(up);
}
