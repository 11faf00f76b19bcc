#include "repo/writer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "repo/writer_journal.h"
#include "repo/writer_process.h"

static int writer_put_open(struct writer *w, struct bytes series)
{
    struct writer_process text;
    struct record_process p;

    writer_process_get(&text, &p);
    p.series = series;
    return writer_journal_put_generation(w, RECORD_OPEN, &p);
}

/* Two runs of a machine that was resumed twice differ in time at least. */
static void writer_fresh_name(const struct repo *r, struct bytes series,
                              struct writer_id *id)
{
    int64_t now[] = {clock_realtime_ns(), clock_monotonic_ns()};
    struct bytes what[] = {
        bytes_of(r->keys->member.b, sizeof r->keys->member.b), series,
        bytes_of(now, sizeof now)};

    crypto_fresh(id->b, sizeof id->b, "dedup 1 writer name", what, 3);
}

int writer_open(struct repo *r, struct bytes series, struct writer **out)
{
    struct writer *w = mem_alloc(sizeof *w);
    int rc = state_allows(&r->state, RECORD_CLASS_WRITE);

    *out = NULL;
    if (!w)
        return err_set(E_NOMEM, "out of memory");
    w->r = r;
    w->chain = (struct chain){
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_JOURNAL};
    writer_fresh_name(r, series, &w->chain.writer);
    w->generation = r->state.tip;
    if (rc == 0)
        rc = writer_journal_settle_tip(r);
    if (rc == 0)
        rc = writer_put_open(w, series);
    /* W1: whoever condemns after this sees us; what was condemned before, we
     * see now */
    if (rc == 0)
        rc = repo_refresh(r);
    if (rc == 0)
        rc = state_allows(&r->state, RECORD_CLASS_WRITE);
    if (rc == 0)
        rc = writer_journal_settle_tip(r);
    if (rc == 0 && r->state.tip.number != w->generation.number) {
        w->generation = r->state.tip;
        rc = writer_journal_put_generation(w, RECORD_RENEW, NULL);
    }
    if (rc < 0) {
        free(w);
        return rc;
    }
    *out = w;
    return 0;
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
