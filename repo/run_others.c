#include "repo/run_others.h"

#include "base/log.h"
#include "repo/catchup_marks.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/trust.h"
#include "repo/writer_process.h"

struct run_others {
    const struct repo *r;
    struct index_reader *reader;
    struct record_process self;
    struct bytes series;
};

/* Whether the word of whoever opened w's journal counts with us: else the
 * holder of a stolen key could keep us from running, also when it has been
 * removed. */
static bool run_others_believed(const struct run_others *o,
                                const struct writer_id *w,
                                const struct member_id *signer)
{
    const struct state *s = &o->r->state;
    const struct members_one *owner = members_owner(&s->members, w);

    return owner && owner->standing == RECORD_ACTIVE &&
           memcmp(owner->id.b, signer->b, sizeof signer->b) == 0 &&
           trust_member(s, &o->r->keys->member, signer);
}

/* Whether a record opens a journal of such a run. */
static bool run_others_is(const struct run_others *o,
                          const struct chain_record *c,
                          struct run_holder *holder)
{
    struct record_journal j;

    if (c->record.type != RECORD_OPEN || record_journal_get(&c->record, &j) < 0)
        return false;
    *holder =
        (struct run_holder){.pid = j.process.pid, .since_s = c->record.time.s};
    return bytes_equal(j.process.series, o->series) &&
           writer_process_lives(&o->self, &j.process);
}

static bool run_others_look(const struct run_others *o,
                            const struct writer_id *w,
                            struct run_holder *holder)
{
    struct chain chain = {.store = o->r->store,
                          .keys = o->r->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    struct chain_record c = {.signer = {{0}}};
    bool closed = false;
    bool found = false;
    int rc = catchup_marks_closed(o->reader, w, &closed);

    if (rc == 0 && !closed)
        rc = chain_get(&chain, 0, &c, &found);
    if (rc < 0)
        log_debug("a journal that tells nothing: %s", err_text());
    found = rc == 0 && found && run_others_believed(o, w, &c.signer) &&
            run_others_is(o, &c, holder);
    chain_record_release(&c);
    return found;
}

bool run_others_find(const struct repo *r, struct bytes series,
                     struct run_holder *holder)
{
    struct journal_list list = {.item = NULL};
    struct run_others o = {.r = r, .series = series};
    struct writer_process text;
    bool found = false;
    int rc = index_reader_new(r->index, &o.reader);

    writer_process_get(&text, &o.self);
    if (rc == 0)
        rc = journal_list_load(r->store, &list);
    for (size_t i = 0; i < list.n && rc == 0 && !found; i++)
        found = run_others_look(&o, &list.item[i].writer, holder);
    err_ignore(rc, "the run itself will say what is wrong");
    journal_list_release(&list);
    index_reader_free(o.reader);
    return found;
}
