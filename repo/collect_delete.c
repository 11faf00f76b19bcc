/* C6: what is doomed goes; by anyone, again and again. */
#include "repo/collect_step.h"
#include "repo/pack_layout.h"
#include "repo/settle.h"

enum { COLLECT_DELETE_WAIT_MS = 60000, COLLECT_DELETE_BATCH = 128 };

/* Packs that go together. */
struct collect_delete {
    struct object_id id[COLLECT_DELETE_BATCH];
    uint32_t no[COLLECT_DELETE_BATCH]; /* in the index; INDEX_NO_PACK: none */
    size_t n;
};

/* What of the doomed is not known to be gone. */
static int collect_delete_look(struct index_reader *reader,
                               const struct object_id *id,
                               struct collect_delete *b)
{
    struct index_pack p;
    bool known;
    int rc = index_reader_pack_by_id(reader, id, &p, &known);

    if (rc < 0 || (known && p.gone))
        return rc;
    b->id[b->n] = *id;
    b->no[b->n++] = known ? p.no : INDEX_NO_PACK;
    return 0;
}

static int collect_delete_pack(struct collect *c, const struct object_id *id)
{
    char name[PACK_LAYOUT_NAME_MAX];
    uint64_t size;
    bool there;
    int rc;

    pack_layout_name(id, name);
    rc = store_size(c->r->store, name, &size, &there);
    if (rc == 0 && there)
        rc = store_delete(c->r->store, name);
    if (rc == 0 && there) {
        c->done->deleted.n++;
        c->done->deleted.bytes += size;
    }
    return rc;
}

/* A power cut would bring them back, and nobody would look again. Together:
 * many share a folder. */
static int collect_delete_settle(struct collect *c,
                                 const struct collect_delete *b)
{
    char name[PACK_LAYOUT_NAME_MAX];
    int rc = 0;

    for (size_t i = 0; i < b->n && rc == 0; i++) {
        pack_layout_name(&b->id[i], name);
        rc = store_make_durable(c->r->store, name, NULL);
    }
    return rc;
}

/* The cache need not be asked again for what is gone. */
static int collect_delete_note(struct collect *c,
                               const struct collect_delete *b)
{
    struct index_update *u = NULL;
    int rc = index_update_begin(c->r->index, COLLECT_DELETE_WAIT_MS, &u);

    for (size_t i = 0; i < b->n && rc == 0; i++) {
        if (b->no[i] != INDEX_NO_PACK)
            rc = index_update_set_gone(u, b->no[i], true);
    }
    if (rc == 0)
        return index_update_commit(u);
    index_update_abort(u);
    return rc;
}

static int collect_delete_batch(struct collect *c,
                                const struct collect_delete *b)
{
    int rc = 0;

    for (size_t i = 0; i < b->n && rc == 0; i++) {
        rc = cancel_check(c->o->cancel);
        if (rc == 0)
            rc = collect_delete_pack(c, &b->id[i]);
    }
    if (rc == 0)
        rc = collect_delete_settle(c, b);
    return rc == 0 && b->n > 0 ? collect_delete_note(c, b) : rc;
}

int collect_delete(struct collect *c)
{
    struct collect_delete b = {.n = 0};
    struct index_reader *reader = NULL;
    const struct idmap_slot *slot;
    size_t at = 0;
    int rc;

    if (c->r->state.doomed.n == 0)
        return 0;
    rc = settle_tip(c->r);
    if (rc == 0)
        rc = index_reader_new(c->r->index, &reader);
    while (rc == 0 && (slot = idmap_next(&c->r->state.doomed, &at)) != NULL) {
        struct object_id id;

        memcpy(id.b, slot->id, sizeof id.b);
        rc = collect_delete_look(reader, &id, &b);
        if (rc < 0 || b.n < COLLECT_DELETE_BATCH)
            continue;
        rc = collect_delete_batch(c, &b);
        b.n = 0;
    }
    if (rc == 0)
        rc = collect_delete_batch(c, &b);
    index_reader_free(reader);
    return rc;
}
