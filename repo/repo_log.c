#include "repo/repo_log.h"

#include "repo/repo_role.h"
#include "repo/reserve.h"
#include "repo/settle.h"

enum { REPO_LOG_TRIES = 100 };

static int repo_log_put(struct repo *r, const struct repo_log_draft *d,
                        uint64_t *number, bool *mine)
{
    struct chain chain = {
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_LOG};
    struct chain_tip tip = r->state.tip;
    struct buf body;
    int rc;

    buf_init(&body, envelope_content_max(ENVELOPE_LOG));
    record_log_put(d->type, &d->says, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&chain, &tip, d->type, buf_bytes(&body), mine);
    if (rc == 0 && *mine)
        *number = tip.number;
    buf_release(&body);
    return rc;
}

int repo_log_has_moved(const struct repo *r, bool *moved)
{
    char name[RECORD_NAME_MAX];
    uint64_t size;

    record_log_name(r->state.tip.number + 1, name);
    return store_size(r->store, name, &size, moved);
}

int repo_log_follow(void *ctx, bool *moved)
{
    struct repo *r = ctx;
    int rc = repo_log_has_moved(r, moved);

    return rc == 0 && *moved ? repo_refresh_in_use(r) : rc;
}

int repo_log_overtaken(const struct repo *r, bool *again)
{
    struct err_record why;
    int rc;

    err_save(E_CORRUPT, &why);
    rc = repo_log_has_moved(r, again);
    return rc < 0 || *again ? rc : err_load(&why);
}

/* E_NOSPACE was raised: what leads to less being stored may take the room that
 * was kept for it, and is tried again. */
static int repo_log_make_room(const struct repo *r,
                              const struct repo_log_draft *d)
{
    struct err_record why;
    bool spent = false;
    int rc = 0;

    err_save(E_NOSPACE, &why);
    if (d->type == RECORD_FORGET || d->type == RECORD_CONDEMN ||
        d->type == RECORD_DOOM)
        rc = reserve_spend(r->store, &spent);
    return rc < 0 || spent ? rc : err_load(&why);
}

/* One attempt on the tip just read. */
static int repo_log_try(struct repo *r, repo_log_compute *compute, void *ctx,
                        uint64_t *number, bool *done)
{
    struct repo_log_draft d = {.nothing = false};
    int rc = repo_refresh(r);

    if (rc == 0)
        rc = repo_role_active(r);
    if (rc == 0)
        rc = compute(ctx, r, &d);
    if (rc == E_CORRUPT) {
        bool again = false;

        rc = repo_log_overtaken(r, &again);
        if (rc < 0 || again)
            return rc;
    }
    if (rc == 0 && !d.nothing && !members_role_may_log(r->keys->role, d.type))
        rc = err_set(E_ROLE, "%s: a key whose role is '%s' may not do this",
                     store_place(r->store), repo_role_name(r->keys->role));
    if (rc < 0)
        return rc;
    if (d.nothing) {
        *done = true;
        return 0;
    }
    rc = settle_tip(r);
    if (rc == 0)
        rc = repo_log_put(r, &d, number, done);
    return rc == E_NOSPACE ? repo_log_make_room(r, &d) : rc;
}

int repo_log_append(struct repo *r, repo_log_compute *compute, void *ctx,
                    uint64_t *number)
{
    uint64_t mine = 0;
    bool done = false;
    int rc = 0;

    for (int i = 0; i < REPO_LOG_TRIES && rc == 0 && !done; i++)
        rc = repo_log_try(r, compute, ctx, &mine, &done);
    if (rc == 0 && !done)
        rc = err_set(E_BUSY, "%s: others kept changing it",
                     store_place(r->store));
    if (rc == 0 && mine > 0)
        rc = repo_refresh(r);
    if (number)
        *number = mine;
    return rc;
}
