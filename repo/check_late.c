#include "repo/check_late.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/repo_log.h"
#include "repo/snapshot_list.h"
#include "repo/trust.h"
#include "store/store.h"

enum { CHECK_LATE_CACHE = 32 << 20, CHECK_LATE_PLACES = 64 };

struct check_late {
    struct repo *r;
    struct index_reader *view;  /* what was known when the check began */
    struct index_reader *knows; /* what is now; NULL: not asked, or in vain */
    struct fetch *fetch;        /* the same */
    struct fetch_lane *lane;    /* the same */
    bool begun;                 /* it was asked */
    struct snapshot_list list;  /* as it is now; loaded: */
    bool listed;
};

int check_late_open(struct repo *r, const struct check_view *v,
                    struct check_late **out)
{
    struct check_late *l = mem_alloc(sizeof *l);
    int rc;

    *out = NULL;
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    l->r = r;
    rc = index_reader_new(v->index, &l->view);
    if (rc < 0) {
        check_late_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void check_late_close(struct check_late *l)
{
    if (!l)
        return;
    snapshot_list_release(&l->list);
    fetch_lane_free(l->lane);
    fetch_free(l->fetch);
    index_reader_free(l->knows);
    index_reader_free(l->view);
    free(l);
}

/* The first look: whatever was put until now counts. */
static int check_late_begin(struct check_late *l)
{
    int rc = repo_refresh_in_use(l->r);

    if (rc == 0)
        rc = fetch_open(l->r->store, l->r->keys, l->r->index, CHECK_LATE_CACHE,
                        &l->fetch);
    if (rc < 0)
        return rc;
    fetch_follow(l->fetch, repo_log_follow, l->r);
    rc = fetch_lane_new(l->fetch, &l->lane);
    return rc < 0 ? rc : index_reader_new(l->r->index, &l->knows);
}

/* blind: out: this cannot tell more than the view does. */
static int check_late_look(struct check_late *l, bool again, bool *blind)
{
    bool moved = false;
    int rc = 0;

    *blind = true;
    if (!l->r->index || (l->begun && !l->knows))
        return 0;
    if (!l->begun) {
        l->begun = true;
        rc = check_late_begin(l);
    } else if (again) {
        rc = repo_log_follow(l->r, &moved);
    }
    if (moved) {
        snapshot_list_release(&l->list);
        l->listed = false;
    }
    if (rc == E_CORRUPT) {
        err_ignore(rc, "what the check has found is told instead");
        return 0;
    }
    /* a cache that made up for what is lost knows more than can be proved */
    *blind = rc < 0 || l->r->hurt;
    return rc;
}

/* A pack in which the chunk is, and which the view does not know. What no
 * record lists is no place (W2): a cache that was filled from nothing knows it
 * all the same. */
static int check_late_place(struct check_late *l, const struct chunk_id *id,
                            struct index_pack *pack, struct index_loc *at,
                            bool *found)
{
    struct index_loc loc[CHECK_LATE_PLACES];
    size_t n = 0;
    int rc = index_reader_renew(l->knows);

    *found = false;
    if (rc == 0)
        rc = index_reader_locations(l->knows, id, loc, CHECK_LATE_PLACES, &n);
    for (size_t i = 0; rc == 0 && !*found && i < n && i < CHECK_LATE_PLACES;
         i++) {
        struct index_pack old;
        bool has;
        bool known = true;

        *at = loc[i];
        rc = index_reader_pack(l->knows, at->pack, pack, &has);
        if (rc == 0 && has && trust_listed(pack))
            rc = index_reader_pack_by_id(l->view, &pack->id, &old, &known);
        *found = rc == 0 && !known;
    }
    return rc;
}

/* The key may not open the pack: that it is there has to do. */
static int check_late_there(struct check_late *l, const struct index_pack *pack,
                            bool *found)
{
    char name[PACK_LAYOUT_NAME_MAX];
    uint64_t size = 0;
    int rc;

    pack_layout_name(&pack->id, name);
    rc = store_size(l->r->store, name, &size, found);
    *found = rc == 0 && *found && size == pack->size_bytes;
    return rc;
}

static int check_late_read(struct check_late *l, enum pack_kind kind,
                           const struct chunk_id *id,
                           const struct index_pack *pack, struct buf *out,
                           uint64_t *bytes, bool *found)
{
    struct fetch_chunk chunk;
    int rc = fetch_get(l->lane, kind, id, 0, &chunk);

    if (rc == E_ROLE && !out)
        return check_late_there(l, pack, found);
    *found = rc == 0;
    if (rc == E_CORRUPT) {
        err_ignore(rc, "what the check has found is told instead");
        return 0;
    }
    if (rc < 0)
        return rc;
    *bytes = chunk.bytes.n;
    if (out)
        buf_add_bytes(out, chunk.bytes);
    fetch_release(l->lane, &chunk);
    return out ? buf_status(out) : 0;
}

int check_late_get(struct check_late *l, enum pack_kind kind,
                   const struct chunk_id *id, bool again, struct buf *out,
                   uint64_t *bytes, bool *found)
{
    struct index_pack pack;
    struct index_loc at;
    bool blind;
    int rc = check_late_look(l, again, &blind);

    *found = false;
    if (rc < 0 || blind)
        return rc;
    rc = check_late_place(l, id, &pack, &at, found);
    if (rc < 0 || !*found)
        return rc;
    *bytes = at.bytes;
    return check_late_read(l, kind, id, &pack, out, bytes, found);
}

int check_late_snapshot(struct check_late *l, const struct object_id *id,
                        enum check_late_fate *fate)
{
    bool blind;
    int rc = check_late_look(l, true, &blind);

    *fate = CHECK_LATE_ABSENT;
    if (rc < 0 || blind)
        return rc;
    if (state_is_forgotten(&l->r->state, id)) {
        *fate = CHECK_LATE_NEEDLESS;
        return 0;
    }
    if (!l->listed)
        rc = snapshot_list_load(l->r->index, &l->r->state, &l->list);
    l->listed = rc == 0;
    for (size_t i = 0; rc == 0 && i < l->list.n; i++) {
        const struct snapshot_item *it = &l->list.item[i];

        if (object_id_equal(&it->id, id))
            *fate = it->superseded ? CHECK_LATE_NEEDLESS : CHECK_LATE_NEEDED;
    }
    return rc;
}
