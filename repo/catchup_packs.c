#include "repo/catchup_packs.h"

#include "base/log.h"
#include "repo/catchup_update.h"
#include "repo/pack_claim.h"
#include "repo/pack_reader.h"
#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/trust.h"

enum {
    CATCHUP_PACKS_BATCH = 100,
    CATCHUP_PACKS_FAILED_MAX = 8 /* in one scan; then it is the store */
};

/* --- one pack --- */

static int catchup_packs_frame(struct index_update *u, uint32_t no,
                               struct pack_dir_reader *dir,
                               const struct pack_dir_frame *f)
{
    struct index_chunk batch[CATCHUP_PACKS_BATCH];
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
        if (++n == CATCHUP_PACKS_BATCH) {
            rc = index_update_put_chunks(u, batch, n);
            n = 0;
        }
    }
    return rc < 0 || n == 0 ? rc : index_update_put_chunks(u, batch, n);
}

/* What is said of a pack that the index has already: whether it is news. */
static int catchup_packs_known(struct catchup_packs_to *to,
                               struct index_pack *pack,
                               const struct index_pack *old, bool *news)
{
    bool same = pack_claim_same(pack, old);
    int rc = 0;

    *news = trust_listed(pack) && !(same && trust_listed(old));
    if (*news && !same)
        rc = pack_claim_settle(to->store, to->keys, &to->state->members, old,
                               pack, news);
    if (rc < 0 || !*news)
        return rc;
    pack->gone = old->gone;
    return object_id_equal(&pack->dir, &old->dir)
               ? 0
               : index_update_retract(to->u, old->no);
}

int catchup_packs_add(struct catchup_packs_to *to, struct index_pack *pack,
                      struct bytes content, bool *added)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    struct pack_dir_reader dir;
    struct pack_dir_frame f;
    struct index_pack old;
    bool news = true;
    bool found;
    uint32_t no;
    int rc = index_update_find_pack(to->u, &pack->id, &old, &found);

    *added = false;
    pack->chunk_n = pack_dir_count(content);
    pack_claim_dir(content, &pack->dir);
    if (rc == 0 && found)
        rc = catchup_packs_known(to, pack, &old, &news);
    if (rc < 0 || !news)
        return rc;
    pack->trusted = trust_pack(to->state, &to->keys->member, pack);
    pack->condemned_by = 0;
    pack->state =
        state_of[state_of_pack(to->state, &pack->id, &pack->condemned_by)];
    rc = index_update_put_pack(to->u, pack, &no);
    pack_dir_read(&dir, content);
    while (rc == 0 && pack_dir_next_frame(&dir, &f))
        rc = catchup_packs_frame(to->u, no, &dir, &f);
    *added = rc == 0;
    return rc;
}

static int catchup_packs_put(struct catchup_update *up, struct index_pack *pack,
                             struct bytes content)
{
    struct catchup_packs_to to = {
        .store = up->c->store, .keys = up->c->keys, .state = up->c->state};
    bool added = false;
    /* the chunks of a filling wait beside it, to be sorted */
    size_t load = up->fill ? 1 : pack_dir_count(content);
    int rc = catchup_update_breathe_for(up, load);

    to.u = up->u;
    if (rc == 0)
        rc = catchup_packs_add(&to, pack, content, &added);
    up->load += added ? load : 0;
    return rc;
}

/* --- segments --- */

static int catchup_packs_listed(struct catchup_update *up,
                                const struct writer_id *w,
                                const struct segment_file *file)
{
    struct segment_reader r;
    struct segment_pack p;
    int rc = 0;

    segment_read(&r, &file->segment);
    while (rc == 0 && segment_next(&r, &p)) {
        struct index_pack pack = {.id = p.id,
                                  .kind = (enum index_kind)p.kind,
                                  .size_bytes = p.bytes,
                                  .writer = *w,
                                  .member = p.writer};

        if (trust_believed(&up->c->state->members, &file->signer, &p.writer))
            rc = catchup_packs_put(up, &pack, p.dir);
        up->counts = true;
    }
    return rc;
}

/* What the segment said its packs still say themselves; should we die before
 * they were asked, the next run knows that they have to be. */
static int catchup_packs_lose(struct catchup_update *up,
                              const struct object_id *id,
                              const struct writer_id *w)
{
    int rc;

    log_debug("segment lost: %s", err_text());
    up->scan = true;
    rc = catchup_update_breathe(up);
    if (rc < 0)
        return rc;
    /* not before: another process may have been faster, and all this is done
     * once more */
    up->c->segments_lost++;
    rc = catchup_marks_put_lost(up->u, id, w);
    return rc < 0 ? rc : catchup_marks_put_owed(up->u);
}

