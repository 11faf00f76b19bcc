#include "repo/catchup.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "repo/journal_list.h"
#include "repo/pack_reader.h"
#include "repo/record_journal.h"
#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/snapshot_list.h"

enum {
    CATCHUP_KEY_LOG = 'l',
    CATCHUP_KEY_JOURNAL = 'w',
    CATCHUP_KEY_LOST = 'x' /* segments were lost, and not all packs asked yet */
};

static const uint8_t catchup_lost_key[] = {CATCHUP_KEY_LOST};

enum {
    CATCHUP_CHUNKS = 16384, /* put into one update, about */
    CATCHUP_BATCH = 100,
    CATCHUP_TRIES = 10,     /* when other processes are faster */
    CATCHUP_YOUNG_S = 3600, /* a record that old is long on the disk */
    CATCHUP_JOURNAL_KEY_BYTES = 1 + 16
};

/* A run of updates: a new one whenever the last has grown large. */
struct catchup_run {
    struct catchup *c;
    struct index_reader *r;
    struct index_update *u;
    size_t chunks;            /* in the update */
    struct catchup_mark mark; /* of the log, when it was read on from there */
    bool marked;              /* there was one */
    bool overtaken;           /* by another process: start over */
};

/* --- marks --- */

static int catchup_put_place(struct index_update *u, struct bytes key,
                             const struct catchup_mark *m)
{
    uint8_t space[64];
    struct buf b = {.p = space, .cap = sizeof space, .max = sizeof space};

    codec_put_u64(&b, m->number);
    buf_add(&b, m->id.b, sizeof m->id.b);
    codec_put_u8(&b, m->closed);
    return index_update_put_mark(u, key, buf_bytes(&b));
}

static bool catchup_get_place(struct bytes value, struct catchup_mark *m)
{
    struct codec c;

    codec_init(&c, value);
    m->number = codec_u64(&c);
    codec_copy(&c, m->id.b, sizeof m->id.b);
    m->closed = codec_u8(&c) != 0;
    return codec_end(&c, "mark") == 0;
}

static struct bytes catchup_journal_key(const struct writer_id *w,
                                        uint8_t key[CATCHUP_JOURNAL_KEY_BYTES])
{
    key[0] = CATCHUP_KEY_JOURNAL;
    memcpy(key + 1, w->b, sizeof w->b);
    return bytes_of(key, CATCHUP_JOURNAL_KEY_BYTES);
}

static int catchup_mark(struct index_reader *r, struct bytes key,
                        struct catchup_mark *m, bool *found)
{
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, key, &value, found);
    if (rc == 0 && *found)
        *found = catchup_get_place(buf_bytes(&value), m);
    buf_release(&value);
    return rc;
}

int catchup_note_journal(struct index_update *u, const struct writer_id *w,
                         const struct catchup_mark *m)
{
    uint8_t key[CATCHUP_JOURNAL_KEY_BYTES];

    return catchup_put_place(u, catchup_journal_key(w, key), m);
}

int catchup_closed(struct index_reader *r, const struct writer_id *w,
                   bool *closed)
{
    uint8_t key[CATCHUP_JOURNAL_KEY_BYTES];
    struct catchup_mark m = {.closed = false};
    bool found;
    int rc = catchup_mark(r, catchup_journal_key(w, key), &m, &found);

    *closed = rc == 0 && found && m.closed;
    return rc;
}

int catchup_note_log(struct index_update *u, const struct chain_tip *tip)
{
    static const uint8_t key[] = {CATCHUP_KEY_LOG};
    struct catchup_mark m = {.number = tip->number, .id = tip->id};

    return catchup_put_place(u, bytes_of(key, sizeof key), &m);
}

/* The log's own. */
static int catchup_log_mark(struct index_reader *r, struct catchup_mark *m,
                            bool *marked)
{
    static const uint8_t key[] = {CATCHUP_KEY_LOG};

    return catchup_mark(r, bytes_of(key, sizeof key), m, marked);
}

/* --- updates --- */

/*
 * With the update lock held: sees what others did to the index while we read
 * the store. If it stands for another state of the log now, ours may be the
 * older one: it must not be written over a later one, which others have begun
 * to rely on.
 */
static int catchup_look_again(struct catchup_run *run)
{
    struct catchup_mark m = {.number = 0};
    bool marked = false;
    int rc = index_reader_renew(run->r);

    if (rc == 0)
        rc = catchup_log_mark(run->r, &m, &marked);
    if (rc < 0)
        return rc;
    run->overtaken = marked != run->marked || m.number != run->mark.number ||
                     !object_id_equal(&m.id, &run->mark.id);
    return run->overtaken ? err_set(E_LATER, "the cache was brought up to date "
                                             "by another process meanwhile")
                          : 0;
}

