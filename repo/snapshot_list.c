#include "repo/snapshot_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "repo/envelope.h"
#include "repo/magic.h"
#include "repo/superseded.h"

enum {
    SNAPSHOT_LIST_KEY = 's', /* + id: what follows, or ... */
    /* ... as long as a writer: whose journal commits what cannot be read */
    SNAPSHOT_LIST_DAMAGED_BYTES = sizeof(struct writer_id),
    /* Its first byte: before such a writer and what it commits, sealed; before
     * who signed it and its manifest */
    SNAPSHOT_LIST_SEALED = 0,
    SNAPSHOT_LIST_OPEN = 1
};

static void snapshot_list_drop_item(struct snapshot_item *it)
{
    uint8_t *raw;

    memcpy(&raw, &it->raw.p, sizeof raw);
    manifest_release(&it->manifest);
    free(raw);
}

void snapshot_list_release(struct snapshot_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        snapshot_list_drop_item(&l->item[i]);
    free(l->item);
    *l = (struct snapshot_list){.item = NULL};
}

static bool snapshot_list_is_damaged(struct bytes value)
{
    return value.n == SNAPSHOT_LIST_DAMAGED_BYTES;
}

static bool snapshot_list_is_sealed(struct bytes value)
{
    return value.n > SNAPSHOT_LIST_DAMAGED_BYTES &&
           value.p[0] == SNAPSHOT_LIST_SEALED;
}

/* Whether the value of that key is no manifest, and then what it is. */
static bool snapshot_list_lacks(const struct buf *key, struct bytes value,
                                struct snapshot_lacking *out)
{
    out->sealed = snapshot_list_is_sealed(value);
    if (key->n != SNAPSHOT_LIST_KEY_BYTES ||
        !(out->sealed || snapshot_list_is_damaged(value)))
        return false;
    memcpy(out->id.b, key->p + 1, sizeof out->id.b);
    memcpy(out->writer.b, value.p + out->sealed, sizeof out->writer.b);
    return true;
}

/* What snapshot_list_note_sealed() wrote. */
static int snapshot_list_get_sealed(struct bytes value, struct manifest *m)
{
    struct codec c;

    codec_init(&c, value);
    (void)codec_take(&c, 1 + sizeof(struct writer_id));
    m->number = codec_varint(&c);
    m->complete = codec_u8(&c) != 0;
    m->begin.s = codec_svarint(&c);
    m->begin.ns = (uint32_t)codec_varint_max(&c, 999999999);
    m->series = codec_string(&c, MANIFEST_SERIES_MAX);
    m->end = m->begin;
    return codec_end(&c, "noted snapshot");
}

static int snapshot_list_add(struct snapshot_list *l,
                             const struct object_id *id, struct bytes value)
{
    struct snapshot_item *it;
    struct codec c;

    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    it = &l->item[l->n];
    *it = (struct snapshot_item){.id = *id,
                                 .damaged = snapshot_list_is_damaged(value)};
    it->raw = bytes_of(mem_dup(value), value.n);
    if (!it->raw.p)
        return err_set(E_NOMEM, "out of memory");
    l->n++;
    it->sealed = snapshot_list_is_sealed(value);
    if (it->sealed)
        return snapshot_list_get_sealed(it->raw, &it->manifest.m);
    if (it->damaged)
        return 0;
    codec_init(&c, it->raw);
    if (codec_u8(&c) != SNAPSHOT_LIST_OPEN)
        codec_fail(&c);
    codec_copy(&c, it->signer.b, sizeof it->signer.b);
    return manifest_get(codec_take(&c, codec_left(&c)), &it->manifest);
}

/* The item with another manifest, of which it keeps a copy. */
static int snapshot_list_replace(struct snapshot_item *it,
                                 const struct manifest *m)
{
    struct snapshot_item open = {
        .id = it->id, .signer = it->signer, .superseded = it->superseded};
    struct buf raw;
    int rc;

    buf_init(&raw, MANIFEST_BYTES_MAX);
    manifest_put(m, &raw);
    rc = buf_status(&raw);
    if (rc == 0)
        rc = manifest_get(buf_bytes(&raw), &open.manifest);
    if (rc < 0) {
        buf_release(&raw);
        return rc;
    }
    open.raw = buf_bytes(&raw);
    snapshot_list_drop_item(it);
    *it = open;
    return 0;
}

