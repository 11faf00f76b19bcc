#include "repo/repo_log.h"

#include "repo/repo_role.h"

enum { REPO_LOG_TRIES = 100 };

/* What is put on a record that a power cut may undo would hang in the air. */
static int repo_log_settle(const struct repo *r)
{
    char name[RECORD_NAME_MAX];

    record_log_name(r->state.tip.number, name);
    return store_make_durable(r->store, name, NULL);
}

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
    if (rc == 0 && !d.nothing && !members_role_may_log(r->keys->role, d.type))
        rc = err_set(E_ROLE, "%s: a key whose role is '%s' may not do this",
                     store_place(r->store), repo_role_name(r->keys->role));
    if (rc < 0)
        return rc;
    if (d.nothing) {
        *done = true;
        return 0;
    }
    rc = repo_log_settle(r);
    return rc < 0 ? rc : repo_log_put(r, &d, number, done);
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