static int catchup_begin(struct catchup_run *run)
{
    int rc;

    run->chunks = 0;
    if (run->u)
        return 0;
    rc = index_update_begin(run->c->index, run->c->wait_ms, &run->u);
    return rc < 0 ? rc : catchup_look_again(run);
}

static int catchup_commit(struct catchup_run *run)
{
    struct index_update *u = run->u;

    run->u = NULL;
    return u ? index_update_commit(u) : 0;
}

/* Between two packs: an update that has grown large is committed. */
static int catchup_breathe(struct catchup_run *run)
{
    int rc = 0;

    if (run->chunks >= CATCHUP_CHUNKS)
        rc = catchup_commit(run);
    return rc < 0 || run->u ? rc : catchup_begin(run);
}

static int catchup_put_frame(struct index_update *u, uint32_t no,
                             struct pack_dir_reader *dir,
                             const struct pack_dir_frame *f)
{
    struct index_chunk batch[CATCHUP_BATCH];
    struct pack_dir_chunk chunk;
    uint32_t off = 0;
    size_t n = 0;
    int rc = 0;

    while (rc == 0 && pack_dir_next_chunk(dir, &chunk)) {
        batch[n].id = chunk.id;
        batch[n].loc = (struct index_loc){.pack = no,
                                          .frame_off = f->off,
                                          .frame_stored = f->stored_bytes,
                                          .frame_raw = f->raw_bytes,
                                          .off = off,
                                          .bytes = chunk.bytes,
                                          .key_slot = (uint16_t)f->key};
        off += chunk.bytes;
        if (++n == CATCHUP_BATCH) {
            rc = index_update_put_chunks(u, batch, n);
            n = 0;
        }
    }
    return rc < 0 || n == 0 ? rc : index_update_put_chunks(u, batch, n);
}

static uint32_t catchup_count(struct bytes content)
{
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    uint32_t n = 0;

    pack_dir_read(&dir, content);
    while (pack_dir_next_frame(&dir, &f))
        n += f.chunk_n;
    return n;
}

int catchup_add_pack(struct index_update *u, const struct state *s,
                     struct index_pack *pack, struct bytes content, bool *added)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    struct index_pack old;
    bool found;
    uint32_t no;
    int rc = index_update_find_pack(u, &pack->id, &old, &found);

    *added = false;
    pack->chunk_n = catchup_count(content);
    if (rc < 0 || (found && old.chunk_n == pack->chunk_n &&
                   (old.trusted || !pack->trusted)))
        return rc;
    pack->condemned_by = 0;
    pack->state = state_of[state_of_pack(s, &pack->id, &pack->condemned_by)];
    rc = index_update_put_pack(u, pack, &no);
    pack_dir_read(&dir, content);
    while (rc == 0 && pack_dir_next_frame(&dir, &f))
        rc = catchup_put_frame(u, no, &dir, &f);
    *added = rc == 0;
    return rc;
}

/* --- segments and packs --- */

static int catchup_segment_packs(struct catchup_run *run,
                                 const struct writer_id *w,
                                 const struct segment *s)
{
    struct segment_reader r;
    struct segment_pack p;
    int rc = 0;

    segment_read(&r, s);
    while (rc == 0 && segment_next(&r, &p)) {
        struct index_pack pack = {.id = p.id,
                                  .kind = (enum index_kind)p.kind,
                                  .trusted = true,
                                  .size_bytes = p.bytes,
                                  .writer = *w,
                                  .member = p.writer};
        bool added = false;

        rc = catchup_breathe(run);
        if (rc == 0)
            rc = catchup_add_pack(run->u, run->c->state, &pack, p.dir, &added);
        run->chunks += added ? pack.chunk_n : 0;
    }
    return rc;
}

static int catchup_segment(struct catchup_run *run, const struct writer_id *w,
                           const struct object_id *id)
{
    struct segment_list_item item = {.id = *id, .writer = *w};
    struct catchup *c = run->c;
    struct segment_file file;
    int rc = segment_file_read(c->store, c->keys, id, &file);

    if (rc == E_CORRUPT) {
        /* its packs still say what they hold; should we die before they were
         * asked, the next run knows that they have to be */
        log_debug("segment lost: %s", err_text());
        c->segments_lost++;
        return index_update_put_mark(
            run->u, bytes_of(catchup_lost_key, sizeof catchup_lost_key),
            bytes_of(NULL, 0));
    }
    if (rc == 0)
        rc = catchup_segment_packs(run, w, &file.segment);
    if (rc == 0)
        rc = catchup_breathe(run);
    if (rc == 0) {
        item.level = file.segment.level;
        item.bytes = file.segment.packs.n;
        rc = segment_list_note(run->u, &item);
    }
    segment_file_release(&file);
    return rc;
}

