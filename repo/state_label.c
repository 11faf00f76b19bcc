#include "repo/state_label.h"

#include <stdlib.h>

#include "base/mem.h"

void state_label_release(struct state_labels *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->label[i].tags);
        free(l->label[i].reason);
    }
    free(l->label);
    idmap_release(&l->place);
    *l = (struct state_labels){.label = NULL};
}

/* The label of a snapshot, made when there is none yet. */
static int state_label_at(struct state_labels *l,
                          const struct object_id *snapshot,
                          struct state_label **out)
{
    uint64_t at;
    int rc;

    if (idmap_get(&l->place, snapshot->b, &at)) {
        *out = &l->label[at];
        return 0;
    }
    if (!MEM_GROW(l->label, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    rc = idmap_put(&l->place, snapshot->b, l->n);
    if (rc < 0)
        return rc;
    *out = &l->label[l->n++];
    **out = (struct state_label){.tagged = false};
    return 0;
}

int state_label_tag(struct state_labels *l, const struct object_id *snapshot,
                    const struct record_strings *tags)
{
    struct state_label *x;
    uint8_t *copy;
    int rc = state_label_at(l, snapshot, &x);

    if (rc < 0)
        return rc;
    copy = mem_dup(tags->encoded);
    if (!copy)
        return err_set(E_NOMEM, "out of memory");
    free(x->tags);
    x->tags = copy;
    x->tags_bytes = tags->encoded.n;
    x->tag_n = tags->n;
    x->tagged = true;
    return 0;
}

int state_label_protect(struct state_labels *l,
                        const struct object_id *snapshot,
                        const struct state_protection *p)
{
    struct state_label *x;
    uint8_t *copy;
    int rc = state_label_at(l, snapshot, &x);

    if (rc < 0)
        return rc;
    copy = mem_dup(p->reason);
    if (!copy)
        return err_set(E_NOMEM, "out of memory");
    free(x->reason);
    x->reason = copy;
    x->reason_bytes = p->reason.n;
    x->is_protected = true;
    x->until = p->until;
    return 0;
}

bool state_label_protection(const struct state_labels *l,
                            const struct object_id *snapshot,
                            struct state_protection *p)
{
    const struct state_label *x;
    uint64_t at;

    if (!idmap_get(&l->place, snapshot->b, &at) || !l->label[at].is_protected)
        return false;
    x = &l->label[at];
    *p = (struct state_protection){x->until,
                                   bytes_of(x->reason, x->reason_bytes)};
    return true;
}

bool state_label_tags(const struct state_labels *l,
                      const struct object_id *snapshot,
                      struct record_strings *tags)
{
    const struct state_label *x;
    uint64_t at;

    if (!idmap_get(&l->place, snapshot->b, &at))
        return false;
    x = &l->label[at];
    *tags = (struct record_strings){bytes_of(x->tags, x->tags_bytes), x->tag_n};
    return x->tagged;
}

bool state_label_protects(const struct state_labels *l,
                          const struct object_id *snapshot, int64_t now)
{
    uint64_t at;

    if (!idmap_get(&l->place, snapshot->b, &at) || !l->label[at].is_protected)
        return false;
    return l->label[at].until == 0 || now < l->label[at].until;
}
