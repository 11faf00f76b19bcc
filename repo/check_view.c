#include "repo/check_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/cache_dir.h"
#include "repo/check_list.h"
#include "repo/pack_claim.h"
#include "repo/pack_reader.h"
#include "repo/segment_file.h"
#include "repo/trust.h"
#include "store/store.h"

enum {
    CHECK_VIEW_WAIT_MS = 20000, /* for locks that nobody else knows of */
    CHECK_VIEW_BATCH = 1024
};

/* While the view is filled. */
struct check_fill {
    struct check_view *v;
    struct index_rebuild *rb;
    struct index_chunk batch[CHECK_VIEW_BATCH];
    bool lost;     /* a segment could not be read */
    bool replaced; /* all that are not replaced have been read */
};

/* --- packs into the index --- */

static int check_view_frame(struct check_fill *f, uint32_t no,
                            struct pack_dir_reader *dir,
                            const struct pack_dir_frame *frame)
{
    struct index_update *u = index_rebuild_update(f->rb);
    struct pack_dir_chunk chunk;
    uint32_t off = 0;
    size_t n = 0;
    int rc = 0;

    while (rc == 0 && pack_dir_next_chunk(dir, &chunk)) {
        f->batch[n].id = chunk.id;
        f->batch[n].loc =
            (struct index_loc){.pack = no,
                               .frame_off = frame->off,
                               .frame_stored = frame->stored_bytes,
                               .frame_raw = frame->raw_bytes,
                               .off = off,
                               .bytes = chunk.bytes,
                               .key_slot = (uint16_t)frame->key};
        off += chunk.bytes;
        if (++n == CHECK_VIEW_BATCH) {
            rc = index_update_put_chunks(u, f->batch, n);
            n = 0;
        }
    }
    return rc < 0 || n == 0 ? rc : index_update_put_chunks(u, f->batch, n);
}

/* Takes note of a pack that the index has under that number now. */
static int check_view_keep(struct check_view *v, const struct object_id *dir,
                           uint32_t no, const struct segment_pack *p,
                           bool recovered)
{
    bool doomed =
        state_of_pack(&v->chains->state, &p->id, NULL) == STATE_DOOMED;

    if (!MEM_GROW(v->pack, v->pack_n, v->pack_cap))
        return err_set(E_NOMEM, "out of memory");
    ASSERT(no == v->pack_n);
    v->pack[v->pack_n++] = (struct check_pack){
        .id = p->id,
        .writer = p->writer,
        .dir = *dir,
        .bytes = p->bytes,
        .kind = p->kind,
        .state = doomed ? CHECK_PACK_DOOMED : CHECK_PACK_SOUND,
        .recovered = recovered};
    return 0;
}

/* Two segments say different things of a pack: it tells itself. take: out:
 * whether what was said first is given up for this. */
static int check_view_settle(struct check_fill *f, const struct index_pack *old,
                             const struct index_pack *pack, bool *take)
{
    struct check_view *v = f->v;
    struct check_chains *c = v->chains;
    const struct members_one *liar;
    char name[PACK_LAYOUT_NAME_MAX];
    int rc = pack_claim_settle(c->store, c->keys, &c->state.members, old, pack,
                               take);

    if (rc < 0)
        return rc;
    liar =
        members_find(&c->state.members, *take ? &old->member : &pack->member);
    pack_layout_name(&pack->id, name);
    rc = check_report_damage(v->report, CHECK_PACK, name,
                             "a segment of the key '%s' says of it what is not "
                             "so: that counts for nothing; somebody else may "
                             "have that key",
                             liar ? liar->label : "");
    if (rc < 0 || !*take)
        return rc;
    v->pack[old->no].state = CHECK_PACK_DOOMED;
    return index_update_retract(index_rebuild_update(f->rb), old->no);
}

