#include "cli/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    STATS_BATCH = 2048,
    STATS_DAY_S = 86400,
    STATS_WEEK_S = 7 * STATS_DAY_S,
    STATS_PERCENT = 100
};

void stats_add(struct stats_sum *s, uint64_t bytes)
{
    s->n++;
    if (__builtin_add_overflow(s->bytes, bytes, &s->bytes))
        s->bytes = UINT64_MAX;
}

uint64_t stats_ratio_percent(uint64_t whole, uint64_t part)
{
    double ratio = part ? STATS_PERCENT * (double)whole / (double)part : 0;

    return ratio < UINT32_MAX ? (uint64_t)(ratio + 0.5) : UINT32_MAX;
}

/* ---- weeks ------------------------------------------------------------- */

/* The first second of the week of s: 1970 began on a Thursday. */
static int64_t stats_monday(int64_t s)
{
    int64_t into = (s % STATS_WEEK_S + 3 * STATS_DAY_S) % STATS_WEEK_S;

    return s - (into < 0 ? into + STATS_WEEK_S : into);
}

void stats_weeks(int64_t now_s, struct stats_week week[STATS_WEEKS])
{
    for (int i = 0; i < STATS_WEEKS; i++) {
        week[i].monday =
            stats_monday(now_s) - (STATS_WEEKS - 1 - i) * (int64_t)STATS_WEEK_S;
        week[i].stored = (struct stats_sum){0};
    }
}

void stats_in_week(struct stats_week week[STATS_WEEKS], int64_t end_s,
                   uint64_t bytes, bool complete)
{
    for (int i = 0; i < STATS_WEEKS; i++) {
        /* before it: a large number, too */
        if ((uint64_t)end_s - (uint64_t)week[i].monday < STATS_WEEK_S) {
            stats_add(&week[i].stored, bytes);
            week[i].stored.n -= !complete;
        }
    }
}

/* ---- snapshots --------------------------------------------------------- */

/*
 * Whether the run that made item i has a later one, whose figures include its
 * own: they count from where the run began. Those of one run stand together,
 * but for others that say they began at the same instant.
 */
static bool stats_goes_on(const struct snapshot_list *l, size_t i)
{
    const struct manifest *m = &l->item[i].manifest.m;

    for (size_t k = i + 1; k < l->n; k++) {
        const struct manifest *n = &l->item[k].manifest.m;

        if (entry_time_cmp(n->begin, m->begin) != 0)
            return false;
        if (!l->item[k].sealed && n->number == m->number &&
            bytes_equal(n->series, m->series))
            return true;
    }
    return false;
}

void stats_snapshots(const struct snapshot_list *l, struct stats *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];
        const struct manifest *m = &it->manifest.m;

        if (it->damaged || it->sealed) {
            out->unread++;
            continue;
        }
        /* begin may be what --time said */
        if (!stats_goes_on(l, i))
            stats_in_week(out->week, m->end.s, m->stats.stored_bytes,
                          m->complete);
        if (!m->complete) {
            out->checkpoints++;
            continue;
        }
        stats_add(&out->snapshots, m->stats.bytes);
        if (snapshot_list_newest(l, m->series) == it)
            stats_add(&out->latest, m->stats.bytes);
    }
}

/* ---- chunks ------------------------------------------------------------ */

/* Of each pack by its number: its kind when it is live and there, else 0. */
struct stats_kinds {
    uint8_t *kind; /* owned */
    size_t n;
    size_t cap;
};

static int stats_note_kind(struct stats_kinds *k, const struct index_pack *p)
{
    size_t n = (size_t)p->no + 1;

    if (!MEM_GROW(k->kind, n, k->cap))
        return err_set(E_NOMEM, "counting packs");
    memset(k->kind + k->n, 0, n - k->n);
    k->n = n;
    if (p->state == INDEX_LIVE && !p->gone)
        k->kind[p->no] = (uint8_t)p->kind;
    return 0;
}

static int stats_load_kinds(struct index_reader *r, struct stats_kinds *k)
{
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n;

    do {
        int rc = index_reader_packs(r, &next, pack,
                                    sizeof pack / sizeof pack[0], &n);

        for (size_t i = 0; i < n && rc == 0; i++)
            rc = stats_note_kind(k, &pack[i]);
        if (rc < 0)
            return rc;
    } while (n > 0);
    return 0;
}