static int catchup_replaced(struct catchup_run *run,
                            const struct record_ids *ids)
{
    int rc = catchup_breathe(run);

    for (size_t i = 0; i < ids->n && rc == 0; i++) {
        struct object_id id = record_id_at(ids, i);

        rc = segment_list_note_replaced(run->u, &id);
    }
    return rc;
}

struct catchup_scan {
    struct catchup_run *run;
    struct pack_reader *packs;
};

/* The id in "packs/<xx>/<id>". */
static bool catchup_pack_id(const char *name, struct object_id *id)
{
    const char *last = strrchr(name, '/');

    return last && id_from_hex(last + 1, id->b, sizeof id->b);
}

static int catchup_scan_pack(void *ctx, const char *name, uint64_t size)
{
    struct catchup_scan *scan = ctx;
    struct catchup_run *run = scan->run;
    struct pack_info info = {.bytes = 0};
    /* perhaps nobody's record lists it, and nothing keeps it then: it may be
     * read, but not relied on (W2) */
    struct index_pack pack = {.trusted = false, .size_bytes = size};
    bool found;
    bool added = false;
    int rc = catchup_breathe(run);

    if (!catchup_pack_id(name, &pack.id))
        return rc;
    if (rc == 0) {
        struct index_pack old;

        rc = index_update_find_pack(run->u, &pack.id, &old, &found);
        if (rc < 0 || found)
            return rc;
        rc = pack_reader_dir(scan->packs, &pack.id, &info);
    }
    if (rc == E_CORRUPT) {
        log_debug("pack without a directory: %s", err_text());
        return 0;
    }
    pack.kind = (enum index_kind)info.kind;
    pack.member = info.writer;
    if (rc == 0)
        rc = catchup_add_pack(run->u, run->c->state, &pack,
                              buf_bytes(&info.dir), &added);
    run->chunks += added ? pack.chunk_n : 0;
    pack_info_release(&info);
    return rc;
}

/* Some segment could not be read: every pack that the index does not know is
 * asked for its own directory. */
static int catchup_scan_packs(struct catchup_run *run)
{
    struct catchup_scan scan = {.run = run};
    int rc = pack_reader_new(run->c->store, run->c->keys, &scan.packs);

    if (rc == 0)
        rc = store_list(run->c->store, "packs", catchup_scan_pack, &scan);
    pack_reader_free(scan.packs);
    if (rc == 0)
        rc = catchup_breathe(run);
    if (rc < 0)
        return rc;
    return index_update_drop_mark(
        run->u, bytes_of(catchup_lost_key, sizeof catchup_lost_key));
}

/* Whether an earlier run met a lost segment and did not come to an end. */
static int catchup_owes_scan(struct index_reader *r, bool *owes)
{
    struct buf value;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(
        r, bytes_of(catchup_lost_key, sizeof catchup_lost_key), &value, owes);
    buf_release(&value);
    return rc;
}

/* --- journals --- */

static int catchup_commit_record(struct catchup_run *run,
                                 const struct object_id *id)
{
    struct catchup *c = run->c;
    struct snapshot s;
    int rc = snapshot_list_read(c->store, c->keys, id, &s);

    if (rc == 0)
        rc = snapshot_list_note(run->u, id, &s.manifest.m);
    else if (rc == E_CORRUPT || rc == E_ROLE)
        rc = snapshot_list_note(run->u, id, NULL);
    snapshot_list_drop(&s);
    return rc;
}

static int catchup_record(struct catchup_run *run, const struct writer_id *w,
                          const struct chain_record *r,
                          struct catchup_mark *mark)
{
    struct record_journal j;
    int rc = record_journal_get(&r->record, &j);

    if (rc < 0)
        return rc;
    mark->number = r->record.number;
    mark->id = r->id;
    if (memcmp(r->signer.b, run->c->state->founder.b, sizeof r->signer.b) != 0)
        return 0;
    switch ((enum record_journal_type)r->record.type) {
    case RECORD_SEGMENT:
        rc = catchup_segment(run, w, &j.id);
        return rc < 0 ? rc : catchup_replaced(run, &j.ids);
    case RECORD_COMMIT:
        return catchup_commit_record(run, &j.id);
    case RECORD_END:
    case RECORD_FENCE:
        mark->closed = true;
        return 0;
    case RECORD_OPEN:
    case RECORD_RENEW:
    case RECORD_PIN:
        break;
    }
    return 0;
}