/* Puts a pack with its chunks, unless it is there already. */
static int check_view_put(struct check_fill *f, const struct writer_id *w,
                          const struct segment_pack *p, bool recovered)
{
    static const enum index_state state_of[] = {
        [STATE_LIVE] = INDEX_LIVE,
        [STATE_CONDEMNED] = INDEX_CONDEMNED,
        [STATE_DOOMED] = INDEX_DOOMED,
    };
    struct index_update *u = index_rebuild_update(f->rb);
    struct index_pack pack = {.id = p->id,
                              .kind = (enum index_kind)p->kind,
                              .trusted = true,
                              .size_bytes = p->bytes,
                              .writer = *w,
                              .member = p->writer};
    struct pack_dir_reader dir;
    struct pack_dir_frame frame;
    struct index_pack old;
    bool found;
    uint32_t no;
    int rc = index_update_find_pack(u, &p->id, &old, &found);

    pack_claim_dir(p->dir, &pack.dir);
    if (rc == 0 && found && !pack_claim_same(&old, &pack)) {
        bool take = false;

        rc = check_view_settle(f, &old, &pack, &take);
        found = !take;
    }
    if (rc < 0 || found)
        return rc;
    pack_dir_read(&dir, p->dir);
    while (pack_dir_next_frame(&dir, &frame))
        pack.chunk_n += frame.chunk_n;
    pack.state = state_of[state_of_pack(&f->v->chains->state, &p->id,
                                        &pack.condemned_by)];
    rc = index_update_put_pack(u, &pack, &no);
    if (rc == 0)
        rc = check_view_keep(f->v, &pack.dir, no, p, recovered);
    if (rc < 0 || pack.state == INDEX_DOOMED)
        return rc;
    pack_dir_read(&dir, p->dir);
    while (rc == 0 && pack_dir_next_frame(&dir, &frame))
        rc = check_view_frame(f, no, &dir, &frame);
    return rc;
}

/* --- segments --- */

/* A segment lists a pack that its signer may not speak for. */
static int check_view_stranger(struct check_view *v,
                               const struct members_one *signer,
                               const struct segment_pack *p)
{
    char name[PACK_LAYOUT_NAME_MAX];

    pack_layout_name(&p->id, name);
    if (!members_wrote(&v->chains->state.members, &p->writer))
        return check_report_against(v->report, CHECK_PACK, name,
                                    "written by somebody who is no member that "
                                    "writes: it counts for nothing");
    return check_report_against(v->report, CHECK_PACK, name,
                                "listed by the key '%s', which did not write "
                                "it: that counts for nothing; somebody else "
                                "may have that key",
                                signer->label);
}

static int check_view_segment_packs(struct check_fill *f,
                                    const struct check_segment *ref,
                                    const struct segment_file *file)
{
    size_t before = f->v->pack_n;
    struct segment_reader r;
    struct segment_pack p;
    int rc = 0;

    segment_read(&r, &file->segment);
    while (rc == 0 && segment_next(&r, &p)) {
        if (trust_believed(&f->v->chains->state.members, &file->signer,
                           &p.writer))
            rc = check_view_put(f, &ref->writer, &p, false);
        else
            rc = check_view_stranger(f->v, ref->member, &p);
    }
    for (size_t i = before; f->replaced && !f->lost && i < f->v->pack_n; i++) {
        if (rc == 0 && f->v->pack[i].state != CHECK_PACK_DOOMED)
            return err_set(E_CORRUPT, "names packs that the segment which "
                                      "replaces it does not");
    }
    return rc;
}

static int check_view_segment(struct check_fill *f,
                              const struct check_segment *ref)
{
    struct check_view *v = f->v;
    struct check_chains *c = v->chains;
    char name[SEGMENT_FILE_NAME_MAX];
    struct segment_file file;
    int rc = cancel_check(v->cancel);

    if (rc < 0)
        return rc;
    segment_file_name(&ref->id, name);
    rc = segment_file_read(c->store, c->keys, &ref->id, &file);
    if (rc == 0 &&
        memcmp(file.signer.b, ref->member->id.b, sizeof file.signer.b) != 0)
        rc = err_set(E_CORRUPT,
                     members_find(&c->state.members, &file.signer)
                         ? "not signed by the member whose journal names it"
                         : "signed by somebody who is no member");
    if (rc == 0)
        rc = check_view_segment_packs(f, ref, &file);
    segment_file_release(&file);
    v->report->sum->segments += rc == 0;
    rc = check_report_reread(v->report, c->store, name, rc);
    if (check_report_is(rc) && !f->replaced)
        f->lost = true;
    return check_report_rc(v->report, rc, CHECK_SEGMENT, name);
}