int snapshot_list_unseal(struct snapshot_item *it, const struct manifest *m)
{
    ASSERT(it->sealed);
    it->superseded = false;
    return snapshot_list_replace(it, m);
}

bool snapshot_list_is_brief(const struct snapshot_item *it)
{
    return !it->damaged && !it->sealed && it->manifest.m.root.n == 0;
}

int snapshot_list_recall(struct store *st, const struct keyring *k,
                         struct snapshot_item *it)
{
    struct snapshot s;
    int rc = snapshot_list_read(st, k, &it->id, &s);

    if (rc < 0)
        return rc;
    s.manifest.m.problem_n = 0;
    s.manifest.m.options = bytes_of(NULL, 0);
    rc = snapshot_list_replace(it, &s.manifest.m);
    snapshot_list_drop(&s);
    return rc;
}

int snapshot_list_recall_all(struct store *st, const struct keyring *k,
                             struct snapshot_list *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        if (!snapshot_list_is_brief(&l->item[i]))
            continue;
        rc = snapshot_list_recall(st, k, &l->item[i]);
        if (rc == E_CORRUPT || rc == E_ROLE) {
            err_ignore(rc, "whoever needs the rest of it is told");
            rc = 0;
        }
    }
    return rc;
}

static int snapshot_list_order(const void *a, const void *b)
{
    const struct snapshot_item *x = a;
    const struct snapshot_item *y = b;
    const struct manifest *a_m = &x->manifest.m;
    const struct manifest *b_m = &y->manifest.m;
    int c = entry_time_cmp(a_m->begin, b_m->begin);

    if (c == 0)
        c = a_m->complete - b_m->complete;
    if (c == 0 && !a_m->complete) {
        uint64_t p = superseded_entries(a_m);
        uint64_t q = superseded_entries(b_m);

        c = (p > q) - (p < q);
    }
    return c ? c : memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

/* l is in its final order. */
static int snapshot_list_fold(struct snapshot_list *l)
{
    struct superseded *s = mem_array(l->n, sizeof *s);
    size_t n = 0;

    if (!s)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];

        if (!it->damaged)
            s[n++] = superseded_of(&it->id, &it->manifest.m, i);
    }
    superseded_mark(s, n);
    for (size_t i = 0; i < n; i++)
        l->item[s[i].at].superseded = s[i].is;
    free(s);
    return 0;
}

static int snapshot_list_gather(struct index *ix, const struct state *s,
                                bool forgotten, struct snapshot_list *l)
{
    struct index_reader *r = NULL;
    struct buf key;
    struct buf value;
    bool found = true;
    int rc = index_reader_new(ix, &r);

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&key, SNAPSHOT_LIST_KEY);
    if (rc == 0)
        rc = buf_status(&key);
    while (rc == 0) {
        struct object_id id;

        rc = index_reader_next_mark(r, &key, &value, &found);
        if (rc < 0 || !found || key.p[0] != SNAPSHOT_LIST_KEY)
            break;
        if (key.n != SNAPSHOT_LIST_KEY_BYTES)
            continue;
        memcpy(id.b, key.p + 1, sizeof id.b);
        if (state_is_forgotten(s, &id) == forgotten)
            rc = snapshot_list_add(l, &id, buf_bytes(&value));
    }
    index_reader_free(r);
    buf_release(&key);
    buf_release(&value);
    if (rc == 0 && l->n > 0)
        qsort(l->item, l->n, sizeof *l->item, snapshot_list_order);
    return rc;
}

int snapshot_list_load(struct index *ix, const struct state *s,
                       struct snapshot_list *l)
{
    int rc = snapshot_list_gather(ix, s, false, l);

    return rc < 0 || l->n == 0 ? rc : snapshot_list_fold(l);
}

int snapshot_list_load_forgotten(struct index *ix, const struct state *s,
                                 struct snapshot_list *l)
{
    return snapshot_list_gather(ix, s, true, l);
}

