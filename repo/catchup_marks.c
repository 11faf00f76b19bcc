#include "repo/catchup_marks.h"

enum {
    CATCHUP_MARKS_LOG = 'l',
    CATCHUP_MARKS_JOURNAL = 'w',
    CATCHUP_MARKS_OWED = 'x', /* alone; with an id it is of segment_list */
    CATCHUP_MARKS_MEMBER = 'm',
    CATCHUP_MARKS_LOST = 'h',   /* + segment */
    CATCHUP_MARKS_TAKEN = 't',  /* + writer */
    CATCHUP_MARKS_DAMAGE = 'd', /* + writer, number */
    CATCHUP_MARKS_JOURNAL_BYTES = 1 + sizeof(struct writer_id),
    CATCHUP_MARKS_DAMAGE_BYTES = CATCHUP_MARKS_JOURNAL_BYTES + 8,
    CATCHUP_MARKS_LOST_BYTES = 1 + sizeof(struct object_id)
};

static const uint8_t catchup_marks_log_key[] = {CATCHUP_MARKS_LOG};
static const uint8_t catchup_marks_owed_key[] = {CATCHUP_MARKS_OWED};
static const uint8_t catchup_marks_member_key[] = {CATCHUP_MARKS_MEMBER};

/* --- places --- */

static int catchup_marks_put(struct index_update *u, struct bytes key,
                             const struct catchup_mark *m)
{
    uint8_t space[64];
    struct buf b = {.p = space, .cap = sizeof space, .max = sizeof space};

    codec_put_u64(&b, m->number);
    buf_add(&b, m->id.b, sizeof m->id.b);
    codec_put_u8(&b, m->closed);
    return index_update_put_mark(u, key, buf_bytes(&b));
}

static bool catchup_marks_decode(struct bytes value, struct catchup_mark *m)
{
    struct codec c;

    codec_init(&c, value);
    m->number = codec_u64(&c);
    codec_copy(&c, m->id.b, sizeof m->id.b);
    m->closed = codec_u8(&c) != 0;
    return codec_end(&c, "mark") == 0;
}

static int catchup_marks_get(struct index_reader *r, struct bytes key,
                             struct catchup_mark *m, bool *found)
{
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, key, &value, found);
    if (rc == 0 && *found)
        *found = catchup_marks_decode(buf_bytes(&value), m);
    buf_release(&value);
    return rc;
}

static struct bytes catchup_marks_key(uint8_t kind, const struct writer_id *w,
                                      uint8_t key[CATCHUP_MARKS_JOURNAL_BYTES])
{
    key[0] = kind;
    memcpy(key + 1, w->b, sizeof w->b);
    return bytes_of(key, CATCHUP_MARKS_JOURNAL_BYTES);
}

int catchup_marks_put_journal(struct index_update *u, const struct writer_id *w,
                              const struct catchup_mark *m)
{
    uint8_t key[CATCHUP_MARKS_JOURNAL_BYTES];

    return catchup_marks_put(
        u, catchup_marks_key(CATCHUP_MARKS_JOURNAL, w, key), m);
}

int catchup_marks_put_taken(struct index_update *u, const struct writer_id *w,
                            const struct catchup_mark *m)
{
    uint8_t key[CATCHUP_MARKS_JOURNAL_BYTES];

    return catchup_marks_put(u, catchup_marks_key(CATCHUP_MARKS_TAKEN, w, key),
                             m);
}

int catchup_marks_put_log(struct index_update *u, const struct chain_tip *tip)
{
    struct catchup_mark m = {.number = tip->number, .id = tip->id};

    return catchup_marks_put(
        u, bytes_of(catchup_marks_log_key, sizeof catchup_marks_log_key), &m);
}

int catchup_marks_journal(struct index_reader *r, const struct writer_id *w,
                          struct catchup_mark *m, bool *found)
{
    uint8_t key[CATCHUP_MARKS_JOURNAL_BYTES];

    return catchup_marks_get(
        r, catchup_marks_key(CATCHUP_MARKS_JOURNAL, w, key), m, found);
}

int catchup_marks_taken(struct index_reader *r, const struct writer_id *w,
                        struct catchup_mark *m, bool *found)
{
    uint8_t key[CATCHUP_MARKS_JOURNAL_BYTES];

    return catchup_marks_get(r, catchup_marks_key(CATCHUP_MARKS_TAKEN, w, key),
                             m, found);
}

int catchup_marks_log(struct index_reader *r, struct catchup_mark *m,
                      bool *found)
{
    return catchup_marks_get(
        r, bytes_of(catchup_marks_log_key, sizeof catchup_marks_log_key), m,
        found);
}

int catchup_marks_closed(struct index_reader *r, const struct writer_id *w,
                         bool *closed)
{
    struct catchup_mark m = {.closed = false};
    bool found;
    int rc = catchup_marks_journal(r, w, &m, &found);

    *closed = rc == 0 && found && m.closed;
    return rc;
}

static int catchup_marks_each(struct index_reader *r, uint8_t kind,
                              catchup_marks_fn *fn, void *ctx)
{
    struct buf key;
    struct buf value;
    bool found = true;
    int rc;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&key, kind);
    rc = buf_status(&key);
    while (rc == 0) {
        struct catchup_mark m;
        struct writer_id w;

        rc = index_reader_next_mark(r, &key, &value, &found);
        if (rc < 0 || !found || key.p[0] != kind)
            break;
        if (key.n != CATCHUP_MARKS_JOURNAL_BYTES ||
            !catchup_marks_decode(buf_bytes(&value), &m))
            continue;
        memcpy(w.b, key.p + 1, sizeof w.b);
        rc = fn(ctx, &w, &m);
    }
    buf_release(&key);
    buf_release(&value);
    return rc;
}

