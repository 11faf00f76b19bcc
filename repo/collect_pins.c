/* What open journals hold on to. */
#include "repo/catchup_marks.h"
#include "repo/collect_step.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/snapshot_list.h"
#include "repo/unforget.h"

enum { COLLECT_PINS_TRIES = 100 };

/*
 * A pin of what is no snapshot holds nothing; nor does one that came too late:
 * its snapshot was forgotten, and some of it doomed, before (P2: who put it
 * knows by now). One that came in time has been a root of each doom since.
 */
static int collect_pin(const struct repo *r, struct index_reader *reader,
                       const struct object_id *id, struct roots *roots)
{
    bool noted, sound, late = false;
    int rc;

    if (roots_has(roots, id))
        return 0;
    rc = snapshot_list_has(reader, id, &noted, &sound);
    if (rc < 0 || !sound)
        return rc;
    if (state_is_forgotten(&r->state, id))
        rc = unforget_too_late(r, id, &late);
    return rc == 0 && !late ? roots_add(roots, id) : rc;
}

static int collect_pins_of(const struct repo *r, struct index_reader *reader,
                           const struct writer_id *w, struct roots *roots)
{
    struct journal j;
    bool closed = false;
    int rc = catchup_marks_closed(reader, w, &closed);

    if (rc < 0 || closed)
        return rc;
    journal_init(&j, w);
    rc = journal_read(&j, r, NULL);
    if (rc == E_LATER) {
        err_ignore(rc,
                   "of nobody who is a member: nothing that it says counts");
        rc = 0;
    }
    for (size_t i = 0; i < j.pin_n && rc == 0 && !j.ended && !j.fenced; i++)
        rc = collect_pin(r, reader, &j.pin[i], roots);
    journal_release(&j);
    return rc;
}

/* The pins of all journals that the list has and the one before had not, or
 * not with as many records. */
static int collect_pins_new(const struct repo *r, struct index_reader *reader,
                            const struct journal_list *list,
                            const struct journal_list *before,
                            struct roots *roots, bool *any)
{
    uint64_t last;
    int rc = 0;

    *any = false;
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        if (journal_list_find(before, &list->item[i].writer, &last) &&
            last == list->item[i].last)
            continue;
        *any = true;
        rc = collect_pins_of(r, reader, &list->item[i].writer, roots);
    }
    return rc;
}

/*
 * A reader pins what it still holds in a new journal before it ends the old
 * one. Who has read the new one before the one, or has not listed it, and reads
 * the old one after the other has seen neither: so it is listed again, until
 * there is no new journal and no new record. When the last listing began, all
 * journals were as they had been read.
 */
int collect_pins(const struct repo *r, struct roots *roots)
{
    struct journal_list before = {.item = NULL}, list = {.item = NULL};
    struct index_reader *reader = NULL;
    bool any = true;
    int rc = index_reader_new(r->index, &reader);

    for (int i = 0; i < COLLECT_PINS_TRIES && rc == 0 && any; i++) {
        journal_list_release(&before);
        before = list;
        list = (struct journal_list){.item = NULL};
        rc = journal_list_load(r->store, &list);
        if (rc == 0)
            rc = collect_pins_new(r, reader, &list, &before, roots, &any);
    }
    if (rc == 0 && any)
        rc = err_set(E_BUSY, "%s: journals kept coming", store_place(r->store));
    journal_list_release(&before);
    journal_list_release(&list);
    index_reader_free(reader);
    return rc;
}
