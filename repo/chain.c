#include "repo/chain.h"

#include "base/blake3.h"
#include "base/clock.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"

void chain_record_release(struct chain_record *r)
{
    buf_release(&r->plain);
    *r = (struct chain_record){.signer = {{0}}};
}

void chain_name(const struct chain *c, uint64_t number,
                char out[RECORD_NAME_MAX])
{
    if (c->kind == ENVELOPE_LOG)
        record_log_name(number, out);
    else
        record_journal_name(&c->writer, number, out);
}

static int chain_open(const struct chain *c, uint64_t number, const char *name,
                      struct bytes file, struct chain_record *out)
{
    struct envelope env;
    int rc;

    buf_init(&out->plain, envelope_max_bytes(c->kind));
    rc = envelope_open(c->keys, c->kind, bytes_of_str(name), file, &out->plain,
                       &env);
    if (rc == 0)
        rc = record_get(env.content, &out->record);
    if (rc == 0 && out->record.number != number)
        rc = err_set(E_CORRUPT, "carries another number");
    if (rc < 0)
        return err_add(rc, "%s", name);
    out->signer = env.signer;
    blake3_hash(file, out->id.b);
    return 0;
}

int chain_get(const struct chain *c, uint64_t number, struct chain_record *out,
              bool *found)
{
    char name[RECORD_NAME_MAX];
    struct buf file;
    int rc;

    chain_name(c, number, name);
    buf_init(&file, envelope_max_bytes(c->kind));
    rc = store_get(c->store, name, &file, found);
    if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "%s: longer than a record can be", name);
    if (rc == 0 && *found)
        rc = chain_open(c, number, name, buf_bytes(&file), out);
    buf_release(&file);
    if (rc < 0)
        chain_record_release(out);
    return rc;
}

int chain_follows(const struct chain *c, const struct chain_tip *tip,
                  const struct chain_record *r)
{
    static const struct object_id none = {{0}};
    uint64_t number = tip->any ? tip->number + 1 : 0;
    const struct object_id *before = tip->any ? &tip->id : &none;
    char name[RECORD_NAME_MAX];

    if (r->record.number == number &&
        object_id_equal(&r->record.predecessor, before))
        return 0;
    chain_name(c, r->record.number, name);
    return err_set(E_CORRUPT,
                   "%s does not continue the record before it: the "
                   "repository was forked or rolled back",
                   name);
}

/* Whether the object under name is the file that was to be put there. */
static int chain_is_mine(const struct chain *c, const char *name,
                         struct bytes file, bool *there, bool *mine)
{
    struct buf seen;
    int rc;

    buf_init(&seen, envelope_max_bytes(c->kind));
    rc = store_get(c->store, name, &seen, there);
    *mine = rc == 0 && *there && bytes_equal(buf_bytes(&seen), file);
    buf_release(&seen);
    return rc;
}

static int chain_put_file(const struct chain *c, const char *name,
                          struct bytes file, bool *mine)
{
    enum store_outcome outcome = STORE_EXISTS;
    struct err_record failed = {.code = 0};
    bool there = false;
    int rc = store_put(c->store, name, file, &outcome);

    *mine = rc == 0 && outcome == STORE_CREATED;
    if (*mine)
        return 0;
    if (rc < 0)
        err_save(rc, &failed);
    /* it exists, or the answer was lost: it may be there, and mine */
    rc = chain_is_mine(c, name, file, &there, mine);
    if (rc < 0 || !there)
        return failed.code ? err_load(&failed) : rc;
    /* visible is not durable (I10) */
    return *mine ? store_make_durable(c->store, name, &there) : 0;
}

static void chain_fresh_nonce(struct record *r, const char *name)
{
    uint64_t numbers[] = {(uint64_t)r->time.s, r->time.ns, r->type};
    struct bytes what[] = {bytes_of_str(name),
                           bytes_of(r->predecessor.b, sizeof r->predecessor.b),
                           bytes_of(numbers, sizeof numbers), r->body};

    crypto_fresh(r->nonce, sizeof r->nonce, "dedup 1 record nonce", what, 4);
}

int chain_put(const struct chain *c, struct chain_tip *tip, uint32_t type,
              struct bytes body, bool *mine)
{
    int64_t now = clock_realtime_ns();
    struct record r = {
        .number = tip->any ? tip->number + 1 : 0, .type = type, .body = body};
    char name[RECORD_NAME_MAX];
    struct buf content;
    struct buf file;
    int rc;

    if (tip->any)
        r.predecessor = tip->id;
    r.time.s = now / 1000000000;
    r.time.ns = (uint32_t)(now % 1000000000);
    chain_name(c, r.number, name);
    chain_fresh_nonce(&r, name);
    buf_init(&content, envelope_content_max(c->kind));
    buf_init(&file, envelope_max_bytes(c->kind));
    record_put(&r, &content);
    rc = buf_status(&content);
    if (rc == 0)
        rc = envelope_seal(c->keys, c->kind, bytes_of_str(name),
                           buf_bytes(&content), &file);
    if (rc == 0)
        rc = chain_put_file(c, name, buf_bytes(&file), mine);
    else
        rc = err_add(rc, "%s", name);
    if (rc == 0 && *mine) {
        tip->any = true;
        tip->number = r.number;
        blake3_hash(buf_bytes(&file), tip->id.b);
    }
    buf_release(&content);
    buf_release(&file);
    return rc;
}
