#include "repo/unforget.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/closure.h"
#include "repo/fetch.h"
#include "repo/idmap.h"
#include "repo/repo_log.h"
#include "repo/repo_role.h"
#include "repo/snapshot_list.h"
#include "repo/trust.h"

enum { UNFORGET_CACHE_BYTES = 32 << 20 };

/* ---- whether all of it is there ----------------------------------------- */

struct unforget_proof {
    const struct repo *r;
    struct cancel *cancel;
    struct idmap nodes; /* seen */
    struct index_reader *reader;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct closure *closure;
    bool doom_only; /* look for what is doomed alone */
    bool doomed;    /* something is */
};

static void unforget_proof_end(struct unforget_proof *p)
{
    closure_free(p->closure);
    fetch_lane_free(p->lane);
    fetch_free(p->fetch);
    index_reader_free(p->reader);
    idmap_release(&p->nodes);
}

static int unforget_proof_begin(struct unforget_proof *p)
{
    struct node_source source;
    int rc = index_reader_new(p->r->index, &p->reader);

    if (rc == 0)
        rc = fetch_open(p->r->store, p->r->keys, p->r->index,
                        UNFORGET_CACHE_BYTES, &p->fetch);
    if (rc == 0)
        rc = fetch_lane_new(p->fetch, &p->lane);
    if (rc < 0)
        return rc;
    source = fetch_node_source(p->lane);
    p->closure = closure_new(&source, 1, p->cancel);
    return p->closure ? 0 : err_set(E_NOMEM, "out of memory");
}

/* A place in a doomed pack is none: the index gives it to nobody. */
static int unforget_visit(void *ctx, const struct edges_to *to, bool *below)
{
    struct unforget_proof *p = ctx;
    struct index_pack pack;
    struct index_loc loc;
    bool found;
    int rc = 0;

    if (to->is_node)
        rc = idmap_claim(&p->nodes, to->id.b, 1, below);
    if (rc < 0 || (to->is_node && !*below))
        return rc;
    rc = index_reader_find(p->reader, &to->id, INDEX_READ, &loc, &found);
    p->doomed |= rc == 0 && !found;
    if (rc == 0 && found && p->doom_only)
        return 0;
    if (rc == 0 && found)
        rc = index_reader_pack(p->reader, loc.pack, &pack, &found);
    if (rc == 0 && (!found || pack.gone || !trust_listed(&pack)))
        rc = err_set(E_REFUSED, "some of it is deleted already");
    return rc;
}

static int unforget_prove(struct unforget_proof *p, const struct object_id *id)
{
    struct snapshot s;
    char hex[ID_HEX_CHARS + 1];
    int rc = snapshot_list_read(p->r->store, p->r->keys, id, &s);

    if (rc == 0) {
        rc = closure_walk(p->closure, &s.manifest.m.root, 1, NULL,
                          unforget_visit, p);
        snapshot_list_drop(&s);
    }
    return err_add(rc, "snapshot %.8s cannot come back",
                   id_hex(id->b, sizeof id->b, hex));
}

int unforget_too_late(const struct repo *r, const struct object_id *id,
                      bool *late)
{
    struct unforget_proof p = {.r = r, .doom_only = true};
    int rc = unforget_proof_begin(&p);

    if (rc == 0)
        rc = unforget_prove(&p, id);
    *late = rc == E_REFUSED && p.doomed;
    if (*late) {
        err_ignore(rc, "that is the answer");
        rc = 0;
    }
    unforget_proof_end(&p);
    return rc;
}

/* ---- the record ---------------------------------------------------------- */

struct unforget_draft {
    const struct object_id *id;
    size_t n;
    struct cancel *cancel;
    struct object_id *back; /* those that are forgotten */
};

static int unforget_compute(void *ctx, const struct repo *r,
                            struct repo_log_draft *d)
{
    struct unforget_draft *x = ctx;
    struct unforget_proof p = {.r = r, .cancel = x->cancel};
    size_t n = 0;
    int rc = unforget_proof_begin(&p);

    for (size_t i = 0; i < x->n && rc == 0; i++) {
        if (!state_is_forgotten(&r->state, &x->id[i]))
            continue;
        x->back[n++] = x->id[i];
        rc = unforget_prove(&p, &x->id[i]);
    }
    unforget_proof_end(&p);
    d->nothing = n == 0;
    d->type = RECORD_UNFORGET;
    d->says.ids = record_ids_of(x->back, n);
    return rc;
}

int unforget(struct repo *r, const struct object_id *id, size_t n,
             struct cancel *cancel, bool *changed)
{
    struct unforget_draft x = {.id = id, .n = n, .cancel = cancel};
    uint64_t number = 0;
    int rc = repo_role_allows(r, REPO_ACT_FORGET);

    x.back = mem_array(n, sizeof *x.back);
    if (rc == 0 && !x.back)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = repo_log_append(r, unforget_compute, &x, &number);
    free(x.back);
    *changed = number > 0;
    return rc;
}
