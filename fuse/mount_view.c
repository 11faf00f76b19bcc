/* The repository as it is now: which snapshots there are, and which of them a
 * prune has to leave because somebody looks at them. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fuse/loop.h"
#include "fuse/mount_impl.h"
#include "repo/members_draft.h"
#include "repo/repo_cache.h"
#include "repo/repo_log.h"
#include "repo/writer.h"

#define VIEW_AGE_NS INT64_C(1000000000)

/* From one attempt to hold what is mounted to the next: doubled each time. */
#define VIEW_PAUSE_NS     INT64_C(2000000000)
#define VIEW_PAUSE_MAX_NS INT64_C(300000000000)

/* What was told is told again if it comes back this much later. */
#define VIEW_TELL_NS INT64_C(3600000000000)

enum { VIEW_TOGETHER = 128 /* snapshots that are pinned at once */ };

/* Of a snapshot. */
enum view_use {
    VIEW_UNUSED, /* nobody has looked into it */
    VIEW_WANTED, /* somebody is about to: it is being pinned */
    VIEW_USED,   /* it is held, if that can be */
    VIEW_GONE    /* it was forgotten before it could be held */
};

/* What trouble may be with. */
enum view_matter { VIEW_NEWS, VIEW_CACHE, VIEW_HOLD, VIEW_MATTERS };

static const char *const view_matter_says[VIEW_MATTERS] = {
    [VIEW_NEWS] = "what is new cannot be seen",
    [VIEW_CACHE] = "mount again to see what is new: the cache was replaced",
    [VIEW_HOLD] = "a prune may take what is mounted, once it is forgotten",
};

struct view_told {
    uint32_t codes; /* a bit of each error that was told */
    int64_t at;     /* monotonic ns */
};

struct mount_view {
    struct mount *m;
    pthread_mutex_t repo; /* the repository's state, and: */
    struct writer *pins;  /* NULL: none yet */
    struct writer *next;  /* ... that is to take its place; NULL: not begun */
    bool owed;            /* they are to be put again, ... */
    int64_t not_before;   /* ... at this time, monotonic ns; ... */
    int64_t pause;        /* ... since that is how long ago it failed */
    bool cannot_pin;      /* our key's would not count */
    struct view_told told[VIEW_MATTERS];
    bool cache_lost; /* it is no longer the one that others know */
    struct {         /* what lanes may still read through that were lent when
                        another one took its place; NULL: none */
        struct index *index;
        struct fetch *fetch;
    } old;
    atomic_llong looked;   /* monotonic ns: when the top was brought up to date
                            */
    pthread_rwlock_t lock; /* for all below */
    struct top *top;
    atomic_uchar *use; /* enum view_use of each snapshot; changed with repo */
    size_t use_n;
};

/* ---- the top ------------------------------------------------------------- */

/* Trouble that goes on is told once: its text may name another object each
 * time, so its code counts. */
static void view_trouble(struct mount_view *v, enum view_matter what, int rc)
{
    struct view_told *t = &v->told[what];
    uint32_t bit = UINT32_C(1) << (unsigned)(-rc & 31);

    if (t->codes & bit)
        return;
    t->codes |= bit;
    t->at = clock_monotonic_ns();
    err_ignore(err_add(rc, "%s", view_matter_says[what]), "it is told");
    v->m->o->say(v->m->o->ctx, MOUNT_TROUBLE, err_text());
}

/* That is over. */
static void view_well(struct mount_view *v, enum view_matter what)
{
    struct view_told *t = &v->told[what];

    if (t->codes && clock_monotonic_ns() - t->at > VIEW_TELL_NS)
        t->codes = 0;
}

/* The use of each snapshot that the top has. With the lock for writing. */
static int view_count(struct mount_view *v)
{
    size_t n = top_snap_n(v->top);
    atomic_uchar *use = mem_resize(v->use, (n + 1) * sizeof *use);

    if (!use)
        return err_set(E_NOMEM, "out of memory");
    v->use = use;
    for (size_t i = 0; i < n; i++) {
        /* one that was forgotten may have come back */
        if (i >= v->use_n || (atomic_load(&use[i]) == VIEW_GONE &&
                              !top_snap(v->top, (uint32_t)i)->gone))
            atomic_store(&use[i], VIEW_UNUSED);
    }
    v->use_n = n;
    return 0;
}