static int catchup_packs_replaced(struct catchup_update *up,
                                  const struct members_one *owner,
                                  const struct record_ids *ids)
{
    int rc = catchup_update_breathe(up);

    for (size_t i = 0; i < ids->n && rc == 0; i++) {
        struct object_id id = record_id_at(ids, i);

        rc = segment_list_note_replaced(up->u, &id, owner);
    }
    return rc;
}

/* The packs of a segment, and then the segment itself: one that is noted has
 * said all that it has to say. */
static int catchup_packs_take(struct catchup_update *up,
                              const struct writer_id *w,
                              const struct object_id *id,
                              const struct segment_file *file)
{
    struct segment_list_item item = {.id = *id,
                                     .level = file->segment.level,
                                     .bytes = file->segment.packs.n,
                                     .writer = *w,
                                     .member = file->signer};
    int rc = catchup_packs_listed(up, w, file);

    if (rc == 0)
        rc = catchup_update_breathe(up);
    up->counts = true;
    return rc < 0 ? rc : segment_list_note(up->u, &item);
}

static bool catchup_packs_signed(const struct segment_file *f,
                                 const struct members_one *owner)
{
    return owner && memcmp(f->signer.b, owner->id.b, sizeof f->signer.b) == 0;
}

int catchup_packs_segment(struct catchup_update *up, const struct writer_id *w,
                          const struct members_one *owner,
                          const struct object_id *id,
                          const struct record_ids *replaced)
{
    struct segment_file file;
    bool known;
    int rc = segment_list_has(up->r, id, &known);

    if (rc == 0 && !known) /* that is for catchup_packs_again() */
        rc = catchup_marks_is_lost(up->r, id, &known);
    if (rc < 0 || known)
        return rc;
    rc = catchup_packs_replaced(up, owner, replaced);
    if (rc < 0)
        return rc;
    rc = segment_file_read(up->c->store, up->c->keys, id, &file);
    if (rc == 0 && catchup_packs_signed(&file, owner))
        rc = catchup_packs_take(up, w, id, &file);
    else if (rc == E_CORRUPT)
        rc = catchup_packs_lose(up, id, w);
    segment_file_release(&file);
    return rc;
}

/* A store that fails is not asked for more; it has lost no more than it had. */
static int catchup_packs_again_one(struct catchup_update *up,
                                   const struct object_id *id,
                                   const struct writer_id *w, bool *lost,
                                   bool *stop, bool *stale)
{
    const struct members_one *owner = members_owner(&up->c->state->members, w);
    struct segment_file file;
    int rc = segment_file_read(up->c->store, up->c->keys, id, &file);

    *stop = rc == E_STORE || rc == E_IO;
    *lost = rc == E_CORRUPT || *stop;
    *stale |= rc == 0 && !catchup_packs_signed(&file, owner);
    if (rc == 0 && !*stale)
        rc = catchup_packs_take(up, w, id, &file);
    if (rc == 0 && !*stale)
        rc = catchup_marks_drop_lost(up->u, id);
    segment_file_release(&file);
    return *lost ? 0 : rc;
}

int catchup_packs_again(struct catchup_update *up, bool ask, bool *lost,
                        bool *stale)
{
    struct object_id id;
    struct writer_id w;
    struct buf key;
    bool found = true;
    bool stop = !ask;
    int rc = 0;

    *lost = false;
    buf_init(&key, INDEX_MARK_KEY_MAX);
    while (rc == 0 && !*stale && !(stop && *lost)) {
        bool still = true;

        rc = catchup_marks_next_lost(up->r, &key, &id, &w, &found);
        if (rc < 0 || !found)
            break;
        if (!stop)
            rc = catchup_packs_again_one(up, &id, &w, &still, &stop, stale);
        *lost |= still;
    }
    buf_release(&key);
    return rc;
}

/* --- packs that nothing lists --- */

struct catchup_packs_scan {
    struct catchup_update *up;
    struct pack_reader *packs;
    unsigned failed;    /* packs that the store could not give */
    struct idmap there; /* pack -> 0; 1: the listing has it, and whole */
};

/* The id in "packs/<xx>/<id>". */
static bool catchup_packs_id(const char *name, struct object_id *id)
{
    const char *last = strrchr(name, '/');

    return last && id_from_hex(last + 1, id->b, sizeof id->b);
}

static int catchup_packs_find(struct catchup_update *up,
                              const struct object_id *id,
                              struct index_pack *pack, bool *found)
{
    return up->u ? index_update_find_pack(up->u, id, pack, found)
                 : index_reader_pack_by_id(up->r, id, pack, found);
}

