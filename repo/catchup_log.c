#include "repo/catchup_log.h"

#include "repo/catchup_packs.h"
#include "repo/epoch.h"
#include "repo/trust.h"

/* A record that is not taken is met again by the next catch-up. */
static int catchup_log_take(struct catchup *c, const struct chain_record *r)
{
    struct chain_tip before = c->state->tip;
    uint32_t epochs = c->state->epochs;
    int rc = state_apply(c->state, r);

    if (rc == 0 && c->state->epochs > epochs) {
        rc = epoch_take(c->keys, c->state, r, c->accept_rollback);
        if (rc < 0)
            c->state->epochs = epochs;
    }
    if (rc < 0)
        c->state->tip = before;
    return rc;
}

/* A slot is written after the record of each epoch that it holds. Whoever went
 * on without that record would seal under keys that were given up, perhaps
 * because somebody has them. */
static int catchup_log_slot(const struct catchup *c)
{
    const struct keyring *k = c->keys;

    if (k->held <= k->begun || c->accept_rollback)
        return 0;
    return err_set(E_ROLLBACK,
                   "the log tells of %u epochs of keys, the key slot of %u: "
                   "the repository is older than its key slot; if that is "
                   "right (a restored copy), look at 'dedup key list' (who was "
                   "removed since is a member again), and run 'dedup key "
                   "rotate', both with --accept-rollback",
                   (unsigned)k->begun, (unsigned)k->held);
}

/* How what the index stands for, and what was found, agree. */
static int catchup_log_compare(struct catchup_update *up, bool *stale)
{
    struct catchup *c = up->c;

    if (!c->state->tip.any)
        return err_set(E_CORRUPT, "the log is empty: its first record is lost");
    up->ahead = up->marked && up->log.number > c->state->tip.number;
    if (up->ahead && !keyring_is_current(c->keys))
        return 0;
    if (up->ahead) {
        *stale = true;
        return catchup_marks_behind(c->accept_rollback,
                                    "the log is shorter than before");
    }
    return *stale ? catchup_marks_behind(c->accept_rollback,
                                         "the log has another history")
                  : 0;
}

int catchup_log_fold(struct catchup_update *up, bool *stale)
{
    struct catchup *c = up->c;
    const struct catchup_mark *mark = &up->log;
    struct chain chain = {
        .store = c->store, .keys = c->keys, .kind = ENVELOPE_LOG};
    bool found = true;
    int rc = 0;

    while (rc == 0 && keyring_is_current(c->keys)) {
        struct chain_record r = {.signer = {{0}}};
        uint64_t n = c->state->tip.any ? c->state->tip.number + 1 : 0;

        rc = chain_get(&chain, n, &r, &found);
        if (rc < 0 || !found)
            break;
        rc = chain_follows(&chain, &c->state->tip, &r);
        if (rc == 0)
            rc = catchup_log_take(c, &r);
        if (up->marked && n == mark->number &&
            !object_id_equal(&r.id, &mark->id))
            *stale = true;
        chain_record_release(&r);
    }
    if (rc == 0 && c->state->tip.any)
        rc = catchup_log_slot(c);
    return rc < 0 ? rc : catchup_log_compare(up, stale);
}

int catchup_log_still(struct catchup_update *up)
{
    char name[RECORD_NAME_MAX];
    uint64_t bytes;
    bool found;
    int rc;

    /* whose log ends before its last record has nothing to wait for */
    if (!keyring_is_current(up->c->keys))
        return 0;
    record_log_name(up->c->state->tip.number + 1, name);
    rc = store_size(up->c->store, name, &bytes, &found);
    if (rc < 0 || !found)
        return rc;
    up->overtaken = true;
    return err_set(E_LATER, "the log grew while journals were read");
}

bool catchup_log_moved(const struct catchup_update *up)
{
    return !up->marked || up->log.number != up->c->state->tip.number;
}

int catchup_log_states(struct catchup_update *up)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    const struct member_id *me = &up->c->keys->member;
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    int rc = catchup_update_breathe(up);

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(up->r, &next, pack, 32, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            uint64_t by = 0;
            bool trusted;
            enum index_state want =
                state_of[state_of_pack(up->c->state, &pack[i].id, &by)];

            if (pack[i].state == INDEX_DOOMED)
                continue;
            if (pack[i].state != want)
                rc = index_update_set_state(up->u, pack[i].no, want, by);
            trusted = trust_pack(up->c->state, me, &pack[i]);
            if (rc == 0 && pack[i].trusted != trusted)
                rc = index_update_set_trusted(up->u, pack[i].no, trusted);
        }
    }
    return rc < 0 ? rc : catchup_marks_put_member(up->u, me);
}

int catchup_log_suspects(struct catchup_update *up)
{
    const struct state *s = up->c->state;
    int rc = catchup_update_breathe(up);

    for (size_t i = 0; i < s->suspect_n && rc == 0; i++) {
        struct index_pack pack;
        bool found;

        rc = index_update_find_pack(up->u, &s->suspect[i].pack, &pack, &found);
        if (rc == 0 && found)
            rc = index_update_put_suspect(up->u, &s->suspect[i].chunk, pack.no);
    }
    return rc;
}

int catchup_log_note(struct catchup_update *up)
{
    const struct chain_tip *tip = &up->c->state->tip;
    char name[RECORD_NAME_MAX];
    int rc;

    record_log_name(tip->number, name);
    rc = store_make_durable(up->c->store, name, NULL);
    if (rc == 0)
        rc = catchup_update_breathe(up);
    return rc < 0 ? rc : catchup_marks_put_log(up->u, tip);
}
