#include "repo/kept_frames.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "repo/idmap.h"

enum {
    KEPT_FRAMES_FIRST = 64,
    /* salt, suite, key, no lists */
    KEPT_FRAMES_MIN_BYTES = CRYPTO_SALT_BYTES + 1 + CRYPTO_KEY_BYTES + 1,
    KEPT_FRAMES_COUNT_BYTES = 5
};

struct kept_frame {
    struct frame_kept key;
    bool sealed; /* key is valid */
    bool used;   /* the tree lies in it */
};

/* A file's list has nodes in a frame. */
struct kept_list {
    uint64_t tag; /* the beginning of its root's id */
    uint32_t frame;
    bool used; /* the file is in the tree */
};

struct kept_frames {
    pthread_mutex_t lock;     /* for all below */
    struct kept_frame *frame; /* in locked memory */
    size_t frame_n;
    size_t frame_cap;
    struct idmap by_salt;
    struct kept_list *list; /* the first list_old of them, of the keepsake,
                               ascend by tag */
    size_t list_n;
    size_t list_cap;
    size_t list_old;
    uint32_t *touched; /* frames used since the list began */
    size_t touched_n;
    size_t touched_cap;
    bool in_list;
};

static int kept_frames_nomem(void)
{
    return err_set(E_NOMEM, "out of memory");
}

struct kept_frames *kept_frames_new(void)
{
    struct kept_frames *k = mem_alloc(sizeof *k);

    if (k)
        (void)pthread_mutex_init(&k->lock, NULL);
    return k;
}

void kept_frames_free(struct kept_frames *k)
{
    if (!k)
        return;
    (void)pthread_mutex_destroy(&k->lock);
    crypto_locked_free(k->frame);
    idmap_release(&k->by_salt);
    free(k->list);
    free(k->touched);
    free(k);
}

/* --- the table; with the lock --- */

/* Room for one more. */
static int kept_frames_grow(struct kept_frames *k)
{
    size_t cap = k->frame_cap ? 2 * k->frame_cap : KEPT_FRAMES_FIRST;
    struct kept_frame *to;

    if (k->frame_n < k->frame_cap)
        return 0;
    to = cap < KEPT_FRAMES_NONE ? crypto_locked_new(cap * sizeof *to) : NULL;
    if (!to)
        return kept_frames_nomem();
    if (k->frame_n > 0)
        memcpy(to, k->frame, k->frame_n * sizeof *to);
    crypto_locked_free(k->frame);
    k->frame = to;
    k->frame_cap = cap;
    return 0;
}

static int kept_frames_add(struct kept_frames *k, const struct kept_frame *f)
{
    int rc = kept_frames_grow(k);

    if (rc == 0 && f->sealed)
        rc = idmap_put(&k->by_salt, f->key.salt, k->frame_n);
    if (rc == 0)
        k->frame[k->frame_n++] = *f;
    return rc;
}

static int kept_frames_touch(struct kept_frames *k, uint32_t no)
{
    k->frame[no].used = true;
    if (!k->in_list || (k->touched_n > 0 && k->touched[k->touched_n - 1] == no))
        return 0;
    if (!MEM_GROW(k->touched, k->touched_n, k->touched_cap))
        return kept_frames_nomem();
    k->touched[k->touched_n++] = no;
    return 0;
}

static int kept_frames_link(struct kept_frames *k, const struct kept_list *l)
{
    if (!MEM_GROW(k->list, k->list_n, k->list_cap))
        return kept_frames_nomem();
    k->list[k->list_n++] = *l;
    return 0;
}

static uint64_t kept_frames_tag(const struct chunk_id *root)
{
    struct codec c;

    codec_init(&c, bytes_of(root->b, sizeof root->b));
    return codec_u64(&c);
}

/* --- looking up --- */

uint32_t kept_frames_find(struct kept_frames *k,
                          const uint8_t salt[CRYPTO_SALT_BYTES],
                          struct frame_kept *out)
{
    uint32_t no = KEPT_FRAMES_NONE;
    uint64_t at;

    (void)pthread_mutex_lock(&k->lock);
    if (idmap_get(&k->by_salt, salt, &at))
        no = (uint32_t)at;
    if (out && no != KEPT_FRAMES_NONE)
        *out = k->frame[no].key;
    (void)pthread_mutex_unlock(&k->lock);
    return no;
}

void kept_frames_key(struct kept_frames *k, uint32_t no, struct frame_kept *out)
{
    (void)pthread_mutex_lock(&k->lock);
    ASSERT(no < k->frame_n && k->frame[no].sealed);
    *out = k->frame[no].key;
    (void)pthread_mutex_unlock(&k->lock);
}

/* --- what the tree lies in --- */

