#include "cli/snap_pick.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/message.h"
#include "cli/snap_spec.h"
#include "cli/when.h"
#include "cli/words.h"
#include "repo/members_draft.h"
#include "repo/repo_log.h"
#include "repo/tree_walk.h"

enum {
    SNAP_PICK_CACHE_BYTES = 64 << 20, /* decoded frames */
    SNAP_PICK_ID_CHARS = 8
};

/* The snapshots as snap_spec wants them, and their series as strings. */
struct snap_pick_refs {
    struct snap_spec_ref *ref;
    char (*series)[MANIFEST_SERIES_MAX + 1];
    size_t n;
};

static void snap_pick_refs_free(struct snap_pick_refs *r)
{
    free(r->ref);
    free(r->series);
}

/* Whether one is meant by other names than its id. */
static bool snap_pick_counts(const struct snapshot_item *it, bool all)
{
    return !it->damaged &&
           (it->manifest.m.complete || (all && !it->superseded));
}

/* A damaged one has no series and no time; its id may still name it. */
static int snap_pick_refs_make(const struct snapshot_list *l, bool all,
                               struct snap_pick_refs *r)
{
    r->n = l->n;
    r->ref = mem_array(l->n, sizeof *r->ref);
    r->series = mem_array(l->n, sizeof *r->series);
    if (!r->ref || !r->series)
        return err_set(E_NOMEM, "choosing among %zu snapshots", l->n);
    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];
        struct bytes series = it->manifest.m.series;

        if (series.n > MANIFEST_SERIES_MAX)
            series.n = MANIFEST_SERIES_MAX; /* the decoder saw to it */
        if (series.n)
            memcpy(r->series[i], series.p, series.n);
        r->ref[i] =
            (struct snap_spec_ref){.id = it->id,
                                   .series = r->series[i],
                                   .sequence = it->manifest.m.number,
                                   .time = it->manifest.m.begin,
                                   .complete = snap_pick_counts(it, all)};
    }
    return 0;
}

static void snap_pick_tell(const struct snap_pick_refs *r,
                           const struct snap_spec_answer *a)
{
    for (size_t i = 0; i < a->candidate_n; i++) {
        const struct snap_spec_ref *ref = &r->ref[a->candidate[i]];
        char hex[ID_HEX_CHARS + 1], when[WHEN_TEXT_MAX];

        (void)id_hex(ref->id.b, sizeof ref->id.b, hex);
        message_follow("candidate: %.*s  %s  %s", SNAP_PICK_ID_CHARS, hex,
                       when_local(ref->time, when), ref->series);
    }
    if (a->more)
        message_follow("candidate: and more");
}

static bool snap_pick_is_by_id(const struct snap_spec *spec,
                               const struct object_id *id)
{
    char hex[ID_HEX_CHARS + 1];

    return spec->older == 0 && strncmp(id_hex(id->b, sizeof id->b, hex),
                                       spec->name, strlen(spec->name)) == 0;
}

/* A damaged snapshot has neither series nor time: it may be the one that was
 * meant. To look at another one is worth a warning, to restore it is not
 * allowed. rc is that of the choice. */
static int snap_pick_doubt(const struct snapshot_list *l,
                           const struct snap_spec *spec, bool restore,
                           const struct object_id *id, int rc)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->item[i].damaged;
    if (n == 0 || (rc != 0 && rc != E_NOTFOUND) ||
        (rc == 0 && snap_pick_is_by_id(spec, id)))
        return rc;
    if (rc == E_NOTFOUND)
        return err_set(E_CORRUPT, "%s; but %zu snapshot%s cannot be read",
                       err_text(), n, words_plural(n));
    if (restore)
        return err_set(E_CORRUPT,
                       "%zu snapshot%s cannot be read and may be what '%s' "
                       "means; name one by its id",
                       n, words_plural(n), spec->name);
    message_warn("%zu snapshot%s cannot be read; 'dedup check' tells more", n,
                 words_plural(n));
    return 0;
}