static int catchup_packs_ask(void *ctx, const char *name, uint64_t size)
{
    struct catchup_packs_scan *scan = ctx;
    struct catchup_update *up = scan->up;
    struct pack_info info = {.bytes = 0};
    /* perhaps nobody's record lists it, and nothing keeps it then: it may be
     * read, but not relied on (W2) */
    struct index_pack pack = {.size_bytes = size};
    struct index_pack old;
    bool found;
    int rc;

    index_rebuild_show(up->fill); /* a listing may be long, and tell no news */
    if (!catchup_packs_id(name, &pack.id))
        return 0;
    rc = catchup_packs_find(up, &pack.id, &old, &found);
    if (rc == 0 && found && old.size_bytes == size &&
        idmap_get(&scan->there, pack.id.b, NULL))
        rc = idmap_put(&scan->there, pack.id.b, 1);
    if (rc < 0 || found)
        return rc;
    rc = pack_reader_dir(scan->packs, &pack.id, &info);
    /* one bad spot on a disk, perhaps in a pack that nobody needs: it stays
     * owed */
    if ((rc == E_STORE || rc == E_IO) &&
        ++scan->failed <= CATCHUP_PACKS_FAILED_MAX) {
        log_debug("pack not asked: %s", err_text());
        return 0;
    }
    if (rc == E_CORRUPT || rc == E_ROLE) {
        log_debug("pack without a directory: %s", err_text());
        return 0;
    }
    if (rc == 0 && !members_wrote(&up->c->state->members, &info.writer)) {
        log_debug("pack by nobody who may: %s", name);
        pack_info_release(&info);
        return 0;
    }
    pack.kind = (enum index_kind)info.kind;
    pack.member = info.writer;
    if (rc == 0)
        rc = catchup_packs_put(up, &pack, buf_bytes(&info.dir));
    pack_info_release(&info);
    return rc;
}

/* The packs that the index has before the listing begins: all of these have to
 * be in it. */
static int catchup_packs_expect(struct catchup_packs_scan *scan)
{
    struct catchup_update *up = scan->up;
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    bool open = up->u != NULL;
    int rc = catchup_update_commit(up);

    if (rc == 0 && open)
        rc = catchup_update_breathe(up);
    while (rc == 0 && n > 0) {
        rc = index_reader_packs(up->r, &next, pack, 32, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (trust_listed(&pack[i]) && !pack[i].gone &&
                pack[i].state != INDEX_DOOMED)
                rc = idmap_put(&scan->there, pack[i].id.b, 0);
        }
    }
    return rc;
}

/* Packs that have gone, or were cut, are not relied on: whoever has the bytes
 * stores them again. */
static int catchup_packs_miss(struct catchup_packs_scan *scan)
{
    struct catchup_update *up = scan->up;
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(up->r, &next, pack, 32, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            uint64_t there;

            if (!idmap_get(&scan->there, pack[i].id.b, &there) || there)
                continue;
            rc = catchup_update_breathe(up);
            if (rc == 0)
                rc = index_update_set_gone(up->u, pack[i].no, true);
        }
    }
    return rc;
}

int catchup_packs_scan(struct catchup_update *up)
{
    struct catchup_packs_scan scan = {.up = up};
    int rc = pack_reader_new(up->c->store, up->c->keys, &scan.packs);

    if (rc == 0)
        rc = catchup_packs_expect(&scan);
    if (rc == 0)
        rc = store_list(up->c->store, "packs", catchup_packs_ask, &scan);
    if (rc == 0)
        rc = catchup_packs_miss(&scan);
    idmap_release(&scan.there);
    pack_reader_free(scan.packs);
    if (rc == 0 && !up->u) {
        bool owed;

        rc = catchup_marks_owed(up->r, &owed);
        if (rc == 0 && owed == (scan.failed > 0))
            return 0;
    }
    if (rc == 0)
        rc = catchup_update_breathe(up);
    if (rc < 0)
        return rc;
    return scan.failed ? catchup_marks_put_owed(up->u)
                       : catchup_marks_drop_owed(up->u);
}

int catchup_packs_doubted(struct index_reader *r, bool *any)
{
    struct index_pack pack[32];
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_any_suspect(r, any);

    while (rc == 0 && n > 0 && !*any) {
        rc = index_reader_packs(r, &next, pack, 32, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            *any |= (pack[i].gone || !trust_listed(&pack[i])) &&
                    pack[i].state != INDEX_DOOMED;
    }
    return rc;
}