/* Makes sure that what is shown of a snapshot can be told. */
static int view_meet_one(struct mount_view *v, struct snapshot_item *it)
{
    struct repo *r = v->m->r;
    struct tree_entry te = {.attr = NULL};
    char hex[ID_HEX_CHARS + 1];
    struct codec c;
    int rc = snapshot_list_is_brief(it)
                 ? snapshot_list_recall(r->store, r->keys, it)
                 : 0;

    if (rc < 0)
        return rc;
    codec_init(&c, it->manifest.m.root);
    rc = tree_entry_get(&c, &te, true);
    tree_entry_release(&te);
    return err_add(rc, "snapshot %.8s", id_hex(it->id.b, sizeof it->id.b, hex));
}

/* Those that the top does not know yet. One that cannot be told is left out, in
 * silence when it was forgotten meanwhile. With the repository. */
static int view_meet(struct mount_view *v, struct snapshot_list *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        struct snapshot_item *it = &l->item[i];
        bool overtaken = false;

        if (it->damaged || it->sealed || top_knows(v->top, &it->id))
            continue;
        rc = view_meet_one(v, it);
        if (rc == E_CORRUPT)
            rc = repo_log_overtaken(v->m->r, &overtaken);
        if (rc == E_NOMEM)
            break;
        it->damaged |= rc < 0 || overtaken;
        if (rc < 0)
            (void)mount_errno(v->m, rc, DIR_SLOTS_NO_SNAP);
        rc = 0;
    }
    return rc;
}

/* Brings the top up to what the index knows. */
static int view_update(struct mount_view *v)
{
    const struct mount_options *o = v->m->o;
    struct snapshot_list list = {.item = NULL};
    bool changed;
    int rc = snapshot_list_load(v->m->r->index, &v->m->r->state, &list);

    if (rc == 0)
        rc = view_meet(v, &list);
    if (rc == 0) {
        (void)pthread_rwlock_wrlock(&v->lock);
        rc = top_update(v->top, &list, &v->m->r->state, o->all || o->snapshot,
                        &changed);
        if (rc == 0)
            rc = view_count(v);
        (void)pthread_rwlock_unlock(&v->lock);
    }
    snapshot_list_release(&list);
    return rc;
}

/* Whether the cache that we have open is no longer the one that others know: it
 * cannot be changed, and so not follow, any more. */
static bool view_cache_is_lost(const struct mount_view *v, int rc)
{
    struct index_update *u = NULL;
    struct err_record why;
    bool lost;

    if (rc != E_LATER && rc != E_LIMIT)
        return false;
    err_save(rc, &why);
    lost = index_update_begin(v->m->r->index, 0, &u) == E_LATER;
    index_update_abort(u);
    err_ignore(err_load(&why), "the first error stands");
    return lost;
}

/* It could not catch up. Another cache is taken by who tends us, and what could
 * not be is told then. */
static void view_not_new(struct mount_view *v, int rc)
{
    v->cache_lost = v->cache_lost || view_cache_is_lost(v, rc);
    if (!v->cache_lost)
        view_trouble(v, VIEW_NEWS, rc);
}

/* With the repository: catch up, and show what there is. */
static void view_refresh(struct mount_view *v)
{
    int rc = repo_refresh_in_use(v->m->r);

    if (rc == 0)
        rc = view_update(v);
    atomic_store(&v->looked, clock_monotonic_ns());
    if (rc < 0)
        view_not_new(v, rc);
    else
        view_well(v, VIEW_NEWS);
}

const struct top *mount_view_top(struct mount_view *v)
{
    if (!v->m->o->snapshot &&
        clock_monotonic_ns() - atomic_load(&v->looked) > VIEW_AGE_NS) {
        loop_let_lead();
        (void)pthread_mutex_lock(&v->repo);
        if (clock_monotonic_ns() - atomic_load(&v->looked) > VIEW_AGE_NS)
            view_refresh(v);
        (void)pthread_mutex_unlock(&v->repo);
    }
    return mount_view_look(v);
}

const struct top *mount_view_look(struct mount_view *v)
{
    (void)pthread_rwlock_rdlock(&v->lock);
    return v->top;
}

void mount_view_done(struct mount_view *v)
{
    (void)pthread_rwlock_unlock(&v->lock);
}

/* ---- pins ---------------------------------------------------------------- */

/* A journal that is needed no more. */
static void view_end(struct writer **w)
{
    if (*w)
        err_ignore(writer_end(*w), "a collector ends what is silent");
    writer_free(*w);
    *w = NULL;
}

