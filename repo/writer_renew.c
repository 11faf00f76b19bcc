/* W4: saying that we are alive. */
#include "base/clock.h"
#include "repo/repo_role.h"
#include "repo/settle.h"
#include "repo/writer_journal.h"

/* Whether one pack is no longer what the run took it for. */
static bool writer_lost_pack(const struct writer *w,
                             const struct writer_reliance *on,
                             const struct index_pack *pack)
{
    bool own =
        memcmp(pack->writer.b, w->chain.writer.b, sizeof pack->writer.b) == 0;

    /* a doom is a loss whenever it came: a pack that was live when we last
     * looked, or not known, carries the number of no condemn record */
    if (pack->state == INDEX_LIVE ||
        (pack->state == INDEX_CONDEMNED &&
         pack->condemned_by <= w->generation.number))
        return false;
    return own || (on->on_pack && on->on_pack(on->ctx, pack->no));
}

/* Whether anything that the run counts on was condemned since its generation,
 * or is taken over from a parent that no longer passes I6, or of which damage
 * met since may have taken what lists its packs. */
static int writer_hurt(struct writer *w, const struct writer_reliance *on,
                       bool *hurt)
{
    struct index_reader *r = NULL;
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_new(w->r->index, &r);

    *hurt = on->parent_n > 0 && w->r->hurt;
    for (size_t i = 0; i < on->parent_n; i++)
        *hurt |= !state_trusts_tree(&w->r->state, &on->parent[i]);
    while (rc == 0 && n > 0 && !*hurt) {
        rc = index_reader_packs(r, &next, pack, 32, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            *hurt |= writer_lost_pack(w, on, &pack[i]);
    }
    index_reader_free(r);
    return rc;
}

int writer_renew(struct writer *w, const struct writer_reliance *on)
{
    bool hurt = false;
    int rc;

    if (clock_monotonic_ns() - w->spoke_at < WRITER_SILENCE_NS / 3)
        return 0;
    rc = repo_refresh_in_use(w->r);
    /* the log is read first: whatever failed, this is known */
    if (repo_role_active(w->r) < 0)
        return E_ROLE;
    /* a look-up in a view older than the generation that we are about to name
     * could find what was condemned before it */
    if (rc == 0 && on->moved)
        on->moved(on->ctx);
    if (rc == 0)
        rc = settle_tip(w->r);
    if (rc == 0)
        rc = writer_hurt(w, on, &hurt);
    if (writer_journal_needs(rc))
        return rc;
    /* the old generation is always right: it costs collectors some waiting */
    if (rc == 0 && !hurt)
        w->generation = w->r->state.tip;
    return writer_journal_put_generation(w, RECORD_RENEW, NULL);
}
