#include "repo/collect_proof.h"

#include <stdlib.h>

#include "base/mem.h"
#include "index/index_refs.h"
#include "repo/pack_verify.h"
#include "repo/trust.h"

int collect_proof_begin(struct collect_proof *p, const struct repo *r,
                        bool live)
{
    int rc;

    *p = (struct collect_proof){.r = r, .live = live};
    buf_init(&p->file, PACK_FULL_BYTES);
    rc = index_reader_new(r->index, &p->reader);
    if (rc == 0)
        rc = pack_reader_new(r->store, r->keys, &p->packs);
    return rc < 0 ? rc : frame_ctx_new(&p->frame);
}

void collect_proof_end(struct collect_proof *p)
{
    index_reader_free(p->reader);
    pack_reader_free(p->packs);
    frame_ctx_free(p->frame);
    buf_release(&p->file);
    idmap_release(&p->goes);
    idmap_release(&p->proved);
    *p = (struct collect_proof){.r = p->r};
}

int collect_proof_add(struct collect_proof *p, const struct object_id *id,
                      size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = idmap_put(&p->goes, id[i].b, 1);
    return rc;
}

void collect_proof_stays(struct collect_proof *p, const struct object_id *id)
{
    idmap_drop(&p->goes, id->b);
}

/* Whether who wrote a pack may delete as well, so that his word is enough, or
 * somebody has read it. */
static bool collect_proof_is_said(const struct collect_proof *p,
                                  const struct index_pack *pack)
{
    const struct state *s = &p->r->state;
    const struct members_one *by = members_find(&s->members, &pack->member);

    return (by && by->standing == RECORD_ACTIVE &&
            (by->role == KEYRING_FULL || by->role == KEYRING_MAINTAIN)) ||
           state_is_vouched(s, &pack->id, &pack->dir);
}

/* Reads a pack whole, once. A key that cannot takes nobody's word. */
static int collect_proof_read(struct collect_proof *p,
                              const struct index_pack *pack, bool *sound)
{
    uint64_t known;
    int rc;

    *sound = false;
    if (p->r->keys->role != KEYRING_FULL)
        return 0;
    if (idmap_get(&p->proved, pack->id.b, &known)) {
        *sound = known == 1;
        return 0;
    }
    rc = pack_verify(p->r->store, p->r->keys, p->frame, &pack->id, &p->file,
                     NULL, NULL, NULL);
    if (rc < 0 && rc != E_CORRUPT)
        return rc;
    *sound = rc == 0;
    if (rc < 0)
        err_ignore(rc, "what is not sure stays");
    return idmap_put(&p->proved, pack->id.b, *sound);
}

int collect_proof_lasts(struct collect_proof *p, const struct chunk_id *id,
                        uint32_t no, bool *lasts)
{
    struct index_pack pack;
    bool found;
    bool suspect = true;
    int rc = index_reader_pack(p->reader, no, &pack, &found);

    *lasts = false;
    if (rc < 0 || !found || pack.state == INDEX_DOOMED ||
        (p->live && pack.state != INDEX_LIVE) || pack.gone ||
        !trust_listed(&pack) || idmap_get(&p->goes, pack.id.b, NULL))
        return rc;
    rc = index_reader_suspect(p->reader, id, no, &suspect);
    if (rc < 0 || suspect)
        return rc;
    *lasts = collect_proof_is_said(p, &pack);
    return *lasts ? 0 : collect_proof_read(p, &pack, lasts);
}

/* Every place of a needed chunk is asked: somebody may have made up many. */
static int collect_proof_places(struct collect_proof *p,
                                const struct chunk_id *id, bool *needed)
{
    struct index_loc *loc = NULL;
    size_t n = 0;
    int rc = index_reader_locations(p->reader, id, NULL, 0, &n);

    if (rc == 0) {
        loc = mem_array(n, sizeof *loc);
        rc = loc ? index_reader_locations(p->reader, id, loc, n, &n)
                 : err_set(E_NOMEM, "out of memory");
    }
    *needed = rc == 0;
    for (size_t i = 0; i < n && rc == 0 && *needed; i++) {
        bool lasts;

        rc = collect_proof_lasts(p, id, loc[i].pack, &lasts);
        *needed = !lasts;
    }
    free(loc);
    return rc;
}

static int collect_proof_needs(struct collect_proof *p,
                               const struct chunk_id *id, bool *needed)
{
    struct index_ref ref;
    bool lasts = false;
    int rc = index_refs_get(p->reader, id, &ref);

    *needed = false;
    if (rc < 0 || ref.count == 0)
        return rc;
    /* where it is at home is the first to be asked */
    if (ref.home != INDEX_NO_PACK)
        rc = collect_proof_lasts(p, id, ref.home, &lasts);
    if (rc < 0 || lasts)
        return rc;
    return collect_proof_places(p, id, needed);
}

int collect_proof_pack(struct collect_proof *p, const struct object_id *id,
                       bool *needed)
{
    struct pack_info info = {.bytes = 0};
    struct pack_dir_reader dir;
    struct pack_dir_frame frame;
    struct pack_dir_chunk chunk;
    int rc = pack_reader_dir(p->packs, id, &info);

    *needed = false;
    if (rc < 0)
        return rc;
    pack_dir_read(&dir, buf_bytes(&info.dir));
    while (rc == 0 && !*needed && pack_dir_next_frame(&dir, &frame)) {
        while (rc == 0 && !*needed && pack_dir_next_chunk(&dir, &chunk))
            rc = collect_proof_needs(p, &chunk.id, needed);
    }
    pack_info_release(&info);
    return rc;
}
