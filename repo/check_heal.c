#include "repo/check_heal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/catchup_packs.h"

enum {
    CHECK_HEAL_WAIT_MS = 20000,
    CHECK_HEAL_BATCH = 1024,
    CHECK_HEAL_MAX = 10000 /* changes in one update */
};

struct check_heal {
    struct check_view *v;
    const struct repo *r;
    struct index_reader *cache;
    struct index_reader *view;
    struct index_update *u;   /* NULL: none is open */
    size_t changes;           /* in it */
    struct check_pack **pack; /* by number in the cache; NULL: not known */
    size_t pack_n;
    bool spoilt; /* some pack is */
};

static int check_heal_breathe(struct check_heal *h)
{
    struct index_update *u = h->u;
    int rc = 0;

    if (u && ++h->changes < CHECK_HEAL_MAX)
        return 0;
    h->u = NULL;
    h->changes = 0;
    if (u)
        rc = index_update_commit(u);
    return rc < 0 ? rc
                  : index_update_begin(h->r->index, CHECK_HEAL_WAIT_MS, &h->u);
}

/* --- packs --- */

static int check_heal_trust(struct check_heal *h, const struct index_pack *p,
                            const struct check_pack *is)
{
    bool gone = is->state == CHECK_PACK_MISSING || is->cut;
    int rc;

    /* what no segment lists was never trusted */
    if (p->trusted != gone || !catchup_packs_is_listed(p) || is->recovered ||
        !members_count_on(&h->r->state.members, &p->writer))
        return 0;
    rc = check_heal_breathe(h);
    return rc < 0 ? rc : index_update_set_trusted(h->u, p->no, !gone);
}

static int check_heal_pack(struct check_heal *h, const struct index_pack *p)
{
    struct index_pack other;
    struct check_pack *is;
    bool found;
    int rc = index_reader_pack_by_id(h->view, &p->id, &other, &found);

    if (rc < 0 || !found || p->no >= h->pack_n)
        return rc;
    is = &h->v->pack[other.no];
    if (p->state == INDEX_DOOMED || is->state == CHECK_PACK_DOOMED)
        return 0;
    h->pack[p->no] = is;
    h->spoilt |= is->spoilt;
    return check_heal_trust(h, p, is);
}

static int check_heal_packs(struct check_heal *h)
{
    struct index_pack pack[64];
    uint32_t next = 0;
    size_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(h->cache, &next, pack, 64, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = check_heal_pack(h, &pack[i]);
    }
    return rc;
}

/* --- chunks --- */

static int check_heal_chunk(struct check_heal *h, const struct index_chunk *c)
{
    uint32_t no = c->loc.pack;
    const struct check_pack *is = no < h->pack_n ? h->pack[no] : NULL;
    bool suspect;
    int rc;

    if (!is || !is->read)
        return 0;
    rc = index_reader_suspect(h->cache, &c->id, no, &suspect);
    /* what the log calls suspect is not for us to clear */
    if (rc < 0 || suspect == is->spoilt ||
        (suspect && h->r->state.suspect_n > 0))
        return rc;
    rc = check_heal_breathe(h);
    if (rc < 0)
        return rc;
    return is->spoilt ? index_update_put_suspect(h->u, &c->id, no)
                      : index_update_drop_suspect(h->u, &c->id, no);
}

static int check_heal_chunks(struct check_heal *h)
{
    struct index_chunk *chunk = mem_array(CHECK_HEAL_BATCH, sizeof *chunk);
    struct index_place place = {.started = false};
    size_t n = 1;
    int rc = chunk ? 0 : err_set(E_NOMEM, "out of memory");

    while (rc == 0 && n > 0) {
        rc = index_reader_chunks(h->cache, &place, chunk, CHECK_HEAL_BATCH, &n);
        if (rc == 0)
            rc = cancel_check(h->v->cancel);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = check_heal_chunk(h, &chunk[i]);
    }
    free(chunk);
    return rc;
}

/* --- all of it --- */

static int check_heal_all(struct check_heal *h)
{
    struct index_update *u;
    struct index_stats stats;
    int rc = index_reader_stats(h->cache, &stats);

    if (rc < 0)
        return rc;
    h->pack_n = (size_t)stats.pack_n;
    h->pack = mem_array(h->pack_n, sizeof(struct check_pack *));
    if (!h->pack)
        return err_set(E_NOMEM, "out of memory");
    rc = check_heal_packs(h);
    if (rc == 0 && (h->spoilt || stats.suspect_n > 0))
        rc = check_heal_chunks(h);
    u = h->u;
    if (rc < 0 || !u)
        return rc;
    h->u = NULL;
    return index_update_commit(u);
}

int check_heal_run(struct check_view *v, const struct repo *r)
{
    struct check_heal h = {.v = v, .r = r};
    int rc = index_reader_new(r->index, &h.cache);

    if (rc == 0)
        rc = index_reader_new(v->index, &h.view);
    if (rc == 0)
        rc = check_heal_all(&h);
    index_update_abort(h.u);
    index_reader_free(h.cache);
    index_reader_free(h.view);
    free(h.pack);
    if (rc == 0 || rc == E_NOMEM || rc == E_CANCELED)
        return rc;
    return check_report_note(v->report, CHECK_CACHE, "",
                             "this host's cache cannot take note of what is "
                             "damaged: %s; delete it before the next backup",
                             err_text());
}
