#include "repo/label_change.h"

#include "base/buf.h"
#include "repo/repo_log.h"
#include "repo/repo_role.h"

bool label_change_tag_ok(struct bytes tag)
{
    if (tag.n == 0 || tag.n > RECORD_TAG_MAX)
        return false;
    for (size_t i = 0; i < tag.n; i++) {
        if (tag.p[i] <= ' ' || tag.p[i] == 0x7f || tag.p[i] == ',')
            return false;
    }
    return true;
}

/* A decision about a snapshot that is gone by now would bind nobody. */
static int label_change_check(const struct repo *r,
                              const struct object_id *snapshot)
{
    char hex[ID_HEX_CHARS + 1];

    if (!state_is_forgotten(&r->state, snapshot))
        return 0;
    return err_set(E_NOTFOUND, "snapshot %.8s was forgotten meanwhile",
                   id_hex(snapshot->b, sizeof snapshot->b, hex));
}

/* ---- tags -------------------------------------------------------------- */

struct label_change_draft {
    const struct snapshot_item *item;
    const struct label_change_tags *change;
    struct buf tags; /* encoded, of the record */
    size_t n;
};

static bool label_change_among(struct bytes tag, const struct bytes *list,
                               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(tag, list[i]))
            return true;
    }
    return false;
}

static bool label_change_has(const struct label_change_draft *x,
                             struct bytes tag)
{
    struct record_strings l = {buf_bytes(&x->tags), x->n};
    struct bytes t;

    while (record_string_next(&l, &t)) {
        if (bytes_equal(t, tag))
            return true;
    }
    return false;
}

static void label_change_put(struct label_change_draft *x, struct bytes tag)
{
    if (label_change_has(x, tag))
        return;
    record_string_put(&x->tags, tag);
    x->n++;
}

static void label_change_keep(struct label_change_draft *x, struct bytes tag)
{
    const struct label_change_tags *c = x->change;

    if (!c->set && !label_change_among(tag, c->remove, c->remove_n))
        label_change_put(x, tag);
}

/* What it has, less and more; same: nothing would change. */
static void label_change_tags_now(struct label_change_draft *x,
                                  const struct repo *r, bool *same)
{
    const struct manifest *m = &x->item->manifest.m;
    struct record_strings was;
    struct bytes tag;
    struct bytes before = {NULL, 0};
    size_t n = m->tag_n;
    bool tagged = state_label_tags(&r->state.labels, &x->item->id, &was);

    buf_reset(&x->tags);
    x->n = 0;
    if (tagged) {
        before = was.encoded;
        n = was.n;
    }
    while (tagged && record_string_next(&was, &tag))
        label_change_keep(x, tag);
    for (size_t i = 0; i < m->tag_n && !tagged; i++)
        label_change_keep(x, m->tags[i]);
    for (size_t i = 0; i < x->change->add_n; i++)
        label_change_put(x, x->change->add[i]);
    *same = n == x->n;
    for (size_t i = 0; i < m->tag_n && !tagged && *same; i++)
        *same = label_change_has(x, m->tags[i]);
    if (tagged)
        *same = bytes_equal(before, buf_bytes(&x->tags));
}

static int label_change_draft_tag(void *ctx, const struct repo *r,
                                  struct repo_log_draft *d)
{
    struct label_change_draft *x = ctx;
    int rc = label_change_check(r, &x->item->id);

    if (rc < 0)
        return rc;
    label_change_tags_now(x, r, &d->nothing);
    if (x->n > LABEL_CHANGE_TAGS_MAX)
        return err_set(E_LIMIT, "more than %d tags of one snapshot",
                       LABEL_CHANGE_TAGS_MAX);
    rc = buf_status(&x->tags);
    d->type = RECORD_TAG;
    d->says.ids = record_ids_of(&x->item->id, 1);
    d->says.tags = (struct record_strings){buf_bytes(&x->tags), x->n};
    return rc;
}

int label_change_tag(struct repo *r, const struct snapshot_item *item,
                     const struct label_change_tags *change, bool *changed)
{
    struct label_change_draft x = {.item = item, .change = change};
    uint64_t number = 0;
    int rc = repo_role_allows(r, REPO_ACT_LABEL);

    buf_init(&x.tags, 2 * (size_t)LABEL_CHANGE_TAGS_MAX * RECORD_TAG_MAX);
    if (rc == 0)
        rc = repo_log_append(r, label_change_draft_tag, &x, &number);
    buf_release(&x.tags);
    *changed = number > 0;
    return rc;
}

/* ---- protection -------------------------------------------------------- */

struct label_change_guard {
    const struct object_id *snapshot;
    int64_t until;
    struct bytes reason;
};

static int label_change_draft_protect(void *ctx, const struct repo *r,
                                      struct repo_log_draft *d)
{
    const struct label_change_guard *x = ctx;
    struct state_protection was;
    bool is = state_label_protection(&r->state.labels, x->snapshot, &was);
    int rc = label_change_check(r, x->snapshot);

    if (is)
        d->nothing =
            was.until == x->until && bytes_equal(was.reason, x->reason);
    else
        d->nothing = x->until == LABEL_CHANGE_OFF;
    d->type = RECORD_PROTECT;
    d->says.ids = record_ids_of(x->snapshot, 1);
    d->says.until = x->until;
    d->says.text = x->reason;
    return rc;
}

int label_change_protect(struct repo *r, const struct object_id *snapshot,
                         int64_t until, struct bytes reason, bool *changed)
{
    struct label_change_guard x = {snapshot, until, reason};
    uint64_t number = 0;
    int rc = repo_role_allows(r, REPO_ACT_LABEL);

    if (rc == 0)
        rc = repo_log_append(r, label_change_draft_protect, &x, &number);
    *changed = number > 0;
    return rc;
}
