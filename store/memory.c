#include "store/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store_ops.h"

/* The bytes of one object; never change while anyone refers to them. */
struct memory_blob {
    unsigned refs;
    size_t n;
    uint8_t p[];
};

/* What is under a name: what everyone sees, and what a power cut leaves. */
struct memory_slot {
    char *name;
    struct memory_blob *seen; /* NULL: nothing */
    struct memory_blob *durable;
};

struct memory {
    struct store base;
    pthread_mutex_t lock; /* of what follows, except hook */
    struct memory_slot *slots;
    size_t slots_n;
    size_t slots_cap; /* sorted by name */
    uint64_t capacity;
    struct memory_fault fault;
    uint64_t passages;
    memory_hook_fn *hook;
    void *hook_ctx;
};

struct memory_writer {
    struct store_writer base;
    struct buf content;
};

static struct memory *memory_of(struct store *s)
{
    return (struct memory *)(void *)s;
}

static struct memory_writer *memory_writer_of(struct store_writer *w)
{
    return (struct memory_writer *)(void *)w;
}

static void memory_lock(struct memory *m)
{
    (void)pthread_mutex_lock(&m->lock);
}

static void memory_unlock(struct memory *m)
{
    (void)pthread_mutex_unlock(&m->lock);
}

static int memory_pass(struct memory *m, enum memory_point point,
                       enum memory_op op, const char *name)
{
    bool strikes = false;
    int code;

    memory_lock(m);
    code = m->fault.code;
    if (point == m->fault.point) {
        m->passages++;
        strikes = m->fault.n > 0 &&
                  (m->passages == m->fault.n ||
                   (m->fault.persistent && m->passages > m->fault.n));
    }
    memory_unlock(m);
    if (strikes)
        return err_set(code, "%s: %s: injected failure", m->base.place, name);
    return m->hook ? m->hook(m->hook_ctx, point, op, name) : 0;
}

/* From here to the operations: called with the lock held. */