static int snap_pick_choose(const struct snapshot_list *l,
                            const struct snap_spec *spec, bool one_series,
                            bool all, struct object_id *id)
{
    struct snap_pick_refs refs = {.n = 0};
    struct snap_spec_answer a = {.index = 0};
    int rc = snap_pick_refs_make(l, all, &refs);

    if (rc == 0)
        rc = snap_spec_resolve(spec, refs.ref, refs.n, one_series, &a);
    if (rc == 0) {
        *id = l->item[a.index].id;
        if (a.shadows)
            message_warn("'%s' is taken as the series, not as the id that "
                         "begins so",
                         spec->name);
    } else if (rc == E_USAGE) {
        snap_pick_tell(&refs, &a);
    }
    snap_pick_refs_free(&refs);
    return snap_pick_doubt(l, spec, one_series, id, rc);
}

/* "/srv//www/" becomes "srv/www". */
static int snap_pick_path(const char *path, struct buf *out)
{
    while (path && *path) {
        size_t n = strcspn(path, "/");

        if (n && out->n)
            buf_add(out, "/", 1);
        buf_add(out, path, n);
        path += n;
        path += strspn(path, "/");
    }
    return buf_status(out);
}

/* spec: what p was found by. */
static int snap_pick_find(struct session *s, const struct snap_spec *spec,
                          struct snap_pick *p)
{
    struct tree_entry root = {.attr = NULL};
    struct node_source source;
    struct codec c;
    char older[16] = "";
    bool found = true;
    int rc = session_fetch(s, SNAP_PICK_CACHE_BYTES, &p->fetch, &p->lane);

    if (rc < 0)
        return rc;
    source = fetch_node_source(p->lane);
    codec_init(&c, p->snapshot.manifest.m.root);
    rc = tree_entry_get(&c, &root, true);
    if (rc == 0)
        rc = tree_walk_find(&source, &root, buf_bytes(&p->path), &p->te_raw,
                            &p->te, &found);
    if (spec->older > 0)
        (void)snprintf(older, sizeof older, "~%" PRIu32, spec->older);
    if (rc == 0 && !found)
        rc =
            err_set(E_NOTFOUND, "/%.*s: no such path in the snapshot %s%s",
                    (int)p->path.n, (const char *)p->path.p, spec->name, older);
    tree_entry_release(&root);
    return rc;
}

/* Nobody shall take part of a tree for all of it. */
static void snap_pick_warn(const struct snapshot *s)
{
    char hex[ID_HEX_CHARS + 1];

    if (!s->manifest.m.complete)
        message_warn("%.*s is a checkpoint of a run that did not end: what it "
                     "had not come to is missing",
                     SNAP_PICK_ID_CHARS, id_hex(s->id.b, sizeof s->id.b, hex));
}

int snap_pick_item(const struct snapshot_list *list, const char *text, bool all,
                   const struct snapshot_item **item)
{
    struct snap_spec spec;
    struct object_id id;
    int rc = snap_spec_parse(&spec, text);

    if (rc == 0 && spec.path)
        rc = err_set(E_USAGE, "'%s': a snapshot is meant, not a path in it",
                     text);
    if (rc == 0)
        rc = snap_pick_choose(list, &spec, true, all, &id);
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        if (object_id_equal(&list->item[i].id, &id))
            *item = &list->item[i];
    }
    return rc;
}

static bool snap_pick_same(const struct member_id *a, const struct member_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* When the first snapshot in a series began that its member signed. */
static struct entry_time snap_pick_first(const struct snapshot_list *l,
                                         const struct snapshot *of)
{
    struct entry_time first = of->manifest.m.begin;

    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];

        if (snap_pick_same(&it->signer, &of->signer) &&
            bytes_equal(it->manifest.m.series, of->manifest.m.series) &&
            entry_time_cmp(it->manifest.m.begin, first) < 0)
            first = it->manifest.m.begin;
    }
    return first;
}

/* Another member that writes this series too; NULL: none. One who may do
 * everything and has left off before is who handed it over. */