/* A journal that somebody else has ended. */
static void view_lost(struct writer **w)
{
    writer_free(*w);
    *w = NULL;
}

/* The snapshots that are in use. */
static size_t view_in_use(const struct mount_view *v, struct object_id *id)
{
    size_t n = 0;

    for (size_t i = 0; i < v->use_n; i++) {
        unsigned use = atomic_load(&v->use[i]);

        if (use == VIEW_USED || use == VIEW_WANTED)
            id[n++] = top_snap(v->top, (uint32_t)i)->id;
    }
    return n;
}

/* Pins n snapshots in a journal that is begun, or was: one that cannot be
 * pinned in is kept for the next time. put: whether they are there, whatever
 * came of the rest. */
static int view_pin_next(struct mount_view *v, const struct object_id *id,
                         size_t n, bool *put)
{
    int rc = v->next ? 0 : writer_open_to_pin(v->m->r, &v->next);

    *put = false;
    if (rc == 0)
        rc = writer_pin(v->next, id, n, put);
    if (v->next && !*put && rc == E_FENCED)
        view_lost(&v->next);
    else if (v->next && !*put && rc == E_ROLE)
        view_end(&v->next);
    return rc;
}

/* All that are in use, in one new journal; then the one before is ended, if it
 * still stands. Until they are there it is owed. With the repository. */
static int view_repin(struct mount_view *v)
{
    struct object_id *id = mem_array(v->use_n + 1, sizeof *id);
    size_t n = id ? view_in_use(v, id) : 0;
    bool put = id && n == 0;
    int rc = id ? 0 : err_set(E_NOMEM, "out of memory");

    if (n > 0)
        rc = view_pin_next(v, id, n, &put);
    free(id);
    v->owed = !put;
    if (!put)
        return rc; /* the one before holds on */
    if (n == 0)
        view_end(&v->next);
    view_end(&v->pins);
    v->pins = v->next;
    v->next = NULL;
    return rc;
}

/* n more. With the repository. */
static int view_pin(struct mount_view *v, const struct object_id *id, size_t n)
{
    bool put = false;
    int rc = E_FENCED;

    if (v->pins && !v->owed) {
        rc = writer_pin(v->pins, id, n, &put);
        v->owed = !put;
        /* it was silent for too long: the machine slept */
        if (rc == E_FENCED && !put)
            view_lost(&v->pins);
    }
    return rc == E_FENCED ? view_repin(v) : rc;
}

/* Whether it is time to pin: what failed is tried again, but seldom. */
static bool view_may_pin(const struct mount_view *v)
{
    return !v->cannot_pin &&
           (v->pause == 0 || clock_monotonic_ns() >= v->not_before);
}

/* What came of it. A key that may not pin reads all the same: what goes, it
 * will be told. Nor does a repository that cannot be written stop anybody. */
static void view_pinned(struct mount_view *v, int rc)
{
    v->cannot_pin |= rc == E_ROLE;
    if (v->cannot_pin)
        v->owed = false;
    if (!v->owed) {
        v->pause = 0;
    } else {
        v->pause = v->pause == 0 ? VIEW_PAUSE_NS : v->pause * 2;
        if (v->pause > VIEW_PAUSE_MAX_NS)
            v->pause = VIEW_PAUSE_MAX_NS;
        v->not_before = clock_monotonic_ns() + v->pause;
    }
    if (rc == 0)
        view_well(v, VIEW_HOLD);
    else if (!v->owed && !v->cannot_pin)
        view_not_new(v, rc);
    else if (rc != E_ROLE)
        view_trouble(v, VIEW_HOLD, rc);
}

/* The first look into n snapshots. With the repository. */
static void view_want(struct mount_view *v, const uint32_t *snap,
                      const struct object_id *id, size_t n)
{
    for (size_t i = 0; i < n; i++)
        atomic_store(&v->use[snap[i]], VIEW_WANTED);
    if (view_may_pin(v))
        view_pinned(v, view_pin(v, id, n));
    /* P2: whoever forgot it before the pin is known by now */
    for (size_t i = 0; i < n; i++)
        atomic_store(&v->use[snap[i]],
                     state_is_forgotten(&v->m->r->state, &id[i]) ? VIEW_GONE
                                                                 : VIEW_USED);
}

/* Which of n snapshots nobody has looked into: they come first, with their ids.
 * With the repository. */