int kept_frames_reserve(struct kept_frames *k, uint32_t *no)
{
    struct kept_frame f = {.used = true};
    int rc;

    (void)pthread_mutex_lock(&k->lock);
    *no = (uint32_t)k->frame_n;
    rc = kept_frames_add(k, &f);
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

int kept_frames_sealed(struct kept_frames *k, uint32_t no,
                       const struct frame_kept *key)
{
    int rc;

    (void)pthread_mutex_lock(&k->lock);
    ASSERT(no < k->frame_n && !k->frame[no].sealed);
    rc = idmap_put(&k->by_salt, key->salt, no);
    if (rc == 0) {
        k->frame[no].key = *key;
        k->frame[no].sealed = true;
    }
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

int kept_frames_use(struct kept_frames *k, uint32_t no)
{
    int rc;

    (void)pthread_mutex_lock(&k->lock);
    ASSERT(no < k->frame_n);
    rc = kept_frames_touch(k, no);
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

void kept_frames_list_begin(struct kept_frames *k)
{
    (void)pthread_mutex_lock(&k->lock);
    k->touched_n = 0;
    k->in_list = true;
    (void)pthread_mutex_unlock(&k->lock);
}

int kept_frames_list_end(struct kept_frames *k, const struct chunk_id *root)
{
    uint64_t tag = root ? kept_frames_tag(root) : 0;
    int rc = 0;

    (void)pthread_mutex_lock(&k->lock);
    for (size_t i = 0; root && i < k->touched_n && rc == 0; i++) {
        struct kept_list l = {.tag = tag, .frame = k->touched[i], .used = true};

        rc = kept_frames_link(k, &l);
    }
    k->in_list = false;
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

/* The first of the keepsake's lists that is not below tag. */
static size_t kept_frames_list_at(const struct kept_frames *k, uint64_t tag)
{
    size_t lo = 0;
    size_t hi = k->list_old;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (k->list[mid].tag < tag)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void kept_frames_list_keep(struct kept_frames *k, const struct chunk_id *root)
{
    uint64_t tag = kept_frames_tag(root);

    (void)pthread_mutex_lock(&k->lock);
    for (size_t i = kept_frames_list_at(k, tag);
         i < k->list_old && k->list[i].tag == tag; i++) {
        k->list[i].used = true;
        k->frame[k->list[i].frame].used = true;
    }
    (void)pthread_mutex_unlock(&k->lock);
}

/* --- to a keepsake --- */

static int kept_frames_list_order(const void *a, const void *b)
{
    const struct kept_list *x = a;
    const struct kept_list *y = b;

    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->tag > y->tag) - (x->tag < y->tag);
}

/* The lists that are used, by frame, then by tag, none twice; NULL: out of
 * memory. */
static struct kept_list *kept_frames_lists(const struct kept_frames *k,
                                           size_t *n)
{
    struct kept_list *l = mem_array(k->list_n, sizeof *l);
    size_t all = 0;

    *n = 0;
    for (size_t i = 0; l && i < k->list_n; i++)
        if (k->list[i].used)
            l[all++] = k->list[i];
    if (all > 0)
        qsort(l, all, sizeof *l, kept_frames_list_order);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || kept_frames_list_order(&l[i], &l[i - 1]) != 0)
            l[(*n)++] = l[i];
    return l;
}

/* A frame on its way to a keepsake. */
struct kept_out {
    const struct kept_frame *frame;
    const struct kept_list *list; /* list_n of them */
    size_t list_n;
};

static int kept_frames_out_order(const void *a, const void *b)
{
    const struct kept_out *x = a;
    const struct kept_out *y = b;

    return memcmp(x->frame->key.salt, y->frame->key.salt, CRYPTO_SALT_BYTES);
}

static void kept_frames_put_one(const struct kept_out *o, struct buf *b)
{
    const struct frame_kept *key = &o->frame->key;

    buf_add(b, key->salt, sizeof key->salt);
    codec_put_u8(b, (uint8_t)key->suite);
    buf_add(b, key->key.b, sizeof key->key.b);
    codec_put_varint(b, o->list_n);
    for (size_t i = 0; i < o->list_n; i++)
        codec_put_u64(b, o->list[i].tag);
}

/* Those that go out, and fit; returns how many. */
static size_t kept_frames_choose(const struct kept_frames *k,
                                 const struct kept_list *list, size_t list_n,
                                 size_t room, struct kept_out *out)
{
    size_t at = 0;
    size_t n = 0;

    for (size_t i = 0; i < k->frame_n && n < KEPT_FRAMES_MAX; i++) {
        struct kept_out o = {.frame = &k->frame[i], .list = list + at};
        size_t bytes;

        while (at < list_n && list[at].frame == i)
            at++;
        o.list_n = (size_t)(list + at - o.list);
        bytes = KEPT_FRAMES_MIN_BYTES + KEPT_FRAMES_COUNT_BYTES + 8 * o.list_n;
        if (!o.frame->used || !o.frame->sealed || bytes > room)
            continue;
        room -= bytes;
        out[n++] = o;
    }
    return n;
}

static void kept_frames_put_all(const struct kept_frames *k, size_t room,
                                struct buf *b)
{
    size_t list_n = 0;
    struct kept_list *list = kept_frames_lists(k, &list_n);
    struct kept_out *out = mem_array(k->frame_n, sizeof *out);
    size_t n;

    if (list && out) {
        n = kept_frames_choose(k, list, list_n, room, out);
        if (n > 0)
            qsort(out, n, sizeof *out, kept_frames_out_order);
        codec_put_varint(b, n);
        for (size_t i = 0; i < n; i++)
            kept_frames_put_one(&out[i], b);
    } else if (b->rc == 0) {
        b->rc = E_NOMEM;
    }
    free(list);
    free(out);
}

size_t kept_frames_bytes(struct kept_frames *k)
{
    size_t n;

    (void)pthread_mutex_lock(&k->lock);
    n = k->frame_n * (KEPT_FRAMES_MIN_BYTES + KEPT_FRAMES_COUNT_BYTES) +
        k->list_n * sizeof(uint64_t) + KEPT_FRAMES_COUNT_BYTES;
    (void)pthread_mutex_unlock(&k->lock);
    return n;
}

void kept_frames_put(struct kept_frames *k, size_t room, struct buf *b)
{
    (void)pthread_mutex_lock(&k->lock);
    kept_frames_put_all(
        k, room > KEPT_FRAMES_COUNT_BYTES ? room - KEPT_FRAMES_COUNT_BYTES : 0,
        b);
    (void)pthread_mutex_unlock(&k->lock);
}

/* --- from a keepsake --- */

/* Reads one frame's lists, into k unless that is NULL. */
static int kept_frames_load_lists(struct kept_frames *k, uint32_t frame,
                                  struct codec *c)
{
    size_t n = codec_count(c, sizeof(uint64_t));
    uint64_t last = 0;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct kept_list l = {.tag = codec_u64(c), .frame = frame};

        if (i > 0 && l.tag <= last)
            codec_fail(c);
        last = l.tag;
        if (k && !c->failed)
            rc = kept_frames_link(k, &l);
    }
    return rc;
}

static int kept_frames_load_one(struct kept_frames *k, struct codec *c,
                                uint8_t last[CRYPTO_SALT_BYTES], bool first)
{
    struct kept_frame f = {.sealed = true};
    uint64_t no = 0;
    int rc = 0;

    codec_copy(c, f.key.salt, sizeof f.key.salt);
    f.key.suite = (enum crypto_suite)codec_u8(c);
    codec_copy(c, f.key.key.b, sizeof f.key.key.b);
    if ((f.key.suite != CRYPTO_AES256_GCM &&
         f.key.suite != CRYPTO_CHACHA20_POLY1305) ||
        (!first && memcmp(f.key.salt, last, sizeof f.key.salt) <= 0))
        codec_fail(c);
    memcpy(last, f.key.salt, sizeof f.key.salt);
    if (k && !c->failed && !idmap_get(&k->by_salt, f.key.salt, &no)) {
        no = k->frame_n;
        rc = kept_frames_add(k, &f);
    }
    crypto_wipe(&f, sizeof f);
    return rc < 0 ? rc : kept_frames_load_lists(k, (uint32_t)no, c);
}

static int kept_frames_tag_order(const void *a, const void *b)
{
    const struct kept_list *x = a;
    const struct kept_list *y = b;

    return (x->tag > y->tag) - (x->tag < y->tag);
}

int kept_frames_load(struct kept_frames *k, struct bytes in)
{
    uint8_t last[CRYPTO_SALT_BYTES] = {0};
    struct codec c;
    size_t n;
    int rc = 0;

    ASSERT(!k || k->list_n == k->list_old);
    codec_init(&c, in);
    n = codec_count(&c, KEPT_FRAMES_MIN_BYTES);
    if (n > KEPT_FRAMES_MAX)
        codec_fail(&c);
    if (k)
        (void)pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < n && rc == 0 && !c.failed; i++)
        rc = kept_frames_load_one(k, &c, last, i == 0);
    if (k) {
        k->list_old = k->list_n;
        if (k->list_n > 0)
            qsort(k->list, k->list_n, sizeof *k->list, kept_frames_tag_order);
        (void)pthread_mutex_unlock(&k->lock);
    }
    return rc < 0 ? rc : codec_end(&c, "keepsake");
}