/* the first slot whose name is >= name */
static size_t memory_search(const struct memory *m, const char *name)
{
    size_t low = 0;
    size_t high = m->slots_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(m->slots[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct memory_slot *memory_find(const struct memory *m, const char *name)
{
    size_t i = memory_search(m, name);

    if (i < m->slots_n && strcmp(m->slots[i].name, name) == 0)
        return &m->slots[i];
    return NULL;
}

/* the bytes everyone sees under name, or NULL */
static struct memory_blob *memory_seen(const struct memory *m, const char *name)
{
    const struct memory_slot *slot = memory_find(m, name);

    return slot ? slot->seen : NULL;
}

/* the slot of name, made when there is none; NULL when out of memory */
static struct memory_slot *memory_slot(struct memory *m, const char *name)
{
    size_t i = memory_search(m, name);
    char *copy;

    if (i < m->slots_n && strcmp(m->slots[i].name, name) == 0)
        return &m->slots[i];
    if (!MEM_GROW(m->slots, m->slots_n, m->slots_cap))
        return NULL;
    copy = mem_dup(bytes_of_str(name));
    if (!copy)
        return NULL;
    memmove(&m->slots[i + 1], &m->slots[i],
            (m->slots_n - i) * sizeof *m->slots);
    m->slots[i] = (struct memory_slot){.name = copy};
    m->slots_n++;
    return &m->slots[i];
}

static struct memory_blob *memory_blob_new(struct bytes content)
{
    struct memory_blob *blob = mem_alloc(sizeof *blob + content.n);

    if (!blob)
        return NULL;
    blob->n = content.n;
    if (content.n)
        memcpy(blob->p, content.p, content.n);
    return blob;
}

/* let *at refer to blob (or nothing) instead of what it refers to */
static void memory_refer(struct memory_blob **at, struct memory_blob *blob)
{
    if (blob)
        blob->refs++;
    if (*at && --(*at)->refs == 0)
        free(*at);
    *at = blob;
}

static uint64_t memory_used(const struct memory *m)
{
    uint64_t used = 0;

    for (size_t i = 0; i < m->slots_n; i++)
        used += m->slots[i].seen ? m->slots[i].seen->n : 0;
    return used;
}

static int memory_name_it(struct memory *m, const char *name,
                          struct bytes content)
{
    uint64_t used = memory_used(m);
    struct memory_slot *slot;
    struct memory_blob *blob;

    if (content.n > m->capacity || used > m->capacity - content.n)
        return err_set(E_NOSPACE, "%s: no space for %s: %" PRIu64 " bytes free",
                       m->base.place, name,
                       m->capacity > used ? m->capacity - used : 0);
    slot = memory_slot(m, name);
    blob = slot ? memory_blob_new(content) : NULL;
    if (!blob)
        return err_set(E_NOMEM, "%s: %s: out of memory", m->base.place, name);
    memory_refer(&slot->seen, blob);
    return 0;
}

static void memory_settle(struct memory *m, const char *name)
{
    struct memory_slot *slot = memory_find(m, name);

    if (slot)
        memory_refer(&slot->durable, slot->seen);
}

/* The operations. */

static int memory_writer_open(struct store *s, struct store_writer **out)
{
    struct memory *m = memory_of(s);
    struct memory_writer *w;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_WRITER_OPEN, "");

    if (rc < 0)
        return rc;
    w = mem_alloc(sizeof *w);
    if (!w)
        return err_set(E_NOMEM, "%s: out of memory", s->place);
    w->base.store = s;
    buf_init(&w->content, SIZE_MAX / 2);
    *out = &w->base;
    return 0;
}

static int memory_writer_append(struct store_writer *base, struct bytes part)
{
    struct memory_writer *w = memory_writer_of(base);
    int rc =
        memory_pass(memory_of(base->store), MEMORY_BEFORE, MEMORY_APPEND, "");

    if (rc < 0)
        return rc;
    buf_add_bytes(&w->content, part);
    return buf_status(&w->content);
}

static int memory_writer_commit(struct store_writer *base, const char *name,
                                enum store_outcome *outcome)
{
    struct memory *m = memory_of(base->store);
    struct memory_writer *w = memory_writer_of(base);
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_COMMIT, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    *outcome = memory_seen(m, name) ? STORE_EXISTS : STORE_CREATED;
    if (*outcome == STORE_CREATED)
        rc = memory_name_it(m, name, buf_bytes(&w->content));
    memory_unlock(m);
    if (rc == 0)
        rc = memory_pass(m, MEMORY_VISIBLE, MEMORY_COMMIT, name);
    if (rc < 0)
        return rc;
    memory_lock(m);
    memory_settle(m, name);
    memory_unlock(m);
    return memory_pass(m, MEMORY_AFTER, MEMORY_COMMIT, name);
}

static void memory_writer_free(struct store_writer *base)
{
    struct memory_writer *w = memory_writer_of(base);

    buf_release(&w->content);
    free(w);
}

static int memory_get(struct store *s, const char *name, struct buf *out,
                      bool *found)
{
    struct memory *m = memory_of(s);
    const struct memory_blob *blob;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_GET, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    blob = memory_seen(m, name);
    *found = blob != NULL;
    if (blob)
        buf_add(out, blob->p, blob->n);
    memory_unlock(m);
    rc = buf_status(out);
    if (rc < 0)
        return err_add(rc, "%s: %s", s->place, name);
    return memory_pass(m, MEMORY_AFTER, MEMORY_GET, name);
}

static int memory_get_range(struct store *s, const char *name, uint64_t off,
                            void *to, size_t n, bool *found)
{
    struct memory *m = memory_of(s);
    const struct memory_blob *blob;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_GET, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    blob = memory_seen(m, name);
    *found = blob != NULL;
    if (blob && (off > blob->n || n > blob->n - off))
        rc = err_set(E_CORRUPT,
                     "%s: %s has %zu bytes; %zu were to be read at %" PRIu64,
                     s->place, name, blob->n, n, off);
    else if (blob && n > 0)
        memcpy(to, blob->p + off, n);
    memory_unlock(m);
    return rc < 0 ? rc : memory_pass(m, MEMORY_AFTER, MEMORY_GET, name);
}

static int memory_size(struct store *s, const char *name, uint64_t *size,
                       bool *found)
{
    struct memory *m = memory_of(s);
    const struct memory_blob *blob;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_SIZE, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    blob = memory_seen(m, name);
    *found = blob != NULL;
    *size = blob ? blob->n : 0;
    memory_unlock(m);
    return memory_pass(m, MEMORY_AFTER, MEMORY_SIZE, name);
}

static bool memory_below(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return n == 0 || (strncmp(name, prefix, n) == 0 && name[n] == '/');
}

struct memory_listed {
    char *name;
    uint64_t size;
};

/* Copies what is listed, so that fn may use the store. */
static int memory_collect(struct memory *m, const char *prefix,
                          struct memory_listed **out, size_t *out_n)
{
    struct memory_listed *list;
    size_t n = 0;
    int rc = 0;

    memory_lock(m);
    list = mem_array(m->slots_n, sizeof *list);
    for (size_t i = 0; list && i < m->slots_n; i++) {
        const struct memory_slot *slot = &m->slots[i];

        if (!slot->seen || !memory_below(slot->name, prefix))
            continue;
        list[n].size = slot->seen->n;
        list[n].name = mem_dup(bytes_of_str(slot->name));
        if (!list[n++].name)
            rc = E_NOMEM;
    }
    memory_unlock(m);
    *out = list;
    *out_n = n;
    return list && rc == 0 ? 0
                           : err_set(E_NOMEM, "%s: list %s: out of memory",
                                     m->base.place, prefix);
}

static int memory_list(struct store *s, const char *prefix, bool sizes,
                       store_list_fn *fn, void *ctx)
{
    struct memory *m = memory_of(s);
    struct memory_listed *list = NULL;
    size_t n = 0;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_LIST, prefix);

    if (rc == 0)
        rc = memory_collect(m, prefix, &list, &n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = fn(ctx, list[i].name, sizes ? list[i].size : UINT64_MAX);
    for (size_t i = 0; i < n; i++)
        free(list[i].name);
    free(list);
    return rc < 0 ? rc : memory_pass(m, MEMORY_AFTER, MEMORY_LIST, prefix);
}

static int memory_remove(struct store *s, const char *name)
{
    struct memory *m = memory_of(s);
    struct memory_slot *slot;
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_DELETE, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    slot = memory_find(m, name);
    if (slot)
        memory_refer(&slot->seen, NULL);
    memory_unlock(m);
    return memory_pass(m, MEMORY_AFTER, MEMORY_DELETE, name);
}

static int memory_make_durable(struct store *s, const char *name, bool *found)
{
    struct memory *m = memory_of(s);
    int rc = memory_pass(m, MEMORY_BEFORE, MEMORY_MAKE_DURABLE, name);

    if (rc < 0)
        return rc;
    memory_lock(m);
    memory_settle(m, name);
    *found = memory_seen(m, name) != NULL;
    memory_unlock(m);
    return memory_pass(m, MEMORY_AFTER, MEMORY_MAKE_DURABLE, name);
}

static int memory_free_space(struct store *s, uint64_t *bytes)
{
    struct memory *m = memory_of(s);

    memory_lock(m);
    *bytes = UINT64_MAX;
    if (m->capacity != UINT64_MAX) {
        uint64_t used = memory_used(m);

        *bytes = m->capacity > used ? m->capacity - used : 0;
    }
    memory_unlock(m);
    return 0;
}

static void memory_close(struct store *s)
{
    struct memory *m = memory_of(s);

    for (size_t i = 0; i < m->slots_n; i++) {
        memory_refer(&m->slots[i].seen, NULL);
        memory_refer(&m->slots[i].durable, NULL);
        free(m->slots[i].name);
    }
    free(m->slots);
    free(m->base.place);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops memory_ops = {
    .close = memory_close,
    .writer_open = memory_writer_open,
    .writer_append = memory_writer_append,
    .writer_commit = memory_writer_commit,
    .writer_free = memory_writer_free,
    .get = memory_get,
    .get_range = memory_get_range,
    .size = memory_size,
    .list = memory_list,
    .remove = memory_remove,
    .make_durable = memory_make_durable,
    .free_space = memory_free_space,
};

int memory_open(struct store **out)
{
    struct memory *m = mem_alloc(sizeof *m);

    if (!m)
        return err_set(E_NOMEM, "memory store: out of memory");
    m->base.place = mem_dup(bytes_of_str("memory"));
    if (!m->base.place) {
        free(m);
        return err_set(E_NOMEM, "memory store: out of memory");
    }
    m->base.ops = &memory_ops;
    m->capacity = UINT64_MAX;
    (void)pthread_mutex_init(&m->lock, NULL);
    *out = &m->base;
    return 0;
}

/* What tests do to it. */

void memory_set_hook(struct store *s, memory_hook_fn *hook, void *ctx)
{
    struct memory *m = memory_of(s);

    m->hook = hook;
    m->hook_ctx = ctx;
}

void memory_set_fault(struct store *s, struct memory_fault fault)
{
    struct memory *m = memory_of(s);

    memory_lock(m);
    m->fault = fault;
    m->passages = 0;
    memory_unlock(m);
}

uint64_t memory_passages(struct store *s)
{
    struct memory *m = memory_of(s);
    uint64_t n;

    memory_lock(m);
    n = m->passages;
    memory_unlock(m);
    return n;
}

/* splitmix64: one well-mixed bit per call is all that is asked of it */
static bool memory_coin(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z >> 63) != 0;
}

void memory_power_cut(struct store *s, uint64_t seed)
{
    struct memory *m = memory_of(s);
    bool undo_all = seed == 0;

    memory_lock(m);
    for (size_t i = 0; i < m->slots_n; i++) {
        struct memory_slot *slot = &m->slots[i];

        if (slot->seen == slot->durable)
            continue;
        if (undo_all || memory_coin(&seed))
            memory_refer(&slot->seen, slot->durable);
        else
            memory_refer(&slot->durable, slot->seen);
    }
    memory_unlock(m);
}

void memory_set_capacity(struct store *s, uint64_t bytes)
{
    struct memory *m = memory_of(s);

    memory_lock(m);
    m->capacity = bytes;
    memory_unlock(m);
}

bool memory_damage(struct store *s, const char *name, uint64_t off, uint8_t x)
{
    struct memory *m = memory_of(s);
    struct memory_slot *slot;
    bool done = false;

    memory_lock(m);
    slot = memory_find(m, name);
    if (slot && slot->seen && off < slot->seen->n) {
        slot->seen->p[off] ^= x;
        if (x == 0)
            slot->seen->n = off;
        done = true;
    }
    memory_unlock(m);
    return done;
}