/* Whether a comes after b in their series. l is ascending by time and id: of
 * equal numbers the later place counts. */
static bool snapshot_list_is_newer(const struct snapshot_item *a,
                                   const struct snapshot_item *b)
{
    return a->manifest.m.number > b->manifest.m.number ||
           (a->manifest.m.number == b->manifest.m.number && a > b);
}

const struct snapshot_item *snapshot_list_newest(const struct snapshot_list *l,
                                                 struct bytes series)
{
    const struct snapshot_item *best = NULL;

    for (size_t i = l->n; i-- > 0;) {
        const struct snapshot_item *it = &l->item[i];

        if (it->damaged || !it->manifest.m.complete)
            continue;
        if (series.n == 0)
            return it;
        if (bytes_equal(series, it->manifest.m.series) &&
            (!best || snapshot_list_is_newer(it, best)))
            best = it;
    }
    return best;
}

const struct snapshot_item *snapshot_list_checkpoint(
    const struct snapshot_list *l, struct bytes series, bool farthest)
{
    const struct snapshot_item *best = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];

        if (it->damaged || it->superseded || it->manifest.m.complete ||
            !bytes_equal(series, it->manifest.m.series))
            continue;
        if (!best || (farthest ? superseded_entries(&it->manifest.m) >=
                                     superseded_entries(&best->manifest.m)
                               : snapshot_list_is_newer(it, best)))
            best = it;
    }
    return best;
}

void snapshot_list_tags(const struct state *s, const struct snapshot_item *it,
                        void (*each)(void *ctx, struct bytes tag), void *ctx)
{
    const struct manifest *m = &it->manifest.m;
    struct record_strings tags;
    struct bytes tag;

    if (state_label_tags(&s->labels, &it->id, &tags)) {
        while (record_string_next(&tags, &tag))
            each(ctx, tag);
        return;
    }
    for (size_t i = 0; i < m->tag_n; i++)
        each(ctx, m->tags[i]);
}

size_t snapshot_list_damaged(const struct snapshot_list *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->item[i].damaged;
    return n;
}

/* value: sticky failure and all; released here. */
static int snapshot_list_put(struct index_update *u, const struct object_id *id,
                             struct buf *value)
{
    uint8_t key[SNAPSHOT_LIST_KEY_BYTES] = {SNAPSHOT_LIST_KEY};
    int rc = buf_status(value);

    memcpy(key + 1, id->b, sizeof id->b);
    if (rc == 0)
        rc = index_update_put_mark(u, bytes_of(key, sizeof key),
                                   buf_bytes(value));
    buf_release(value);
    return rc;
}

int snapshot_list_note_sealed(struct index_update *u,
                              const struct object_id *id,
                              const struct writer_id *w,
                              const struct manifest *m)
{
    struct buf value;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    codec_put_u8(&value, SNAPSHOT_LIST_SEALED);
    buf_add(&value, w->b, sizeof w->b);
    codec_put_varint(&value, m->number);
    codec_put_u8(&value, m->complete);
    codec_put_svarint(&value, m->begin.s);
    codec_put_varint(&value, m->begin.ns);
    codec_put_string(&value, m->series);
    return snapshot_list_put(u, id, &value);
}

/* Who signed it, then the manifest. */
static void snapshot_list_put_open(const struct member_id *signer,
                                   const struct manifest *m, struct buf *value)
{
    buf_reset(value);
    codec_put_u8(value, SNAPSHOT_LIST_OPEN);
    buf_add(value, signer->b, sizeof signer->b);
    manifest_put(m, value);
}

int snapshot_list_note(struct index_update *u, const struct object_id *id,
                       const struct member_id *signer, const struct manifest *m)
{
    struct manifest brief = *m;
    struct buf value;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    brief.problem_n = 0;
    brief.options = bytes_of(NULL, 0);
    brief.unknown = bytes_of(NULL, 0);
    snapshot_list_put_open(signer, &brief, &value);
    if (value.rc == E_LIMIT) {
        /* thousands of roots: remember it without them */
        brief.path_n = 0;
        snapshot_list_put_open(signer, &brief, &value);
    }
    if (value.rc == E_LIMIT) {
        /* or tags, or a root with endless attributes: nobody could open
         * the repository any more if this failed */
        brief.tag_n = 0;
        brief.root = bytes_of(NULL, 0);
        brief.host = brief.user = brief.program = bytes_of(NULL, 0);
        snapshot_list_put_open(signer, &brief, &value);
    }
    return snapshot_list_put(u, id, &value);
}

