#include "repo/check_cache.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/trust.h"

enum { CHECK_CACHE_BATCH = 32, CHECK_CACHE_PLACES = 64 };

/* Two indexes, one of which is asked whether it knows what the other says. */
struct check_cache {
    struct check_view *v;
    const struct state
        *state; /* that says stands for; NULL: says is the view */
    struct index_reader *says;
    struct index_reader *knows;
    uint32_t *number; /* pack number of says -> of knows; INDEX_NO_PACK */
    size_t number_n;
    uint64_t wrong;
};

/* What a pack of says is in knows: wrong, when they do not agree. */
static int check_cache_pack(struct check_cache *c, const struct index_pack *p)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    struct index_pack other;
    bool found;
    int rc = index_reader_pack_by_id(c->knows, &p->id, &other, &found);

    if (rc < 0 || p->no >= c->number_n)
        return rc;
    c->number[p->no] = INDEX_NO_PACK;
    /* nothing lists it: it was asked for its directory, and is only read */
    if (!trust_listed(p) || p->gone)
        return 0;
    if (c->state && p->state != state_of[state_of_pack(c->state, &p->id, NULL)])
        c->wrong++;
    if (p->state == INDEX_DOOMED || (found && other.state == INDEX_DOOMED))
        return 0;
    if (found && p->kind == other.kind && p->chunk_n == other.chunk_n &&
        p->size_bytes == other.size_bytes)
        c->number[p->no] = other.no;
    else
        c->wrong += found || c->state;
    return 0;
}

static int check_cache_packs(struct check_cache *c)
{
    struct index_pack pack[CHECK_CACHE_BATCH];
    struct index_stats stats;
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_stats(c->says, &stats);

    if (rc < 0)
        return rc;
    c->number_n = (size_t)stats.pack_n;
    c->number = mem_array(c->number_n, sizeof *c->number);
    if (!c->number)
        return err_set(E_NOMEM, "out of memory");
    while (rc == 0 && n > 0) {
        rc = index_reader_packs(c->says, &next, pack, CHECK_CACHE_BATCH, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = check_cache_pack(c, &pack[i]);
    }
    return rc;
}

static bool check_cache_same_place(const struct index_loc *a,
                                   const struct index_loc *b)
{
    return a->frame_off == b->frame_off && a->frame_stored == b->frame_stored &&
           a->frame_raw == b->frame_raw && a->off == b->off &&
           a->bytes == b->bytes && a->key_slot == b->key_slot;
}

/* One location; in packs that the other does not know it counts for nothing. */
static int check_cache_chunk(struct check_cache *c,
                             const struct index_chunk *chunk)
{
    struct index_loc loc[CHECK_CACHE_PLACES];
    uint32_t no = chunk->loc.pack < c->number_n ? c->number[chunk->loc.pack]
                                                : INDEX_NO_PACK;
    size_t n;
    int rc;

    if (no == INDEX_NO_PACK)
        return 0;
    rc = index_reader_locations(c->knows, &chunk->id, loc, CHECK_CACHE_PLACES,
                                &n);
    for (size_t i = 0; i < n && i < CHECK_CACHE_PLACES && rc == 0; i++) {
        if (loc[i].pack == no && check_cache_same_place(&loc[i], &chunk->loc))
            return 0;
    }
    /* more places than fit: rather believe it */
    c->wrong += rc == 0 && n <= CHECK_CACHE_PLACES;
    return rc;
}

static int check_cache_chunks(struct check_cache *c)
{
    struct index_chunk chunk[CHECK_CACHE_BATCH];
    struct index_place place = {.started = false};
    size_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        rc = index_reader_chunks(c->says, &place, chunk, CHECK_CACHE_BATCH, &n);
        if (rc == 0)
            rc = cancel_check(c->v->cancel);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = check_cache_chunk(c, &chunk[i]);
    }
    return rc;
}

/* Counts what says says and knows does not. */
static int check_cache_compare(struct check_view *v, struct index *says,
                               struct index *knows, const struct state *state,
                               uint64_t *wrong)
{
    struct check_cache c = {.v = v, .state = state};
    int rc = index_reader_new(says, &c.says);

    if (rc == 0)
        rc = index_reader_new(knows, &c.knows);
    if (rc == 0)
        rc = check_cache_packs(&c);
    if (rc == 0)
        rc = check_cache_chunks(&c);
    *wrong += c.wrong;
    free(c.number);
    index_reader_free(c.says);
    index_reader_free(c.knows);
    return rc;
}

int check_cache_run(struct check_view *v, struct index *ix,
                    const struct state *state)
{
    uint64_t wrong = 0;
    int rc = check_cache_compare(v, ix, v->index, state, &wrong);

    if (rc == 0)
        rc = check_cache_compare(v, v->index, ix, NULL, &wrong);
    if (rc == E_CORRUPT || rc == E_IO || rc == E_LATER || rc == E_BUSY)
        return check_report_note(v->report, CHECK_CACHE, "",
                                 "this host's cache cannot be read: %s; it is "
                                 "made anew when it is deleted",
                                 err_text());
    if (rc < 0 || wrong == 0)
        return rc;
    return check_report_note(v->report, CHECK_CACHE, "",
                             "this host's cache differs from the index in "
                             "%" PRIu64 " places: delete it before the next "
                             "backup; it is made anew",
                             wrong);
}
