#include "repo/settle.h"

#include "repo/catchup_marks.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"

static int settle_journal(const struct repo *r, struct index_reader *reader,
                          const struct journal_list_item *it)
{
    char name[RECORD_NAME_MAX];
    bool closed = false;

    if (reader && catchup_marks_closed(reader, &it->writer, &closed) == 0 &&
        closed)
        return 0;
    record_journal_name(&it->writer, it->last, name);
    return store_make_durable(r->store, name, NULL);
}

int settle_journals(const struct repo *r)
{
    struct journal_list list = {.item = NULL};
    struct index_reader *reader = NULL;
    int rc;

    /* without the index we do not know which have ended: all are settled */
    if (index_reader_new(r->index, &reader) < 0)
        reader = NULL;
    rc = journal_list_load(r->store, &list);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = settle_journal(r, reader, &list.item[i]);
    index_reader_free(reader);
    journal_list_release(&list);
    return rc;
}

int settle_tip(const struct repo *r)
{
    char name[RECORD_NAME_MAX];

    record_log_name(r->state.tip.number, name);
    return store_make_durable(r->store, name, NULL);
}
