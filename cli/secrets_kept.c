#include "cli/secrets_kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct secrets_kept_one {
    enum opt_id id;
    int kind;
    char *text;
    struct secret secret;
};

static struct secrets_kept_one *secrets_kept_look(const struct secrets_kept *k,
                                                  enum opt_id id,
                                                  const char *text)
{
    for (size_t i = 0; i < k->n; i++) {
        if (k->one[i].id == id && strcmp(k->one[i].text, text) == 0)
            return &k->one[i];
    }
    return NULL;
}

const struct secret *secrets_kept_find(const struct secrets_kept *k,
                                       enum opt_id id, const char *text,
                                       int *kind)
{
    const struct secrets_kept_one *one = secrets_kept_look(k, id, text);

    if (one)
        *kind = one->kind;
    return one ? &one->secret : NULL;
}

/* A place for it, with nothing in it. */
static struct secrets_kept_one *secrets_kept_new(struct secrets_kept *k,
                                                 enum opt_id id,
                                                 const char *text)
{
    struct secrets_kept_one *one;
    char *copy;

    if (!MEM_GROW(k->one, k->n, k->cap))
        return NULL;
    copy = mem_dup(bytes_of_str(text));
    if (!copy)
        return NULL;
    one = &k->one[k->n++];
    *one = (struct secrets_kept_one){.id = id, .text = copy};
    return one;
}

int secrets_kept_add(struct secrets_kept *k, enum opt_id id, const char *text,
                     int kind, struct bytes b)
{
    struct secrets_kept_one *one = secrets_kept_look(k, id, text);
    struct secret fresh = {.n = 0};
    int rc = secret_init(&fresh, b.n);

    if (rc == 0)
        rc = secret_set(&fresh, b);
    if (rc == 0 && !one) {
        one = secrets_kept_new(k, id, text);
        if (!one)
            rc = err_set(E_NOMEM, "out of memory");
    }
    if (rc < 0) {
        secret_release(&fresh);
        return rc;
    }
    secret_release(&one->secret);
    one->secret = fresh;
    one->kind = kind;
    return 0;
}

void secrets_kept_release(struct secrets_kept *k)
{
    for (size_t i = 0; i < k->n; i++) {
        secret_release(&k->one[i].secret);
        free(k->one[i].text);
    }
    free(k->one);
    *k = (struct secrets_kept){.n = 0};
}