static const struct members_one *snap_pick_rival(const struct repo *r,
                                                 const struct snapshot_list *l,
                                                 const struct snapshot *of)
{
    struct entry_time first = snap_pick_first(l, of);

    for (size_t i = l->n; i-- > 0;) {
        const struct snapshot_item *it = &l->item[i];
        const struct members_one *by =
            members_find(&r->state.members, &it->signer);

        if (by && by->standing == RECORD_ACTIVE &&
            !snap_pick_same(&it->signer, &of->signer) &&
            bytes_equal(it->manifest.m.series, of->manifest.m.series) &&
            (by->role != KEYRING_FULL ||
             entry_time_cmp(it->manifest.m.begin, first) > 0))
            return by;
    }
    return NULL;
}

/* The holder of a stolen write key can put a snapshot into every series: under
 * trust 'own' hosts do not rely on it, and who restores should know. */
static void snap_pick_warn_signer(const struct repo *r,
                                  const struct snapshot_list *l,
                                  const struct snapshot *of)
{
    const struct members *m = &r->state.members;
    const struct members_one *by = members_find(m, &of->signer);
    const struct members_one *rival = snap_pick_rival(r, l, of);
    char hex[ID_HEX_CHARS + 1];

    if (m->trust == RECORD_TRUST_OWN && by && by->role != KEYRING_FULL && rival)
        message_warn("%.*s was made with the key '%s', others of its series "
                     "with '%s': if that should not be, name one by its id "
                     "('dedup check --writer' tells whose are whose)",
                     SNAP_PICK_ID_CHARS, id_hex(of->id.b, sizeof of->id.b, hex),
                     members_draft_label(r, by), members_draft_label(r, rival));
}

int snap_pick_open(struct session *s, const char *text, bool one_series,
                   bool all, struct snap_pick *p)
{
    struct snapshot_list list = {.n = 0};
    struct snap_spec spec;
    struct object_id id = {{0}};
    int rc;

    *p = (struct snap_pick){.fetch = NULL};
    buf_init(&p->path, TREE_WALK_PATH_MAX);
    buf_init(&p->te_raw, (size_t)TREE_ENTRY_BYTES_MAX * 2);
    rc = snap_spec_parse(&spec, text);
    if (rc == 0)
        rc = snap_pick_path(spec.path, &p->path);
    if (rc == 0)
        rc = snapshot_list_load(s->repo->index, &s->repo->state, &list);
    if (rc == 0)
        rc = snap_pick_choose(&list, &spec, one_series, all, &id);
    if (rc == 0)
        rc = snapshot_list_read(s->store, s->repo->keys, &id, &p->snapshot);
    if (rc == 0)
        snap_pick_warn(&p->snapshot);
    if (rc == 0 && !snap_pick_is_by_id(&spec, &id))
        snap_pick_warn_signer(s->repo, &list, &p->snapshot);
    if (rc == 0)
        rc = snap_pick_find(s, &spec, p);
    snapshot_list_release(&list);
    return rc;
}

int snap_pick_gone(struct session *s, const struct snap_pick *p, int rc)
{
    char hex[ID_HEX_CHARS + 1];
    struct err_record why;
    bool moved;
    int looked;

    if (rc != E_CORRUPT)
        return rc;
    err_save(rc, &why);
    looked = repo_log_follow(s->repo, &moved);
    err_ignore(looked, "it stays what it was");
    if (looked < 0 || !state_is_forgotten(&s->repo->state, &p->snapshot.id))
        return err_load(&why);
    return err_set(
        E_NOTFOUND,
        "%.*s was forgotten while it was read, and a prune has taken "
        "some of it",
        SNAP_PICK_ID_CHARS,
        id_hex(p->snapshot.id.b, sizeof p->snapshot.id.b, hex));
}

void snap_pick_release(struct snap_pick *p)
{
    fetch_lane_free(p->lane);
    fetch_free(p->fetch);
    tree_entry_release(&p->te);
    buf_release(&p->te_raw);
    buf_release(&p->path);
    snapshot_list_drop(&p->snapshot);
    *p = (struct snap_pick){.fetch = NULL};
}