/* Those that others stand for come last, if they are still there. */
static int check_view_segments(struct check_fill *f, bool replaced)
{
    struct check_chains *c = f->v->chains;
    int rc = 0;

    f->replaced = replaced;
    for (size_t i = 0; i < c->segment_n && rc == 0; i++) {
        const struct check_segment *ref = &c->segment[i];
        char name[SEGMENT_FILE_NAME_MAX];
        bool there = true;
        uint64_t size;

        if (idmap_get(&c->replaced, ref->id.b, NULL) != replaced)
            continue;
        segment_file_name(&ref->id, name);
        if (replaced)
            rc = store_size(c->store, name, &size, &there);
        if (rc == E_STORE) { /* who reads it will tell */
            there = true;
            rc = 0;
        }
        if (rc == 0 && there)
            rc = check_view_segment(f, ref);
    }
    return rc;
}

static int check_view_suspects(struct check_fill *f)
{
    const struct state *s = &f->v->chains->state;
    struct index_update *u = index_rebuild_update(f->rb);
    int rc = 0;

    for (size_t i = 0; i < s->suspect_n && rc == 0; i++) {
        struct index_pack pack;
        bool found;

        rc = index_update_find_pack(u, &s->suspect[i].pack, &pack, &found);
        if (rc < 0 || !found)
            continue;
        rc = index_update_put_suspect(u, &s->suspect[i].chunk, pack.no);
        if (f->v->pack[pack.no].state == CHECK_PACK_SOUND)
            f->v->pack[pack.no].state = CHECK_PACK_DOUBTED;
    }
    return rc;
}

/* --- packs that are there --- */

/* Something of what journals and segments say is lost: a pack that nobody
 * names is asked for its own directory, as whoever restores will. */
static int check_view_recover(struct check_fill *f, struct pack_reader *r,
                              const struct check_listed *it)
{
    static const struct writer_id unknown = {{0}};
    struct pack_info info;
    struct segment_pack p = {.id = it->id};
    int rc = cancel_check(f->v->cancel);

    if (rc == 0)
        rc = pack_reader_dir(r, &it->id, &info);
    if (rc == E_CORRUPT)
        return 0;
    if (rc == E_STORE) {
        char name[PACK_LAYOUT_NAME_MAX];

        pack_layout_name(&it->id, name);
        return check_report_rc(f->v->report, rc, CHECK_PACK, name);
    }
    if (rc < 0)
        return rc;
    p.kind = info.kind;
    p.bytes = info.bytes;
    p.writer = info.writer;
    p.dir = buf_bytes(&info.dir);
    if (members_wrote(&f->v->chains->state.members, &p.writer))
        rc = check_view_put(f, &unknown, &p, true);
    pack_info_release(&info);
    return rc;
}

int check_view_lose(struct check_view *v, struct check_pack *p)
{
    char name[PACK_LAYOUT_NAME_MAX];
    /* a collector may have been faster */
    int rc = check_chains_more(v->chains);

    if (rc < 0)
        return rc;
    p->state = CHECK_PACK_DOOMED;
    if (state_of_pack(&v->chains->state, &p->id, NULL) == STATE_DOOMED)
        return 0;
    p->state = CHECK_PACK_MISSING;
    pack_layout_name(&p->id, name);
    rc = err_set(check_report_absent(v->report), "is missing");
    return check_report_rc(v->report, rc, CHECK_PACK, name);
}