/*
 * I10: a mark outlives a power cut, so what it names must. All records of a
 * chain but the last one are durable: each put had returned before the next
 * began. Without this a lost record would look like a rollback.
 */
static int catchup_settle(struct catchup_run *run, const struct chain *chain,
                          const struct chain_record *r)
{
    int64_t now = clock_realtime_ns() / CLOCK_SECOND_NS;
    char name[RECORD_NAME_MAX];

    if (r->record.time.s <= now && r->record.time.s > INT64_MIN / 2 &&
        now - r->record.time.s > CATCHUP_YOUNG_S)
        return 0;
    chain_name(chain, r->record.number, name);
    return store_make_durable(run->c->store, name, NULL);
}

/* Reads a journal from the mark on, up to record number `to`. */
static int catchup_journal(struct catchup_run *run, const struct writer_id *w,
                           struct catchup_mark *mark, bool marked, uint64_t to)
{
    struct chain chain = {.store = run->c->store,
                          .keys = run->c->keys,
                          .kind = ENVELOPE_JOURNAL,
                          .writer = *w};
    int rc = 0;

    for (uint64_t k = marked ? mark->number + 1 : 0;
         k <= to && rc == 0 && !(marked && mark->closed); k++) {
        struct chain_tip tip = {marked, mark->number, mark->id};
        struct chain_record r = {.signer = {{0}}};
        bool found = false;

        rc = catchup_breathe(run);
        if (rc == 0)
            rc = chain_get(&chain, k, &r, &found);
        if (rc == 0 && !found)
            rc = err_set(E_CORRUPT, "a journal lacks record %llu",
                         (unsigned long long)k);
        if (rc == 0)
            rc = chain_follows(&chain, &tip, &r);
        if (rc == 0)
            rc = catchup_record(run, w, &r, mark);
        if (rc == 0 && (k == to || mark->closed))
            rc = catchup_settle(run, &chain, &r);
        if (rc == 0)
            rc = catchup_breathe(run);
        if (rc == 0)
            rc = catchup_note_journal(run->u, w, mark);
        marked = true;
        chain_record_release(&r);
    }
    return rc;
}

static int catchup_rollback(const struct catchup *c, const char *what)
{
    if (c->accept_rollback)
        return 0;
    return err_set(E_ROLLBACK,
                   "%s: the repository is older than what this host has seen; "
                   "if that is right (a restored copy), say --accept-rollback",
                   what);
}

/* Each journal that the index knows must still be there, as long as before. */
static int catchup_known_journals(struct catchup *c, struct index_reader *r,
                                  const struct journal_list *list, bool *stale)
{
    struct buf key;
    struct buf value;
    bool found = true;
    int rc;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&key, CATCHUP_KEY_JOURNAL);
    rc = buf_status(&key);
    while (rc == 0) {
        struct catchup_mark m;
        struct writer_id w;
        uint64_t last;

        rc = index_reader_next_mark(r, &key, &value, &found);
        if (rc < 0 || !found || key.p[0] != CATCHUP_KEY_JOURNAL)
            break;
        if (key.n != CATCHUP_JOURNAL_KEY_BYTES ||
            !catchup_get_place(buf_bytes(&value), &m))
            continue;
        memcpy(w.b, key.p + 1, sizeof w.b);
        if (journal_list_find(list, &w, &last) && last >= m.number)
            continue;
        *stale = true;
        rc = catchup_rollback(c, "a writer's journal has gone or is shorter");
        break;
    }
    buf_release(&key);
    buf_release(&value);
    return rc;
}

static int catchup_journals(struct catchup_run *run, struct index_reader *r,
                            const struct journal_list *list)
{
    int rc = 0;

    for (size_t i = 0; i < list->n && rc == 0; i++) {
        const struct journal_list_item *it = &list->item[i];
        uint8_t key[CATCHUP_JOURNAL_KEY_BYTES];
        struct catchup_mark mark = {.number = 0};
        bool marked;

        rc = catchup_mark(r, catchup_journal_key(&it->writer, key), &mark,
                          &marked);
        if (rc == 0 && (!marked || (!mark.closed && mark.number < it->last)))
            rc = catchup_journal(run, &it->writer, &mark, marked, it->last);
    }
    return rc;
}

/* --- the log --- */

/* Folds the log's records in. The record that the mark names must be the one
 * that is there. */
