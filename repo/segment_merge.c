#include "repo/segment_merge.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/pack_claim.h"
#include "repo/trust.h"

static int segment_merge_order(const void *a, const void *b)
{
    const struct segment_list_item *x = a;
    const struct segment_list_item *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

/* Whether eight of one level stand there, are short enough, and none of them
 * is as long as the others together: it would be written again for nothing. */
static bool segment_merge_fits(const struct segment_list_item *item)
{
    const uint64_t longest = item[SEGMENT_MERGE_FAN - 1].bytes;
    uint64_t bytes = 0;

    for (size_t i = 0; i < SEGMENT_MERGE_FAN; i++) {
        if (item[i].level != item[0].level ||
            item[i].bytes > SEGMENT_MERGE_BYTES)
            return false;
        bytes += item[i].bytes;
    }
    return item[0].level < SEGMENT_LEVEL_MAX && bytes <= SEGMENT_MERGE_BYTES &&
           longest <= bytes - longest;
}

bool segment_merge_pick(const struct segment_list *l,
                        struct segment_list_item out[SEGMENT_MERGE_FAN],
                        unsigned *level)
{
    struct segment_list_item *sorted;
    bool found = false;

    if (l->n < SEGMENT_MERGE_FAN)
        return false;
    sorted = mem_array(l->n, sizeof *sorted);
    if (!sorted)
        return false; /* another run will do it */
    memcpy(sorted, l->item, l->n * sizeof *sorted);
    qsort(sorted, l->n, sizeof *sorted, segment_merge_order);
    for (size_t i = 0; i + SEGMENT_MERGE_FAN <= l->n && !found; i++) {
        found = segment_merge_fits(sorted + i);
        if (found) {
            memcpy(out, sorted + i, SEGMENT_MERGE_FAN * sizeof *out);
            *level = sorted[i].level;
        }
    }
    free(sorted);
    return found;
}

/* The packs of several segments, each once, without doomed ones. */
struct segment_merge {
    const struct state *state;
    struct index_reader *index;
    struct segment_pack *pack;
    size_t n;
    size_t cap;
};

/* What a segment says of packs that it is not believed in must not become
 * ours. */
static int segment_merge_take(struct segment_merge *m,
                              const struct segment_file *file)
{
    const struct members *members = &m->state->members;
    struct segment_reader r;
    struct segment_pack p;

    segment_read(&r, &file->segment);
    while (segment_next(&r, &p)) {
        if (state_of_pack(m->state, &p.id, NULL) == STATE_DOOMED ||
            !trust_believed(members, &file->signer, &p.writer))
            continue;
        if (!MEM_GROW(m->pack, m->n, m->cap))
            return err_set(E_NOMEM, "out of memory");
        m->pack[m->n++] = p;
    }
    return 0;
}

static int segment_merge_by_id(const void *a, const void *b)
{
    const struct segment_pack *x = a;
    const struct segment_pack *y = b;

    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

/* Whether the index holds p to be what its pack is. */
static int segment_merge_right(struct segment_merge *m,
                               const struct segment_pack *p, bool *right)
{
    struct index_pack said = {.member = p->writer};
    struct index_pack pack;
    bool found;
    int rc = index_reader_pack_by_id(m->index, &p->id, &pack, &found);

    pack_claim_dir(p->dir, &said.dir);
    *right = rc == 0 && found && pack_claim_same(&said, &pack);
    return rc;
}

/* A pack that two segments name is one pack; of those that lie about it the
 * index has found out. bytes: out: of it all. */
static int segment_merge_unite(struct segment_merge *m, uint64_t *bytes)
{
    size_t n = 0;
    int rc = 0;

    *bytes = 0;
    if (m->n > 0)
        qsort(m->pack, m->n, sizeof *m->pack, segment_merge_by_id);
    for (size_t i = 0; i < m->n && rc == 0; i++) {
        bool again =
            n > 0 && object_id_equal(&m->pack[n - 1].id, &m->pack[i].id);
        bool right = !again;

        if (again)
            rc = segment_merge_right(m, &m->pack[i], &right);
        if (right)
            m->pack[again ? n - 1 : n++] = m->pack[i];
    }
    m->n = n;
    for (size_t i = 0; i < n; i++)
        *bytes += segment_pack_bytes(m->pack[i].dir.n);
    return rc;
}

int segment_merge_write(struct store *s, const struct keyring *k,
                        struct index *ix, const struct state *state,
                        unsigned level, const struct segment_list_item *item,
                        size_t n, struct segment_list_item *out)
{
    struct segment_merge m = {.state = state};
    struct segment_file *file = mem_array(n, sizeof *file);
    struct object_id *replaces = mem_array(n, sizeof *replaces);
    size_t read = 0;
    int rc = 0;

    if (!file || !replaces)
        rc = err_set(E_NOMEM, "out of memory");
    if (rc == 0)
        rc = index_reader_new(ix, &m.index);
    for (; read < n && rc == 0; read++) {
        rc = segment_file_read(s, k, &item[read].id, &file[read]);
        if (rc == 0)
            rc = segment_merge_take(&m, &file[read]);
        replaces[read] = item[read].id;
    }
    if (rc == 0)
        rc = segment_merge_unite(&m, &out->bytes);
    if (rc == 0) {
        out->level = level + 1;
        rc = segment_file_write(s, k, out->level, replaces, n, m.pack, m.n,
                                &out->id);
    }
    for (size_t i = 0; i < read; i++)
        segment_file_release(&file[i]);
    index_reader_free(m.index);
    free(m.pack);
    free(file);
    free(replaces);
    return rc;
}