static size_t view_unused(struct mount_view *v, uint32_t *snap,
                          struct object_id *id, size_t n)
{
    size_t unused = 0;

    (void)pthread_rwlock_rdlock(&v->lock);
    for (size_t i = 0; i < n; i++) {
        if (snap[i] >= v->use_n || atomic_load(&v->use[snap[i]]) != VIEW_UNUSED)
            continue;
        snap[unused] = snap[i];
        id[unused++] = top_snap(v->top, snap[i])->id;
    }
    (void)pthread_rwlock_unlock(&v->lock);
    return unused;
}

int mount_view_use_with(struct mount_view *v, uint32_t snap,
                        size_t (*more)(void *ctx, uint32_t *snap, size_t max),
                        void *ctx)
{
    uint32_t want[VIEW_TOGETHER] = {snap};
    struct object_id id[VIEW_TOGETHER];
    size_t n = 1;
    unsigned use;

    (void)pthread_rwlock_rdlock(&v->lock);
    use = snap < v->use_n ? atomic_load(&v->use[snap]) : VIEW_GONE;
    (void)pthread_rwlock_unlock(&v->lock);
    if (use == VIEW_UNUSED || use == VIEW_WANTED) {
        loop_let_lead();
        if (more)
            n += more(ctx, want + 1, VIEW_TOGETHER - 1);
        (void)pthread_mutex_lock(&v->repo);
        n = view_unused(v, want, id, n);
        if (n > 0)
            view_want(v, want, id, n);
        use = atomic_load(&v->use[snap]);
        (void)pthread_mutex_unlock(&v->repo);
    }
    return use == VIEW_USED ? 0
                            : err_set(E_NOTFOUND, "the snapshot was forgotten");
}

int mount_view_use(struct mount_view *v, uint32_t snap)
{
    return mount_view_use_with(v, snap, NULL, NULL);
}

bool mount_view_is_gone(struct mount_view *v, uint32_t snap, char name[9])
{
    struct object_id id = {{0}};
    const struct top_snap *sn;
    bool gone;

    (void)pthread_rwlock_rdlock(&v->lock);
    sn = top_snap(v->top, snap);
    gone = !sn;
    if (sn) {
        id = sn->id;
        memcpy(name, sn->short_id, 8);
    }
    name[8] = 0;
    (void)pthread_rwlock_unlock(&v->lock);
    (void)pthread_mutex_lock(&v->repo);
    gone = gone || state_is_forgotten(&v->m->r->state, &id);
    (void)pthread_mutex_unlock(&v->repo);
    return gone;
}

/* ---- from time to time --------------------------------------------------- */

/* What was read through the cache before is over. */
static void view_drop_old(struct mount_view *v)
{
    if (!v->old.fetch || lanes_old(v->m->lanes) > 0)
        return;
    fetch_free(v->old.fetch);
    index_close(v->old.index);
    v->old.fetch = NULL;
    v->old.index = NULL;
}

static int view_follow(void *ctx, bool *moved);

/* The cache that is there now, in place of the one that was removed. Whoever
 * reads goes on with that until it is done. With the repository. */
static int view_take_cache(struct mount_view *v)
{
    struct mount *m = v->m;
    struct index *old = NULL;
    struct fetch *fetch = NULL;
    int rc = repo_cache_beside(m->r, &old);

    if (rc == 0)
        rc = mount_fetch_new(m, &fetch);
    if (rc < 0 && old) {
        index_close(m->r->index);
        m->r->index = old;
    }
    if (rc < 0)
        return rc;
    fetch_follow(fetch, view_follow, v);
    v->old.index = old;
    v->old.fetch = m->fetch;
    m->fetch = fetch;
    lanes_lead(m->lanes, fetch);
    return view_update(v);
}

static void view_tend_cache(struct mount_view *v)
{
    int rc;

    view_drop_old(v);
    if (!v->cache_lost || v->old.fetch)
        return;
    v->cache_lost = false; /* or it is found again */
    rc = view_take_cache(v);
    if (rc < 0)
        view_trouble(v, VIEW_CACHE, rc);
}

/* Whether something that is held was forgotten, and nobody looks at it any
 * more. */
static bool view_drop_unused(struct mount_view *v)
{
    bool dropped = false;

    for (size_t i = 0; i < v->use_n; i++) {
        const struct top_snap *sn = top_snap(v->top, (uint32_t)i);

        if (!sn->gone || atomic_load(&v->use[i]) != VIEW_USED ||
            dir_slots_of_snap(v->m->slots, (uint32_t)i) > 0)
            continue;
        atomic_store(&v->use[i], VIEW_GONE);
        dropped = true;
    }
    return dropped;
}

