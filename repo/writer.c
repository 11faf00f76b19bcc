#include "repo/writer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/repo_role.h"
#include "repo/settle.h"
#include "repo/writer_journal.h"
#include "repo/writer_process.h"

enum { WRITER_NAMES = 4 /* of 64 random bits: that one is taken is rare */ };

/* Takes another name where one of ours is taken. */
static int writer_put_open(struct writer *w, struct bytes series)
{
    struct writer_process text;
    struct record_process p;
    int rc = E_FENCED;

    writer_process_get(&text, &p);
    p.series = series;
    for (int i = 0; i < WRITER_NAMES && rc == E_FENCED; i++) {
        members_writer_new(&w->r->keys->member, &w->chain.writer);
        w->closed = false;
        rc = writer_journal_put_generation(w, RECORD_OPEN, &p);
    }
    return rc;
}

/* Whether this key may write in the state that was just read. */
static int writer_may(const struct repo *r)
{
    int rc = state_allows(&r->state, RECORD_CLASS_WRITE);

    if (rc == 0)
        rc = repo_role_active(r);
    if (rc == 0 && !members_role_may_journal(r->keys->role, RECORD_OPEN))
        rc = err_set(E_ROLE, "%s: this key only reads: its role is '%s'",
                     store_place(r->store), repo_role_name(r->keys->role));
    return rc;
}

/* W1: whoever condemns after we were announced sees us; what was condemned
 * before, we see now. */
static int writer_look(struct writer *w, int (*refresh)(struct repo *))
{
    struct repo *r = w->r;
    int rc = refresh(r);

    if (rc == 0)
        rc = writer_may(r);
    if (rc == 0)
        rc = settle_tip(r);
    if (rc == 0 && r->state.tip.number != w->generation.number) {
        w->generation = r->state.tip;
        rc = writer_journal_put_generation(w, RECORD_RENEW, NULL);
    }
    return rc;
}

/* Announced, it cannot go on: collectors need not wait for it. */
static int writer_give_up(struct writer *w, int rc)
{
    struct err_record why;

    err_save(rc, &why);
    if (!w->closed)
        err_ignore(writer_end(w), "a collector ends what is silent");
    return err_load(&why);
}

static int writer_open_by(struct repo *r, struct bytes series,
                          int (*refresh)(struct repo *), struct writer **out)
{
    struct writer *w = mem_alloc(sizeof *w);
    int rc = writer_may(r);

    *out = NULL;
    if (!w)
        return err_set(E_NOMEM, "out of memory");
    w->r = r;
    w->chain = (struct chain){
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_JOURNAL};
    w->generation = r->state.tip;
    if (rc == 0)
        rc = settle_tip(r);
    if (rc == 0)
        rc = writer_put_open(w, series);
    if (rc == 0) {
        rc = writer_look(w, refresh);
        if (rc < 0)
            rc = writer_give_up(w, rc);
    }
    if (rc < 0) {
        writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

int writer_open(struct repo *r, struct bytes series, struct writer **out)
{
    return writer_open_by(r, series, repo_refresh, out);
}

/* Who only pins looks nothing up: the log is read first, and counts alone. */
static int writer_refresh_log(struct repo *r)
{
    int rc = repo_refresh_in_use(r);

    return writer_journal_needs(rc) ? rc : 0;
}

int writer_open_to_pin(struct repo *r, struct writer **out)
{
    return writer_open_by(r, bytes_of(NULL, 0), writer_refresh_log, out);
}

void writer_free(struct writer *w)
{
    if (w)
        segment_list_release(&w->fresh);
    free(w);
}

void writer_log_tip(const struct writer *w, uint64_t *number,
                    struct object_id *id)
{
    *number = w->generation.number;
    *id = w->generation.id;
}

int writer_end(struct writer *w)
{
    struct record_journal j = {.generation = 0};
    int rc = writer_journal_put(w, RECORD_END, &j);

    w->closed = true;
    if (rc == 0)
        writer_journal_tell(w, NULL, NULL);
    return rc;
}
