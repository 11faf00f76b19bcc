#include "repo/wrote.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/journal_list.h"
#include "repo/trust.h"

enum { WROTE_BATCH = 32 };

void wrote_release(struct wrote *w)
{
    snapshot_list_release(&w->list);
    free(w->snapshot);
    free(w->journal);
    free(w->pack);
    *w = (struct wrote){.snapshot = NULL};
}

/* Of a damaged one the index remembers whose journal commits it. */
static bool wrote_is_its(const struct snapshot_item *it,
                         const struct member_id *member)
{
    struct writer_id w;

    if (!it->damaged)
        return memcmp(it->signer.b, member->b, sizeof member->b) == 0;
    memcpy(w.b, it->raw.p, sizeof w.b);
    return members_owns(member, &w);
}

static int wrote_snapshots(const struct repo *r, const struct member_id *member,
                           struct wrote *w)
{
    int rc = snapshot_list_load(r->index, &r->state, &w->list);

    if (rc < 0)
        return rc;
    w->snapshot = mem_array(w->list.n, sizeof *w->snapshot);
    if (!w->snapshot)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < w->list.n; i++) {
        if (!wrote_is_its(&w->list.item[i], member))
            continue;
        w->hurt |= w->list.item[i].damaged;
        w->snapshot[w->snapshot_n++] = i;
    }
    return 0;
}

static int wrote_journals(const struct repo *r, const struct member_id *member,
                          struct wrote *w)
{
    const struct members *m = &r->state.members;
    const struct members_one *one = members_find(m, member);
    struct journal_list l = {.item = NULL};
    int rc = journal_list_load(r->store, &l);

    for (size_t i = 0; i < l.n && rc == 0; i++) {
        const struct journal_list_item *it = &l.item[i];

        if (!members_owns(member, &it->writer))
            continue;
        if (!MEM_GROW(w->journal, w->journal_n, w->journal_cap)) {
            rc = err_set(E_NOMEM, "out of memory");
            break;
        }
        w->journal[w->journal_n++] = (struct wrote_journal){
            .writer = it->writer,
            .records = it->last + 1,
            .counts = one && members_end(m, one, &it->writer) > 0};
    }
    journal_list_release(&l);
    return rc;
}

static int wrote_pack(const struct repo *r, const struct index_pack *p,
                      struct wrote *w)
{
    bool vouched = state_is_vouched(&r->state, &p->id, &p->dir);

    if (!MEM_GROW(w->pack, w->pack_n, w->pack_cap))
        return err_set(E_NOMEM, "out of memory");
    w->pack[w->pack_n++] = (struct wrote_pack){.id = p->id,
                                               .kind = p->kind,
                                               .state = p->state,
                                               .bytes = p->size_bytes,
                                               .listed = trust_listed(p),
                                               .gone = p->gone,
                                               .vouched = vouched};
    w->pack_bytes += p->size_bytes;
    w->vouched_n += vouched;
    w->hurt |= p->gone;
    return 0;
}

static int wrote_packs(const struct repo *r, const struct member_id *member,
                       struct wrote *w)
{
    struct index_pack pack[WROTE_BATCH];
    struct index_reader *ix = NULL;
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_new(r->index, &ix);

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(ix, &next, pack, WROTE_BATCH, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (pack[i].state != INDEX_DOOMED &&
                memcmp(pack[i].member.b, member->b, sizeof member->b) == 0)
                rc = wrote_pack(r, &pack[i], w);
        }
    }
    index_reader_free(ix);
    return rc;
}

int wrote_load(const struct repo *r, const struct member_id *member,
               struct wrote *w)
{
    int rc = wrote_snapshots(r, member, w);

    if (rc == 0)
        rc = wrote_journals(r, member, w);
    return rc < 0 ? rc : wrote_packs(r, member, w);
}