int catchup_marks_journals(struct index_reader *r, catchup_marks_fn *fn,
                           void *ctx)
{
    return catchup_marks_each(r, CATCHUP_MARKS_JOURNAL, fn, ctx);
}

int catchup_marks_takens(struct index_reader *r, catchup_marks_fn *fn,
                         void *ctx)
{
    return catchup_marks_each(r, CATCHUP_MARKS_TAKEN, fn, ctx);
}

/* --- flags --- */

static int catchup_marks_set(struct index_update *u, struct bytes key)
{
    return index_update_put_mark(u, key, bytes_of(NULL, 0));
}

static int catchup_marks_is_set(struct index_reader *r, struct bytes key,
                                bool *set)
{
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, key, &value, set);
    buf_release(&value);
    return rc;
}

static struct bytes catchup_marks_of_owed(void)
{
    return bytes_of(catchup_marks_owed_key, sizeof catchup_marks_owed_key);
}

int catchup_marks_put_owed(struct index_update *u)
{
    return catchup_marks_set(u, catchup_marks_of_owed());
}

int catchup_marks_drop_owed(struct index_update *u)
{
    return index_update_drop_mark(u, catchup_marks_of_owed());
}

int catchup_marks_owed(struct index_reader *r, bool *owed)
{
    return catchup_marks_is_set(r, catchup_marks_of_owed(), owed);
}

int catchup_marks_put_member(struct index_update *u, const struct member_id *id)
{
    return index_update_put_mark(
        u, bytes_of(catchup_marks_member_key, sizeof catchup_marks_member_key),
        bytes_of(id->b, sizeof id->b));
}

int catchup_marks_is_member(struct index_reader *r, const struct member_id *id,
                            bool *is)
{
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(
        r, bytes_of(catchup_marks_member_key, sizeof catchup_marks_member_key),
        &value, is);
    *is &= bytes_equal(buf_bytes(&value), bytes_of(id->b, sizeof id->b));
    buf_release(&value);
    return rc;
}

static struct bytes catchup_marks_of_lost(const struct object_id *id,
                                          uint8_t key[CATCHUP_MARKS_LOST_BYTES])
{
    key[0] = CATCHUP_MARKS_LOST;
    memcpy(key + 1, id->b, sizeof id->b);
    return bytes_of(key, CATCHUP_MARKS_LOST_BYTES);
}

int catchup_marks_put_lost(struct index_update *u, const struct object_id *id,
                           const struct writer_id *w)
{
    uint8_t key[CATCHUP_MARKS_LOST_BYTES];

    return index_update_put_mark(u, catchup_marks_of_lost(id, key),
                                 bytes_of(w->b, sizeof w->b));
}

int catchup_marks_drop_lost(struct index_update *u, const struct object_id *id)
{
    uint8_t key[CATCHUP_MARKS_LOST_BYTES];

    return index_update_drop_mark(u, catchup_marks_of_lost(id, key));
}

int catchup_marks_is_lost(struct index_reader *r, const struct object_id *id,
                          bool *lost)
{
    uint8_t key[CATCHUP_MARKS_LOST_BYTES];

    return catchup_marks_is_set(r, catchup_marks_of_lost(id, key), lost);
}

int catchup_marks_next_lost(struct index_reader *r, struct buf *key,
                            struct object_id *id, struct writer_id *w,
                            bool *found)
{
    struct buf value;
    int rc = 0;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    if (key->n == 0) {
        codec_put_u8(key, CATCHUP_MARKS_LOST);
        rc = buf_status(key);
    }
    for (bool mine = false; rc == 0 && !mine;) {
        rc = index_reader_next_mark(r, key, &value, found);
        *found = rc == 0 && *found && key->p[0] == CATCHUP_MARKS_LOST;
        if (!*found)
            break;
        mine = key->n == CATCHUP_MARKS_LOST_BYTES && value.n == sizeof w->b;
        if (mine) {
            memcpy(id->b, key->p + 1, sizeof id->b);
            memcpy(w->b, value.p, sizeof w->b);
        }
    }
    buf_release(&value);
    return rc;
}

static struct bytes catchup_marks_of_damage(
    const struct writer_id *w, uint64_t k,
    uint8_t space[CATCHUP_MARKS_DAMAGE_BYTES])
{
    struct buf b = {.p = space,
                    .cap = CATCHUP_MARKS_DAMAGE_BYTES,
                    .max = CATCHUP_MARKS_DAMAGE_BYTES};

    codec_put_u8(&b, CATCHUP_MARKS_DAMAGE);
    buf_add(&b, w->b, sizeof w->b);
    codec_put_u64(&b, k);
    return buf_bytes(&b);
}

int catchup_marks_put_damage(struct index_update *u, const struct writer_id *w,
                             uint64_t k)
{
    uint8_t key[CATCHUP_MARKS_DAMAGE_BYTES];

    return catchup_marks_set(u, catchup_marks_of_damage(w, k, key));
}

int catchup_marks_damage(struct index_reader *r, const struct writer_id *w,
                         uint64_t k, bool *known)
{
    uint8_t key[CATCHUP_MARKS_DAMAGE_BYTES];

    return catchup_marks_is_set(r, catchup_marks_of_damage(w, k, key), known);
}

int catchup_marks_behind(bool accepted, const char *what)
{
    if (accepted)
        return 0;
    return err_set(E_ROLLBACK,
                   "%s: the repository is older than what this host has seen; "
                   "if that is right (a restored copy), say --accept-rollback",
                   what);
}
