/* P1 and P2: holding on to what is read. */
#include "base/clock.h"
#include "repo/repo_role.h"
#include "repo/writer_journal.h"

enum { WRITER_PIN_DAYS = 30 }; /* "until" is advice, for people */

int writer_pin(struct writer *w, const struct object_id *id, size_t n,
               bool *put)
{
    struct record_journal j = {.ids = record_ids_of(id, n),
                               .until = clock_realtime_ns() / 1000000000 +
                                        (int64_t)WRITER_PIN_DAYS * 86400};
    int rc = 0;

    *put = false;
    if (!members_role_may_journal(w->r->keys->role, RECORD_PIN))
        return err_set(E_ROLE, "%s: a key whose role is '%s' holds nothing",
                       store_place(w->r->store),
                       repo_role_name(w->r->keys->role));
    rc = writer_journal_put(w, RECORD_PIN, &j);
    if (rc < 0)
        return rc;
    *put = true;
    writer_journal_tell(w, NULL, NULL);
    /* P2: a forget that was there before the pin is known from now on */
    return repo_refresh_in_use(w->r);
}
