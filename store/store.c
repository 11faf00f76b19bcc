#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/limit.h"
#include "store/store_ops.h"

static bool store_name_char_ok(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool store_name_ok(const char *name)
{
    unsigned depth = 1;
    char before = '/';
    size_t n;

    for (n = 0; name[n] && n <= STORE_NAME_MAX; n++) {
        if (before == '/' && (name[n] == '.' || name[n] == '/'))
            return false;
        if (name[n] == '/')
            depth++;
        else if (!store_name_char_ok(name[n]))
            return false;
        before = name[n];
    }
    return n <= STORE_NAME_MAX && before != '/' && depth <= STORE_DEPTH_MAX;
}

static int store_check_name(const struct store *s, const char *name)
{
    if (store_name_ok(name))
        return 0;
    return err_set(E_INTERNAL, "%s: \"%s\" cannot be the name of an object",
                   s->place, name);
}

const char *store_place(const struct store *s)
{
    return s->place;
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

int store_put(struct store *s, const char *name, struct bytes content,
              enum store_outcome *outcome)
{
    struct store_writer *w = NULL;
    int rc = store_check_name(s, name);

    if (rc < 0)
        return rc;
    rc = store_writer_open(s, &w);
    if (rc == 0)
        rc = store_writer_append(w, content);
    if (rc == 0)
        rc = store_writer_commit(w, name, outcome);
    else
        rc = err_add(rc, "%s", name); /* which a writer learns at its end */
    store_writer_free(w);
    return rc;
}

int store_writer_open(struct store *s, struct store_writer **w)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = s->ops->writer_open(s, w);

    (void)fileop_enter(outer);
    return rc;
}

int store_writer_append(struct store_writer *w, struct bytes part)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = w->store->ops->writer_append(w, part);

    limit_charge(LIMIT_WRITE, part.n);
    (void)fileop_enter(outer);
    return rc;
}

int store_writer_commit(struct store_writer *w, const char *name,
                        enum store_outcome *outcome)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(w->store, name);

    if (rc == 0)
        rc = w->store->ops->writer_commit(w, name, outcome);
    (void)fileop_enter(outer);
    return rc;
}

void store_writer_free(struct store_writer *w)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);

    if (w)
        w->store->ops->writer_free(w);
    (void)fileop_enter(outer);
}

int store_get(struct store *s, const char *name, struct buf *out, bool *found)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(s, name);

    *found = false;
    buf_reset(out);
    if (rc == 0)
        rc = s->ops->get(s, name, out, found);
    limit_charge(LIMIT_READ, out->n);
    (void)fileop_enter(outer);
    return rc;
}

int store_get_range(struct store *s, const char *name, uint64_t off, void *to,
                    size_t n, bool *found)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(s, name);

    *found = false;
    if (rc == 0)
        rc = s->ops->get_range(s, name, off, to, n, found);
    if (rc == 0 && *found)
        limit_charge(LIMIT_READ, n);
    (void)fileop_enter(outer);
    return rc;
}

int store_size(struct store *s, const char *name, uint64_t *size, bool *found)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(s, name);

    *found = false;
    *size = 0;
    if (rc == 0)
        rc = s->ops->size(s, name, size, found);
    (void)fileop_enter(outer);
    return rc;
}

static int store_list_with(struct store *s, const char *prefix, bool sizes,
                           store_list_fn *fn, void *ctx)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = *prefix ? store_check_name(s, prefix) : 0;

    if (rc == 0)
        rc = s->ops->list(s, prefix, sizes, fn, ctx);
    (void)fileop_enter(outer);
    return rc;
}

int store_list(struct store *s, const char *prefix, store_list_fn *fn,
               void *ctx)
{
    return store_list_with(s, prefix, true, fn, ctx);
}

int store_list_names(struct store *s, const char *prefix, store_list_fn *fn,
                     void *ctx)
{
    return store_list_with(s, prefix, false, fn, ctx);
}

int store_delete(struct store *s, const char *name)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(s, name);

    if (rc == 0)
        rc = s->ops->remove(s, name);
    (void)fileop_enter(outer);
    return rc;
}

int store_make_durable(struct store *s, const char *name, bool *found)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = store_check_name(s, name);
    bool is_there = false;

    if (rc == 0)
        rc = s->ops->make_durable(s, name, &is_there);
    if (found)
        *found = is_there;
    (void)fileop_enter(outer);
    return rc;
}

int store_free_space(struct store *s, uint64_t *bytes)
{
    enum fileop_domain outer = fileop_enter(FILEOP_REPO);
    int rc = s->ops->free_space(s, bytes);

    (void)fileop_enter(outer);
    return rc;
}

struct store_probe_search {
    const char *name;
    bool seen;
};

static int store_probe_listed(void *ctx, const char *name, uint64_t size)
{
    struct store_probe_search *search = ctx;

    (void)size;
    if (strcmp(name, search->name) == 0)
        search->seen = true;
    return 0;
}

static int store_probe_refuse(const struct store *s, const char *why)
{
    return err_set(E_UNSUPPORTED,
                   "%s: %s; no repository can be kept safe there: use another "
                   "file system or server",
                   s->place, why);
}

/* What must hold between the first put of name and its deletion. */
static int store_probe_object(struct store *s, const char *name,
                              struct bytes first)
{
    struct store_probe_search search = {.name = name};
    enum store_outcome outcome = STORE_CREATED;
    struct buf got;
    bool found = false;
    int rc;

    buf_init(&got, 64);
    rc = store_put(s, name, bytes_of_str("another"), &outcome);
    if (rc < 0)
        goto out;
    rc = store_get(s, name, &got, &found);
    if (rc < 0)
        goto out;
    rc = store_list(s, "", store_probe_listed, &search);
    if (rc < 0)
        goto out;
    if (outcome != STORE_EXISTS)
        rc = store_probe_refuse(s, "an object that exists can be put again");
    else if (!found || !bytes_equal(buf_bytes(&got), first))
        rc = store_probe_refuse(s, "an object does not read back as written");
    else if (!search.seen)
        rc = store_probe_refuse(s, "an object that exists is not listed");
out:
    buf_release(&got);
    return rc;
}

int store_probe(struct store *s)
{
    enum { TRIES = 100 };
    struct bytes first = bytes_of_str("first");
    enum store_outcome outcome = STORE_EXISTS;
    char name[64];
    bool found = true;
    uint64_t size;
    int rc = 0;

    /* names of crashed probes may be taken */
    for (int i = 0; i < TRIES && outcome == STORE_EXISTS; i++) {
        (void)snprintf(name, sizeof name, "probe-%ld-%d", (long)getpid(), i);
        rc = store_put(s, name, first, &outcome);
        if (rc < 0)
            return rc;
    }
    if (outcome == STORE_EXISTS)
        return store_probe_refuse(s, "an object that is absent cannot be put");
    rc = store_probe_object(s, name, first);
    if (rc < 0) {
        struct err_record why;

        err_save(rc, &why);
        err_ignore(store_delete(s, name), "the first failure is reported");
        return err_load(&why);
    }
    rc = store_delete(s, name);
    if (rc == 0)
        rc = store_size(s, name, &size, &found);
    if (rc == 0 && found)
        rc = store_probe_refuse(s, "a deleted object is still there");
    return rc;
}