/* Who is silent loses what it holds. */
static void view_tend_pins(struct mount_view *v)
{
    static const struct writer_reliance none = {.parent_n = 0};
    int rc;

    if (v->cannot_pin)
        return;
    if (v->pins && view_drop_unused(v))
        v->owed = true;
    rc = v->pins ? writer_renew(v->pins, &none) : 0;
    if (rc == E_FENCED) {
        view_lost(&v->pins);
        v->owed = true;
    } else if (rc < 0) {
        view_trouble(v, VIEW_HOLD, rc);
    }
    if (v->owed && view_may_pin(v))
        view_pinned(v, view_repin(v));
}

void mount_view_tend(struct mount_view *v,
                     void (*gone)(void *ctx, uint32_t snap), void *ctx)
{
    bool moved = false;
    int rc;

    (void)pthread_mutex_lock(&v->repo);
    rc = repo_log_has_moved(v->m->r, &moved);
    if (rc < 0)
        view_trouble(v, VIEW_NEWS, rc);
    else if (moved)
        view_refresh(v);
    view_tend_cache(v);
    view_tend_pins(v); /* whatever came of that */
    (void)pthread_mutex_unlock(&v->repo);
    if (v->m->o->snapshot)
        return; /* its top is in use for as long as it is mounted */
    for (uint32_t i = 0, n = 1; i < n; i++) {
        const struct top_snap *sn;
        bool is_gone;

        (void)pthread_rwlock_rdlock(&v->lock);
        n = top_snap_n(v->top);
        sn = top_snap(v->top, i);
        is_gone = sn && sn->gone;
        (void)pthread_rwlock_unlock(&v->lock);
        if (is_gone && dir_slots_of_snap(v->m->slots, i) > 0)
            gone(ctx, i);
    }
}

/* ---- its life ------------------------------------------------------------ */

/* fetch asks when a pack is not where it was. */
static int view_follow(void *ctx, bool *moved)
{
    struct mount_view *v = ctx;
    int rc;

    (void)pthread_mutex_lock(&v->repo);
    rc = repo_log_follow(v->m->r, moved);
    (void)pthread_mutex_unlock(&v->repo);
    return rc;
}

/* The one snapshot that is mounted, as if it were all there is. */
static int view_only(struct mount_view *v, const struct mount_options *o)
{
    struct snapshot_item it = {.id = *o->snapshot};
    struct snapshot_list one = {.item = &it, .n = 1};
    struct tree_entry te = *o->top;
    struct buf raw;
    bool changed;
    int rc;

    it.manifest.m.complete = true;
    it.manifest.m.series = bytes_of_str("mounted");
    te.e.name = bytes_of(NULL, 0);
    buf_init(&raw, TREE_ENTRY_BYTES_MAX * (size_t)2);
    rc = tree_entry_put(&raw, &te);
    it.manifest.m.root = buf_bytes(&raw);
    if (rc == 0)
        rc = top_update(v->top, &one, &v->m->r->state, true, &changed);
    if (rc == 0)
        rc = view_count(v);
    buf_release(&raw);
    return rc;
}

int mount_view_new(struct mount *m, struct mount_view **out)
{
    struct mount_view *v = mem_alloc(sizeof *v);
    int rc;

    *out = v;
    if (!v)
        return err_set(E_NOMEM, "out of memory");
    v->m = m;
    (void)pthread_mutex_init(&v->repo, NULL);
    (void)pthread_rwlock_init(&v->lock, NULL);
    v->top = top_new();
    if (!v->top)
        return err_set(E_NOMEM, "out of memory");
    fetch_follow(m->fetch, view_follow, v);
    rc = m->o->snapshot ? view_only(v, m->o) : view_update(v);
    atomic_store(&v->looked, clock_monotonic_ns());
    /* what is mounted is held from the beginning */
    return rc == 0 && m->o->snapshot ? mount_view_use(v, 0) : rc;
}

void mount_view_free(struct mount_view *v)
{
    if (!v)
        return;
    view_end(&v->next);
    view_end(&v->pins);
    view_drop_old(v);
    top_free(v->top);
    free(v->use);
    (void)pthread_rwlock_destroy(&v->lock);
    (void)pthread_mutex_destroy(&v->repo);
    free(v);
}