static int check_view_compare(struct check_view *v, struct check_pack *p,
                              const struct check_list *list)
{
    const struct check_listed *it = check_list_find(list, &p->id);
    char name[PACK_LAYOUT_NAME_MAX];

    if (p->state == CHECK_PACK_DOOMED)
        return 0;
    v->report->sum->packs++;
    v->report->sum->pack_bytes += p->bytes;
    if (!it)
        return check_view_lose(v, p);
    if (it->bytes == p->bytes)
        return 0;
    p->state = CHECK_PACK_DOUBTED;
    p->cut = true;
    pack_layout_name(&p->id, name);
    return check_report_damage(v->report, CHECK_PACK, name,
                               "is %" PRIu64 " bytes long, not %u", it->bytes,
                               p->bytes);
}

/* Packs that nobody names: leftovers, or just being published. */
static int check_view_leftovers(struct check_fill *f,
                                const struct check_list *list,
                                struct pack_reader *r)
{
    struct check_view *v = f->v;
    const struct check_listed *first = NULL;
    char name[PACK_LAYOUT_NAME_MAX];
    uint64_t bytes = 0;
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < list->n && rc == 0; i++) {
        const struct check_listed *it = &list->item[i];
        struct index_pack pack;
        bool found;

        rc = index_update_find_pack(index_rebuild_update(f->rb), &it->id, &pack,
                                    &found);
        if (rc < 0 || found ||
            state_of_pack(&v->chains->state, &it->id, NULL) == STATE_DOOMED)
            continue;
        if (f->lost || v->chains->damaged)
            rc = check_view_recover(f, r, it);
        first = first ? first : it;
        bytes += it->bytes;
        n++;
    }
    if (rc < 0 || n == 0)
        return rc;
    pack_layout_name(&first->id, name);
    return check_report_note(
        v->report, CHECK_PACK, name,
        "%zu packs of %" PRIu64 " bytes that no segment names: %s", n, bytes,
        f->lost || v->chains->damaged
            ? "what is lost of segments and journals named them, or a run goes "
              "on or was interrupted"
            : "of a run that goes on or was interrupted");
}

static int check_view_packs(struct check_fill *f)
{
    struct check_view *v = f->v;
    struct check_list list = {.item = NULL};
    struct pack_reader *r = NULL;
    int rc = pack_reader_new(v->chains->store, v->chains->keys, &r);

    if (rc == 0)
        rc = check_list_load(v->chains->store, "packs", &list);
    for (size_t i = 0; i < v->pack_n && rc == 0; i++)
        rc = check_view_compare(v, &v->pack[i], &list);
    if (rc == 0)
        rc = check_view_leftovers(f, &list, r);
    check_list_release(&list);
    pack_reader_free(r);
    return rc;
}

/* --- all of it --- */

static int check_view_fill(struct check_fill *f)
{
    int rc = check_view_segments(f, false);

    if (rc == 0)
        rc = check_view_segments(f, true);
    if (rc == 0)
        rc = check_view_packs(f);
    return rc < 0 ? rc : check_view_suspects(f);
}

int check_view_open(struct check_view *v, const struct repo_id *repo)
{
    struct index_options opt = {.wait_ms = CHECK_VIEW_WAIT_MS};
    struct check_fill *f = mem_alloc(sizeof *f);
    char path[CACHE_DIR_PATH_MAX];
    enum index_fate fate;
    int rc = f ? cache_dir_private(&v->dir, &v->held)
               : err_set(E_NOMEM, "out of memory");

    if (rc == 0)
        rc = cache_dir_index(v->dir, path);
    if (rc == 0)
        rc = index_rebuild_begin(path, repo, &opt, &f->rb);
    if (rc == 0) {
        f->v = v;
        rc = check_view_fill(f);
    }
    if (rc == 0) {
        rc = index_rebuild_commit(f->rb, NULL, NULL);
        f->rb = NULL;
    }
    if (rc == 0)
        rc = index_open(path, repo, &opt, &v->index, &fate);
    if (rc == 0 && !v->index)
        rc = err_set(E_IO, "%s: has gone", path);
    if (f)
        index_rebuild_free(f->rb);
    free(f);
    return rc;
}

void check_view_close(struct check_view *v)
{
    index_close(v->index);
    if (v->dir)
        cache_dir_remove(v->dir, v->held);
    free(v->dir);
    free(v->pack);
}