int snapshot_list_note_damaged(struct index_update *u,
                               const struct object_id *id,
                               const struct writer_id *w)
{
    uint8_t key[SNAPSHOT_LIST_KEY_BYTES] = {SNAPSHOT_LIST_KEY};

    memcpy(key + 1, id->b, sizeof id->b);
    return index_update_put_mark(u, bytes_of(key, sizeof key),
                                 bytes_of(w->b, sizeof w->b));
}

int snapshot_list_has(struct index_reader *r, const struct object_id *id,
                      bool *noted, bool *sound)
{
    uint8_t key[SNAPSHOT_LIST_KEY_BYTES] = {SNAPSHOT_LIST_KEY};
    struct buf value;
    int rc;

    memcpy(key + 1, id->b, sizeof id->b);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(r, bytes_of(key, sizeof key), &value, noted);
    *sound = rc == 0 && *noted &&
             !snapshot_list_is_damaged(buf_bytes(&value)) &&
             !snapshot_list_is_sealed(buf_bytes(&value));
    buf_release(&value);
    return rc;
}

int snapshot_list_next_lacking(struct index_reader *r, struct buf *key,
                               struct snapshot_lacking *out, bool *found)
{
    struct buf value;
    int rc = 0;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    if (key->n == 0) {
        codec_put_u8(key, SNAPSHOT_LIST_KEY);
        rc = buf_status(key);
    }
    for (bool hit = false; rc == 0 && !hit;) {
        rc = index_reader_next_mark(r, key, &value, found);
        *found = rc == 0 && *found && key->p[0] == SNAPSHOT_LIST_KEY;
        if (!*found)
            break;
        hit = snapshot_list_lacks(key, buf_bytes(&value), out);
    }
    buf_release(&value);
    return rc;
}

void snapshot_list_name(const struct object_id *id,
                        char out[SNAPSHOT_LIST_NAME_MAX])
{
    char hex[ID_HEX_CHARS + 1];

    (void)snprintf(out, SNAPSHOT_LIST_NAME_MAX, "snapshots/%s",
                   id_hex(id->b, sizeof id->b, hex));
}

void snapshot_list_drop(struct snapshot *s)
{
    manifest_release(&s->manifest);
    buf_release(&s->plain);
}

static int snapshot_list_open(const struct keyring *k, struct bytes file,
                              struct snapshot *out)
{
    struct object_id real;
    struct envelope env;
    int rc;

    blake3_hash(file, real.b);
    if (!object_id_equal(&real, &out->id))
        return err_set(E_CORRUPT, "its bytes do not have that id");
    rc = envelope_open(k, ENVELOPE_SNAPSHOT, bytes_of(NULL, 0), file,
                       &out->plain, &env);
    if (rc == 0 || rc == E_ROLE)
        out->signer = env.signer;
    if (rc == 0)
        rc = manifest_get(env.content, &out->manifest);
    return magic_unproved(rc);
}

int snapshot_list_read(struct store *st, const struct keyring *k,
                       const struct object_id *id, struct snapshot *out)
{
    char name[SNAPSHOT_LIST_NAME_MAX];
    struct buf file;
    bool found;
    int rc;

    *out = (struct snapshot){.id = *id};
    snapshot_list_name(id, name);
    buf_init(&out->plain, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    rc = store_get(st, name, &file, &found);
    if (rc == E_LIMIT)
        rc = err_set(E_CORRUPT, "%s: longer than a snapshot can be", name);
    else if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "%s: is missing", name);
    else if (rc == 0)
        rc = err_add(snapshot_list_open(k, buf_bytes(&file), out), "%s", name);
    buf_release(&file);
    if (rc < 0) {
        struct member_id signer = out->signer;

        snapshot_list_drop(out);
        *out = (struct snapshot){.id = *id, .signer = signer};
    }
    return rc;
}
