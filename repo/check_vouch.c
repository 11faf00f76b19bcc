#include "repo/check_vouch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/repo_log.h"
#include "repo/trust.h"

enum { CHECK_VOUCH_MAX = 65536 /* in one record: 4 MiB */ };

struct check_vouch {
    const struct cancel *cancel;
    struct record_vouch *list;
    size_t n;
    size_t cap;
    size_t from;    /* those before it are said */
    size_t put;     /* in the record that is tried */
    uint8_t *space; /* for that */
};

/* Whether there is any use in vouching for a pack, as the log stands. */
static bool check_vouch_wants(const struct repo *r, const struct member_id *by,
                              const struct record_vouch *is)
{
    return !trust_member(&r->state, &r->keys->member, by) &&
           state_of_pack(&r->state, &is->pack, NULL) == STATE_LIVE &&
           !state_is_vouched(&r->state, &is->pack, &is->dir);
}

static int check_vouch_collect(struct check_vouch *c,
                               const struct check_view *v, const struct repo *r)
{
    for (size_t i = 0; i < v->pack_n; i++) {
        const struct check_pack *p = &v->pack[i];
        struct record_vouch is = {.pack = p->id, .dir = p->dir};

        if (p->state != CHECK_PACK_SOUND || !p->read || p->recovered ||
            !check_vouch_wants(r, &p->writer, &is))
            continue;
        if (!MEM_GROW(c->list, c->n, c->cap))
            return err_set(E_NOMEM, "out of memory");
        c->list[c->n++] = is;
    }
    return 0;
}

/* The next record: what of its piece still wants vouching. */
static int check_vouch_compute(void *ctx, const struct repo *r,
                               struct repo_log_draft *d)
{
    static const struct member_id nobody = {{0}};
    struct check_vouch *c = ctx;
    size_t end =
        c->n - c->from < CHECK_VOUCH_MAX ? c->n : c->from + CHECK_VOUCH_MAX;
    int rc = cancel_check(c->cancel);

    c->put = 0;
    for (size_t i = c->from; i < end; i++) {
        if (check_vouch_wants(r, &nobody, &c->list[i]))
            record_log_put_vouch(&c->list[i],
                                 c->space + c->put++ * RECORD_VOUCH_BYTES);
    }
    d->type = RECORD_VOUCH;
    d->says.vouches = (struct fields_list){.p = c->space, .n = c->put};
    d->nothing = c->put == 0;
    return rc;
}

static int check_vouch_say(struct check_vouch *c, struct check_view *v,
                           struct repo *r)
{
    int rc = 0;

    c->space = mem_array(c->n < CHECK_VOUCH_MAX ? c->n : CHECK_VOUCH_MAX,
                         RECORD_VOUCH_BYTES);
    if (!c->space)
        return err_set(E_NOMEM, "out of memory");
    while (rc == 0 && c->from < c->n) {
        rc = repo_log_append(r, check_vouch_compute, c, NULL);
        if (rc == 0)
            v->report->sum->vouched += c->put;
        c->from += CHECK_VOUCH_MAX;
    }
    return rc;
}

int check_vouch_run(struct check_view *v, struct repo *r)
{
    struct check_vouch c = {.cancel = v->cancel};
    int rc = 0;

    if (r->keys->role != KEYRING_FULL ||
        r->state.members.trust != RECORD_TRUST_OWN)
        return 0;
    rc = check_vouch_collect(&c, v, r);
    if (rc == 0 && c.n > 0)
        rc = check_vouch_say(&c, v, r);
    free(c.list);
    free(c.space);
    if (rc == 0 || rc == E_NOMEM || rc == E_CANCELED)
        return rc;
    return check_report_note(v->report, CHECK_LOG, "",
                             "%zu packs that others wrote are sound, but that "
                             "cannot be put down: %s",
                             c.n - (size_t)v->report->sum->vouched, err_text());
}