static int catchup_log(struct catchup *c, const struct catchup_mark *mark,
                       bool marked, bool *stale)
{
    struct chain chain = {
        .store = c->store, .keys = c->keys, .kind = ENVELOPE_LOG};
    bool found = true;
    int rc = 0;

    while (rc == 0) {
        struct chain_record r = {.signer = {{0}}};
        uint64_t n = c->state->tip.any ? c->state->tip.number + 1 : 0;

        rc = chain_get(&chain, n, &r, &found);
        if (rc < 0 || !found)
            break;
        rc = chain_follows(&chain, &c->state->tip, &r);
        if (rc == 0)
            rc = state_apply(c->state, &r);
        if (marked && n == mark->number && !object_id_equal(&r.id, &mark->id))
            *stale = true;
        chain_record_release(&r);
    }
    if (rc == 0 && !c->state->tip.any)
        return err_set(E_CORRUPT, "the log is empty: its first record is lost");
    if (rc == 0 && marked && mark->number > c->state->tip.number) {
        *stale = true;
        rc = catchup_rollback(c, "the log is shorter than before");
    } else if (rc == 0 && *stale) {
        rc = catchup_rollback(c, "the log has another history");
    }
    return rc;
}

/* The log has moved: bring the states of the packs in line with it. */
static int catchup_states(struct catchup_run *run, struct index_reader *r)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    struct index_pack pack[64];
    uint32_t next = 0;
    size_t n = 1;
    int rc = catchup_breathe(run);

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(r, &next, pack, 64, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            uint64_t by = 0;
            enum index_state want =
                state_of[state_of_pack(run->c->state, &pack[i].id, &by)];

            if (pack[i].state != want && pack[i].state != INDEX_DOOMED)
                rc = index_update_set_state(run->u, pack[i].no, want, by);
        }
    }
    return rc;
}

static int catchup_suspects(struct catchup_run *run)
{
    const struct state *s = run->c->state;
    int rc = catchup_breathe(run);

    for (size_t i = 0; i < s->suspect_n && rc == 0; i++) {
        struct index_pack pack;
        bool found;

        rc = index_update_find_pack(run->u, &s->suspect[i].pack, &pack, &found);
        if (rc == 0 && found)
            rc =
                index_update_put_suspect(run->u, &s->suspect[i].chunk, pack.no);
    }
    return rc;
}

/* The log's mark; as with journals (I10), only what lasts is remembered. */
static int catchup_note_tip(struct catchup_run *run)
{
    const struct chain_tip *tip = &run->c->state->tip;
    char name[RECORD_NAME_MAX];
    int rc;

    record_log_name(tip->number, name);
    rc = store_make_durable(run->c->store, name, NULL);
    if (rc == 0)
        rc = catchup_breathe(run);
    return rc < 0 ? rc : catchup_note_log(run->u, tip);
}

/* --- all of it --- */

static int catchup_apply(struct catchup_run *run, struct index_reader *r,
                         const struct journal_list *list, bool log_moved)
{
    uint64_t lost = run->c->segments_lost;
    bool owes = false;
    int rc = catchup_owes_scan(r, &owes);

    if (rc == 0 && log_moved)
        rc = catchup_states(run, r);
    if (rc == 0)
        rc = catchup_journals(run, r, list);
    if (rc == 0 && (owes || run->c->segments_lost > lost))
        rc = catchup_scan_packs(run);
    if (rc == 0 && (log_moved || run->u) && run->c->state->suspect_n > 0)
        rc = catchup_suspects(run);
    if (rc == 0 && log_moved)
        rc = catchup_note_tip(run);
    return rc < 0 ? rc : catchup_commit(run);
}

static int catchup_once(struct catchup *c, bool *stale, bool *overtaken)
{
    struct catchup_run run = {.c = c};
    struct journal_list list = {.item = NULL};
    int rc = index_reader_new(c->index, &run.r);

    *stale = false;
    if (rc == 0)
        rc = catchup_log_mark(run.r, &run.mark, &run.marked);
    if (rc == 0)
        rc = catchup_log(c, &run.mark, run.marked, stale);
    if (rc == 0)
        rc = journal_list_load(c->store, &list);
    if (rc == 0 && !*stale)
        rc = catchup_known_journals(c, run.r, &list, stale);
    if (rc == 0 && !*stale)
        rc = catchup_apply(&run, run.r, &list,
                           !run.marked ||
                               run.mark.number != c->state->tip.number);
    *overtaken = run.overtaken;
    index_update_abort(run.u);
    index_reader_free(run.r);
    journal_list_release(&list);
    return rc;
}

int catchup_run(struct catchup *c, bool *stale)
{
    bool overtaken = true;
    int rc = 0;

    for (int i = 0; i < CATCHUP_TRIES && overtaken; i++)
        rc = catchup_once(c, stale, &overtaken);
    return rc;
}