/* What a chunk takes of its frame, as far as one can tell. */
static uint64_t stats_share(const struct index_loc *l)
{
    return l->frame_raw ? (uint64_t)l->frame_stored * l->bytes / l->frame_raw
                        : 0;
}

/* Takes one location; *last is the chunk that was counted last. */
static void stats_chunk(const struct stats_kinds *k,
                        const struct index_chunk *c, struct chunk_id *last,
                        struct stats *out)
{
    uint8_t kind = c->loc.pack < k->n ? k->kind[c->loc.pack] : 0;
    struct stats_chunks *sum = kind == INDEX_DATA ? &out->data : &out->meta;

    if (kind == 0)
        return;
    if (sum->plain.n && chunk_id_equal(&c->id, last)) {
        stats_add(&out->twice, stats_share(&c->loc));
        return;
    }
    *last = c->id;
    stats_add(&sum->plain, c->loc.bytes);
    sum->stored_bytes += stats_share(&c->loc);
}

static int stats_walk_chunks(struct index_reader *r, struct stats *out)
{
    struct stats_kinds k = {.kind = NULL};
    struct index_place place = {.started = false};
    struct index_chunk *batch = mem_array(STATS_BATCH, sizeof *batch);
    struct chunk_id last = {{0}};
    size_t n = 1;
    int rc = batch ? 0 : err_set(E_NOMEM, "counting chunks");

    if (rc == 0)
        rc = stats_load_kinds(r, &k);
    while (rc == 0 && n > 0) {
        rc = index_reader_chunks(r, &place, batch, STATS_BATCH, &n);
        for (size_t i = 0; rc == 0 && i < n; i++)
            stats_chunk(&k, &batch[i], &last, out);
    }
    free(k.kind);
    free(batch);
    return rc;
}

/* ---- stored objects ---------------------------------------------------- */

struct stats_listing {
    struct index_reader *r;
    struct stats *out;
};

/* A pack that is stored: what the index says of it. */
static int stats_stored_pack(struct stats_listing *l, const char *name,
                             uint64_t size)
{
    const char *hex = strrchr(name, '/') + 1;
    struct object_id id;
    struct index_pack p = {.state = INDEX_LIVE};
    bool found = false;
    int rc = 0;

    if (id_from_hex(hex, id.b, sizeof id.b))
        rc = index_reader_pack_by_id(l->r, &id, &p, &found);
    if (rc < 0)
        return rc;
    stats_add(&l->out->packs, size);
    if (!found)
        stats_add(&l->out->unlisted, size);
    else if (p.state == INDEX_CONDEMNED)
        stats_add(&l->out->condemned, size);
    else if (p.state == INDEX_DOOMED)
        stats_add(&l->out->doomed, size);
    return 0;
}

static int stats_stored(void *ctx, const char *name, uint64_t size)
{
    struct stats_listing *l = ctx;
    const struct {
        const char *folder;
        struct stats_sum *sum;
    } rows[] = {{"index/", &l->out->segments},
                {"snapshots/", &l->out->manifests},
                {"log/", &l->out->records},
                {"w/", &l->out->journal_records}};

    if (strncmp(name, "packs/", strlen("packs/")) == 0)
        return stats_stored_pack(l, name, size);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(name, rows[i].folder, strlen(rows[i].folder)) != 0)
            continue;
        stats_add(rows[i].sum, size);
        return 0;
    }
    stats_add(&l->out->others, size);
    return 0;
}

int stats_count(struct repo *r, int64_t now_s, struct stats *out)
{
    struct stats_listing l = {.out = out};
    struct snapshot_list snapshots = {.n = 0};
    int rc;

    stats_weeks(now_s, out->week);
    rc = snapshot_list_load(r->index, &r->state, &snapshots);
    if (rc == 0)
        stats_snapshots(&snapshots, out);
    snapshot_list_release(&snapshots);
    if (rc == 0)
        rc = index_reader_new(r->index, &l.r);
    if (rc == 0)
        rc = stats_walk_chunks(l.r, out);
    if (rc == 0)
        rc = index_reader_renew(l.r);
    if (rc == 0)
        rc = store_list(r->store, "", stats_stored, &l);
    index_reader_free(l.r);
    return rc;
}
